//! Base64 in both of its alphabets (RFC 4648, sections 4 and 5).

use crate::patch::sift::decode_groups;
use crate::secret::Engine;

/// The value of each letter; `NONE` for other bytes.
const VALUES: [u8; 256] = values();
const NONE: u8 = 0xff;

/// The value of a letter of either alphabet.
#[inline]
pub(super) const fn value(byte: u8) -> Option<u8> {
    match VALUES[byte as usize] {
        NONE => None,
        value => Some(value),
    }
}

/// The three bytes that a group of four letters stands for; none if one of them is no letter.
#[inline]
pub(super) fn group(letters: &[u8]) -> Option<[u8; 3]> {
    let [a, b, c, d] = letters else { return None };
    let value = |letter: &u8| u32::from(VALUES[usize::from(*letter)]);
    let (a, b, c, d) = (value(a), value(b), value(c), value(d));
    let bits = a << 18 | b << 12 | c << 6 | d;
    // Only `NONE` has an upper bit.
    ((a | b | c | d) & 0x80 == 0).then_some([(bits >> 16) as u8, (bits >> 8) as u8, bits as u8])
}

/// Decodes `letters` up to the first byte that is none into `output` and returns how many bytes that
/// gives: one for each eight bits.
pub(super) fn decode(engine: Engine, mut letters: &[u8], output: &mut [u8]) -> usize {
    let mut put = 0;
    while let Some((groups, bytes)) = decode_groups(engine, letters) {
        let Some(room) = output.get_mut(put..put + 3 * groups) else { break };
        room.copy_from_slice(&bytes[..3 * groups]);
        (put, letters) = (put + 3 * groups, &letters[4 * groups..]);
        if groups < 16 {
            break;
        }
    }
    let mut groups = letters.chunks_exact(4);
    for letters in groups.by_ref() {
        let Some(bytes) = group(letters) else {
            return put + decode_tail(letters, &mut output[put..]);
        };
        let Some(room) = output.get_mut(put..put + 3) else { return put };
        room.copy_from_slice(&bytes);
        put += 3;
    }
    put + decode_tail(groups.remainder(), &mut output[put..])
}

/// The letters that bytes `start..end` of the decoded text come from.
pub(super) fn letters_of(start: usize, end: usize) -> (usize, usize) {
    (start * 8 / 6, (end * 8).div_ceil(6))
}

/// Calls `visit` with each byte that base64 in padded pieces decodes to, and the start and end of the
/// letters that it comes from, as long as it returns true. `text` starts with a whole group. A row of
/// `=` that completes a group ends a piece.
pub(super) fn each_joined(text: &[u8], mut visit: impl FnMut(u8, usize, usize) -> bool) {
    let (mut bits, mut held, mut letters, mut at) = (0u32, 0, 0, 0);
    while let Some(byte) = text.get(at) {
        if let Some(six) = value(*byte) {
            bits = bits << 6 | u32::from(six);
            held += 6;
            letters += 1;
            if held >= 8 {
                held -= 8;
                if !visit((bits >> held) as u8, at - 1, at + 1) {
                    return;
                }
            }
            at += 1;
            continue;
        }
        let row = padding(&text[at..]);
        if row == 0 || !(letters + row).is_multiple_of(4) {
            return;
        }
        (held, letters) = (0, 0);
        at += row;
    }
}

/// How many `=` the text starts with, if they can be padding: one or two.
pub(super) fn padding(text: &[u8]) -> usize {
    match text {
        [b'=', b'=', b'=', ..] => 0,
        [b'=', b'=', ..] => 2,
        [b'=', ..] => 1,
        _ => 0,
    }
}

/// Decodes less than a whole group.
fn decode_tail(letters: &[u8], output: &mut [u8]) -> usize {
    let (mut bits, mut held, mut put) = (0u32, 0, 0);
    for six in letters.iter().map_while(|byte| value(*byte)) {
        bits = bits << 6 | u32::from(six);
        held += 6;
        if let (true, Some(room)) = (held >= 8, output.get_mut(put)) {
            held -= 8;
            *room = (bits >> held) as u8;
            put += 1;
        }
    }
    put
}

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        values[byte] = match byte as u8 {
            letter @ b'A'..=b'Z' => letter - b'A',
            letter @ b'a'..=b'z' => letter - b'a' + 26,
            digit @ b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        byte += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_and_every_length() {
        let cases: [(&str, &[u8]); 9] = [
            ("", b""),
            ("d", b""),
            ("dX", b"u"),
            ("dXN", b"us"),
            ("dXNlcjpwYXNz", b"user:pass"),
            ("dXNlcjpwYXM=", b"user:pas"),
            ("dXNlcjpwYQ", b"user:pa"),
            ("-_8+/w", b"\xfb\xff\x3e\xff"),
            ("dXNl cjpw", b"use"),
        ];
        for (letters, text) in cases {
            for engine in Engine::available() {
                let mut output = [0; 16];
                let put = decode(engine, letters.as_bytes(), &mut output);
                assert_eq!(&output[..put], text, "{letters}");
            }
        }
    }

    #[test]
    fn letters_of_bytes() {
        let letters: Vec<_> = (0..4).map(|at| letters_of(at, at + 1)).collect();
        assert_eq!(letters, [(0, 2), (1, 3), (2, 4), (4, 6)]);
        assert_eq!(letters_of(0, 3), (0, 4));
    }
}
