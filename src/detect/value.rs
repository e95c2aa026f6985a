//! Whether a value could be a secret: neither a placeholder nor a name, and random enough.

use super::{entropy, likeness};

/// Words that people write where a secret would stand.
const STAND_INS: [&str; 22] = [
    "xxxx",
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "your",
    "dummy",
    "redacted",
    "insert",
    "replace",
    "sample",
    "lorem",
    "foobar",
    "not-a-real",
    "notreal",
    "fake",
    "mytoken",
    "my-secret",
    "mysecret",
    "todo",
    "undefined",
];

/// Values that are the plainest words for a secret.
const PLAIN_WORDS: [&str; 24] = [
    "pass", "passwd", "password", "pwd", "secret", "token", "key", "apikey", "user", "username",
    "test", "admin", "root", "none", "null", "true", "false", "foo", "bar", "string", "value",
    "login", "default", "hidden",
];

/// Digits in a row, or letters of the alphabet in their order, that no secret has.
const LONGEST_SEQUENCE: usize = 8;
/// Letters in the order of the alphabet, with gaps and digits between them, that no token has.
const LONGEST_ORDER: usize = 12;

/// Whether `value` stands in for a secret: a template, a variable, filler, or a plain word.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let lower: Vec<u8> = value.iter().map(u8::to_ascii_lowercase).collect();
    let has = |word: &[u8]| memchr::memmem::find(&lower, word).is_some();
    let template = matches!(value, [b'$' | b'<' | b'{' | b'[' | b'%' | b'@', ..])
        || [
            &b"${"[..],
            b"{{",
            b"$(",
            b"#{",
            b"%(",
            b"%s",
            b"'$",
            b"()",
            b"<%",
            b"***",
            b"...",
            b"\xe2\x80\xa6",
        ]
        .into_iter()
        .any(has);
    template
        || STAND_INS.iter().any(|word| has(word.as_bytes()))
        || PLAIN_WORDS.iter().any(|word| word.as_bytes() == lower)
        || entropy::distinct(&lower) < 4
        || entropy::longest_sequence(&lower) >= LONGEST_SEQUENCE
        || is_in_order(value)
}

/// Whether a token says of itself that it is one of a documentation.
pub(super) fn is_documentation(token: &[u8]) -> bool {
    token.windows(7).any(|word| word.eq_ignore_ascii_case(b"example"))
}

/// Whether a token's own characters are filler, as documentation writes it: `ghp_xxxxxxxx…`.
pub(super) fn is_filler(body: &[u8]) -> bool {
    let repeated = |length: usize, which: fn(u8) -> bool| {
        body.windows(length).any(|part| which(part[0]) && part.iter().all(|b| *b == part[0]))
    };
    // Base64 writes zeros as `A`, and some tokens hold many.
    let repeats = || repeated(8, |b| b"xX0*._-".contains(&b)) || repeated(12, |b| b != b'A');
    body.len() >= 12
        && (entropy::distinct(body) < 6
            || entropy::shannon(body) < 2.2
            || repeats()
            || is_in_order(body))
}

/// Whether `value` looks drawn at random rather than written: letters and digits that alternate,
/// and no path, name, number or UUID.
pub(super) fn is_random(value: &[u8]) -> bool {
    let letters = value.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    if letters < 3 || digits < 2 || is_uuid(value) || is_path(value) {
        return false;
    }
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    let floor = if hex { 2.9 } else { 3.3 };
    changes(value) >= 2 + value.len().min(64) / 16 && entropy::shannon(value) >= floor
}

/// Whether a word in `value` says that it is for tests: `acme_test_…`, `sandbox-…`.
pub(super) fn is_for_tests(value: &[u8]) -> bool {
    value
        .split(|b| !b.is_ascii_alphanumeric())
        .any(|word| [&b"test"[..], b"sandbox"].iter().any(|known| word.eq_ignore_ascii_case(known)))
}

/// Whether a dozen letters follow each other in the order of the alphabet, whatever digits stand
/// between them, as people type who make something up: `abc123def456`. Drawn at random, twelve
/// letters come in that order once in half a billion times.
fn is_in_order(value: &[u8]) -> bool {
    let (mut letters, mut last) = (0, 0);
    value.iter().any(|b| {
        let letter = b.to_ascii_lowercase();
        if letter.is_ascii_lowercase() {
            letters = if letter > last { letters + 1 } else { 1 };
            last = letter;
        } else if !b.is_ascii_digit() {
            (letters, last) = (0, 0);
        }
        letters >= LONGEST_ORDER
    })
}

/// Whether `value` is written in words or is a number: no password worth the name.
pub(super) fn is_written(value: &[u8]) -> bool {
    let words =
        value.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80 || b"_.- /:=,`".contains(b));
    // Passwords are typed on any keyboard; a label in another script is no password.
    let label = !value.is_ascii() && !value.iter().any(u8::is_ascii_digit);
    let digits = value.strip_prefix(b"0x").unwrap_or_default();
    let number = value.iter().all(u8::is_ascii_digit)
        || !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    words && !likeness::is_gibberish(value)
        || label
        || number
        || memchr::memmem::find(value, b"://").is_some()
}

/// Whether an unquoted `value` is code: a type, a call, a path, a name with a number in it.
pub(super) fn is_code(value: &[u8]) -> bool {
    let name = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
    // Names of variables are short, or have humps and underscores.
    let drawn = value.len() >= 8
        && value.iter().all(u8::is_ascii_lowercase)
        && likeness::is_gibberish(value);
    let number = value.strip_prefix(b"-").unwrap_or(value).first().is_some_and(u8::is_ascii_digit)
        && [&b"i8"[..], b"u8", b"16", b"32", b"64"].iter().any(|end| value.ends_with(end));
    let constant = value.contains(&b'_')
        && value.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
    number
        || constant
        || value.iter().any(|b| b"({[<>*\\".contains(b))
        || memchr::memmem::find(value, b"::").is_some()
        || name && changes(value) < 2 && !drawn
}

/// How often a letter and a digit follow each other.
pub(super) fn changes(value: &[u8]) -> usize {
    let alternate = |a: u8, b: u8| {
        a.is_ascii_alphabetic() && b.is_ascii_digit()
            || a.is_ascii_digit() && b.is_ascii_alphabetic()
    };
    value.windows(2).filter(|pair| alternate(pair[0], pair[1])).count()
}

/// How many of lower case, upper case, digits and others `value` holds.
pub(super) fn kinds(value: &[u8]) -> usize {
    let has = |which: fn(&u8) -> bool| usize::from(value.iter().any(which));
    has(u8::is_ascii_lowercase)
        + has(u8::is_ascii_uppercase)
        + has(u8::is_ascii_digit)
        + has(u8::is_ascii_punctuation)
}

/// Eight, four, four, four and twelve hexadecimal digits.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().zip(0..).all(|(b, at)| {
            if matches!(at, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() }
        })
}

fn is_path(value: &[u8]) -> bool {
    let slashes = value.iter().filter(|b| **b == b'/').count();
    matches!(value, [b'/' | b'.' | b'~', ..]) || slashes > 0 && slashes * 8 > value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_a_secret() {
        for value in [
            "${TOKEN}",
            "<your-key>",
            "xxxxxxxxxxxx",
            "{{ secret }}",
            "changeme",
            "Password",
            "aaaaaaaa",
            "12345678",
            "%s",
            "abcdefgh1",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        assert!(!is_placeholder(b"k9Wq-2mVt7"));
    }

    #[test]
    fn filler_of_documentation() {
        for body in [
            "xxxxxxxxxxxxxxxx",
            "q8Zr2Ldddddddddddddd5NbW9dT9",
            "AbCdEfGhIjKlMnOpQrStUvWxYz12",
            "bcd234fgh567jkm890npq123",
            "q8Zr2LmX0vTc********",
        ] {
            assert!(is_filler(body.as_bytes()), "{body}");
        }
        for body in [
            "q8Zr2LmX0vTc5NbW9dKs",
            "AAAAAAAAAAAAAAAAAAq8Zr2LmX0vTc5NbW9d",
            "bcd-fgh-jkm-npq-rst-vwx",
            "xxxx",
        ] {
            assert!(!is_filler(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn values_for_tests() {
        for value in ["acme_test_q8Zr2LmX0v", "sandbox-q8Zr2LmX0v", "ACME.TEST.q8Zr2LmX0v"] {
            assert!(is_for_tests(value.as_bytes()), "{value}");
        }
        for value in ["acme_q8testZr2LmX0v", "attested_q8Zr2LmX0v", "acme_live_q8Zr2LmX0v"] {
            assert!(!is_for_tests(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn random_and_written() {
        for value in
            ["q8Zr2LmX0vTc5NbW", "9f3a0c7be1d24485a6c0f7192be3d85c", "a8Kd/92mWq+zL0pXv7Rt"]
        {
            assert!(is_random(value.as_bytes()), "{value}");
        }
        for value in [
            "my-service-account-1",
            "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60",
            "/usr/lib/python3/site2/x",
            "getElementsByTagName2",
            "2024-01-02-03-04-05",
            "application/vnd.api2",
        ] {
            assert!(!is_random(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn written_values_and_code() {
        for value in [
            "correct_horse",
            "blocksize:",
            "system/password",
            "1024",
            "0x4f",
            "https://host.invalid/1",
            "пароль(ещё раз)?",
            "Jelszó",
        ] {
            assert!(is_written(value.as_bytes()), "{value}");
        }
        for value in [
            "sys::core::Str1",
            "*mut",
            "read(1)",
            "WIN32_ERROR",
            "ty_3",
            "0x4f_u32",
            "-63i32",
            "D3D_X11_MODE",
        ] {
            assert!(is_code(value.as_bytes()), "{value}");
        }
        assert!(
            !is_written(b"m0ss&Lz81!")
                && !is_written(b"hvnmqejr")
                && !is_code(b"hvnmqejrxw")
                && !is_code(b"w7Lq8brook")
                && !is_code(b"tR4-vine")
        );
    }

    #[test]
    fn kinds_of_characters() {
        assert_eq!(kinds(b""), 0);
        assert_eq!(kinds(b"aB3-"), 4);
    }
}
