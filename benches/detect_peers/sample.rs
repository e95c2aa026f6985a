//! Tokens of forms that every scanner knows, all invented.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::draw::{BASE62, Draw, HEX};
use crate::tools::Tool;

/// The alphabet of AWS access key ids.
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `count` tokens of a dozen kinds.
pub(crate) fn tokens(draw: &mut Draw, count: usize) -> Vec<String> {
    (0..count).map(|number| token(draw, number)).collect()
}

fn token(draw: &mut Draw, number: usize) -> String {
    let text = |draw: &mut Draw, len: usize, alphabet: &[u8]| {
        String::from_utf8_lossy(&draw.text(len, alphabet)).into_owned()
    };
    match number % 10 {
        0 => {
            let body = text(draw, 30, BASE62);
            format!("ghp_{body}{}", crc32(body.as_bytes()))
        }
        1 => format!("AKIA{}", text(draw, 16, BASE32)),
        2 => format!("glpat-{}", text(draw, 20, BASE62)),
        3 => {
            let numbers = [12, 12].map(|len| text(draw, len, b"123456789"));
            format!("xoxb-{}-{}", numbers.join("-"), text(draw, 24, BASE62))
        }
        4 => format!("sk_live_{}", text(draw, 24, BASE62)),
        5 => format!("SG.{}.{}", text(draw, 22, BASE62), text(draw, 43, BASE62)),
        6 => format!("AIza{}", text(draw, 35, BASE62)),
        7 => format!("dop_v1_{}", text(draw, 64, HEX)),
        8 => format!(
            "hf_{}",
            text(draw, 34, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        ),
        _ => format!("shpat_{}", text(draw, 32, HEX)),
    }
}

/// The last six characters of GitHub's tokens: the CRC-32 of what stands before, in base 62.
fn crc32(body: &[u8]) -> String {
    let mut crc = u32::MAX;
    for byte in body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let (mut left, mut digits) = (!crc, [b'0'; 6]);
    for digit in digits.iter_mut().rev() {
        *digit =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[(left % 62) as usize];
        left /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// Makes sure that a tool finds anything at all before it is timed, and nothing where nothing is.
pub(crate) fn works(tool: &Tool, folder: &Path) -> Outcome<()> {
    let folder = folder.join("sample");
    fs::create_dir_all(&folder)?;
    let tokens = tokens(&mut Draw(11), 20);
    for (number, token) in tokens.iter().enumerate() {
        fs::write(
            folder.join(format!("t{number:03}.py")),
            format!("client = connect(\"{token}\")\n"),
        )?;
    }
    fs::write(folder.join("clean.py"), "print(\"nothing to see here\")\n")?;
    let said = tool.run(&folder, 1)?.1;
    let found =
        (0..tokens.len()).filter(|number| said.contains(&format!("t{number:03}.py"))).count();
    match found {
        _ if said.contains("clean.py") => {
            Err(format!("{} finds what is not there", tool.name).into())
        }
        ..6 => Err(format!("{} finds {found} of {} plain tokens", tool.name, tokens.len()).into()),
        _ => Ok(()),
    }
}
