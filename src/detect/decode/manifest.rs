//! Kubernetes `Secret` manifests, in YAML and in JSON: what stands under `data` is Base64 for certain,
//! however short it is, and its name says what it is.
//!
//! So a manifest gives a view of its own. Each value is a line in it, `name: "value"`, as the rules for
//! names and passwords read it best; a value of several lines goes without quotes.

use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use super::digits::{self, Spot, append};
use super::view::{Piece, View};

/// What a manifest says of itself, and what its values stand under.
const KIND: &[u8] = b"kind";
const SECRET: &[u8] = b"Secret";
const DATA: &[u8] = b"data";
/// What stands between the documents of a file.
const BETWEEN: &[u8] = b"\n---";
/// Bytes between `kind` and `Secret`.
const REACH: usize = 16;
/// Names are no longer in Kubernetes.
const LONGEST_NAME: usize = 253;
/// Fewer bytes are no secret.
const SHORTEST: usize = 4;

/// A name under `data`, and where its value begins and, if that is known, ends.
struct Entry {
    name: Range<usize>,
    start: usize,
    end: Option<usize>,
}

/// The documents of `text` that are manifests of secrets.
pub(super) fn documents(text: &[u8]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut behind = 0;
    for at in memmem::find_iter(text, SECRET) {
        if at >= behind && is_kind(text, at) {
            let start = memmem::rfind(&text[behind..at], BETWEEN).map_or(behind, |n| behind + n);
            behind = memmem::find(&text[at..], BETWEEN).map_or(text.len(), |n| at + n);
            all.push(start..behind);
        }
    }
    all
}

/// The values of the manifest that is `document`, no more than `most` bytes.
pub(super) fn view(text: &[u8], document: Range<usize>, most: usize) -> View {
    let mut view = View { outer: document.clone(), framed: true, ..View::default() };
    for entry in entries(text, document) {
        let mut out: Zeroizing<Vec<u8>> = Zeroizing::default();
        let left = most.saturating_sub(view.text.len() + entry.name.len());
        let Some(piece) = value(text, &entry, left, &mut out) else { continue };
        let name = &text[entry.name];
        append(&mut view.text, name);
        let quote = b"\"'`".iter().find(|quote| !out.contains(quote) && !out.contains(&b'\n'));
        let quote = quote.map_or(&[][..], std::slice::from_ref);
        append(&mut view.text, if quote.is_empty() { b":\n" } else { b": " });
        append(&mut view.text, quote);
        let start = view.text.len();
        append(&mut view.text, &out);
        let inner = start..view.text.len();
        append(&mut view.text, quote);
        append(&mut view.text, b"\n");
        view.pieces.push(Piece { inner, ..piece });
    }
    view
}

/// The value of `entry`, decoded into `out`, if it is text in Base64 from its first byte to its last.
fn value(text: &[u8], entry: &Entry, most: usize, out: &mut Zeroizing<Vec<u8>>) -> Option<Piece> {
    let spot = Spot { at: entry.start, hex: false };
    let decoded = digits::decode(text, spot, most, out)?;
    // Kubernetes takes no digits without their padding.
    let whole = match entry.end {
        Some(end) => decoded.range.end == end && decoded.range.len().is_multiple_of(4),
        None => text.get(decoded.range.end).is_none_or(u8::is_ascii_whitespace),
    };
    // What a shell has encoded ends with a line end.
    while matches!(out.last(), Some(b'\n' | b'\r')) {
        out.pop();
    }
    let plain = out.iter().all(|b| digits::is_text(*b));
    (whole && plain && out.len() >= SHORTEST).then_some(Piece {
        encoding: decoded.encoding,
        big: false,
        plain,
        outer: decoded.range,
        inner: 0..0,
    })
}

/// Whether the word at `at` says of which kind a manifest is.
fn is_kind(text: &[u8], at: usize) -> bool {
    let behind = text.get(at + SECRET.len());
    let before = &text[at.saturating_sub(REACH)..at];
    let before = trimmed(trimmed(before, is_quote), is_blank);
    let Some(name) = before.strip_suffix(b":") else { return false };
    let name = trimmed(trimmed(name, is_blank), is_quote);
    behind.is_none_or(|b| !b.is_ascii_alphanumeric())
        && name.strip_suffix(KIND).is_some_and(|rest| is_border(rest.last()))
}

/// All that stands under the `data` of `document`.
fn entries(text: &[u8], document: Range<usize>) -> Vec<Entry> {
    let text = &text[..document.end];
    let mut all = Vec::new();
    let mut behind = document.start;
    for at in memmem::find_iter(&text[document.clone()], DATA).map(|at| document.start + at) {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let colon = skip(text, skip(text, at + DATA.len(), is_quote), is_blank);
        if at < behind || !is_border(before) || text.get(colon) != Some(&b':') {
            continue;
        }
        let value = skip(text, colon + 1, is_blank);
        let value = value + usize::from(text[value..].starts_with(b"\r\n"));
        behind = match text.get(value) {
            Some(b'{') => braced(text, value + 1, &mut all),
            Some(b'\n') => indented(text, at, value, &mut all),
            _ => value,
        };
    }
    all
}

/// Takes the entries behind an opening brace, and says where they end.
fn braced(text: &[u8], at: usize, to: &mut Vec<Entry>) -> usize {
    let between = |b: u8| b.is_ascii_whitespace() || b == b',' || b == b'\\';
    let mut at = at;
    loop {
        at = skip(text, at, between);
        let Some((name, behind)) = scalar(text, at) else { return at };
        let colon = skip(text, behind, is_blank);
        if text.get(colon) != Some(&b':') {
            return colon;
        }
        at = skip(text, colon + 1, |b| b.is_ascii_whitespace());
        let Some((value, behind)) = scalar(text, at) else { return at };
        at = behind;
        if name.len() <= LONGEST_NAME {
            to.push(Entry { name, start: value.start, end: Some(value.end) });
        }
    }
}

/// Takes the entries on the lines behind that of `key`, which ends at `at`, that are indented further, and
/// says where they end.
fn indented(text: &[u8], key: usize, at: usize, to: &mut Vec<Entry>) -> usize {
    let line = text[..key].iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let least = skip(text, line, |b| is_blank(b) || b == b'-') - line;
    let (mut at, mut depth) = (at, None);
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |n| at + n);
        let start = skip(text, at, is_blank);
        let inside = text[start.min(end)..end].trim_ascii_end();
        let blanks = start - at;
        if !inside.is_empty() && !inside.starts_with(b"#") {
            let depth = *depth.get_or_insert(blanks);
            if blanks < depth || blanks <= least {
                return at;
            }
            // What is indented further belongs to the value before.
            if blanks == depth {
                to.extend(pair(text, start..start + inside.len()));
            }
        }
        at = end + 1;
    }
    text.len()
}

/// The name and the value on a line; the value may begin on the next one.
fn pair(text: &[u8], line: Range<usize>) -> Option<Entry> {
    let (name, behind) = scalar(text, line.start)?;
    let behind = skip(text, behind, is_blank);
    let at = skip(text, behind + 1, is_blank);
    if text.get(behind) != Some(&b':') || name.len() > LONGEST_NAME {
        return None;
    }
    if matches!(text.get(at), Some(b'|' | b'>')) {
        let start = skip(text, line.end, |b| b.is_ascii_whitespace());
        return Some(Entry { name, start, end: None });
    }
    let (value, _) = scalar(text, at)?;
    (value.end <= line.end).then_some(Entry { name, start: value.start, end: Some(value.end) })
}

/// The word at `at`, with or without quotes, and where that ends which belongs to it.
fn scalar(text: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let start = skip(text, at, is_quote);
    let quoted = start > at;
    let ends = |b: &u8| match quoted {
        true => is_quote(*b) || *b == b'\n',
        false => b.is_ascii_whitespace() || b",:{}[]\"'".contains(b),
    };
    let end = start + text[start..].iter().position(ends).unwrap_or(text.len() - start);
    (start < end).then(|| (start..end, if quoted { skip(text, end, is_quote) } else { end }))
}

fn skip(text: &[u8], at: usize, which: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|b| which(**b)).count()
}

fn trimmed(bytes: &[u8], which: impl Fn(u8) -> bool) -> &[u8] {
    let kept = bytes.iter().rposition(|b| !which(*b)).map_or(0, |last| last + 1);
    &bytes[..kept]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Quotes, and what escapes them in JSON that is itself a string.
fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'\\')
}

fn is_border(byte: Option<&u8>) -> bool {
    byte.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The views of all manifests in `text`, one after the other.
    fn views(text: &str) -> String {
        let text = text.as_bytes();
        let lines = documents(text).into_iter().map(|document| {
            let view = view(text, document, 1 << 16);
            for piece in &view.pieces {
                assert!(piece.inner.end <= view.text.len() && piece.outer.end <= text.len());
            }
            String::from_utf8_lossy(&view.text).into_owned()
        });
        lines.collect()
    }

    #[test]
    fn manifests_in_yaml() {
        let cases = [
            (
                "kind: Secret\nmetadata:\n  name: a\ndata:\n  a-b.c: bWVhZG93\n  d: 'bGFyaw=='\nx: bWVhZG93\n",
                "a-b.c: \"meadow\"\nd: \"lark\"\n",
            ),
            ("data:\n\n  # key\n  a: bWVhZG93\nkind: \"Secret\"\n", "a: \"meadow\"\n"),
            ("- kind: Secret\n  data:\n    a: bWVhZG93\n  type: bWVhZG93\n", "a: \"meadow\"\n"),
            ("kind: Secret\ndata: {a: bWVhZG93, b: bGFyaw==}\n", "a: \"meadow\"\nb: \"lark\"\n"),
            (
                "kind: Secret\ndata:\n  a: >-\n    bWVhZG93\n  b: bGFyaw==",
                "a: \"meadow\"\nb: \"lark\"\n",
            ),
            ("kind: Secret\r\ndata:\r\n  a: bWVhZG93\r\n", "a: \"meadow\"\n"),
            ("kind: Secret\ndata:\n  a: bWVhZG93Cg==\n", "a: \"meadow\"\n"),
            ("kind: Secret\ndata:\n  a: bWVh\n  b: bWVhCmxhcms=\n", "b:\nmea\nlark\n"),
            ("kind: Secret\ndata:\n  a: bWUiYWRvdw==\n", "a: 'me\"adow'\n"),
        ];
        for (text, expected) in cases {
            assert_eq!(views(text), expected, "{text}");
        }
    }

    #[test]
    fn manifests_in_json() {
        let cases = [
            r#"{"kind":"Secret","data":{"a":"bWVhZG93","b":"bGFyaw=="},"type":"Opaque"}"#,
            "{\n \"data\" : {\n  \"a\" : \"bWVhZG93\",\n  \"b\": \"bGFyaw==\"\n },\n \"kind\" : \"Secret\"\n}",
            r#""{\"kind\":\"Secret\",\"data\":{\"a\":\"bWVhZG93\",\"b\":\"bGFyaw==\"}}""#,
        ];
        for text in cases {
            assert_eq!(views(text), "a: \"meadow\"\nb: \"lark\"\n", "{text}");
        }
    }

    #[test]
    fn what_is_no_manifest_or_no_value() {
        for text in [
            "kind: ConfigMap\ndata:\n  a: bWVhZG93\n",
            "kind: SecretStore\ndata:\n  a: bWVhZG93\n",
            "unkind: Secret\ndata:\n  a: bWVhZG93\n",
            "kind: Secret\nstringData:\n  a: bWVhZG93\n",
            "kind: Secret\n---\ndata:\n  a: bWVhZG93\n",
            "kind: Secret\ndata:\n  a: {{ .Values.a | b64enc }}\n",
            "kind: Secret\ndata:\n  a: meadow lark\n  b: q8Zr2LmX\n  c:\n  d: ''\n",
            "kind: Secret\ndata:\na: bWVhZG93\n",
            "kind: Secret\ndata",
            "kind: Secret\ndata:",
            "kind: Secret\ndata: {",
            "kind: Secret\ndata: {\"a",
            "Secret",
        ] {
            assert_eq!(views(text), "", "{text}");
        }
    }

    #[test]
    fn no_more_is_decoded_than_may_be() {
        let text = ["kind: Secret\ndata:\n"]
            .into_iter()
            .chain(std::iter::repeat_n("  a: bWVhZG93LWxhcmst\n", 100))
            .collect::<String>();
        for most in [0, 1, 20, 500] {
            let view = view(text.as_bytes(), 0..text.len(), most);
            assert!(view.text.len() <= most + 8, "{} of {most}", view.text.len());
        }
    }
}
