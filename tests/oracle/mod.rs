//! The oracle: a matcher that is naive and obviously right.
//!
//! It knows the tokens in plain text, undoes every encoding by decoders of its own, and compares at
//! every byte. It shares no code with the library. What the library says of a request must be among
//! what the oracle finds in it.

pub(crate) mod compare;
pub(crate) mod draw;

use stanch::patch::{Action, Part, View};

/// A token in plain text, and what is to be done about it.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) bytes: Vec<u8>,
    pub(crate) leak: u64,
    pub(crate) action: Action,
}

/// A request as it is fed to a scan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<Vec<u8>>,
    pub(crate) trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A token at a place of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) leak: u64,
    pub(crate) action: Action,
    pub(crate) part: Part,
    pub(crate) view: View,
    pub(crate) offset: u64,
    pub(crate) name: Vec<u8>,
}

/// A text as a view shows it: its bytes, and for each the byte of the request that it comes from.
pub(crate) struct Shown {
    pub(crate) text: Vec<u8>,
    pub(crate) from: Vec<usize>,
}

/// Every token of `tokens` in `request`, at every place and in every view.
pub(crate) fn find(tokens: &[Token], request: &Request) -> Vec<Found> {
    let mut found = Vec::new();
    let target = &request.target;
    in_text(tokens, target, &mut found, |from| match query_start(target, from) {
        None => (Part::Path, Vec::new()),
        Some(query) => (Part::Query, item_name(&target[query..from], b"&;")),
    });
    for (name, value) in request.headers.iter().chain(&request.trailers) {
        let lower = name.to_ascii_lowercase();
        if lower == b"cookie" {
            in_text(tokens, value, &mut found, |from| {
                (Part::Cookie, item_name(&value[..from], b";"))
            });
            continue;
        }
        let place = (Part::Header, cut(name));
        in_text(tokens, value, &mut found, |_| place.clone());
        if lower == b"authorization" || lower == b"proxy-authorization" {
            let plain = basic(value);
            occurrences(tokens, &plain, |token, offset| {
                found.push(at(token, place.clone(), View::Basic, offset));
            });
        }
    }
    in_text(tokens, &request.body.concat(), &mut found, |_| (Part::Body, Vec::new()));
    found
}

/// The strongest action of all that was found.
pub(crate) fn strongest(found: &[Found]) -> Action {
    found.iter().map(|found| found.action).max().unwrap_or_default()
}

/// `text` with percent escapes undone once. What is no escape stays as it is.
pub(crate) fn percent(text: &[u8]) -> Shown {
    let mut shown = Shown { text: Vec::new(), from: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| text[at] == b'%');
        let byte = digits
            .filter(|two| two.iter().all(u8::is_ascii_hexdigit))
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        shown.text.push(byte.unwrap_or(text[at]));
        shown.from.push(at);
        at += if byte.is_some() { 3 } else { 1 };
    }
    shown
}

/// What the credentials of the Basic scheme in `value` decode to; nothing if it has none.
pub(crate) fn basic(value: &[u8]) -> Vec<u8> {
    let mut words = value
        .split(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\x0c' | b'\r'))
        .filter(|word| !word.is_empty());
    match (words.next(), words.next()) {
        (Some(scheme), Some(encoded)) if scheme.eq_ignore_ascii_case(b"basic") => base64(encoded),
        _ => Vec::new(),
    }
}

/// Base64 up to the first byte that is none: six bits for each letter, a byte for each eight bits.
fn base64(encoded: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = Vec::new();
    for letter in encoded {
        let letter = match letter {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        };
        let Some(six) = LETTERS.iter().position(|l| *l == letter) else { break };
        bits.extend((0..6).rev().map(|bit| six >> bit & 1));
    }
    let bytes = bits.chunks_exact(8);
    bytes.map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | *bit as u8)).collect()
}

/// The tokens in `text` as it stands and with percent escapes undone. A token that needs no undoing
/// stands in the raw view only.
fn in_text(
    tokens: &[Token],
    text: &[u8],
    found: &mut Vec<Found>,
    place: impl Fn(usize) -> (Part, Vec<u8>),
) {
    occurrences(tokens, text, |token, offset| {
        found.push(at(token, place(offset), View::Raw, offset));
    });
    if !text.contains(&b'%') {
        return;
    }
    let shown = percent(text);
    occurrences(tokens, &shown.text, |token, offset| {
        let from = shown.from[offset];
        if !text[from..].starts_with(&token.bytes) {
            found.push(at(token, place(from), View::Percent, offset));
        }
    });
}

fn occurrences(tokens: &[Token], text: &[u8], mut found: impl FnMut(&Token, usize)) {
    for token in tokens {
        for (offset, window) in text.windows(token.bytes.len()).enumerate() {
            if window == token.bytes {
                found(token, offset);
            }
        }
    }
}

fn at(token: &Token, (part, name): (Part, Vec<u8>), view: View, offset: usize) -> Found {
    let Token { leak, action, .. } = *token;
    Found { leak, action, part, view, offset: offset as u64, name }
}

/// The byte behind the `?`, if it stands before byte `from`.
fn query_start(target: &[u8], from: usize) -> Option<usize> {
    (0..from).find(|at| target[*at] == b'?').map(|at| at + 1)
}

/// The name of the last item in `items`: what stands before its `=`.
fn item_name(items: &[u8], ends: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut complete = false;
    for byte in items {
        if ends.contains(byte) {
            name.clear();
            complete = false;
        } else if *byte == b'=' {
            complete = true;
        } else if !complete {
            name.push(*byte);
        }
    }
    if complete { cut(name.trim_ascii()) } else { Vec::new() }
}

/// A name as long as a verdict keeps it.
fn cut(name: &[u8]) -> Vec<u8> {
    name.iter().copied().take(64).collect()
}
