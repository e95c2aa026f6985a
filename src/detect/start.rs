//! From first bytes to the words that begin so.
//!
//! Words are sorted by how many bytes they are known by: two, three, or four and more. Each kind has a
//! filter of one bit for each hash of so many bytes, which nearly all of a text does not pass, and a
//! table from hashes to words.

/// The first bytes that words of each kind are known by: most first.
const MASKS: [u64; 3] = [0xffff_ffff, 0xff_ffff, 0xffff];
/// At least so many bits of a filter are there for each word, up to [`MOST`] bits in all.
const ROOM: usize = 64;
/// Bits of the hash of the largest filter, and of the smallest.
const MOST: u32 = 16;
const LEAST: u32 = 9;
/// So many bits of a filter share a place in the table.
const SHARED: u32 = 4;

/// Words by how they begin.
pub(super) struct Starts([Kind; MASKS.len()]);

/// The words that are known by as many bytes.
struct Kind {
    mask: u64,
    /// How many bits a hash has.
    bits: u32,
    /// One bit for each hash.
    filter: Vec<u64>,
    /// For each place, where its words begin, and where the last ones end.
    places: Vec<u16>,
    words: Vec<Word>,
}

struct Word {
    /// Its first eight bytes, and which of them there are.
    start: u64,
    mask: u64,
    number: u16,
}

impl Starts {
    /// `words`, numbered in their order. Those shorter than two bytes are never met.
    pub(super) fn new<W: AsRef<[u8]>>(words: &[W]) -> Starts {
        Starts([0, 1, 2].map(|kind| {
            let known = MASKS.len() + 1 - kind;
            let is_known =
                |word: &[u8]| if kind == 0 { word.len() >= known } else { word.len() == known };
            let words = words.iter().map(AsRef::as_ref).zip(0u16..);
            Kind::new(MASKS[kind], words.filter(|(word, _)| is_known(word)).collect())
        }))
    }

    /// The first of the words that begin as `start` does, in its first eight bytes, of which `is_it`
    /// says so. Words whose beginnings agree come longest first.
    #[inline]
    pub(super) fn find(&self, start: u64, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        for kind in &self.0 {
            let hash = kind.hash(start);
            if kind.filter[hash >> 6] >> (hash & 63) & 1 == 1 {
                let place = hash >> SHARED;
                let range = usize::from(kind.places[place])..usize::from(kind.places[place + 1]);
                let found = kind.words[range]
                    .iter()
                    .filter(|word| start & word.mask == word.start)
                    .map(|word| usize::from(word.number))
                    .find(|number| is_it(*number));
                if found.is_some() {
                    return found;
                }
            }
        }
        None
    }
}

impl Kind {
    fn new(mask: u64, mut words: Vec<(&[u8], u16)>) -> Kind {
        let bits = (words.len() * ROOM).next_power_of_two().ilog2().clamp(LEAST, MOST);
        let filter = vec![0; 1 << (bits - 6)];
        let mut kind = Kind { mask, bits, filter, places: Vec::new(), words: Vec::new() };
        let key = |kind: &Kind, word: &[u8]| kind.hash(eight(word));
        words.sort_by_cached_key(|(word, _)| (key(&kind, word), std::cmp::Reverse(word.len())));
        let mut places = vec![0; (1 << (bits - SHARED)) + 1];
        for (word, number) in words {
            let hash = key(&kind, word);
            kind.filter[hash >> 6] |= 1 << (hash & 63);
            places[(hash >> SHARED) + 1] += 1;
            let mask = eight(&[0xff; 8][..word.len().min(8)]);
            kind.words.push(Word { start: eight(word), mask, number });
        }
        let mut end = 0;
        for place in &mut places {
            end += *place;
            *place = end;
        }
        kind.places = places;
        kind
    }

    /// Multiplication by the golden ratio's odd 32-bit fraction.
    #[inline]
    fn hash(&self, start: u64) -> usize {
        let known = (start & self.mask) as u32;
        (known.wrapping_mul(0x9E37_79B1) >> (u32::BITS - self.bits)) as usize
    }
}

/// The first eight bytes of `text`, the first one lowest, with zeros for those that it does not have.
#[inline]
pub(super) fn eight(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => text.iter().rev().fold(0, |start, byte| start << 8 | u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of all words that `text` begins with.
    fn met(words: &[&str], text: &str) -> Vec<usize> {
        let starts = Starts::new(words);
        let mut met = Vec::new();
        let found = starts.find(eight(text.as_bytes()), |number| {
            if text.starts_with(words[number]) {
                met.push(number);
            }
            false
        });
        assert_eq!(found, None);
        met
    }

    #[test]
    fn longer_words_come_first() {
        let words = ["ab", "abcdefghij", "abc", "abcdefghijk", "abcd", "b", "abd"];
        assert_eq!(met(&words, "abcdefghijkl"), [3, 1, 4, 2, 0]);
        assert_eq!(met(&words, "abd"), [6, 0]);
        assert_eq!(met(&words, "ab"), [0]);
        assert_eq!(met(&words, "b"), [0; 0]);
        assert_eq!(met(&[], "ab"), [0; 0]);
    }

    #[test]
    fn the_first_that_is_it_is_found() {
        let starts = Starts::new(&["ab", "abc", "abcd"]);
        assert_eq!(starts.find(eight(b"abcde"), |number| number < 2), Some(1));
    }

    proptest::proptest! {
        #[test]
        fn every_word_is_met(words in proptest::collection::vec("[a-c]{2,10}", 0..300), text in "[a-c]{0,12}") {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut met = met(&words, &text);
            met.sort_unstable();
            let begins = |number: &usize| text.starts_with(words[*number]);
            proptest::prop_assert_eq!(met, (0..words.len()).filter(begins).collect::<Vec<_>>());
        }
    }
}
