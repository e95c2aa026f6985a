//! A text in pieces gives what it gives as a whole, wherever it is cut.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::ops::Range;
use std::sync::LazyLock;

use base64::Engine as _;
use proptest::prelude::*;
use stanch::detect::{Budget, Confidence, Detector, DetectorStream, Encoding, Finding};

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

/// What a finding says, with its trail and its token.
type Said = ((&'static str, Range<usize>, u64, u64, Confidence, Option<usize>), Vec<Step>, Vec<u8>);

type Step = (Encoding, Range<usize>);

fn said(finding: &Finding, token: &[u8]) -> Said {
    let place = (finding.line(), finding.column());
    let (rule, range) = (finding.rule().id(), finding.range());
    let trail = finding.trail().iter().map(|step| (step.encoding(), step.range())).collect();
    let said = (rule, range, place.0, place.1, finding.confidence(), finding.partner());
    (said, trail, token.to_vec())
}

/// The findings in `text` when it comes in pieces of these lengths, over and over.
fn streamed(text: &[u8], lengths: &[usize]) -> Vec<Said> {
    streamed_with(&DETECTOR, text, lengths)
}

fn streamed_with(detector: &Detector, text: &[u8], lengths: &[usize]) -> Vec<Said> {
    fed(detector.stream(), text, lengths)
}

fn fed(mut stream: DetectorStream<'_>, text: &[u8], lengths: &[usize]) -> Vec<Said> {
    let mut all = Vec::new();
    let mut note = |finding: Finding, token: &[u8]| all.push(said(&finding, token));
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
    told(&DETECTOR.scan(text), text)
}

fn told(findings: &[Finding], text: &[u8]) -> Vec<Said> {
    findings.iter().map(|finding| said(finding, finding.secret(text).expose())).collect()
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

/// A text with tokens in all kinds of encodings, drawn from `seed`.
fn encoded(seed: u64) -> Vec<u8> {
    let token = b"t = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo' ";
    let base64 =
        |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes();
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect();
    let zip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).and_then(|()| out.finish()).expect("memory")
    };
    let lines = |bytes: &[u8]| base64(bytes).chunks(76).collect::<Vec<_>>().join(&b"\n"[..]);
    let noise: Vec<u8> =
        (0..3000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let parts: Vec<Vec<u8>> = vec![
        token.to_vec(),
        base64(token),
        base64(&base64(token)),
        hex(token),
        base64(&zip(token)),
        token.iter().flat_map(|b| format!("%{b:02X}").into_bytes()).collect(),
        token.iter().flat_map(|b| format!("\\u{b:04x}").into_bytes()).collect(),
        token.iter().flat_map(|b| format!("&#{b};").into_bytes()).collect(),
        token.iter().flat_map(|b| [*b, 0]).collect(),
        lines(&token.repeat(90)),
        base64(&noise),
        b"---\nkind: Secret\ndata:\n  password: azktV3EybVZANDE=\n---\n".to_vec(),
        b"id,secret\nAKIAQ7MZT4XKV2NDW5RJ,q8Zr2LmX0vTc5NbW9dKsH3jP/6yGfEaU1oRi+4Bn\n".to_vec(),
    ];
    let mut state = seed | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    let mut text = Vec::new();
    while text.len() < 700_000 {
        text.extend(b"\nsit amet ");
        text.extend(&parts[next(parts.len())]);
        text.extend(b"\n");
        text.extend(b"lorem, ".repeat(next(1200)));
    }
    text
}

#[test]
fn what_is_encoded_is_found_in_pieces_as_in_a_whole() {
    let budget = Budget::default();
    for seed in 1..5 {
        let text = encoded(seed);
        let whole = told(&DETECTOR.scan_decoded(&text, &budget), &text);
        let kinds: BTreeSet<Encoding> =
            whole.iter().flat_map(|(_, trail, _)| trail).map(|step| step.0).collect();
        assert!(whole.len() > 100 && kinds.len() >= 7, "{} {kinds:?}", whole.len());
        for length in [997, 65_536, text.len()] {
            let pieces = fed(DETECTOR.stream_decoded(&budget), &text, &[length]);
            for (one, other) in pieces.iter().zip(&whole) {
                assert_eq!(one, other, "seed {seed}, pieces of {length}");
            }
            assert_eq!(pieces.len(), whole.len());
        }
    }
}

/// Far beyond what a stream can hold: not what the whole gives, but the same however it is cut.
#[test]
fn what_does_not_fit_is_the_same_in_any_pieces() {
    let token = b"t = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo' ";
    let base64 = base64::engine::general_purpose::STANDARD.encode(token.repeat(12_000));
    let wide: Vec<u8> = token.repeat(9000).iter().flat_map(|b| [*b, 0]).collect();
    for text in [base64.as_bytes(), &wide] {
        let stream = || DETECTOR.stream_decoded(&Budget::default());
        let one = fed(stream(), text, &[text.len()]);
        assert!(one.len() > 1000, "{}", one.len());
        for lengths in [&[1][..], &[4096, 17], &[262_144]] {
            assert_eq!(fed(stream(), text, lengths).len(), one.len());
            assert!(fed(stream(), text, lengths) == one);
        }
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
    let whole = told(&PATTERN.scan(&text), &text);
    assert!(whole.iter().filter(|(said, ..)| said.0 == "acme-key").count() > 300);
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
        let whole = told(&PATTERN.scan(&text), &text);
        prop_assert_eq!(streamed_with(&PATTERN, &text, &lengths), whole);
    }
}
