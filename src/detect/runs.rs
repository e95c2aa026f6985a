//! Runs of token characters: the one pass over the text.
//!
//! A credential nearly always shows itself as a long run of token characters, and text mostly does
//! not. The search looks at every [`SHORTEST_RUN`]th byte only; where that byte cannot stand in a
//! run, no run that long crosses it.

use std::ops::Range;

/// Shorter runs are left to the keyword pass. No prefixed token of the rules is shorter.
pub(super) const SHORTEST_RUN: usize = 14;

/// Bits of [`CLASSES`].
const RUN: u8 = 1;
pub(super) const LETTER: u8 = 2;
pub(super) const DIGIT: u8 = 4;

/// What each byte is: of a run (letters, digits and `_ - . / + ~ $`), a letter, a digit.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        table[byte] = match b {
            b'0'..=b'9' => RUN | DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => RUN | LETTER,
            b'_' | b'-' | b'.' | b'/' | b'+' | b'~' | b'$' => RUN,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// The bits of `byte`.
pub(super) fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Whether `byte` may stand in a run.
pub(super) fn is_run(byte: u8) -> bool {
    class(byte) & RUN != 0
}

/// All maximal runs of at least [`SHORTEST_RUN`] bytes, from left to right.
pub(super) struct Runs<'t> {
    text: &'t [u8],
    /// No run that is still to come begins before this.
    at: usize,
}

impl<'t> Runs<'t> {
    pub(super) fn new(text: &'t [u8]) -> Runs<'t> {
        Runs { text, at: 0 }
    }
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let text = self.text;
        // Every byte of `at..known` is of the run.
        let mut known = self.at;
        loop {
            let probe = self.at + SHORTEST_RUN;
            let window = text.get(known..probe)?;
            match window.iter().rposition(|b| !is_run(*b)) {
                Some(gap) => {
                    // What follows the gap was just seen to be of the run.
                    self.at = known + gap + 1;
                    known = probe;
                }
                None => break,
            }
        }
        let start = self.at;
        let mut end = start + SHORTEST_RUN;
        while end < text.len() && is_run(text[end]) {
            end += 1;
        }
        self.at = end;
        Some(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(text: &[u8]) -> Vec<Range<usize>> {
        let mut out = Vec::new();
        let mut start = 0;
        for at in 0..=text.len() {
            if at == text.len() || !is_run(text[at]) {
                if at - start >= SHORTEST_RUN {
                    out.push(start..at);
                }
                start = at + 1;
            }
        }
        out
    }

    #[test]
    fn runs_of_each_length_and_place() {
        for before in 0..20 {
            for length in 10..40 {
                let text =
                    [vec![b' '; before], vec![b'a'; length], b" b=".to_vec(), vec![b'c'; length]]
                        .concat();
                assert_eq!(Runs::new(&text).collect::<Vec<_>>(), slow(&text));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_slow_search(text in "[ab9/=\" ]{0,200}") {
            let text = text.as_bytes();
            proptest::prop_assert_eq!(Runs::new(text).collect::<Vec<_>>(), slow(text));
        }
    }
}
