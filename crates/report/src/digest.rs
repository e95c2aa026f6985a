//! The digest of a snapshot: SHA-256 over its canonical JSON.
//!
//! Canonical is the JSON of RFC 8785: no white space, the members of each object by ascending name,
//! in strings only `"`, `\` and U+0000 to U+001F escaped, in UTF-8. All numbers are integers and
//! all names are ASCII, so that any JSON library that sorts names comes to the same bytes.

use std::fmt;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::snapshot::Snapshot;

/// The digest of a snapshot. It is written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Snapshot {
    /// The digest of the snapshot.
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.canonical()).into())
    }

    /// The bytes that the digest is of.
    pub fn canonical(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Maps with names that are no strings are all that could fail, and there are none.
        let value = serde_json::to_value(self).unwrap_or(Value::Null);
        write(&value, &mut bytes);
        bytes
    }
}

impl Digest {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Digest> {
        let digits = text.strip_prefix("sha256:")?;
        let mut bytes = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Writes a value in its canonical form. `serde_json` escapes strings as RFC 8785 asks; the order of
/// its maps depends on a feature that any crate of a build can turn on, so they are sorted here.
fn write(value: &Value, to: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            to.push(b'{');
            for (at, (name, value)) in members.into_iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                to.extend(Value::from(name.as_str()).to_string().bytes());
                to.push(b':');
                write(value, to);
            }
            to.push(b'}');
        }
        Value::Array(items) => {
            to.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                write(item, to);
            }
            to.push(b']');
        }
        plain => to.extend(plain.to_string().bytes()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_canonical_form_is_that_of_rfc_8785() {
        let cases = [
            (json!({"b": 1, "a": [true, null, "x"]}), r#"{"a":[true,null,"x"],"b":1}"#),
            (json!({}), "{}"),
            (json!([]), "[]"),
            (
                json!("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{20ac}\u{202e}"),
                "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{20ac}\u{202e}\"",
            ),
            (
                json!({"z": {"é": 1}, "_": -5, "Z": u64::MAX}),
                "{\"Z\":18446744073709551615,\"_\":-5,\"z\":{\"é\":1}}",
            ),
        ];
        for (value, expected) in cases {
            let mut bytes = Vec::new();
            write(&value, &mut bytes);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn a_digest_reads_what_it_writes_and_nothing_else() {
        let digest = Digest([0xa5; 32]);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        for wrong in ["", "sha256:", "sha256:a5", &digest.to_string()[7..], &format!("{digest}0")] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Digest::parse(&format!("sha256:+5{}", "a5".repeat(31))), None);
        assert_eq!(Digest::parse(&format!("sha256:é{}", "a5".repeat(31))), None);
    }
}
