//! Holds what the library says against what the oracle finds.

use stanch::patch::{
    Action, Header, Inflater, Patch, PatchSet, PatchSetBuilder, Scan, Verdict, Views,
};
use stanch::secret::{ImprintKey, Secret};

use super::chains::in_one_case;
use super::steps::names;
use super::{Found, Request, Token, find, strongest};

/// The key of all sets that tests build.
pub(crate) fn key() -> ImprintKey {
    ImprintKey::from_bytes([0x3c; 32])
}

/// The tokens that can be imprinted, each once: with the leak that it came with first and the
/// strongest of its actions. Two that differ in letter case only are one, if case does not count.
pub(crate) fn usable(tokens: &[Token]) -> Vec<Token> {
    let key = key();
    let mut kept: Vec<Token> = Vec::new();
    for token in tokens {
        if key.imprint(&Secret::new("test", token.bytes.clone())).is_err() {
            continue;
        }
        match kept.iter_mut().find(|known| folded(known) == folded(token)) {
            Some(known) => known.action = known.action.max(token.action),
            None => kept.push(token.clone()),
        }
    }
    kept
}

fn folded(token: &Token) -> Vec<u8> {
    match in_one_case(&token.bytes) {
        true => token.bytes.to_ascii_lowercase(),
        false => token.bytes.clone(),
    }
}

/// The compiled set of `tokens`, all of which can be imprinted.
pub(crate) fn set(tokens: &[Token]) -> PatchSet {
    let key = key();
    // Draws come up with tokens that are worth little, too.
    let mut builder = PatchSetBuilder::new(&key).floor(0);
    for token in tokens {
        let imprint =
            key.imprint(&Secret::new("test", token.bytes.clone())).expect("a usable token");
        let patch = match token.action {
            Action::Block => Patch::block(token.leak),
            _ => Patch::monitor(token.leak),
        };
        builder.add(&imprint, patch).expect("the same key");
    }
    builder.build().expect("at least one token")
}

/// What a scan in fresh memory says of `request`.
pub(crate) fn scan(set: &PatchSet, request: &Request) -> Verdict {
    scan_with(set, request, Views::ALL)
}

/// The same in some views only.
pub(crate) fn scan_with(set: &PatchSet, request: &Request, views: Views) -> Verdict {
    // What was in the memory before must not matter.
    let mut state = vec![0xa5; set.state_len()];
    scan_in(set, &mut state, request, views)
}

/// What a scan in `state` says of `request`.
pub(crate) fn scan_in(
    set: &PatchSet,
    state: &mut [u8],
    request: &Request,
    views: Views,
) -> Verdict {
    let before = state.to_vec();
    let scan = Scan::new(set, state).expect("as much state as the set asks for");
    let mut inflater = Inflater::new();
    let mut scan = scan.with_views(views).with_inflater(&mut inflater);
    scan.request(&request.method, &request.target);
    scan.headers(&headers(&request.headers));
    let pieces: Vec<&[u8]> = request.body.iter().map(Vec::as_slice).collect();
    scan.body(&pieces);
    scan.headers(&headers(&request.trailers));
    let so_far = *scan.verdict();
    let verdict = scan.finish();
    assert!(so_far.action <= verdict.action, "finish made the verdict weaker");
    assert_eq!(*scan.verdict(), verdict);
    drop(scan);
    assert!(is_wiped(state, &before), "the state is not wiped");
    verdict
}

/// Whether each byte of `state` is zero or what it was `before`, because it was never written to.
fn is_wiped(state: &[u8], before: &[u8]) -> bool {
    let wiped = |(after, before): (&u8, &u8)| *after == 0 || after == before;
    // Equal pieces are told fast.
    let mut pieces = state.chunks(64).zip(before.chunks(64));
    pieces.all(|(after, before)| {
        after == before || after == &[0; 64][..after.len()] || after.iter().zip(before).all(wiped)
    })
}

/// Why the library and the oracle do not agree about `request`, if they do not.
pub(crate) fn disagreement(set: &PatchSet, tokens: &[Token], request: &Request) -> Option<String> {
    let why = contradiction(&find(tokens, request), &scan(set, request))?;
    Some(format!("{why}: {}, {}", shown(request), listed(tokens)))
}

/// `tokens` as they can be read: all of them are invented.
pub(crate) fn listed(tokens: &[Token]) -> String {
    let each = |token: &Token| format!("{} is {}", token.leak, token.bytes.escape_ascii());
    tokens.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// `request` as it can be read, up to some length.
pub(crate) fn shown(request: &Request) -> String {
    let mut shown = format!("target {}", request.target.escape_ascii());
    for (name, value) in request.headers.iter().chain(&request.trailers) {
        shown += &format!(", {}: {}", name.escape_ascii(), value.escape_ascii());
    }
    shown += &format!(", body {}", request.body.concat().escape_ascii());
    shown.truncate(2000);
    shown
}

/// Why `verdict` cannot be what a scan says where the oracle has `found` this, if it cannot.
pub(crate) fn contradiction(found: &[Found], verdict: &Verdict) -> Option<String> {
    let least = strongest(found.iter().filter(|found| found.certain));
    let known = match verdict.hit {
        None => verdict.action == Action::Pass,
        Some(hit) => found.iter().any(|found| {
            found.action == verdict.action
                && (found.leak, found.part, found.views) == (hit.leak, hit.part, hit.views.bits())
                && found.name.as_slice() == hit.name.as_bytes()
                // What is longer than the reach is decoded in parts, and one may begin within the first
                // character: `2` in `%32` is a `2`, too.
                && (found.offset == hit.offset
                    || !found.certain
                        && (found.offset..found.offset + found.first).contains(&hit.offset))
        }),
    };
    if known && verdict.action >= least {
        return None;
    }
    let found: Vec<_> = found.iter().map(|found| (names(found.views), found)).collect();
    Some(format!("the scan says {verdict:?}, the oracle {least} or more: {found:?}"))
}

/// Fails the test with `what` if the library and the oracle do not agree.
#[track_caller]
pub(crate) fn agree(set: &PatchSet, tokens: &[Token], request: &Request, what: &str) -> Verdict {
    if let Some(why) = disagreement(set, tokens, request) {
        panic!("{what}: {why}");
    }
    scan(set, request)
}

/// Fields as a scan takes them.
pub(crate) fn headers(headers: &[(Vec<u8>, Vec<u8>)]) -> Vec<Header<'_>> {
    headers.iter().map(|(name, value)| Header { name, value }).collect()
}
