//! A text in pieces gives what it gives as a whole, wherever it is cut.

use std::sync::LazyLock;

use proptest::prelude::*;
use stanch::detect::{Confidence, Detector, Finding};

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

/// What a finding says.
type Said = (&'static str, std::ops::Range<usize>, u64, u64, Confidence, Option<usize>);

fn said(finding: &Finding) -> Said {
    let place = (finding.line(), finding.column());
    let (rule, range) = (finding.rule().id(), finding.range());
    (rule, range, place.0, place.1, finding.confidence(), finding.partner())
}

/// The findings in `text` when it comes in pieces of these lengths, over and over.
fn streamed(text: &[u8], lengths: &[usize]) -> Vec<Said> {
    let mut stream = DETECTOR.stream();
    let mut all = Vec::new();
    let mut note = |finding: Finding, token: &[u8]| {
        assert_eq!(token, &text[finding.range()]);
        all.push(said(&finding));
    };
    let mut rest = text;
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at((*length).min(rest.len()));
        stream.feed(piece, &mut note);
        rest = later;
    }
    stream.finish(&mut note);
    all
}

fn whole(text: &[u8]) -> Vec<Said> {
    DETECTOR.scan(text).iter().map(said).collect()
}

/// Some megabytes of a text with all kinds of tokens in it, drawn from `seed`.
fn large(seed: u64) -> Vec<u8> {
    let pem: String = (0..300)
        .map(|n| format!("MIIq{n:04}Zr2LmX0vTc5NbW9dKsH3jP6yGfEaU1oRi4BnQwErTyUiOp{n:04}\n"))
        .collect();
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{pem}-----END RSA PRIVATE KEY-----\n");
    let parts = [
        "t = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo'",
        "id,secret\nAKIAQ7MZT4XKV2NDW5RJ,q8Zr2LmX0vTc5NbW9dKsH3jP/6yGfEaU1oRi+4Bn\n",
        "db = http://app:k9-Wq2mV@db.invalid ",
        "password = 'm0ss&Lz81!'\r\n",
        "api_token: q8Zr2LmX0vTc5NbW9d\n",
        "Authorization: Basic bWVhZG93Oms5LVdxMg==\n",
        &pem,
        "lorem ipsum dolor\n",
        "getElementsByTagName2 src/detect/rules.rs 2024-01-02 ",
        "é\0\u{1}\n\n",
    ];
    let mut state = seed | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    let mut text = Vec::new();
    while text.len() < 1 << 20 {
        let part = next(parts.len());
        // A long one is rare.
        if part != 6 || next(20) == 0 {
            text.extend_from_slice(parts[part].as_bytes());
        }
        text.extend(b"sit amet, ".repeat(next(300)));
    }
    text
}

#[test]
fn one_byte_at_a_time() {
    let text = large(1);
    let whole = whole(&text);
    assert!(whole.len() > 100);
    assert_eq!(streamed(&text, &[1]), whole);
}

#[test]
fn nothing_and_next_to_nothing() {
    assert_eq!(streamed(b"", &[1]), []);
    let text = b"ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
    assert_eq!(streamed(text, &[0, 1]), whole(text));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_cuts(seed in any::<u64>(), lengths in prop::collection::vec(1usize..200_000, 1..20)) {
        let text = large(seed);
        prop_assert_eq!(streamed(&text, &lengths), whole(&text));
    }
}

proptest! {
    #[test]
    fn any_bytes(
        text in prop::collection::vec(any::<u8>(), 0..3000),
        lengths in prop::collection::vec(1usize..100, 1..9),
    ) {
        prop_assert_eq!(streamed(&text, &lengths), whole(&text));
    }
}
