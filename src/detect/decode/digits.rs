//! Base64 and hexadecimal: finding what is worth decoding among the runs, and decoding it.
//!
//! Source code is full of runs that could be Base64. What gives text away is that its first bytes
//! are text: a dozen bytes are looked at, and nearly everything ends there.

use std::ops::Range;

use zeroize::{Zeroize as _, Zeroizing};

use super::escape;
use super::inflate;
use super::trail::Encoding;

/// Fewer characters hold no token: 14 bytes, as the shortest of known form has, take 19 in Base64.
const SHORTEST: usize = 18;
/// Text as short as that may be without a digit in Base64, and so may a name: it takes more to tell.
/// Of bare deflate, too.
const TELLING: usize = 40;
/// As many bytes are decoded for a first look, and as many for a second.
const FIRST: usize = 12;
const SECOND: usize = 64;
/// Decoded bytes are looked at in blocks, so that what turns out to be none is not decoded for long.
const BLOCK: usize = 256;
/// Of text at least as many of a hundred bytes are text.
const MOSTLY: usize = 85;
/// Base64 in lines has lines of at least as many characters (MIME 76, PEM 64).
const LINE: usize = 32;

/// Not a digit of Base64.
const NONE: u8 = 0xff;

/// The values of the digits of both alphabets.
static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => NONE,
        };
        byte += 1;
    }
    table
}

/// Whether `byte` is a digit of Base64 in one of the alphabets.
pub(super) fn is_digit(byte: u8) -> bool {
    VALUES[usize::from(byte)] != NONE
}

/// Whether `byte` occurs in text: a visible character, a blank or a line end of ASCII.
pub(super) fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// A place at which something encoded seems to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) hex: bool,
}

/// What the sweep over a text's runs has come by.
#[derive(Debug, Default)]
pub(in crate::detect) struct Spots(pub(super) Vec<Spot>);

impl Spots {
    /// Looks at the run that begins at `run.start` (behind an escape) and holds a digit or not, and
    /// remembers where something encoded seems to begin in it.
    #[inline]
    pub(in crate::detect) fn note(&mut self, text: &[u8], run: Range<usize>, digit: bool) {
        if run.len() >= if digit { SHORTEST } else { TELLING } {
            self.note_long(text, run);
        }
    }

    fn note_long(&mut self, text: &[u8], run: Range<usize>) {
        let mut at = run.start;
        if text[run.clone()].starts_with(b"0x") {
            at += 2;
        }
        while at + SHORTEST <= run.end {
            let word = &text[at..run.end];
            let separator = word.iter().position(|b| !b.is_ascii_alphanumeric());
            // ASCII has none of the digits that separate but as the fourth of a group.
            let text_may_begin = separator.is_none_or(|at| at % 4 == 3 || at > FIRST);
            if text_may_begin || at == run.start {
                if looks_like_hex(word) {
                    self.0.push(Spot { at, hex: true });
                } else if looks_like_base64(word) {
                    self.0.push(Spot { at, hex: false });
                }
            }
            let Some(separator) = separator else { return };
            at += separator + 1;
        }
    }
}

/// Whether the first bytes of `word`, which is no shorter than [`SHORTEST`], are text in Base64, or
/// the start of something compressed.
fn looks_like_base64(word: &[u8]) -> bool {
    let mut bytes = [0; FIRST];
    let mut texts = 0;
    for (n, (group, out)) in word.chunks_exact(4).zip(bytes.chunks_exact_mut(3)).enumerate() {
        let Some(three) = three(group) else { return false };
        out.copy_from_slice(&three);
        texts += three.iter().filter(|b| is_text(**b) || **b == 0).count();
        if n == 0 && texts < 2 && three != *b"\xef\xbb\xbf" {
            return word.len() >= TELLING && inflate::may_begin(&three) && begins_compressed(word);
        }
    }
    texts >= FIRST * 3 / 4 || inflate::begins(&bytes)
}

#[cold]
fn begins_compressed(word: &[u8]) -> bool {
    let mut bytes = [0; FIRST];
    let groups = word.chunks_exact(4).zip(bytes.chunks_exact_mut(3));
    for (group, out) in groups {
        let Some(three) = three(group) else { return false };
        out.copy_from_slice(&three);
    }
    inflate::begins(&bytes)
}

fn three(group: &[u8]) -> Option<[u8; 3]> {
    let [a, b, c, d] = <[u8; 4]>::try_from(group).ok()?.map(|b| VALUES[usize::from(b)]);
    if (a | b | c | d) & 0xc0 != 0 {
        return None;
    }
    Some([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d])
}

/// Whether the first bytes of `word` are text in hexadecimal, or the start of something compressed.
fn looks_like_hex(word: &[u8]) -> bool {
    let mut bytes = [0; FIRST - 4];
    if word.len() < 2 * (SHORTEST - 4) {
        return false;
    }
    for (pair, out) in word.chunks_exact(2).zip(&mut bytes) {
        let (Some(high), Some(low)) = (escape::hex(pair[0]), escape::hex(pair[1])) else {
            return false;
        };
        *out = high << 4 | low;
    }
    let texts = bytes.iter().filter(|b| is_text(**b) || **b == 0).count();
    texts >= bytes.len() - 1 || inflate::begins(&bytes)
}

/// Something that was decoded.
pub(super) struct Decoded {
    pub(super) encoding: Encoding,
    /// The digits, with padding and line ends between them.
    pub(super) range: Range<usize>,
}

/// Decodes what begins at `spot` into `out`, which is empty, no more than `most` bytes. Ends where
/// it gives no text any more, unless it is compressed; `None` if that is at once.
pub(super) fn decode(
    text: &[u8],
    spot: Spot,
    most: usize,
    out: &mut Zeroizing<Vec<u8>>,
) -> Option<Decoded> {
    let blocks =
        Blocks { out, block: Zeroizing::new([0; BLOCK]), filled: 0, packed: false, end: 0 };
    if spot.hex { hex(text, spot.at, most, blocks) } else { base64(text, spot.at, most, blocks) }
}

/// Takes decoded bytes, and looks at each block of them before it goes on.
struct Blocks<'o> {
    out: &'o mut Zeroizing<Vec<u8>>,
    block: Zeroizing<[u8; BLOCK]>,
    filled: usize,
    /// Whether they are compressed, so that anything goes.
    packed: bool,
    /// Where in the text the blocks end that were taken.
    end: usize,
}

impl Blocks<'_> {
    fn len(&self) -> usize {
        self.out.len() + self.filled
    }

    fn begin(&self) -> &[u8] {
        if self.out.is_empty() { &self.block[..self.filled] } else { self.out }
    }

    /// Takes the byte that `end` ends in the text; `false` if that was for nothing.
    fn push(&mut self, byte: u8, end: usize) -> bool {
        if let Some(free) = self.block.get_mut(self.filled) {
            *free = byte;
        }
        self.filled += 1;
        match self.filled {
            BLOCK => self.take(end),
            SECOND if self.out.is_empty() => is_worthwhile(&self.block[..SECOND]),
            _ => true,
        }
    }

    /// Takes the block in hand if it is worth it.
    fn take(&mut self, end: usize) -> bool {
        let block = &self.block[..self.filled];
        let text = is_mostly_text(block, MOSTLY);
        if self.out.is_empty() {
            self.packed = !text && inflate::begins(block);
        }
        if !text && !self.packed {
            return false;
        }
        append(self.out, block);
        (self.filled, self.end) = (0, end);
        true
    }

    /// Ends at `end`, with so many bytes of padding behind.
    fn finish(
        mut self,
        encoding: Encoding,
        start: usize,
        end: usize,
        padding: usize,
    ) -> Option<Decoded> {
        if self.filled > 0 {
            self.take(end);
        }
        let padding = if self.end == end { padding } else { 0 };
        let range = start..self.end + padding;
        (!self.out.is_empty()).then_some(Decoded { encoding, range })
    }
}

/// Appends without leaving a copy where the vector was.
pub(super) fn append(to: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let wanted = to.len() + bytes.len();
    if wanted > to.capacity() {
        let mut larger = Vec::with_capacity(wanted.max(2 * to.capacity()));
        larger.extend_from_slice(to);
        to.zeroize();
        **to = larger;
    }
    to.extend_from_slice(bytes);
}

fn hex(text: &[u8], at: usize, most: usize, mut blocks: Blocks<'_>) -> Option<Decoded> {
    let mut end = at;
    for pair in text[at..].chunks_exact(2).take(most) {
        let (Some(high), Some(low)) = (escape::hex(pair[0]), escape::hex(pair[1])) else { break };
        end += 2;
        if !blocks.push(high << 4 | low, end) {
            break;
        }
    }
    blocks.finish(Encoding::Hex, at, end, 0)
}

fn base64(text: &[u8], at: usize, most: usize, mut blocks: Blocks<'_>) -> Option<Decoded> {
    let (mut bits, mut held) = (0u32, 0);
    let mut encoding = None;
    let (mut cursor, mut line) = (at, at);
    let mut first_line = None;
    while blocks.len() < most {
        let Some(byte) = text.get(cursor) else { break };
        let value = VALUES[usize::from(*byte)];
        if value == NONE {
            let length = *first_line.get_or_insert(cursor - line);
            match next_line(text, line..cursor, length, blocks.begin()) {
                Some(next) => {
                    (cursor, line) = (next, next);
                    continue;
                }
                None => break,
            }
        }
        let alphabet = match byte {
            b'+' | b'/' => Some(Encoding::Base64),
            b'-' | b'_' => Some(Encoding::Base64Url),
            _ => None,
        };
        if let Some(alphabet) = alphabet
            && *encoding.get_or_insert(alphabet) != alphabet
        {
            break;
        }
        cursor += 1;
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            if !blocks.push((bits >> held & 0xff) as u8, cursor) {
                break;
            }
        }
    }
    let padding = text[cursor..].iter().take(2).take_while(|b| **b == b'=').count();
    blocks.finish(encoding.unwrap_or(Encoding::Base64), at, cursor, padding)
}

/// Where the Base64, which has given `out`, goes on behind the line at `line`, if it is written in
/// lines of `length` characters.
fn next_line(text: &[u8], line: Range<usize>, length: usize, out: &[u8]) -> Option<usize> {
    if line.len() != length || length < LINE || !length.is_multiple_of(4) {
        return None;
    }
    let rest = &text[line.end..];
    let rest = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    let blanks = rest.iter().take(80).take_while(|b| matches!(b, b' ' | b'\t')).count();
    let rest = &rest[blanks..];
    let digits = rest.iter().take(length + 1).take_while(|b| is_digit(**b)).count();
    let padding = rest[digits..].iter().take(2).take_while(|b| **b == b'=').count();
    // There is nothing else on the line, and what it gives is such as before.
    let alone = rest.get(digits + padding).is_none_or(|b| b"\r\n\"'`<\\),;".contains(b));
    let alike = || match rest.get(..4).and_then(three) {
        Some(three) => three.iter().all(|b| is_text(*b) || *b == 0 || *b >= 0x80),
        None => true,
    };
    let goes_on = (1..=length).contains(&digits) && alone && (inflate::begins(out) || alike());
    goes_on.then(|| text.len() - rest.len())
}

/// Whether `bytes` are mostly text, of ASCII or with NULs between, or the start of something
/// compressed.
fn is_worthwhile(bytes: &[u8]) -> bool {
    is_mostly_text(bytes, MOSTLY) || inflate::begins(bytes)
}

/// Whether at least so many of a hundred bytes are text.
pub(super) fn is_mostly_text(bytes: &[u8], percent: usize) -> bool {
    let texts = bytes.iter().filter(|b| is_text(**b) || **b == 0 || **b >= 0x80).count();
    let foreign = bytes.iter().filter(|b| **b >= 0x80).count();
    let foreign_text = foreign == 0 || is_utf8(bytes);
    let texts = if foreign_text { texts } else { texts - foreign };
    !bytes.is_empty() && texts * 100 >= bytes.len() * percent
}

/// Whether `bytes` are UTF-8 that may be cut off at both ends.
fn is_utf8(bytes: &[u8]) -> bool {
    let cut = bytes.iter().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
    match std::str::from_utf8(&bytes[cut..]) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spots(text: &str) -> Vec<Spot> {
        let mut spots = Spots::default();
        spots.note(text.as_bytes(), 0..text.len(), true);
        spots.0
    }

    fn decoded(text: &str, at: usize, hex: bool) -> Option<(String, Encoding, Range<usize>)> {
        let mut out = Zeroizing::default();
        let decoded = decode(text.as_bytes(), Spot { at, hex }, 1 << 20, &mut out);
        assert_eq!(decoded.is_none(), out.is_empty());
        decoded.map(|d| (String::from_utf8(out.to_vec()).unwrap(), d.encoding, d.range))
    }

    #[test]
    fn names_paths_hashes_and_keys_are_no_spots() {
        for text in [
            "getElementsByTagNameNS",
            "src/detect/rules/microsoft/azure.toml",
            "9f3a0c7be1d24485a6c0f7192be3d85c9f3a0c7be1d24485a6c0f7192be3d85c",
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ",
            "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo",
        ] {
            assert_eq!(spots(text), [], "{text}");
        }
    }

    #[test]
    fn text_is_a_spot_wherever_a_word_of_the_run_begins() {
        let base64 = "bWVhZG93LWxhcmstMTIzNDU2Nw";
        for (before, at) in [("", 0), ("path/", 5), ("a-b_", 4)] {
            assert_eq!(spots(&format!("{before}{base64}")), [Spot { at, hex: false }], "{before}");
        }
        let hex = "6d6561646f772d6c61726b2d31323334353637";
        for (before, at) in [("", 0), ("0x", 2), ("key/", 4)] {
            assert_eq!(spots(&format!("{before}{hex}")), [Spot { at, hex: true }], "{before}");
        }
        assert_eq!(
            spots("H4sIAAAAAAAAA8tNTUzJL1fISSzKVnDPz0kBAAAAAAAA"),
            [Spot { at: 0, hex: false }]
        );
    }

    #[test]
    fn both_alphabets_with_and_without_padding() {
        let plain = "~~~? meadow lark ~~~?";
        let standard = "fn5+PyBtZWFkb3cgbGFyayB+fn4/";
        let url = "fn5-PyBtZWFkb3cgbGFyayB-fn4_";
        let is = |encoding, range| Some((plain.to_owned(), encoding, range));
        assert_eq!(decoded(standard, 0, false), is(Encoding::Base64, 0..28));
        assert_eq!(decoded(url, 0, false), is(Encoding::Base64Url, 0..28));
        let padded = decoded("bWVhZG93LWxhcmstMTIzNDU2Nw==,", 0, false).unwrap();
        assert_eq!(padded, ("meadow-lark-1234567".to_owned(), Encoding::Base64, 0..28));
        let bare = decoded("bWVhZG93LWxhcmstMTIzNDU2Nw.", 0, false).unwrap();
        assert_eq!((bare.0.as_str(), bare.2), ("meadow-lark-1234567", 0..26));
    }

    #[test]
    fn lines_are_joined() {
        let first = "bWVhZG93LWxhcmstMTIzNDU2Ny1tZWFkb3ct";
        for end in ["\n", "\r\n", "\n    "] {
            let text = format!("{first}{end}bGFyaw==\nnext");
            let (plain, encoding, range) = decoded(&text, 0, false).unwrap();
            assert_eq!(
                (plain.as_str(), encoding),
                ("meadow-lark-1234567-meadow-lark", Encoding::Base64)
            );
            assert_eq!(range, 0..first.len() + end.len() + 8);
        }
        // The next line is longer: another text.
        let text = format!("{first}\n{first}{first}");
        assert_eq!(decoded(&text, 0, false).unwrap().2, 0..first.len());
    }

    #[test]
    fn what_is_no_text_is_left() {
        assert_eq!(decoded("bWVhZG93LWxhcmst/////////////////////w==", 0, false), None);
        assert_eq!(decoded("6d6561646f772d6cffffffffffffffffffffffffffffffff", 0, true), None);
    }

    #[test]
    fn no_more_than_asked_for() {
        let mut out = Zeroizing::default();
        decode(b"bWVhZG93LWxhcmstMTIzNDU2Nw", Spot { at: 0, hex: false }, 6, &mut out).unwrap();
        assert_eq!(&out[..], b"meadow");
    }

    #[test]
    fn it_ends_where_the_text_does() {
        // Three blocks of text, then noise.
        let text = format!("{}{}", "bWVhZG93".repeat(3 * BLOCK / 6), "/////w/8".repeat(200));
        let mut out = Zeroizing::default();
        let spot = Spot { at: 0, hex: false };
        let decoded = decode(text.as_bytes(), spot, 1 << 20, &mut out).unwrap();
        assert_eq!(out.len(), 3 * BLOCK);
        assert_eq!(decoded.range, 0..3 * BLOCK * 4 / 3);
    }
}
