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
    streamed_with(&DETECTOR, text, lengths)
}

fn streamed_with(detector: &Detector, text: &[u8], lengths: &[usize]) -> Vec<Said> {
    let mut stream = detector.stream();
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

/// A rule whose pattern matches much, and looks at lines and at what stands around it.
#[cfg(feature = "rule-files")]
static PATTERN: LazyLock<Detector> = LazyLock::new(|| {
    let file = stanch::detect::RuleFile::parse(
        r#"
        [[rule]]
        id = "acme-key"
        provider = "Acme"
        class = "Acme key"
        privilege = "write"
        consequence = "breach"
        confidence = "high"
        source = "https://acme.example"
        keywords = [["acme", "amet"], ["lorem", "sit", "id"]]
        pattern = '(?:^|\b[a-z]+[,:] )(?:[a-z]{2,9} )*([a-z]{3,9}-[0-9]{2,9})\b'
        positives = ["«a»", "«b»"]
        negatives = ["a", "b"]
        "#,
    );
    Detector::with_rules(&file.expect("a rule"))
});

/// The text with tokens of the pattern in it, at places that no multiple of anything meets.
#[cfg(feature = "rule-files")]
fn with_tokens(text: &[u8], every: usize) -> Vec<u8> {
    let mut with = Vec::new();
    for (n, part) in text.chunks(every).enumerate() {
        with.extend_from_slice(part);
        with.extend_from_slice(format!(" Acme id: qwer-{n}, sit\n").as_bytes());
    }
    with
}

#[test]
#[cfg(feature = "rule-files")]
fn patterns_one_byte_at_a_time() {
    let text = with_tokens(&large(2), 2741);
    let whole: Vec<Said> = PATTERN.scan(&text).iter().map(said).collect();
    assert!(whole.iter().filter(|said| said.0 == "acme-key").count() > 300);
    assert_eq!(streamed_with(&PATTERN, &text, &[1]), whole);
}

#[cfg(feature = "rule-files")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn patterns_at_any_cuts(
        seed in any::<u64>(),
        every in 1500usize..9000,
        lengths in prop::collection::vec(1usize..200_000, 1..20),
    ) {
        let text = with_tokens(&large(seed), every);
        let whole: Vec<Said> = PATTERN.scan(&text).iter().map(said).collect();
        prop_assert_eq!(streamed_with(&PATTERN, &text, &lengths), whole);
    }
}
