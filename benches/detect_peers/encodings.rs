//! Tokens in other notations: how many each tool sees.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::Outcome;
use crate::draw::Draw;
use crate::sample;
use crate::tools::Tool;

/// How many tokens are written in each notation.
pub(crate) const TOKENS: usize = 120;

/// What one tool sees of one notation.
#[derive(Serialize)]
pub(crate) struct Seen {
    pub(crate) encoding: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) found: usize,
}

type Encoder = fn(&str) -> Vec<u8>;

/// Each gets a line of a settings file.
const ENCODERS: [(&str, Encoder); 11] = [
    ("plain", |text| text.into()),
    ("base64", |text| base64(text.as_bytes(), b"+/").into()),
    ("base64url", |text| base64(text.as_bytes(), b"-_").trim_end_matches('=').into()),
    ("hex", |text| each(text, |out, byte| write!(out, "{byte:02x}"))),
    ("percent", |text| each(text, |out, byte| write!(out, "%{byte:02X}"))),
    ("\\uXXXX", |text| each(text, |out, byte| write!(out, "\\u{byte:04x}"))),
    ("JSON in JSON", json_in_json),
    ("HTML entities", |text| each(text, |out, byte| write!(out, "&#{byte};"))),
    ("UTF-16", |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ("gzip", |text| gzip(text.as_bytes())),
    ("gzip+base64", |text| base64(&gzip(text.as_bytes()), b"+/").into()),
];

/// Writes the tokens in each notation, one in a file, and counts the files that each tool names.
pub(crate) fn count(tools: &[Tool], folder: &Path) -> Outcome<Vec<Seen>> {
    let mut seen = Vec::new();
    let tokens = sample::tokens(&mut Draw(83), TOKENS);
    for (number, (encoding, encode)) in ENCODERS.iter().enumerate() {
        let folder = folder.join(format!("encoding{number}"));
        fs::create_dir_all(&folder)?;
        for (number, token) in tokens.iter().enumerate() {
            let line = encode(&format!("{{\"service\": \"billing\", \"token\": \"{token}\"}}\n"));
            fs::write(folder.join(format!("t{number:03}.txt")), line)?;
        }
        for tool in tools {
            let said = tool.run(&folder, 1)?.1;
            let found = (0..TOKENS).filter(|n| said.contains(&format!("t{n:03}.txt"))).count();
            seen.push(Seen { encoding, tool: tool.name, found });
        }
    }
    Ok(seen)
}

fn each(text: &str, write: fn(&mut String, u8) -> std::fmt::Result) -> Vec<u8> {
    let mut out = String::new();
    for byte in text.bytes() {
        let _ = write(&mut out, byte);
    }
    out.into_bytes()
}

/// The text as a string in a string in JSON.
fn json_in_json(text: &str) -> Vec<u8> {
    let inner = serde_json::json!({ "body": text }).to_string();
    serde_json::json!({ "event": inner }).to_string().into_bytes()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}

fn base64(text: &[u8], last: &[u8; 2]) -> String {
    let letters: Vec<u8> =
        (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').chain(*last).collect();
    let mut out = String::new();
    for group in text.chunks(3) {
        let bits =
            (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = letters[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= group.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
