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
    let hex_only = |digit: fn(&u8) -> bool| token.iter().all(|b| b.is_ascii_digit() || digit(b));
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
    use super::*;

    fn total(token: &str) -> f32 {
        byte_bits(token.as_bytes()).iter().sum()
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
            let bits = byte_bits(token.as_bytes());
            assert_eq!(bits.iter().take_while(|b| **b == 0.0).count(), free, "{token}");
        }
    }
}
