//! Tokens that stand in a text encoded are found, with the way to them; text that holds none gives
//! none.

#[allow(unreachable_pub, reason = "a module of the tests")]
mod support;

use std::io::Write as _;
use std::sync::LazyLock;

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
        println!("{name}: {} of 120; not {missed:?}", 120 - missed.len());
        if missed.len() > 5 {
            complaints.push(format!("{name}: {missed:?}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
