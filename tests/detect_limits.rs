//! No input makes the detector panic, hang, or lose its place; the work grows with the input and no
//! faster.

#[path = "support/clock.rs"]
#[allow(unreachable_pub, reason = "a module of the tests")]
mod clock;

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use clock::processor_time;
use proptest::prelude::*;
use stanch::detect::{Detector, Finding};

const TOKEN: &str = "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

/// Checks what holds for the findings of any text.
fn check(text: &[u8], findings: &[Finding]) {
    let mut end = 0;
    for (index, finding) in findings.iter().enumerate() {
        let range = finding.range();
        assert!(range.start < range.end && range.end <= text.len());
        assert!(end <= range.start, "findings overlap or are out of order");
        end = range.end;
        let before = &text[..range.start];
        let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() as u64 + 1;
        assert_eq!((finding.line(), finding.column()), (line, column));
        if let Some(partner) = finding.partner() {
            assert_eq!(findings[partner].partner(), Some(index));
            assert_eq!(finding.rule().pair(), Some(findings[partner].rule().id()));
        }
    }
}

fn repeated(unit: &[u8], length: usize) -> Vec<u8> {
    unit.iter().copied().cycle().take(length).collect()
}

/// Bytes of a xorshift generator: the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Built once for all cases.
static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

/// The lesser of two measurements.
fn time(detector: &Detector, text: &[u8]) -> Duration {
    let once = || {
        let start = processor_time();
        black_box(detector.scan(black_box(text)));
        processor_time() - start
    };
    once().min(once())
}

/// Fails if the work on one of the units, over and over, grows faster than the text.
fn assert_linear(detector: &Detector, units: &[&[u8]]) {
    const QUARTER: usize = 64 << 10;
    for unit in units {
        let text = repeated(unit, 4 * QUARTER);
        let name = String::from_utf8_lossy(unit);
        let mut measured = Vec::new();
        // Other work on the machine may spoil one measurement, not three.
        let linear = (0..3).any(|_| {
            let (quarter, whole) = (time(detector, &text[..QUARTER]), time(detector, &text));
            measured.push((quarter, whole));
            // Four times the text may take eight times as long; quadratic work would take sixteen
            // times.
            whole < quarter * 8 + Duration::from_millis(20)
        });
        assert!(linear, "{name}: a quarter and the whole took {measured:?}");
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    let units: [&[u8]; 18] = [
        b"a1",
        b"eyJ-",
        b"eyJ_eyJ-1",
        b"ghp_",
        b"AKIA/",
        b"xoxb-1",
        b"password",
        b"password=\"",
        b"pwd:pwd=",
        b"://a:b",
        b"http://a:bb",
        b"Basic QUJD",
        b"-----BEGIN RSA PRIVATE KEY-----",
        b"-----BEGIN RSA PRIVATE KEY-----\nQUJDREVGR0g",
        b"heroku aws twilio secret token key = ",
        b"token='q8Zr2LmX0vTc5NbW9d=,",
        b"AC0123456789abcdef0123456789abcdef,",
        b"secret a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6 ",
    ];
    assert_linear(&DETECTOR, &units);
}

/// A detector with rules that have patterns: what is slow to match, and words that are everywhere.
#[cfg(feature = "rule-files")]
fn with_patterns() -> Detector {
    let rule = |id: &str, keywords: &str, pattern: &str| {
        format!(
            "[[rule]]\nid = \"{id}\"\nprovider = \"Acme\"\nclass = \"Acme key\"\n\
             privilege = \"write\"\nconsequence = \"breach\"\nconfidence = \"high\"\n\
             source = \"https://acme.example\"\nkeywords = {keywords}\npattern = '{pattern}'\n\
             positives = [\"«a»\", \"«b»\"]\nnegatives = [\"a\", \"b\"]\n"
        )
    };
    let file = [
        rule("acme-any", "[[\"acme\", \"acm\", \"cme\", \"secret\"]]", "(?s).{1,1000}?[0-9]{9}"),
        rule("acme-ends", "[[\"acme\"], [\"key\", \"id\"]]", "(?:a|ac|acm|acme|e|m){1,90}[0-9]"),
        rule("acme-one", "[[\"acme\"]]", "[a-z]"),
        rule("acme-line", "[[\"acme\"]]", "^.*(?:x.*){9}(y)$"),
    ]
    .concat();
    let file = stanch::detect::RuleFile::parse(&file).expect("rules");
    Detector::with_rules(&file)
}

#[test]
#[cfg(feature = "rule-files")]
fn hostile_texts_take_linear_time_with_patterns() {
    let units: [&[u8]; 7] = [
        b"acme",
        b"acme ",
        b"acmeacme\n",
        b"acme key acme id ",
        b"acme xxxxxxxxxxxxxxxxxxxx",
        b"ACME=\"12345678x",
        b"a1",
    ];
    assert_linear(&with_patterns(), &units);
}

#[test]
fn a_mebibyte_of_anything_ends_soon() {
    const MEBIBYTE: usize = 1 << 20;
    let mut texts = [&b"A"[..], b"=", b"key=", b"\"", b"'", b"/", b"\n"]
        .map(|unit| repeated(unit, MEBIBYTE))
        .to_vec();
    texts.push(noise(MEBIBYTE));
    for text in texts {
        let start = Instant::now();
        check(&text, &DETECTOR.scan(&text));
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}: {:?}",
            &text[..4],
            start.elapsed()
        );
    }
}

#[test]
fn hostile_texts_keep_their_order() {
    for unit in
        [TOKEN, "AC0123456789abcdef0123456789abcdef,", "password='k9-Wq2', ", "http://a:k9-Wq2@b "]
    {
        let text = repeated(unit.as_bytes(), 20_000);
        check(&text, &DETECTOR.scan(&text));
    }
}

#[test]
fn a_pair_is_reported_as_two_that_know_each_other() {
    let text = b"id,secret\nAKIAQ7MZT4XKV2NDW5RJ,q8Zr2LmX0vTc5NbW9dKsH3jP/6yGfEaU1oRi+4Bn\n";
    let findings = DETECTOR.scan(text);
    check(text, &findings);
    let ids: Vec<_> =
        findings.iter().map(|finding| (finding.rule().id(), finding.partner())).collect();
    assert_eq!(ids, [("aws-access-key-id", Some(1)), ("aws-secret-access-key", Some(0))]);
    let alone = DETECTOR.scan(&text[31..]);
    assert!(alone.iter().all(|finding| finding.rule().id() != "aws-secret-access-key"));
}

proptest! {
    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(&text, &DETECTOR.scan(&text));
    }

    #[test]
    fn bytes_that_look_like_something(parts in prop::collection::vec(
        prop::sample::select(vec![
            "password", "=", "\"", "'", "://", "a:b@", "ghp_", "AKIA", "eyJ", ".", "\\n", "%3D",
            "\\u003d", "\n", " ", "-----BEGIN ", "PRIVATE KEY", "-----", "Basic ", "Bearer ",
            "QWxhZGRpbjp4", "aws", "secret", "0123456789abcdef", TOKEN, "=>", "<value>", "é", "AC",
            "SK", "k9Wq2", "\\", "sig=", "value", ":", ",", "hooks.slack.com/services/", "AA",
            "{\"", "\0",
        ]),
        0..60,
    )) {
        let text = parts.concat();
        check(text.as_bytes(), &DETECTOR.scan(text.as_bytes()));
    }

    #[test]
    fn a_token_is_found_in_any_surroundings(
        before in prop::collection::vec(any::<u8>(), 0..300),
        after in prop::collection::vec(any::<u8>(), 0..300),
        left in prop::sample::select(b" \n\t\"'`=:,;([{<>&".to_vec()),
        right in prop::sample::select(b" \n\t\"'`,;)]}<>&".to_vec()),
    ) {
        let text = [&before[..], &[left], TOKEN.as_bytes(), &[right], &after].concat();
        let start = before.len() + 1;
        let findings = DETECTOR.scan(&text);
        check(&text, &findings);
        let found = findings.iter().any(|finding| finding.range() == (start..start + TOKEN.len()));
        prop_assert!(found, "{findings:?}");
    }
}
