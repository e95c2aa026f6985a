//! The steps that a text is read through: what each makes of a span of it, and where that came from.

use memchr::{memchr, memchr2};

use super::base64;
use super::unescape::{Notations, hex_byte};
use crate::patch::verdict::{View, Views};
use crate::secret::Engine;

/// What is done to a span of a text. Nothing comes out longer than it goes in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Escapes are undone.
    Unescape(Notations),
    /// Base64: the span consists of letters, and starts with a whole group of four. The view says
    /// whether it is that of Basic credentials.
    Base64(View),
    /// Base64 in padded pieces, one behind the other: as above, with `=` in it.
    Joined,
    /// The line ends within base64 are taken out.
    Lines,
    /// The NULs between the characters are taken out.
    Utf16,
    /// Quoted-printable.
    Quoted,
    /// Letters are lowered.
    Case,
}

/// Where a part of a decoded span comes from, and what had to be undone there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) views: Views,
}

impl Step {
    /// Decodes `span` into `output`, which has room for as many bytes, and returns how many come out.
    pub(super) fn decode(self, engine: Engine, span: &[u8], output: &mut [u8]) -> usize {
        match self {
            Step::Unescape(notations) => notations.decode(engine, span, output),
            Step::Base64(_) => base64::decode(engine, span, output),
            Step::Joined => fill(output, |put| base64::each_joined(span, |byte, _, _| put(byte))),
            Step::Lines => join_lines(span, output),
            Step::Utf16 => fill(output, |put| {
                let _ = span.iter().step_by(2).all(|byte| put(*byte));
            }),
            Step::Quoted => fill(output, |put| each_quoted(span, |byte, _, _| put(byte))),
            Step::Case => fill(output, |put| {
                let _ = span.iter().all(|byte| put(byte.to_ascii_lowercase()));
            }),
        }
    }

    /// Where bytes `start..end` of what comes out of `span` come from; `start` is below `end`.
    pub(super) fn origin(self, span: &[u8], start: usize, end: usize) -> Origin {
        let with = |start, end, view| Origin { start, end, views: Views::NONE.with(view) };
        match self {
            Step::Unescape(notations) => notations.origin(span, start, end),
            Step::Base64(view) => {
                let (start, end) = base64::letters_of(start, end);
                with(start, end, view)
            }
            Step::Joined => {
                let mut origin = with(span.len(), span.len(), View::Base64);
                let mut number = 0;
                base64::each_joined(span, |_, from, to| {
                    if number == start {
                        origin.start = from;
                    }
                    number += 1;
                    origin.end = to;
                    number < end
                });
                origin
            }
            Step::Lines => {
                let place = |number: usize| {
                    let mut letters = span.iter().enumerate().filter(|(_, byte)| !is_break(**byte));
                    letters.nth(number).map_or(span.len(), |(at, _)| at)
                };
                Origin { start: place(start), end: place(end - 1) + 1, views: Views::NONE }
            }
            Step::Utf16 => with(2 * start, 2 * end - 1, View::Utf16),
            Step::Quoted => {
                let mut origin = Origin { start: span.len(), end: span.len(), views: Views::NONE };
                let mut number = 0;
                each_quoted(span, |_, from, to| {
                    if number == start {
                        origin.start = from;
                    }
                    number += 1;
                    origin.end = to;
                    number < end
                });
                if origin.end - origin.start != end - start {
                    origin.views = origin.views.with(View::Quoted);
                }
                origin
            }
            Step::Case => with(start, end, View::Case),
        }
    }
}

/// Whether `byte` is part of a line's end.
pub(super) fn is_break(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// What the `=` that `text` starts with stands for in quoted-printable (RFC 2045, section 6.7), and
/// its length: a byte, or nothing at the end of a line that goes on.
pub(super) fn quoted_escape(text: &[u8]) -> Option<(Option<u8>, usize)> {
    match text.get(1..)? {
        [b'\r', b'\n', ..] => Some((None, 3)),
        [b'\n', ..] => Some((None, 2)),
        [high, low, ..] => Some((Some(hex_byte(&[*high, *low])?), 3)),
        _ => None,
    }
}

/// Calls `visit` with each byte that quoted-printable `text` decodes to and the start and end of what
/// it comes from, as long as it returns true.
fn each_quoted(text: &[u8], mut visit: impl FnMut(u8, usize, usize) -> bool) {
    let mut at = 0;
    while at < text.len() {
        let plain = memchr(b'=', &text[at..]).unwrap_or(text.len() - at);
        for (place, byte) in text.iter().enumerate().skip(at).take(plain) {
            if !visit(*byte, place, place + 1) {
                return;
            }
        }
        at += plain;
        let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { return };
        let (byte, len) = quoted_escape(rest).unwrap_or((Some(b'='), 1));
        if byte.is_some_and(|byte| !visit(byte, at, at + len)) {
            return;
        }
        at += len;
    }
}

/// Puts what `each` hands out into `output` as long as there is room, and returns how much that was.
fn fill(output: &mut [u8], each: impl FnOnce(&mut dyn FnMut(u8) -> bool)) -> usize {
    let mut put = 0;
    each(&mut |byte| {
        let Some(room) = output.get_mut(put) else { return false };
        *room = byte;
        put += 1;
        true
    });
    put
}

/// What stands between the line ends of `span`.
fn join_lines(mut span: &[u8], output: &mut [u8]) -> usize {
    let mut put = 0;
    while !span.is_empty() && put < output.len() {
        let end = memchr2(b'\r', b'\n', span).unwrap_or(span.len());
        let line = &span[..end.min(output.len() - put)];
        output[put..put + line.len()].copy_from_slice(line);
        put += line.len();
        span = span.get(end + 1..).unwrap_or_default();
    }
    put
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, and the origin of the whole of it.
    fn run(step: Step, span: &[u8]) -> (Vec<u8>, Origin) {
        let mut output = vec![0; span.len()];
        let put = step.decode(Engine::Portable, span, &mut output);
        output.truncate(put);
        let origin = step.origin(span, 0, put);
        (output, origin)
    }

    #[test]
    fn steps_and_their_origins() {
        type Case = (Step, &'static [u8], &'static [u8], usize, Option<View>);
        let cases: [Case; 9] = [
            (Step::Base64(View::Base64), b"dXNlcjpwYXNz", b"user:pass", 12, Some(View::Base64)),
            (Step::Base64(View::Base64), b"dXNlcjpwYQ", b"user:pa", 10, Some(View::Base64)),
            (Step::Joined, b"dXNlcg==OnBhc3M", b"user:pass", 15, Some(View::Base64)),
            (Step::Joined, b"dXNlcg=OnBhc3M", b"user", 6, Some(View::Base64)),
            (Step::Lines, b"dXNl\r\ncjpw\nYQ", b"dXNlcjpwYQ", 13, None),
            (Step::Utf16, b"a\0b\0c", b"abc", 5, Some(View::Utf16)),
            (Step::Quoted, b"a=41=\r\n=62=\nc=zz=", b"aAbc=zz=", 17, Some(View::Quoted)),
            (Step::Quoted, b"a=zz", b"a=zz", 4, None),
            (Step::Case, b"AB-12f", b"ab-12f", 6, Some(View::Case)),
        ];
        for (step, span, expected, end, view) in cases {
            let (output, origin) = run(step, span);
            assert_eq!(output, expected, "{step:?}");
            let views = view.map_or(Views::NONE, |view| Views::NONE.with(view));
            assert_eq!(origin, Origin { start: 0, end, views }, "{step:?}");
        }
    }

    #[test]
    fn origins_of_parts() {
        let part = |step: Step, span: &[u8], start, end| {
            let origin = step.origin(span, start, end);
            (origin.start, origin.end)
        };
        assert_eq!(part(Step::Base64(View::Base64), b"dXNlcjpwYXNz", 1, 2), (1, 3));
        assert_eq!(part(Step::Base64(View::Base64), b"dXNlcjpwYXNz", 2, 6), (2, 8));
        assert_eq!(part(Step::Joined, b"dXNlcg==OnBhc3M", 3, 5), (4, 10));
        assert_eq!(part(Step::Lines, b"dXNl\r\ncjpw", 3, 5), (3, 7));
        assert_eq!(part(Step::Utf16, b"a\0b\0c", 1, 3), (2, 5));
        assert_eq!(part(Step::Quoted, b"a=41=\r\n=62c", 1, 3), (1, 10));
    }
}
