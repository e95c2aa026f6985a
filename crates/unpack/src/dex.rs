//! The strings of a DEX file, as Android's "Dalvik executable format" lays them out.

use zeroize::Zeroizing;

use crate::fault::Fault;

/// Where the header says how its numbers are stored, and what it says if they are as usual.
const ENDIAN_TAG: usize = 0x28;
const LITTLE_ENDIAN: u32 = 0x1234_5678;

/// Where the header says how many strings there are, and where their table is.
const STRING_IDS_SIZE: usize = 0x38;
const STRING_IDS_OFF: usize = 0x3c;

/// The strings of the file, each on a line of its own, and what is wrong with it. The text is no
/// longer than the file and a byte for each string: strings do not share bytes, except in a bomb.
pub(crate) fn strings(file: &[u8]) -> (Zeroizing<Vec<u8>>, Option<Fault>) {
    let mut text = Zeroizing::new(Vec::with_capacity(file.len()));
    let fault = collect(file, &mut text).err();
    (text, fault.map(|why| Fault::Damaged(why.to_owned())))
}

fn collect(file: &[u8], text: &mut Vec<u8>) -> Result<(), &'static str> {
    if number(file, ENDIAN_TAG) != Some(LITTLE_ENDIAN) {
        return Err("a DEX file whose header is not known");
    }
    let (Some(count), Some(table)) = (number(file, STRING_IDS_SIZE), number(file, STRING_IDS_OFF))
    else {
        return Err("a DEX file without a table of strings");
    };
    let mut taken = 0;
    for n in 0..count as usize {
        let place = (table as usize).checked_add(n * 4).and_then(|at| number(file, at));
        let place = place.ok_or("a DEX file whose table of strings ends too early")?;
        let string = string(file, place as usize).ok_or("a DEX file that lacks strings")?;
        taken += string.len() + 1;
        if taken > file.len() {
            return Err("a DEX file whose strings overlap");
        }
        text.extend_from_slice(string);
        text.push(b'\n');
    }
    Ok(())
}

/// The string at `at`: its length in UTF-16 as an unsigned LEB128, then its bytes up to a NUL.
fn string(file: &[u8], at: usize) -> Option<&[u8]> {
    let item = file.get(at..)?;
    let length = item.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let bytes = item.get(length + 1..)?;
    bytes.get(..bytes.iter().position(|byte| *byte == 0)?)
}

fn number(file: &[u8], at: usize) -> Option<u32> {
    let bytes = file.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these strings and nothing else.
    fn file(strings: &[&str]) -> Vec<u8> {
        let mut file = vec![0; 0x70];
        file[..8].copy_from_slice(b"dex\n035\0");
        file[ENDIAN_TAG..][..4].copy_from_slice(&LITTLE_ENDIAN.to_le_bytes());
        file[STRING_IDS_SIZE..][..4].copy_from_slice(&(strings.len() as u32).to_le_bytes());
        file[STRING_IDS_OFF..][..4].copy_from_slice(&0x70u32.to_le_bytes());
        let mut items = Vec::new();
        for string in strings {
            let at = 0x70 + strings.len() * 4 + items.len();
            file.extend_from_slice(&(at as u32).to_le_bytes());
            let length = string.encode_utf16().count();
            if length >= 0x80 {
                items.push((length & 0x7f) as u8 | 0x80);
                items.push((length >> 7) as u8);
            } else {
                items.push(length as u8);
            }
            items.extend_from_slice(string.as_bytes());
            items.push(0);
        }
        [file, items].concat()
    }

    #[test]
    fn strings_come_one_a_line() {
        let long = "x".repeat(300);
        let (text, fault) = strings(&file(&["", "key", "ü", &long]));
        assert_eq!((text.as_slice(), fault), (format!("\nkey\nü\n{long}\n").as_bytes(), None));
    }

    #[test]
    fn a_file_cut_anywhere_gives_the_strings_before() {
        let whole = file(&["one", "two", "three"]);
        for cut in 0..whole.len() {
            let (text, fault) = strings(&whole[..cut]);
            assert!(fault.is_some(), "{cut}");
            assert!(b"one\ntwo\nthree\n".starts_with(&text), "{cut}");
        }
        let (text, _) = strings(&whole[..whole.len() - 2]);
        assert_eq!(text.as_slice(), b"one\ntwo\n");
    }

    #[test]
    fn strings_that_share_bytes_do_not_grow_beyond_the_file() {
        let long = "x".repeat(1000);
        let mut bomb = file(&vec![long.as_str(); 100]);
        let first: [u8; 4] = bomb[0x70..0x74].try_into().unwrap();
        for n in 0..100 {
            bomb[0x70 + n * 4..][..4].copy_from_slice(&first);
        }
        bomb.truncate(0x70 + 400 + 1003);
        let (text, fault) = strings(&bomb);
        assert!(text.len() <= bomb.len());
        assert_eq!(fault, Some(Fault::Damaged("a DEX file whose strings overlap".to_owned())));
    }
}
