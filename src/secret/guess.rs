//! What guessing a token would cost.
//!
//! A patch set holds keyed hashes of parts of tokens. Whoever has the set *and* the key can try
//! guesses against them, so each part must be hard to guess. The estimate errs on the low side: it
//! counts what every attacker would try first (known prefixes, repeats, sequences, common words) as
//! nearly free and everything else as a draw from the token's own alphabet.

/// Bytes that go on a sequence (`1234`, `aaaa`) cost this many bits each.
const SEQUENCE_BITS: f32 = 0.5;

/// A byte that repeats what followed the same two bytes a little earlier costs this many bits.
const REPEAT_BITS: f32 = 0.5;

/// How far back repeats are looked for; farther ones happen by chance.
const REPEAT_REACH: usize = 64;

/// A prefix that says what a token is, not which one, is at most this long.
const PREFIX_REACH: usize = 12;

/// Words that people write where a secret should stand; each counts as one byte.
const WORDS: [&[u8]; 20] = [
    b"password",
    b"passwd",
    b"secret",
    b"token",
    b"example",
    b"changeme",
    b"admin",
    b"letmein",
    b"qwerty",
    b"default",
    b"dummy",
    b"sample",
    b"test",
    b"welcome",
    b"user",
    b"login",
    b"your",
    b"apikey",
    b"master",
    b"root",
];

/// Where words can start: by the low five bits of their first letter, those of the second as bits.
/// Case does not show in these five.
const WORD_STARTS: [u32; 32] = {
    let mut starts = [0; 32];
    let mut at = 0;
    while at < WORDS.len() {
        starts[(WORDS[at][0] & 31) as usize] |= 1 << (WORDS[at][1] & 31);
        at += 1;
    }
    starts
};

/// Estimates what tokens cost to guess. It remembers some of what it worked out for the tokens
/// before, which depends on their lengths and on how many different bytes they have.
#[derive(Debug)]
pub(super) struct Guesser {
    bits: Vec<f32>,
    /// Results of [`likely_alphabet`]: of how many different bytes, of how many, the alphabet.
    likely: Vec<(u32, usize, f32)>,
}

impl Guesser {
    /// How many results are remembered.
    const REMEMBERED: usize = 512;

    /// One that remembers nothing yet.
    pub(super) fn new() -> Guesser {
        Guesser { bits: Vec::new(), likely: vec![(0, 0, 0.0); Guesser::REMEMBERED] }
    }

    /// The cost of each byte of `token` in bits (the base-2 logarithm of the guesses it takes).
    ///
    /// `token` has fewer than 2¹⁶ bytes.
    pub(super) fn byte_bits(&mut self, token: &[u8]) -> &[f32] {
        let base = self.effective_alphabet(token).log2();
        self.bits.clear();
        self.bits.resize(token.len(), base);
        let bits = &mut self.bits[..];
        for (three, bits) in token.windows(3).zip(bits.iter_mut().skip(2)) {
            let step = i16::from(three[2]) - i16::from(three[1]);
            if step == i16::from(three[1]) - i16::from(three[0]) && step.abs() <= 1 {
                *bits = bits.min(SEQUENCE_BITS);
            }
        }
        each_repeat(token, |at| bits[at] = bits[at].min(REPEAT_BITS));
        for (start, two) in token.windows(2).enumerate() {
            if WORD_STARTS[usize::from(two[0] & 31)] >> (two[1] & 31) & 1 == 0 {
                continue;
            }
            let starts = |word: &&&[u8]| {
                token[start..].get(..word.len()).is_some_and(|text| text.eq_ignore_ascii_case(word))
            };
            for word in WORDS.iter().filter(starts) {
                bits[start + 1..start + word.len()].fill(0.0);
            }
        }
        bits[..public_prefix(token)].fill(0.0);
        bits
    }

    /// The size of the alphabet that `token` seems to be drawn from: that of the kinds of characters
    /// in it, or less if it repeats few of them.
    fn effective_alphabet(&mut self, token: &[u8]) -> f32 {
        const DIGITS: u128 = range(b'0', b'9');
        const LOWER: u128 = range(b'a', b'z');
        const UPPER: u128 = range(b'A', b'Z');
        const DASH: u128 = range(b'-', b'-');
        let (mut ascii, mut beyond) = (0u128, 0u128);
        for byte in token {
            let bit = 1 << (byte & 127);
            *(if byte.is_ascii() { &mut ascii } else { &mut beyond }) |= bit;
        }
        let is_only = |kinds: u128| ascii & !kinds == 0 && beyond == 0;
        let if_has = |kind: u128, size: u32| if ascii & kind != 0 { size } else { 0 };
        let alphabet = if is_only(DIGITS | DASH) {
            10
        } else if is_only(DIGITS | DASH | range(b'a', b'f'))
            || is_only(DIGITS | DASH | range(b'A', b'F'))
        {
            16
        } else {
            let others = ascii & !(DIGITS | LOWER | UPPER);
            if_has(DIGITS, 10)
                + if_has(LOWER, 26)
                + if_has(UPPER, 26)
                + others.count_ones()
                + beyond.count_ones()
        };
        let distinct = ascii.count_ones() + beyond.count_ones();
        (alphabet as f32).min(self.likely_alphabet(distinct, token.len()))
    }

    /// [`likely_alphabet`], worked out once for many tokens: it takes as long as all the rest.
    fn likely_alphabet(&mut self, distinct: u32, draws: usize) -> f32 {
        let slot = (draws * 31 + distinct as usize) % Guesser::REMEMBERED;
        let known = &mut self.likely[slot];
        if (known.0, known.1) != (distinct, draws) {
            *known = (distinct, draws, likely_alphabet(distinct as usize, draws));
        }
        known.2
    }
}

/// The ASCII characters from `first` to `last`, a bit each.
const fn range(first: u8, last: u8) -> u128 {
    (u128::MAX >> (127 - (last - first))) << first
}

/// Calls `visit` with the place of every byte that follows the same two bytes as the same byte did
/// up to [`REPEAT_REACH`] bytes before.
fn each_repeat(token: &[u8], mut visit: impl FnMut(usize)) {
    /// How far back the first of three bytes may stand before that of the other three.
    const REACH: usize = REPEAT_REACH - 2;
    // Each three bytes hash to a row, which says where the last three of that row stand, and they
    // where those before. Places are counted from one.
    let mut rows = [0u16; 256];
    let mut before = [(0u32, 0u16); REPEAT_REACH];
    for (place, three) in (1..).zip(token.windows(3)) {
        let three = u32::from_le_bytes([three[0], three[1], three[2], 0]);
        let row = &mut rows[(three.wrapping_mul(0x9e37_79b1) >> 24) as usize];
        let mut earlier = *row;
        while earlier != 0 && usize::from(earlier) + REACH >= place {
            let (same, next) = before[usize::from(earlier) % REPEAT_REACH];
            if same == three {
                visit(place + 1);
                break;
            }
            earlier = next;
        }
        before[place % REPEAT_REACH] = (three, *row);
        *row = place as u16;
    }
}

/// The alphabet from which `draws` random characters show one more than `distinct` different ones
/// on average (one more, so that bad luck is not held against a token).
fn likely_alphabet(distinct: usize, draws: usize) -> f32 {
    let (seen, draws) = (distinct as f32 + 1.0, draws as f32);
    let expected = |size: f32| size * (1.0 - (1.0 - 1.0 / size).powf(draws));
    let (mut low, mut high) = (1.0_f32, 256.0_f32);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if expected(middle) < seen {
            low = middle;
        } else {
            high = middle;
        }
    }
    high.max(1.0)
}

/// How many bytes at the start say what kind of token this is: `ghp_`, `sk_live_`, `AKIA`, the
/// header of a JWT.
fn public_prefix(token: &[u8]) -> usize {
    if token.starts_with(b"eyJ")
        && let Some(dot) = token.iter().position(|b| *b == b'.')
    {
        return dot + 1;
    }
    for fixed in [&b"AKIA"[..], b"ASIA", b"AIza", b"EAA", b"ya29.", b"SG."] {
        if token.starts_with(fixed) {
            return fixed.len();
        }
    }
    let head = &token[..token.len().min(PREFIX_REACH).min(token.len() / 2)];
    match head.iter().rposition(|b| matches!(b, b'_' | b'-')) {
        Some(at) if is_word(&head[..at]) => at + 1,
        _ => 0,
    }
}

/// Letters with at most one digit: a name and perhaps a version, not a part of a UUID.
fn is_word(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    digits <= 1 && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(token: &str) -> f32 {
        Guesser::new().byte_bits(token.as_bytes()).iter().sum()
    }

    /// The estimate, worked out as it is defined.
    mod oracle {
        use super::super::{
            REPEAT_BITS, REPEAT_REACH, SEQUENCE_BITS, WORDS, likely_alphabet, public_prefix,
        };

        /// The cost of each byte of `token` in bits (the base-2 logarithm of the guesses it takes).
        pub(super) fn byte_bits(token: &[u8]) -> Vec<f32> {
            let base = effective_alphabet(token).log2();
            let mut bits = vec![base; token.len()];
            for at in 2..token.len() {
                let step = |i: usize| i16::from(token[i]) - i16::from(token[i - 1]);
                if step(at) == step(at - 1) && step(at).abs() <= 1 {
                    bits[at] = bits[at].min(SEQUENCE_BITS);
                }
                let earlier = &token[at.saturating_sub(REPEAT_REACH)..at];
                if earlier.windows(3).any(|three| three == &token[at - 2..=at]) {
                    bits[at] = bits[at].min(REPEAT_BITS);
                }
            }
            for word in WORDS {
                let places = token.windows(word.len()).enumerate();
                for (start, _) in places.filter(|(_, text)| text.eq_ignore_ascii_case(word)) {
                    bits[start + 1..start + word.len()].fill(0.0);
                }
            }
            bits[..public_prefix(token)].fill(0.0);
            bits
        }

        /// The size of the alphabet that `token` seems to be drawn from: that of the kinds of characters in
        /// it, or less if it repeats few of them.
        fn effective_alphabet(token: &[u8]) -> f32 {
            let has = |test: fn(&u8) -> bool| token.iter().any(test);
            let hex_only =
                |digit: fn(&u8) -> bool| token.iter().all(|b| b.is_ascii_digit() || digit(b));
            let mut alphabet = 0.0;
            if hex_only(|b| matches!(b, b'a'..=b'f' | b'-'))
                || hex_only(|b| matches!(b, b'A'..=b'F' | b'-'))
            {
                alphabet = if has(u8::is_ascii_alphabetic) { 16.0 } else { 10.0 };
            } else {
                alphabet += if has(u8::is_ascii_digit) { 10.0 } else { 0.0 };
                alphabet += if has(u8::is_ascii_lowercase) { 26.0 } else { 0.0 };
                alphabet += if has(u8::is_ascii_uppercase) { 26.0 } else { 0.0 };
                let mut others = [false; 256];
                token
                    .iter()
                    .filter(|b| !b.is_ascii_alphanumeric())
                    .for_each(|b| others[usize::from(*b)] = true);
                alphabet += others.iter().filter(|seen| **seen).count() as f32;
            }
            let mut seen = [false; 256];
            token.iter().for_each(|b| seen[usize::from(*b)] = true);
            let distinct = seen.iter().filter(|seen| **seen).count();
            alphabet.min(likely_alphabet(distinct, token.len()))
        }
    }

    proptest! {
        #[test]
        fn the_estimate_is_what_it_is_defined_to_be(
            tokens in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..300),
                    "[0-9a-f-]{0,200}".prop_map(String::into_bytes),
                    "[0-9A-F-]{0,40}".prop_map(String::into_bytes),
                    "[0-9-]{0,40}".prop_map(String::into_bytes),
                    "[A-Za-z0-9_-]{0,200}".prop_map(String::into_bytes),
                    "[ab]{0,200}".prop_map(String::into_bytes),
                    "[0-9a-c]{0,200}".prop_map(String::into_bytes),
                    "(pass|word|passwd|TeSt|token|Root|user|your|[a-z0-9]|_){0,40}".prop_map(String::into_bytes),
                    "(eyJ|AKIA|sk_live_)[a-z.]{0,60}".prop_map(String::into_bytes),
                    "[A-Z]{60,66}([a-d]{1,4}|[A-Z]{60,66}){0,8}".prop_map(String::into_bytes),
                ],
                1..8,
            ),
        ) {
            let mut guesser = Guesser::new();
            for token in &tokens {
                prop_assert_eq!(guesser.byte_bits(token), oracle::byte_bits(token));
            }
        }

        #[test]
        fn repeats_are_seen_as_far_as_they_reach(gap in 0..80usize, lead in 0..80usize) {
            let distinct: Vec<u8> = (128..=255).collect();
            let token = [&distinct[..lead], b"xyz", &distinct[128 - gap..], b"xyz"].concat();
            let mut places = Vec::new();
            each_repeat(&token[lead..], |at| places.push(at));
            let expected = if gap + 3 <= REPEAT_REACH - 2 { vec![gap + 5] } else { vec![] };
            prop_assert_eq!(places, expected);
            let mut guesser = Guesser::new();
            prop_assert_eq!(guesser.byte_bits(&token), oracle::byte_bits(&token));
        }
    }

    #[test]
    fn what_everybody_tries_first_is_cheap() {
        for token in [
            "aaaaaaaaaaaaaaaaaaaaaaaa",
            "0000000000000000",
            "1234567890123456",
            "abcdefghijklmnop",
            "password",
            "Password1234",
            "changemechangeme",
            "abcdabcdabcdabcdabcd",
            "xxxxxxxxxxxxxxxxxxxx",
            "sk_live_00000000000000000000",
            "your-secret-token",
        ] {
            assert!(total(token) < 28.0, "{token}: {}", total(token));
        }
    }

    #[test]
    fn random_tokens_cost_what_their_alphabet_says() {
        for (token, low, high) in [
            ("7Rk2mZ9qXc4TnW8bLp3v", 90.0, 120.0),
            ("9f86d081884c7d65", 45.0, 64.0),
            ("83920174", 18.0, 27.0),
            ("q7Zr3Kw9", 40.0, 48.0),
            ("ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi", 180.0, 216.0),
            ("5b1c7e90-3fa2-4d68-9c0b-7a4e21d8f6b3", 110.0, 145.0),
        ] {
            let bits = total(token);
            assert!((low..=high).contains(&bits), "{token}: {bits}");
        }
    }

    #[test]
    fn a_prefix_is_free() {
        for (token, free) in [
            ("ghp_8sJ2kQx7Lm4Vn9Tz3Rw6", 4),
            ("sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6", 8),
            ("AKIAQ7ZR3KW9MX4TN8BL", 4),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.8sJ2kQx7Lm4Vn9Tz3Rw6Yb", 21),
            ("8sJ2kQx7Lm4Vn9Tz3Rw6", 0),
        ] {
            let mut guesser = Guesser::new();
            let bits = guesser.byte_bits(token.as_bytes());
            assert_eq!(bits.iter().take_while(|b| **b == 0.0).count(), free, "{token}");
        }
    }
}
