//! Which kinds of characters tokens are made of.

/// A set of bytes, by kinds: digits, lower case, upper case, each ASCII punctuation mark by itself,
/// and everything else together. Besides, it says whether some of the tokens are found in any letter
/// case.
///
/// The kinds are coarse on purpose. The exact set of a token's characters would tell an attacker
/// most of what there is to guess; that it has digits and upper case letters tells nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Alphabet(u64);

/// The bit that says that there are tokens which are found in any letter case. It is no byte's kind.
const ANY_CASE: u64 = 1 << 36;

impl Alphabet {
    /// The kinds of the bytes in `text`.
    pub(crate) fn of(text: &[u8]) -> Alphabet {
        Alphabet(text.iter().fold(0, |kinds, byte| kinds | KINDS[usize::from(*byte)]))
    }

    /// These kinds, of a token that is found in any letter case.
    pub(crate) fn in_any_case(self) -> Alphabet {
        Alphabet(self.0 | ANY_CASE)
    }

    /// Whether there is a token that is found in any letter case.
    pub(crate) fn has_any_case(self) -> bool {
        self.0 & ANY_CASE != 0
    }

    /// The kinds of either.
    pub(crate) fn union(self, other: Alphabet) -> Alphabet {
        Alphabet(self.0 | other.0)
    }

    /// Whether the kind of `byte` is among them.
    pub(crate) fn contains(self, byte: u8) -> bool {
        self.0 & KINDS[usize::from(byte)] != 0
    }

    /// All that as bits.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// What has these bits; none if some of them stand for nothing.
    pub(crate) fn from_bits(bits: u64) -> Option<Alphabet> {
        (bits < ANY_CASE << 1).then_some(Alphabet(bits))
    }
}

/// The bits of all bytes' kinds: which one a byte of a token is of cannot be predicted.
static KINDS: [u64; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = kind(byte as u8);
        byte += 1;
    }
    kinds
};

/// The bit of a byte's kind.
const fn kind(byte: u8) -> u64 {
    let bit = match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'!'..=b'/' => 4 + (byte - b'!'),
        b':'..=b'@' => 19 + (byte - b':'),
        b'['..=b'`' => 26 + (byte - b'['),
        b'{'..=b'~' => 32 + (byte - b'{'),
        _ => 3,
    };
    1 << bit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_stands_for_itself_and_letters_for_their_kind() {
        let alphabet = Alphabet::of(b"ghp_9");
        for byte in 0..=255u8 {
            let expected = byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'_';
            assert_eq!(alphabet.contains(byte), expected, "{byte}");
        }
        let other = Alphabet::of(&[0xe9]);
        assert!(other.contains(b' ') && other.contains(0) && !other.contains(b'~'));
        assert_eq!(Alphabet::from_bits(alphabet.bits()), Some(alphabet));
        assert_eq!(Alphabet::from_bits(1 << 37), None);
        let both = alphabet.union(other);
        assert!(both.contains(b'g') && both.contains(0xff));
        assert_eq!(Alphabet::from_bits(both.bits()), Some(both));
    }

    #[test]
    fn letter_case_is_said_beside_the_kinds() {
        let plain = Alphabet::of(b"9f-");
        let folded = plain.in_any_case();
        assert!(!plain.has_any_case() && folded.has_any_case());
        assert!((0..=255).all(|byte| plain.contains(byte) == folded.contains(byte)));
        assert!(plain.union(folded).has_any_case() && !plain.union(plain).has_any_case());
        assert!(Alphabet::from_bits(folded.bits()).is_some_and(Alphabet::has_any_case));
        assert!((0..=255).all(|byte| kind(byte) & ANY_CASE == 0));
    }

    #[test]
    fn no_two_punctuation_marks_share_a_kind() {
        let marks = (0..=127u8).filter(u8::is_ascii_punctuation);
        let kinds: std::collections::HashSet<u64> = marks.map(kind).collect();
        assert_eq!(kinds.len(), 32);
    }
}
