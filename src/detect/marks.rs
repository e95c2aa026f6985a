//! Marks: 64 bytes at a glance, a bit for each.
//!
//! One bit each says whether a byte stands in a run, is a letter or digit, is a digit, and whether a
//! word that is searched for may begin there. The last is a filter: words are dealt to eight buckets,
//! and each of four bytes in a row lets those buckets pass that have a word with such halves of a byte
//! there. What all four let pass is compared with the words themselves, elsewhere. With AVX2 a shuffle
//! looks up the halves of 32 bytes; without, a table each byte. Both give the same marks.

use super::runs;

/// Bytes that one set of marks speaks of.
pub(super) const BLOCK: usize = 64;
/// How many bytes of a word the filter looks at.
const START: usize = 4;
/// Bytes that are read for one block.
const READ: usize = BLOCK + START - 1;
/// A bit of a byte each.
const BUCKETS: usize = 8;

/// A bit for each of 64 bytes, the first byte's lowest. Behind the text's end they are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// May stand in a run.
    pub(super) run: u64,
    /// Is a letter or a digit.
    pub(super) word: u64,
    pub(super) digit: u64,
    /// A word that is searched for may begin here.
    pub(super) start: u64,
}

/// Makes marks.
pub(super) struct Marker {
    /// For each of the first bytes of a word, by their lower halves and by their upper ones, the
    /// buckets that have a word with such a half.
    halves: [[[u8; 16]; 2]; START],
    /// The same by whole bytes.
    bytes: Box<[[u8; 256]; START]>,
    #[cfg(target_arch = "x86_64")]
    has_avx2: bool,
}

impl Marker {
    /// A marker that searches for `words`, of which none is empty.
    pub(super) fn new<'w>(words: impl Iterator<Item = &'w [u8]>) -> Marker {
        let mut starts: Vec<&[u8]> = words.map(|word| &word[..word.len().min(START)]).collect();
        // Those that end alike share a bucket: in text that lets the fewest others pass.
        starts.sort_unstable_by_key(|start| (start.get(START - 1).copied(), *start));
        starts.dedup();
        let mut halves = [[[0; 16]; 2]; START];
        let long = starts.iter().filter(|start| start.len() == START).count();
        let mut dealt = 0;
        for start in starts {
            // Short ones let anything follow, and have their own.
            let bucket = if start.len() < START {
                0
            } else {
                dealt += 1;
                1 + (dealt - 1) * (BUCKETS - 1) / long
            };
            for (at, [lower, upper]) in halves.iter_mut().enumerate() {
                match start.get(at) {
                    Some(byte) => {
                        lower[usize::from(byte & 15)] |= 1 << bucket;
                        upper[usize::from(byte >> 4)] |= 1 << bucket;
                    }
                    None => lower.iter_mut().chain(upper).for_each(|half| *half |= 1 << bucket),
                }
            }
        }
        let mut bytes = Box::new([[0; 256]; START]);
        for (table, [lower, upper]) in bytes.iter_mut().zip(&halves) {
            for (byte, buckets) in table.iter_mut().enumerate() {
                *buckets = lower[byte & 15] & upper[byte >> 4];
            }
        }
        Marker {
            halves,
            bytes,
            #[cfg(target_arch = "x86_64")]
            has_avx2: is_x86_feature_detected!("avx2"),
        }
    }

    /// Writes to `marks` those of the bytes from `at` on, which is within `text`, a block each, as far
    /// as they go.
    pub(super) fn mark(&self, text: &[u8], at: usize, marks: &mut [Marks]) {
        #[cfg(target_arch = "x86_64")]
        if self.has_avx2 {
            // SAFETY: the processor has AVX2.
            return unsafe { wide::mark(self, text, at, marks) };
        }
        self.mark_bytes(text, at, marks);
    }

    /// `mark`, byte by byte.
    fn mark_bytes(&self, text: &[u8], at: usize, marks: &mut [Marks]) {
        each(text, at, marks, |read| {
            let mut marks = Marks::default();
            for at in 0..BLOCK {
                let class = runs::class(read[at]);
                let bit = |which: u8| u64::from(class & which != 0) << at;
                marks.run |= bit(runs::RUN);
                marks.word |= bit(runs::LETTER | runs::DIGIT);
                marks.digit |= bit(runs::DIGIT);
                let buckets = self.bytes.iter().zip(&read[at..]);
                let left = buckets.fold(u8::MAX, |left, (table, b)| left & table[usize::from(*b)]);
                marks.start |= u64::from(left != 0) << at;
            }
            marks
        });
    }
}

/// Writes to `marks` what `of` says of each block from `at` on and the bytes behind it, with zeros
/// behind the text's end.
#[inline(always)]
fn each(text: &[u8], at: usize, marks: &mut [Marks], of: impl Fn(&[u8; READ]) -> Marks) {
    let mut rest = text.get(at..).unwrap_or_default();
    for marks in marks {
        *marks = match rest.first_chunk() {
            Some(read) => of(read),
            None => {
                let mut read = [0; READ];
                read[..rest.len()].copy_from_slice(rest);
                let within = u64::MAX.checked_shr((BLOCK - rest.len().min(BLOCK)) as u32);
                let mut marks = of(&read);
                // A short word lets zeros follow, too.
                marks.start &= within.unwrap_or(0);
                marks
            }
        };
        rest = rest.get(BLOCK..).unwrap_or_default();
    }
}

/// Marking 32 bytes at a time.
#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, _mm_loadu_si128, _mm256_and_si256, _mm256_broadcastsi128_si256, _mm256_cmpeq_epi8,
        _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8, _mm256_set1_epi8,
        _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    };

    use super::{Marker, Marks, READ, START, each};

    /// For each upper half of a byte, bits that say which lower halves make a byte of a run. The
    /// highest bit means digits, the two below it letters: `A` to `O`, and `P` to `Z`.
    const UPPER: [u8; 16] = {
        let mut table = [0; 16];
        table[2] = 1;
        table[3] = 0x80;
        (table[4], table[6]) = (0x40, 0x40);
        (table[5], table[7]) = (0x20 | 2, 0x20 | 4);
        table
    };
    /// For each lower half those bits.
    const LOWER: [u8; 16] = {
        let mut table = [0; 16];
        let mut half = 0;
        while half < 16 {
            table[half] = match half {
                0 => 0x80 | 0x20,
                1..=9 => 0x80 | 0x40 | 0x20,
                10 => 0x40 | 0x20,
                _ => 0x40,
            };
            half += 1;
        }
        // `$ + - . /`, `_` and `~`.
        let mut others = 0;
        while others < 5 {
            table[[4, 11, 13, 14, 15][others]] |= 1;
            others += 1;
        }
        table[15] |= 2;
        table[14] |= 4;
        table
    };

    /// `Marker::mark`.
    #[target_feature(enable = "avx2")]
    pub(super) fn mark(marker: &Marker, text: &[u8], at: usize, marks: &mut [Marks]) {
        let classes = [table(&LOWER), table(&UPPER)];
        let buckets = marker.halves.each_ref().map(|[lower, upper]| [table(lower), table(upper)]);
        each(text, at, marks, |read| {
            let a = half(&classes, &buckets, read, 0);
            let b = half(&classes, &buckets, read, 32);
            let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
            Marks {
                run: join(a[0], b[0]),
                word: join(a[1], b[1]),
                digit: join(a[2], b[2]),
                start: join(a[3], b[3]),
            }
        });
    }

    /// The marks of 32 bytes from `at` on, in the order of the fields.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn half(
        classes: &[__m256i; 2],
        buckets: &[[__m256i; 2]; START],
        read: &[u8; READ],
        at: usize,
    ) -> [u32; 4] {
        let bytes = load(read, at);
        let class = look_up(classes, bytes);
        let zero = _mm256_setzero_si256();
        let bits = |bytes| _mm256_movemask_epi8(bytes) as u32;
        let least = _mm256_max_epu8(class, _mm256_set1_epi8(0x20));
        let mut left = look_up(&buckets[0], bytes);
        for (n, buckets) in buckets.iter().enumerate().skip(1) {
            left = _mm256_and_si256(left, look_up(buckets, load(read, at + n)));
        }
        [
            !bits(_mm256_cmpeq_epi8(class, zero)),
            bits(_mm256_cmpeq_epi8(class, least)),
            bits(class),
            !bits(_mm256_cmpeq_epi8(left, zero)),
        ]
    }

    /// What both tables have for the halves of each byte.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up([lower, upper]: &[__m256i; 2], bytes: __m256i) -> __m256i {
        let half = _mm256_set1_epi8(15);
        let low = _mm256_shuffle_epi8(*lower, _mm256_and_si256(bytes, half));
        let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half);
        _mm256_and_si256(low, _mm256_shuffle_epi8(*upper, high))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(read: &[u8; READ], at: usize) -> __m256i {
        debug_assert!(at + 32 <= READ);
        // SAFETY: `at` is 35 at most, and 32 bytes are read.
        unsafe { _mm256_loadu_si256(read.as_ptr().add(at).cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn table(bytes: &[u8; 16]) -> __m256i {
        // SAFETY: sixteen readable bytes.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&[u8]; 12] = [
        b"://",
        b"pwd",
        b"passw",
        b"pass=",
        b"Secret",
        b"=> 'x",
        b"-----BEGIN ",
        b"v^1.1#",
        b"\xfe\xff",
        b"~",
        b"https://",
        b"base64:",
    ];

    /// Says of each byte alone what its marks are; of starts only what must be there.
    fn check(marker: &Marker, text: &[u8]) {
        let blocks = text.len().div_ceil(BLOCK) + 1;
        let (mut marks, mut slow) =
            (vec![Marks::default(); blocks], vec![Marks::default(); blocks]);
        marker.mark(text, 0, &mut marks);
        marker.mark_bytes(text, 0, &mut slow);
        assert_eq!(marks, slow);
        for (at, byte) in text.iter().enumerate() {
            let bit = |of: fn(&Marks) -> u64| of(&marks[at / BLOCK]) >> (at % BLOCK) & 1 == 1;
            assert_eq!(bit(|m| m.run), runs::is_run(*byte));
            assert_eq!(bit(|m| m.word), byte.is_ascii_alphanumeric());
            assert_eq!(bit(|m| m.digit), byte.is_ascii_digit());
            if WORDS.iter().any(|word| text[at..].starts_with(word)) {
                assert!(bit(|m| m.start), "a word at {at}");
            }
        }
        for at in text.len()..blocks * BLOCK {
            let Marks { run, word, digit, start } = marks[at / BLOCK];
            assert_eq!((run | word | digit | start) >> (at % BLOCK) & 1, 0, "behind the end");
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        let marker = Marker::new(WORDS.into_iter());
        let all: Vec<u8> = (0..=255).collect();
        for cut in 0..all.len() {
            check(&marker, &all[cut..]);
        }
    }

    proptest::proptest! {
        #[test]
        fn words_among_others(
            parts in proptest::collection::vec((0..WORDS.len(), "[a-z:/=' ~-]{0,9}"), 0..40),
        ) {
            let text: Vec<u8> = parts
                .iter()
                .flat_map(|(n, other)| [WORDS[*n], other.as_bytes()].concat())
                .collect();
            check(&Marker::new(WORDS.into_iter()), &text);
        }
    }
}
