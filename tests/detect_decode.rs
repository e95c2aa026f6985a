//! Tokens that stand in a text encoded are found, with the way to them; text that holds none gives
//! none.

#[path = "support/clock.rs"]
#[allow(unreachable_pub, reason = "a module of the tests")]
mod clock;
#[allow(unreachable_pub, reason = "a module of the tests")]
mod support;

use std::io::Write as _;
use std::sync::LazyLock;

use clock::processor_time;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;
use stanch::detect::{Budget, Detector, Encoding, Finding};
use support::examples;

const TOKEN: &str = "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";
const RULE: &str = "github-personal-access-token";

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

fn scan(text: &[u8]) -> Vec<Finding> {
    DETECTOR.scan_decoded(text, &Budget::default())
}

fn base64(bytes: &[u8], alphabet: &[u8; 2], padded: bool) -> Vec<u8> {
    let mut digits: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    digits.extend(alphabet);
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, b| bits << 8 | usize::from(*b)) << (8 * (3 - group.len()));
        for n in 0..=group.len() {
            out.push(digits[bits >> (18 - 6 * n) & 63]);
        }
        out.extend(&b"=="[..if padded { 3 - group.len() } else { 0 }]);
    }
    out
}

fn standard(bytes: &[u8]) -> Vec<u8> {
    base64(bytes, b"+/", true)
}

fn url(bytes: &[u8]) -> Vec<u8> {
    base64(bytes, b"-_", false)
}

fn written(bytes: &[u8], write: impl Fn(u8) -> String) -> Vec<u8> {
    bytes.iter().flat_map(|b| write(*b).into_bytes()).collect()
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    written(bytes, |b| format!("{b:02x}"))
}

fn percent(bytes: &[u8]) -> Vec<u8> {
    written(bytes, |b| format!("%{b:02X}"))
}

fn units(text: &[u8]) -> impl Iterator<Item = u16> {
    str::from_utf8(text).expect("a text").encode_utf16()
}

fn unicode(bytes: &[u8]) -> Vec<u8> {
    units(bytes).flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect()
}

fn json(bytes: &[u8]) -> Vec<u8> {
    let inner = serde_json::json!({ "body": str::from_utf8(bytes).expect("a text") }).to_string();
    serde_json::json!({ "event": inner }).to_string().into_bytes()
}

fn entities(bytes: &[u8]) -> Vec<u8> {
    let chars = str::from_utf8(bytes).expect("a text").chars();
    chars.flat_map(|c| format!("&#{};", u32::from(c)).into_bytes()).collect()
}

fn utf16(bytes: &[u8]) -> Vec<u8> {
    units(bytes).flat_map(u16::to_le_bytes).collect()
}

fn utf16_big(bytes: &[u8]) -> Vec<u8> {
    units(bytes).flat_map(u16::to_be_bytes).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn line(bytes: &[u8]) -> Vec<u8> {
    [b"data = \"", bytes, b"\"\n"].concat()
}

/// Name, whether it makes a whole text, and what writes it.
type Coder = (&'static str, bool, fn(&[u8]) -> Vec<u8>);

const CODERS: [Coder; 16] = [
    ("base64", false, standard),
    ("base64url", false, url),
    ("hex", false, hex),
    ("percent", false, percent),
    ("unicode", false, unicode),
    ("json", true, json),
    ("entities", false, entities),
    ("utf16", true, utf16),
    ("gzip", true, gzip),
    ("base64 of gzip", false, |bytes| standard(&gzip(bytes))),
    // Beyond the ten.
    ("utf16, big end first", true, utf16_big),
    ("zlib", true, zlib),
    ("deflate", true, deflate),
    ("base64 of zlib", false, |bytes| standard(&zlib(bytes))),
    ("base64 of deflate", false, |bytes| standard(&deflate(bytes))),
    ("base64 of UTF-16", false, |bytes| standard(&utf16(bytes))),
];

/// A hundred and twenty examples of as many rules as there are, each with its rule and its secret.
fn tokens() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for nth in 0..2 {
        for example in examples() {
            let (text, secret) = support::marked(&example.positives[nth]);
            all.push((example.id, text[secret].to_owned(), text.clone()));
        }
    }
    all.sort_by_key(|(id, secret, _)| (secret.len() * 7919 % 1009, id.clone()));
    all.truncate(120);
    assert_eq!(all.len(), 120);
    all
}

#[test]
fn tokens_in_every_encoding() {
    let mut complaints = Vec::new();
    for (name, whole, encode) in CODERS {
        let mut missed = Vec::new();
        for (id, secret, text) in tokens() {
            let encoded = encode(text.as_bytes());
            let encoded = if whole { encoded } else { line(&encoded) };
            let found = scan(&encoded).iter().any(|finding| {
                finding.rule().id() == id && finding.secret(&encoded).expose() == secret.as_bytes()
            });
            if !found {
                missed.push(id);
            }
        }
        if missed.len() > 5 {
            complaints.push(format!("{name}: {missed:?}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn steps(finding: &Finding) -> Vec<(Encoding, std::ops::Range<usize>)> {
    finding.trail().iter().map(|step| (step.encoding(), step.range())).collect()
}

/// The only finding in `text`: the token of [`RULE`].
fn only(text: &[u8]) -> Finding {
    let findings = scan(text);
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.rule().id(), finding.secret(text).expose()), (RULE, TOKEN.as_bytes()));
    assert_eq!(finding.preview(text).to_string(), "ghp_…(40)");
    finding.clone()
}

#[test]
fn a_trail_leads_from_the_text_to_the_token() {
    let packed = standard(&gzip(json(TOKEN.as_bytes()).as_slice()));
    let text = [b"first\nbody: ", &packed[..], b"\nthe last\n"].concat();
    let finding = only(&text);
    let digits = 12..12 + packed.len();
    let inner = gzip(json(TOKEN.as_bytes()).as_slice()).len();
    assert_eq!(steps(&finding), [(Encoding::Base64, digits.clone()), (Encoding::Gzip, 0..inner)]);
    assert_eq!((finding.line(), finding.column()), (2, 7));
    // All that was inflated: its digits without the padding.
    assert_eq!(finding.range().start, digits.start);
    assert!(finding.range().end <= digits.end && finding.range().end + 2 >= digits.end);
}

#[test]
fn the_place_is_that_of_the_token_alone() {
    let token = TOKEN.as_bytes();
    for (name, whole, encode) in CODERS.into_iter().filter(|(name, ..)| !name.contains("of")) {
        if ["gzip", "zlib", "deflate", "json"].contains(&name) {
            continue;
        }
        // Three bytes before it, so that digits of Base64 are shared with none.
        let encoded = encode(&[b"x, ", token, b", y"].concat());
        let text = if whole { encoded } else { [b"\n= \"", &encoded[..], b"\"\n"].concat() };
        let finding = only(&text);
        let before = encode(b"x, ").len() + if whole { 0 } else { 4 };
        let padding = |text: &[u8]| text.iter().filter(|b| **b == b'=').count();
        let through = encode(&[b"x, ", token].concat());
        let length = through.len() - padding(&through) - encode(b"x, ").len();
        assert_eq!(finding.range(), before..before + length, "{name}");
    }
}

#[test]
fn a_token_found_both_ways_is_reported_once() {
    for text in [
        format!("https://host.invalid/?a%5Fb={TOKEN}&b=%5F"),
        format!("{{\"a\":\"{{\\\"b\\\":\\\"{TOKEN}\\\"}}\"}}"),
        format!("&quot;{TOKEN}&quot; \\u0041 %41"),
    ] {
        assert!(only(text.as_bytes()).trail().is_empty(), "{text}");
    }
    // An escape within it: the whole is better than a part.
    let escaped = TOKEN.replacen("w3", "%77%33", 1);
    assert_eq!(steps(&only(format!("a={escaped}").as_bytes())).len(), 1);
}

#[test]
fn what_a_value_holds_beats_the_value() {
    let value = standard(TOKEN.as_bytes());
    let text = [b"api_token: ", &value[..], b"\n"].concat();
    assert_eq!(DETECTOR.scan(&text).len(), 1);
    assert_eq!(steps(&only(&text)), [(Encoding::Base64, 11..11 + value.len())]);
}

#[test]
fn names_beside_encoded_values_count() {
    let secret = b"q8Zr2LmX0vTc5NbW9dKsH3jP/6yGfEaU1oRi+4Bn";
    let text = [
        b"data:\n  AWS_ACCESS_KEY_ID: ",
        &standard(b"AKIAQ7MZT4XKV2NDW5RJ")[..],
        b"\n  AWS_SECRET_ACCESS_KEY: ",
        &standard(secret),
        b"\n",
    ]
    .concat();
    let findings = scan(&text);
    let ids: Vec<_> = findings.iter().map(|f| (f.rule().id(), f.partner())).collect();
    assert_eq!(ids, [("aws-access-key-id", Some(1)), ("aws-secret-access-key", Some(0))]);
    assert_eq!(findings[1].secret(&text).expose(), secret);
}

/// A manifest of a Kubernetes secret: in YAML, in JSON, and in JSON that is itself a string.
fn manifests(name: &str, value: &[u8]) -> [Vec<u8>; 3] {
    let value = String::from_utf8(standard(value)).expect("digits");
    let yaml = format!("apiVersion: v1\nkind: Secret\ntype: Opaque\ndata:\n  {name}: {value}\n");
    let json = serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "data": { name: value } });
    let within = serde_json::json!({ "last-applied": json.to_string() });
    [yaml.into_bytes(), json.to_string().into_bytes(), within.to_string().into_bytes()]
}

/// In such a manifest a value is encoded however short it is, and its name says what it is.
#[test]
fn values_of_kubernetes_secrets() {
    let cases = [
        ("token", TOKEN, RULE),
        ("config", TOKEN, RULE),
        ("password", "k9-Wq2", "password"),
        ("db-password", "m0ss&Lz81\n", "password"),
        ("POSTGRES_PASSWORD", "hunter7q2", "password"),
        ("api-key", "q8Zr2LmX0vTc5NbW9d", "generic-secret"),
        ("uri", "postgres://meadow:tR4-vine-Kq82@db.invalid/main", "url-password"),
    ];
    for (name, value, rule) in cases {
        for text in manifests(name, value.as_bytes()) {
            let findings = scan(&text);
            let [finding] = &findings[..] else {
                panic!("{}: {findings:?}", text.escape_ascii());
            };
            assert_eq!(finding.rule().id(), rule, "{}", text.escape_ascii());
            assert!(value.as_bytes().windows(4).any(|part| {
                memchr::memmem::find(finding.secret(&text).expose(), part).is_some()
            }));
            assert!(matches!(finding.trail(), [step] if step.encoding() == Encoding::Base64));
            let digits = standard(value.as_bytes());
            let place = &text[finding.range()];
            assert!(memchr::memmem::find(&digits, place).is_some(), "{}", place.escape_ascii());
        }
    }
}

/// What is no secret when it is decoded is none, though its digits may look like one.
#[test]
fn harmless_values_of_kubernetes_secrets() {
    let values = ["admin", "changeme", "meadow-lark", "${DB_PASSWORD}", "false", "5432"];
    for value in values {
        for text in manifests("password", value.as_bytes()) {
            assert_eq!(scan(&text).len(), 0, "{value}");
        }
    }
    for name in ["username", "host", "password_hash", "not-a-password"] {
        for text in manifests(name, b"q8Zr2LmX0vTc5NbW9d") {
            assert_eq!(scan(&text).len(), 0, "{name}");
        }
    }
}

#[test]
fn deeper_than_the_budget_is_not_looked_at() {
    let mut text = TOKEN.as_bytes().to_vec();
    for steps in 1..=6u8 {
        text = standard(&text);
        for depth in 0..=Budget::DEEPEST {
            let found = DETECTOR.scan_decoded(&text, &Budget::default().depth(depth));
            let found = found.iter().filter(|finding| finding.rule().id() == RULE).count();
            assert_eq!(found, usize::from(depth >= steps), "{steps} steps, {depth} allowed");
        }
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_budget() {
    let mut zeros = vec![b' '; 8 << 20];
    zeros.extend_from_slice(TOKEN.as_bytes());
    let bomb = gzip(&gzip(&zeros));
    let start = std::time::Instant::now();
    assert_eq!(scan(&bomb).len(), 0);
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    let wide = Budget::default().bytes(1 << 30).ratio(usize::MAX);
    assert_eq!(DETECTOR.scan_decoded(&bomb, &wide).len(), 1);
}

#[test]
fn hostile_texts_take_linear_time() {
    let starts =
        [standard(b"a word, two words, and three more; four").as_slice(), b"/////w/8/w/"].concat();
    let units: [&[u8]; 14] = [
        &starts,
        b"bWVhZG93bWVhZG93bWVhZG93/",
        b"6d6561646f77206d6561646f77206d6561646f7720z",
        b"%67",
        b"%67%25%32",
        b"\\u0067\\\\u0067",
        b"&#65;&amp;",
        b"a\0",
        b"\0a\0\0",
        b"H4sIAAAAAAAAA8tNTUzJL1fISSzKVnDPz0kBAAAAAAAA/",
        b"kind: Secret\ndata:\n  a: bWVhZG93\n",
        b"kind: Secret\n---\ndata:\n  a: bWVhZG93\n",
        b"kind:Secret data:{\"a\":\"bWVhZG93",
        b"kind:Secret data:\r\n\rdata:{data:\r",
    ];
    let time = |text: &[u8]| {
        let once = || {
            let start = processor_time();
            scan(text);
            processor_time() - start
        };
        once().min(once())
    };
    for unit in units {
        let text = unit.repeat((256 << 10) / unit.len());
        let mut measured = Vec::new();
        // Other work on the machine may spoil one measurement, not three.
        let linear = (0..3).any(|_| {
            let (quarter, whole) = (time(&text[..text.len() / 4]), time(&text));
            measured.push((quarter, whole));
            whole < quarter * 8 + std::time::Duration::from_millis(20)
        });
        assert!(linear, "{}: a quarter and the whole took {measured:?}", unit.escape_ascii());
    }
}

#[test]
fn noise_in_digits_is_no_finding() {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    for length in [20, 32, 48, 64, 100, 1000, 20_000] {
        for _ in 0..40_000 / length {
            let bytes: Vec<u8> = (0..length).map(|_| noise()).collect();
            for text in [standard(&bytes), url(&bytes), hex(&bytes), bytes] {
                let (raw, all) = (DETECTOR.scan(&text), scan(&text));
                assert_eq!(raw.len(), all.len(), "{:?}", text.escape_ascii().to_string());
            }
        }
    }
}

/// Checks what holds for the findings of any text.
fn check(text: &[u8], findings: &[Finding]) {
    let mut start = 0;
    for (index, finding) in findings.iter().enumerate() {
        let range = finding.range();
        assert!(start <= range.start && range.start < range.end && range.end <= text.len());
        start = range.start;
        let line = text[..start].iter().filter(|b| **b == b'\n').count() as u64 + 1;
        assert_eq!(finding.line(), line);
        assert!(!finding.secret(text).is_empty());
        if let Some(partner) = finding.partner() {
            assert_eq!(findings[partner].partner(), Some(index));
        }
        if let Some(first) = finding.trail().first() {
            assert!(first.range().end <= text.len() && finding.trail().len() <= 8);
        }
        assert!(finding.trail().iter().all(|step| step.range().start < step.range().end));
    }
}

/// Deflate makes visible bytes of some texts, a dozen at the beginning of this one.
#[test]
fn deflate_that_looks_written_at_first() {
    let text = format!("% p %\"\"% a {TOKEN} ");
    only(&deflate(text.as_bytes()));
}

proptest! {
    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..2000)) {
        check(&text, &scan(&text));
    }

    #[test]
    fn any_chain_of_encodings(
        before in "[a-z =%&\\\\\"]{0,40}",
        chain in prop::collection::vec(0..CODERS.len(), 1..4),
        cut in 0usize..8,
    ) {
        let mut text = [before.as_bytes(), b" ", TOKEN.as_bytes(), b" "].concat();
        for n in chain {
            // Not all of them take any bytes, and nobody writes UTF-16 of UTF-16. UTF-16 with the big
            // end first shows its order only where no text stands before it.
            let utf16 = CODERS[n].0.to_lowercase().contains("utf");
            let possible = str::from_utf8(&text).is_ok() && !(utf16 && text.contains(&0));
            if possible && CODERS[n].0 != "utf16, big end first" {
                text = CODERS[n].2(&text);
            }
        }
        // JSON in JSON takes two steps.
        let findings = DETECTOR.scan_decoded(&text, &Budget::default().depth(8));
        check(&text, &findings);
        prop_assert!(findings.iter().any(|f| f.secret(&text).expose() == TOKEN.as_bytes()));
        text.truncate(text.len() - cut.min(text.len()));
        check(&text, &scan(&text));
    }
}
