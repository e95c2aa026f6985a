//! The oracle: a matcher that is naive and obviously right.
//!
//! It knows the tokens in plain text, undoes every encoding over whole texts by decoders of its own
//! ([`steps`]), in every order that `docs/views.md` has ([`chains`]), and compares at every byte. It
//! shares no code with the library. What the library says of a request must be among what the oracle
//! finds in it.

pub(crate) mod chains;
pub(crate) mod compare;
pub(crate) mod draw;
pub(crate) mod encode;
pub(crate) mod rows;
pub(crate) mod steps;

use chains::{Reading, sights};
use stanch::patch::{Action, Part};
use steps::{BASE64, BASIC, DEFLATE, GZIP};

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
    /// The flags of [`steps`].
    pub(crate) views: u32,
    pub(crate) offset: u64,
    /// How many bytes its first character comes from.
    pub(crate) first: u64,
    pub(crate) name: Vec<u8>,
    /// Whether it has to be found. What lies beyond a ceiling may be found or not.
    pub(crate) certain: bool,
}

/// Every token of `tokens` in `request`, at every place and in every view.
pub(crate) fn find(tokens: &[Token], request: &Request) -> Vec<Found> {
    find_in(tokens, request, u32::MAX)
}

/// The same in the views that `on` has.
pub(crate) fn find_in(tokens: &[Token], request: &Request, on: u32) -> Vec<Found> {
    let mut found = Vec::new();
    let mut read = |reading: Reading<'_>, place: &dyn Fn(usize) -> (Part, Vec<u8>)| {
        for sight in sights(tokens, &reading) {
            let (part, name) = place(sight.offset);
            found.push(Found {
                leak: sight.leak,
                action: sight.action,
                part,
                views: sight.views,
                offset: sight.offset as u64,
                first: sight.first as u64,
                name,
                certain: sight.certain,
            });
        }
    };
    let target = &request.target;
    read(Reading::plain(target, on), &|from| match query_start(target, from) {
        None => (Part::Path, Vec::new()),
        Some(query) => (Part::Query, item_name(&target[query..from], b"&;")),
    });
    for (name, value) in request.headers.iter().chain(&request.trailers) {
        let base64 = if is_basic(name, value) { BASIC } else { BASE64 };
        read(Reading { base64, ..Reading::plain(value, on) }, &|from| {
            if name.eq_ignore_ascii_case(b"cookie") {
                (Part::Cookie, item_name(&value[..from], b";"))
            } else {
                (Part::Header, cut(name))
            }
        });
    }
    let in_body = |_| (Part::Body, Vec::new());
    let body = request.body.concat();
    read(Reading { body: true, ..Reading::plain(&body, on) }, &in_body);
    if let Some(coding) = content_coding(request) {
        for (inflated, views, certain) in steps::inflate(&body, coding) {
            if on & views != 0 {
                read(
                    Reading { body: true, views, certain, ..Reading::plain(&inflated, on) },
                    &in_body,
                );
            }
        }
    }
    found
}

/// The strongest action of all that was found.
pub(crate) fn strongest<'f>(found: impl IntoIterator<Item = &'f Found>) -> Action {
    found.into_iter().map(|found| found.action).max().unwrap_or_default()
}

/// Whether a header holds credentials of the Basic scheme.
fn is_basic(name: &[u8], value: &[u8]) -> bool {
    let known = [&b"authorization"[..], b"proxy-authorization"];
    let blank = |byte: &u8| byte.is_ascii_whitespace();
    let value = value.trim_ascii_start();
    let scheme = value.split(blank).next().unwrap_or_default();
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
        && scheme.eq_ignore_ascii_case(b"basic")
        && value.len() > scheme.len()
}

/// How the body is compressed, by what the request says: one coding that is known, and no other.
fn content_coding(request: &Request) -> Option<u32> {
    let headers = request.headers.iter();
    let values = headers.filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"));
    let lists: Vec<&[u8]> = values.map(|(_, value)| &value[..]).collect();
    let list = lists.join(&b',').to_ascii_lowercase();
    let codings = list.split(|byte| *byte == b',').map(|coding| coding.trim_ascii());
    let codings: Vec<_> = codings.filter(|c| !matches!(*c, b"" | b"identity")).collect();
    match codings[..] {
        [b"gzip" | b"x-gzip"] => Some(GZIP),
        [b"deflate"] => Some(DEFLATE),
        _ => None,
    }
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
