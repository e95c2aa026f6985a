//! Runs of token characters: the one pass over the text.
//!
//! A credential nearly always shows itself as a long run of token characters, and text mostly does
//! not. Marks of 64 bytes each (`marks.rs`) show where at least [`SHORTEST_RUN`] such bytes stand in a
//! row, and most blocks are done with that; of those that do hold runs, bits say where their words
//! begin and whether letters and digits alternate.

use std::ops::Range;

use super::marks::{BLOCK, Marks};

/// Shorter runs are left to the search for words. No prefixed token of the rules is shorter.
pub(super) const SHORTEST_RUN: usize = 14;

/// Bits of [`CLASSES`].
pub(super) const RUN: u8 = 1;
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

/// A maximal run of at least [`SHORTEST_RUN`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The run behind the escape that it may begin with.
    pub(super) range: Range<usize>,
    /// Whether there is a digit in it, or in the escape.
    pub(super) has_digit: bool,
    pub(super) has_letter: bool,
    /// How often a letter and a digit follow each other.
    pub(super) changes: u32,
}

/// Takes what is seen of runs, from left to right.
pub(super) trait Visit {
    /// A run begins at `at`: how many of its bytes belong to an escape.
    fn open(&mut self, at: usize) -> usize;
    /// In the run in hand, a word of letters and digits begins at `at`, or the run does behind an
    /// escape.
    fn word(&mut self, at: usize);
    /// The run in hand is over.
    fn close(&mut self, run: Run);
}

/// Finds runs in marks, block by block.
#[derive(Default)]
pub(super) struct Runs {
    open: Option<Open>,
}

/// A run whose end is still to come.
struct Open {
    run: Run,
    /// The last of the block before: a letter or digit; a letter and a digit, behind the escape.
    word: u64,
    letter: u64,
    digit: u64,
}

impl Runs {
    /// Takes the marks of the block at `base`; `next` are the marks of runs in the one behind it.
    pub(super) fn block(&mut self, base: usize, marks: &Marks, next: u64, visit: &mut impl Visit) {
        let run = marks.run;
        let mut behind = 0;
        if let Some(mut open) = self.open.take() {
            behind = run.trailing_ones();
            open.take(base, marks, 0..behind, visit);
            if behind == u64::BITS {
                self.open = Some(open);
                return;
            }
            open.close(base + behind as usize, visit);
        }
        let mut starts = long(run, next) & !(run << 1) & (u64::MAX << behind);
        while starts != 0 {
            let first = starts.trailing_zeros();
            starts &= starts - 1;
            let end = first + (run >> first).trailing_ones();
            let at = base + first as usize;
            let mut open = Open::new(at + visit.open(at));
            open.take(base, marks, first..end, visit);
            if end == u64::BITS {
                self.open = Some(open);
                return;
            }
            open.close(base + end as usize, visit);
        }
    }

    /// Ends with the text, at `end`.
    pub(super) fn end(self, end: usize, visit: &mut impl Visit) {
        if let Some(open) = self.open {
            open.close(end, visit);
        }
    }
}

/// Where, in `run`, [`SHORTEST_RUN`] ones begin; `next` are the bits behind.
fn long(run: u64, next: u64) -> u64 {
    const { assert!(SHORTEST_RUN == 8 + 6) };
    let mut ones = u128::from(next) << BLOCK | u128::from(run);
    for shift in [1, 2, 4, 6] {
        ones &= ones >> shift;
    }
    ones as u64
}

impl Open {
    fn new(start: usize) -> Open {
        let run = Run { range: start..start, has_digit: false, has_letter: false, changes: 0 };
        Open { run, word: 0, letter: 0, digit: 0 }
    }

    /// Takes these bits of the block at `base`.
    #[inline]
    fn take(&mut self, base: usize, marks: &Marks, bits: Range<u32>, visit: &mut impl Visit) {
        let below = |bit: u32| if bit < u64::BITS { (1 << bit) - 1 } else { u64::MAX };
        let run = below(bits.end) & !below(bits.start);
        let start = self.run.range.start;
        let word = marks.word & run;
        let mut starts = word & !(word << 1 | self.word);
        self.word = word >> (u64::BITS - 1);
        let skipped = u32::try_from(start.saturating_sub(base)).unwrap_or(u32::MAX);
        if start >= base && skipped < u64::BITS {
            starts |= word & 1 << skipped;
        }
        self.run.has_digit |= marks.digit & run != 0;
        let token = run & !below(skipped);
        let (letter, digit) = (word & !marks.digit & token, marks.digit & token);
        self.run.has_letter |= letter != 0;
        let changes = letter & (digit << 1 | self.digit) | digit & (letter << 1 | self.letter);
        self.run.changes += changes.count_ones();
        (self.letter, self.digit) = (letter >> (u64::BITS - 1), digit >> (u64::BITS - 1));
        while starts != 0 {
            visit.word(base + starts.trailing_zeros() as usize);
            starts &= starts - 1;
        }
    }

    fn close(mut self, end: usize, visit: &mut impl Visit) {
        self.run.range.end = end;
        visit.close(self.run);
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::Marker;
    use super::super::value;
    use super::*;

    /// What was seen: the runs, and the words in each.
    #[derive(Debug, Default, PartialEq)]
    struct All {
        runs: Vec<Run>,
        words: Vec<usize>,
    }

    /// What an escape takes here: as many bytes as there are capitals.
    fn escape(text: &[u8], at: usize) -> usize {
        text[at..].iter().take(5).take_while(|b| b.is_ascii_uppercase()).count()
    }

    impl Visit for (&[u8], All) {
        fn open(&mut self, at: usize) -> usize {
            escape(self.0, at)
        }

        fn word(&mut self, at: usize) {
            self.1.words.push(at);
        }

        fn close(&mut self, run: Run) {
            self.1.runs.push(run);
        }
    }

    fn found(text: &[u8]) -> All {
        let mut marks = vec![Marks::default(); text.len() / BLOCK + 2];
        Marker::new([].into_iter()).mark(text, 0, &mut marks);
        let mut visit = (text, All::default());
        let mut runs = Runs::default();
        for (n, two) in marks.windows(2).enumerate() {
            runs.block(n * BLOCK, &two[0], two[1].run, &mut visit);
        }
        runs.end(text.len(), &mut visit);
        visit.1
    }

    fn slow(text: &[u8]) -> All {
        let mut all = All::default();
        let mut first = 0;
        for end in 0..=text.len() {
            if end < text.len() && is_run(text[end]) {
                continue;
            }
            if end - first >= SHORTEST_RUN {
                let start = first + escape(text, first);
                let is_word = |at: usize| text[at].is_ascii_alphanumeric();
                all.words.extend((first..end).filter(|at| {
                    is_word(*at) && (*at == start || *at == first || !is_word(*at - 1))
                }));
                let token = &text[start..end];
                all.runs.push(Run {
                    range: start..end,
                    has_digit: text[first..end].iter().any(u8::is_ascii_digit),
                    has_letter: token.iter().any(u8::is_ascii_alphabetic),
                    changes: value::changes(token) as u32,
                });
            }
            first = end + 1;
        }
        all
    }

    #[test]
    fn runs_of_each_length_and_place() {
        for before in 0..70 {
            for length in (10..40).chain(60..70).chain(120..140) {
                let text =
                    [vec![b' '; before], vec![b'a'; length], b" b=".to_vec(), vec![b'c'; length]]
                        .concat();
                assert_eq!(found(&text), slow(&text));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_slow_search(
            text in "([aB]{0,3}[ab9/=\" ]{0,40}|B{0,5}[a9.]{0,100}|[a9]{10,30}[ -]){0,12}",
        ) {
            let text = text.as_bytes();
            proptest::prop_assert_eq!(found(text), slow(text));
        }
    }
}
