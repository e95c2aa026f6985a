//! Decoders that work piece by piece: percent escapes and base64.

use memchr::memchr;

/// Undoes percent escapes once (RFC 3986, section 2.1). What is no escape stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Percent {
    /// An escape that is not complete yet: nothing, `%`, or `%` and a hexadecimal digit.
    pending: [u8; 2],
    pending_len: u8,
}

/// What a call to [`Percent::decode`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// How many bytes of the input it took.
    pub(super) taken: usize,
    /// How many bytes it put out.
    pub(super) put: usize,
    /// How many of these stand behind the last one that came from an escape that counts; `None` if
    /// none did.
    pub(super) after_escape: Option<usize>,
}

impl Percent {
    /// The most bytes that one byte of input can put out.
    const BURST: usize = 3;

    /// Decodes as much of `input` as `output` (at least [`BURST`](Percent::BURST) bytes) has room
    /// for. Escapes of bytes that `counts` count.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
        counts: impl Fn(u8) -> bool,
    ) -> Decoded {
        let mut done = Decoded { taken: 0, put: 0, after_escape: None };
        while done.taken < input.len() && output.len() - done.put >= Percent::BURST {
            let byte = input[done.taken];
            if self.pending_len == 0 && byte == b'%' {
                self.pending = [b'%', 0];
                self.pending_len = 1;
                done.taken += 1;
                continue;
            }
            if self.pending_len == 0 {
                let room = (output.len() - done.put).min(input.len() - done.taken);
                let rest = &input[done.taken..done.taken + room];
                let plain = &rest[..memchr(b'%', rest).unwrap_or(rest.len())];
                output[done.put..done.put + plain.len()].copy_from_slice(plain);
                done.advance(plain.len(), plain.len());
                continue;
            }
            match (self.pending_len, digit(self.pending[1]), digit(byte)) {
                (1, _, Some(_)) => {
                    self.pending[1] = byte;
                    self.pending_len = 2;
                    done.taken += 1;
                }
                (2, Some(high), Some(low)) => {
                    let byte = high << 4 | low;
                    output[done.put] = byte;
                    self.pending_len = 0;
                    done.advance(1, 1);
                    if counts(byte) {
                        done.after_escape = Some(0);
                    }
                }
                (1, _, None) if byte == b'%' => {
                    // The one before it was no escape; this one may be.
                    output[done.put] = b'%';
                    done.advance(1, 1);
                }
                (2, _, None) if byte == b'%' => {
                    output[done.put..done.put + 2].copy_from_slice(&self.pending);
                    self.pending_len = 1;
                    done.advance(1, 2);
                }
                _ => {
                    let put = self.finish(&mut output[done.put..]);
                    done.advance(0, put);
                }
            }
        }
        done
    }

    /// Puts out an incomplete escape as it stands and returns how many bytes that were, at most
    /// two.
    pub(super) fn finish(&mut self, output: &mut [u8]) -> usize {
        let len = usize::from(self.pending_len);
        output[..len].copy_from_slice(&self.pending[..len]);
        self.pending_len = 0;
        len
    }

    /// How many bytes of an escape that is not complete yet it holds.
    pub(super) fn held(&self) -> usize {
        self.pending_len.into()
    }
}

impl Decoded {
    fn advance(&mut self, taken: usize, put: usize) {
        self.taken += taken;
        self.put += put;
        if let Some(after) = &mut self.after_escape {
            *after += put;
        }
    }
}

/// Where the first escape in `text` starts that stands for a byte that `counts`, or that is cut off
/// by the text's end; and how many whole escapes stand before it, or in all of the text.
pub(super) fn next_escape(text: &[u8], counts: impl Fn(u8) -> bool) -> (Option<usize>, usize) {
    let (mut at, mut whole) = (0, 0);
    loop {
        // In a row of escapes the next one stands right here.
        if text.get(at) != Some(&b'%') {
            let Some(next) = text.get(at..).and_then(|rest| memchr(b'%', rest)) else {
                return (None, whole);
            };
            at += next;
        }
        let digits = [text.get(at + 1), text.get(at + 2)].map(|byte| byte.map(|byte| digit(*byte)));
        match digits {
            [None, _] | [Some(Some(_)), None] => return (Some(at), whole),
            [Some(Some(high)), Some(Some(low))] => {
                if counts(high << 4 | low) {
                    return (Some(at), whole);
                }
                whole += 1;
                at += 3;
            }
            _ => at += 1,
        }
    }
}

/// Undoes base64 (RFC 4648, sections 4 and 5: both alphabets, padding optional).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Base64 {
    bits: u32,
    held: u8,
    /// Whether a byte that is no base64 was seen: nothing behind it is decoded.
    ended: bool,
}

impl Base64 {
    /// Decodes `input` up to the first byte that is no base64 into `output`, which has at least
    /// three bytes for every four of the input. Returns how many bytes it put out.
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> usize {
        let mut put = 0;
        for byte in input {
            if self.ended {
                break;
            }
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => {
                    self.ended = true;
                    break;
                }
            };
            self.bits = self.bits << 6 | u32::from(six);
            self.held += 6;
            if self.held >= 8 {
                self.held -= 8;
                let Some(out) = output.get_mut(put) else { break };
                *out = (self.bits >> self.held) as u8;
                put += 1;
            }
        }
        put
    }
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]], room: usize) -> Vec<u8> {
        let (mut decoder, mut text) = (Percent::default(), Vec::new());
        let mut output = vec![0; room];
        for mut piece in pieces.iter().copied() {
            while !piece.is_empty() {
                let done = decoder.decode(piece, &mut output, |_| true);
                text.extend_from_slice(&output[..done.put]);
                piece = &piece[done.taken..];
            }
        }
        let put = decoder.finish(&mut output);
        text.extend_from_slice(&output[..put]);
        text
    }

    #[test]
    fn percent_escapes() {
        let cases: [(&str, &[u8]); 10] = [
            ("", b""),
            ("plain", b"plain"),
            ("a%20b", b"a b"),
            ("%41%4a%4A%7e", b"AJJ~"),
            ("%ff%00", b"\xff\x00"),
            ("%", b"%"),
            ("%4", b"%4"),
            ("%%41", b"%A"),
            ("%4%41%g1%zz", b"%4A%g1%zz"),
            ("100%25", b"100%"),
        ];
        for (input, output) in cases {
            assert_eq!(decode(&[input.as_bytes()], 64), output, "{input}");
        }
    }

    proptest! {
        #[test]
        fn percent_does_not_depend_on_the_cut(text in "[%0-9a-fg]{0,40}", cut in 0..41usize, room in 3..9usize) {
            let (left, right) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(decode(&[left, right], room), decode(&[text.as_bytes()], 200));
        }
    }

    #[test]
    fn what_stands_behind_the_last_escape_is_counted() {
        let mut output = [0; 64];
        let mut decode = |text: &[u8], counts: fn(u8) -> bool| {
            Percent::default().decode(text, &mut output, counts)
        };
        let done = decode(b"ab%41cd", |_| true);
        assert_eq!(done, Decoded { taken: 7, put: 5, after_escape: Some(2) });
        let done = decode(b"ab%zzcd", |_| true);
        assert_eq!(done, Decoded { taken: 7, put: 7, after_escape: None });
        let done = decode(b"%41b%20d", |byte| byte != b' ');
        assert_eq!(done, Decoded { taken: 8, put: 4, after_escape: Some(3) });
    }

    #[test]
    fn only_escapes_that_count_are_found() {
        type Found = (Option<usize>, usize);
        let cases: [(&[u8], Found); 9] = [
            (b"", (None, 0)),
            (b"abc", (None, 0)),
            (b"a%20b%2Cc", (None, 2)),
            (b"a%20b%41c%20", (Some(5), 1)),
            (b"a%4gc%zz", (None, 0)),
            (b"%%41", (Some(1), 0)),
            (b"a%20%", (Some(4), 1)),
            (b"a%20%4", (Some(4), 1)),
            (b"a%20%z", (None, 1)),
        ];
        for (text, found) in cases {
            assert_eq!(next_escape(text, |byte| byte.is_ascii_alphanumeric()), found, "{text:?}");
        }
    }

    #[test]
    fn base64_in_both_alphabets() {
        let cases: [(&str, &[u8]); 6] = [
            ("", b""),
            ("dXNlcjpwYXNz", b"user:pass"),
            ("dXNlcjpwYXM=", b"user:pas"),
            ("dXNlcjpwYQ", b"user:pa"),
            ("-_8+/w", b"\xfb\xff\x3e\xff"),
            ("dXNl cjpw", b"use"),
        ];
        for (input, text) in cases {
            let mut output = [0; 64];
            let put = Base64::default().decode(input.as_bytes(), &mut output);
            assert_eq!(&output[..put], text, "{input}");
        }
    }
}
