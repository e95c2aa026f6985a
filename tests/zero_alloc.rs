//! A scan never touches the heap: no allocation, reallocation or free from its start to its drop,
//! whatever the request.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use oracle::compare::{self, headers, set};
use oracle::draw::{self, BASE62, Draw, ESCAPES};
use oracle::encode;
use oracle::rows::rows;
use oracle::{Request, Token};
use stanch::patch::{
    Action, Context, Header, Inflater, Part, Patch, PatchSet, PatchSetBuilder, Scan, Scope,
    Verdict, View, Views,
};
use stanch::secret::Secret;

/// Counts what its thread asks for, and asks the system's allocator.
struct Counting;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    allocations: u64,
    reallocations: u64,
    frees: u64,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { allocations: 0, reallocations: 0, frees: 0 }) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(change: impl FnOnce(&mut Counts)) {
    // A thread that is about to end has no counter any more; no test measures then.
    let _ = COUNTS.try_with(|counts| {
        let mut changed = counts.get();
        change(&mut changed);
        counts.set(changed);
    });
}

// SAFETY: every call is handed on to the system's allocator as it is; counting touches a cell of the
// thread that needs neither heap nor destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|counts| counts.allocations += 1);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(|counts| counts.allocations += 1);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        count(|counts| counts.reallocations += 1);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(old, layout, len) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        count(|counts| counts.frees += 1);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(old, layout) }
    }
}

/// What `work` asked of the heap, and what came of it.
fn counted<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = COUNTS.get();
    let result = work();
    let after = COUNTS.get();
    let counts = Counts {
        allocations: after.allocations - before.allocations,
        reallocations: after.reallocations - before.reallocations,
        frees: after.frees - before.frees,
    };
    (result, counts)
}

/// Scans `request` in `state` and asserts that the heap was left alone.
#[track_caller]
fn scan(set: &PatchSet, state: &mut [u8], request: &Request, what: &str) -> Verdict {
    scan_with(set, state, &mut Inflater::new(), request, what)
}

/// The same with an inflater that is used again, as in a worker.
#[track_caller]
fn scan_with(
    set: &PatchSet,
    state: &mut [u8],
    inflater: &mut Inflater,
    request: &Request,
    what: &str,
) -> Verdict {
    let (headers, trailers) = (headers(&request.headers), headers(&request.trailers));
    let pieces: Vec<&[u8]> = request.body.iter().map(Vec::as_slice).collect();
    let (verdict, counts) = counted(|| {
        let Ok(scan) = Scan::new(set, state) else { return None };
        let mut scan = scan.with_views(Views::ALL).with_inflater(inflater);
        scan.request(&request.method, &request.target);
        scan.headers(&headers);
        black_box(scan.verdict());
        // Half of the pieces at once, the others one by one.
        let (together, alone) = pieces.split_at(pieces.len() / 2);
        scan.body(together);
        alone.iter().for_each(|piece| scan.body(&[piece]));
        scan.headers(&trailers);
        let verdict = scan.finish();
        drop(scan);
        Some(verdict)
    });
    assert_eq!(counts, Counts::default(), "{what}");
    verdict.expect("as much state as the set asks for")
}

const LENGTHS: [usize; 9] = [8, 13, 16, 20, 31, 32, 40, 200, 4096];

/// Tokens of every tier, each with its length as its leak.
fn tokens(draw: &mut Draw, action: Action) -> Vec<Token> {
    let token = |len: usize| Token { bytes: draw.text(len, BASE62), leak: len as u64, action };
    LENGTHS.map(token).to_vec()
}

/// Requests with `text` in each part, and what each part is called.
fn requests(draw: &mut Draw, text: &[u8]) -> Vec<(&'static str, Part, Request)> {
    let post = |target: Vec<u8>, headers: Vec<(Vec<u8>, Vec<u8>)>| Request {
        method: b"POST".to_vec(),
        target,
        headers,
        ..Request::default()
    };
    let header = |name: &str, value: Vec<u8>| {
        let other = (b"Accept".to_vec(), b"text/html,application/xhtml+xml;q=0.9".to_vec());
        post(b"/v1/%7Euser?page=1".to_vec(), vec![other, (name.as_bytes().to_vec(), value)])
    };
    let mut requests = vec![
        ("path", Part::Path, post([b"/v1/", text, b"/x"].concat(), vec![])),
        ("query", Part::Query, post([b"/v1?a=%20&key=", text].concat(), vec![])),
        ("header", Part::Header, header("X-Api-Key", text.to_vec())),
        ("cookie", Part::Cookie, header("Cookie", [b"a=1; sid=", text].concat())),
    ];
    let noise = draw.text(9000, BASE62);
    let body = [&noise[..4500], b" a%20b ", text, b" 100% ", &noise[4500..]].concat();
    for longest in [9, 700, 20_000] {
        let mut request = header("Accept-Language", b"en".to_vec());
        request.body = draw.cut(&body, longest);
        request.trailers = vec![(b"X-Checksum".to_vec(), b"%61b".to_vec())];
        requests.push(("body", Part::Body, request));
    }
    let mut request = header("TE", b"trailers".to_vec());
    request.trailers = vec![(b"X-Key".to_vec(), text.to_vec())];
    requests.push(("trailer", Part::Header, request));
    requests
}

/// Every token × every part × raw and escaped, blocked or recorded; for Basic, see below.
#[test]
fn hits_leave_the_heap_alone() {
    let draw = &mut Draw(31);
    for action in [Action::Block, Action::Monitor] {
        let tokens = tokens(draw, action);
        let set = set(&tokens);
        let mut state = vec![0; set.state_len()];
        for token in &tokens {
            let raw = token.bytes.clone();
            for (view, text) in [(View::Raw, raw), (View::Percent, draw.escaped(&token.bytes, 100))]
            {
                for (what, part, request) in requests(draw, &text) {
                    let what = format!("{} in {what}, {view}", token.leak);
                    let verdict = scan(&set, &mut state, &request, &what);
                    let hit = verdict.hit.unwrap_or_else(|| panic!("{what}: not found"));
                    assert_eq!(verdict.action, action, "{what}");
                    assert_eq!(
                        (hit.leak, hit.part, hit.views),
                        (token.leak, part, view.into()),
                        "{what}"
                    );
                }
            }
            let value =
                [b"Basic ", &draw::base64(&[b"user:", &token.bytes[..]].concat(), true)[..]];
            let request = Request {
                target: b"/".to_vec(),
                headers: vec![(b"Authorization".to_vec(), value.concat())],
                ..Request::default()
            };
            let hit = scan(&set, &mut state, &request, "basic").hit.expect("found");
            assert_eq!((hit.leak, hit.views), (token.leak, View::Basic.into()));
        }
    }
}

#[test]
fn misses_leave_the_heap_alone() {
    let draw = &mut Draw(37);
    let tokens = tokens(draw, Action::Block);
    let set = set(&tokens);
    let mut state = vec![0; set.state_len()];
    assert_eq!(scan(&set, &mut state, &Request::default(), "empty").action, Action::Pass);
    for token in &tokens {
        let miss = draw::changed(&token.bytes, token.bytes.len() - 1);
        let start = &token.bytes[..token.bytes.len() - 1];
        let texts = [miss.clone(), draw.escaped(&miss, 50), start.repeat(3), draw.text(300, b"")];
        for text in texts {
            for (what, _, request) in requests(draw, &text) {
                let what = format!("nearly {} in {what}", token.leak);
                assert_eq!(scan(&set, &mut state, &request, &what).action, Action::Pass, "{what}");
            }
        }
    }
}

/// Every row of the table of views in every place, so that every step runs; with a near miss nothing
/// ends the scan early.
#[test]
fn every_view_leaves_the_heap_alone() {
    let draw = &mut Draw(47);
    let mut inflater = Inflater::new();
    let hexadecimal = b"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b".to_vec();
    let spaced = b"v9Qx 7rTe/wK2p=mZ4s".to_vec();
    let foreign = "Zr3Kw9-Schlüssel-7Tq-𝄞-Vn9".as_bytes().to_vec();
    for bytes in [draw.text(20, BASE62), hexadecimal, spaced, foreign] {
        let tokens = [Token { bytes, leak: 1, action: Action::Monitor }];
        let set = set(&tokens);
        let mut state = vec![0; set.state_len()];
        let token = &tokens[0].bytes;
        for row in rows() {
            for place in row.places.iter().filter(|place| row.takes(token, **place)) {
                for (expected, text) in
                    [(Action::Monitor, token.clone()), (Action::Pass, draw::changed(token, 7))]
                {
                    let text = (row.write)(draw, b"Zz0", &text, b"9aB");
                    let mut request = row.request(*place, &text);
                    let whole = request.body.concat();
                    for longest in [1, 40, usize::MAX] {
                        request.body = whole.chunks(longest).map(<[u8]>::to_vec).collect();
                        let what = format!("{} in {place:?}, pieces of {longest}", row.name);
                        let verdict = scan_with(&set, &mut state, &mut inflater, &request, &what);
                        assert_eq!(verdict.action, expected, "{what}");
                    }
                }
            }
        }
    }
}

/// Nothing but what escapes are made of: steps that find work everywhere, and bombs.
#[test]
fn hostile_texts_leave_the_heap_alone() {
    let draw = &mut Draw(53);
    let tokens = tokens(draw, Action::Block);
    let set = set(&tokens);
    let mut state = vec![0; set.state_len()];
    let mut inflater = Inflater::new();
    let units: [&[u8]; 10] = [
        b"%",
        b"%25",
        b"%255C",
        b"\\u005c",
        b"&#38;",
        b"=3D",
        b"QQ==",
        b"AEEA",
        b"a\0",
        b"aGVsbG8g\r\n",
    ];
    let mut texts: Vec<Vec<u8>> = units.iter().map(|unit| unit.repeat(6000 / unit.len())).collect();
    texts.push(draw.text(6000, ESCAPES));
    texts.push(draw.text(6000, b""));
    for text in texts {
        for (what, _, request) in requests(draw, &text) {
            scan_with(&set, &mut state, &mut inflater, &request, what);
        }
        let coding = (b"Content-Encoding".to_vec(), b"gzip".to_vec());
        for body in [encode::gzip(&text.repeat(300)), text[..3000].to_vec()] {
            let headers = vec![coding.clone()];
            let body = draw.cut(&body, 700);
            let request = Request { headers, body, ..Request::default() };
            scan_with(&set, &mut state, &mut inflater, &request, "compressed");
        }
    }
}

/// Every kind of condition, met and not met.
#[test]
fn scopes_leave_the_heap_alone() {
    let token = Draw(47).text(40, BASE62);
    let key = compare::key();
    let scope = Scope::new()
        .with_host("*.example.com")
        .and_then(|scope| scope.with_method("POST"))
        .and_then(|scope| scope.with_path("/v1"))
        .expect("a scope")
        .except("10.0.0.0/8".parse().expect("a network"))
        .with_part(Part::Header)
        .not_before(1);
    let mut builder = PatchSetBuilder::new(&key);
    let imprint = key.imprint(&Secret::new("test", token.clone())).expect("a usable token");
    builder.add(&imprint, Patch::block(1).with_scope(scope)).expect("added");
    let set = builder.build().expect("a set");
    let mut state = vec![0; set.state_len()];
    for (host, client, action) in [
        ("A.Example.com:443", [192, 0, 2, 1], Action::Block),
        ("a.example.com", [10, 0, 0, 1], Action::Pass),
        ("example.org", [192, 0, 2, 1], Action::Pass),
    ] {
        let (verdict, counts) = counted(|| {
            let mut scan = Scan::new(&set, &mut state).ok()?;
            scan.context(&Context { client: Some(client.into()), ..Context::default() });
            scan.request(b"POST", b"//%76%31/x?y");
            let header = |name, value| Header { name, value };
            scan.headers(&[header(b"Host", host.as_bytes()), header(b"X-Key", &token)]);
            Some(scan.finish().action)
        });
        assert_eq!((verdict, counts), (Some(action), Counts::default()), "{host}");
    }
}

/// A scan that is refused, one that is dropped half-way, and one that goes on after its end.
#[test]
fn odd_ways_to_use_a_scan_leave_the_heap_alone() {
    let draw = &mut Draw(41);
    let tokens = tokens(draw, Action::Block);
    let set = set(&tokens);
    let mut state = vec![0; set.state_len()];
    let short = state.len() - 1;
    let (refused, counts) = counted(|| Scan::new(&set, &mut state[..short]).is_err());
    assert_eq!((refused, counts), (true, Counts::default()));
    let body = draw.text(7000, BASE62);
    let ((), counts) = counted(|| {
        if let Ok(mut scan) = Scan::new(&set, &mut state) {
            scan.body(&[&body]);
        }
    });
    assert_eq!(counts, Counts::default());
    let (verdict, counts) = counted(|| {
        let mut scan = Scan::new(&set, &mut state).ok()?;
        scan.finish();
        scan.body(&[&tokens[3].bytes]);
        Some(scan.finish())
    });
    assert_eq!(counts, Counts::default());
    assert_eq!(verdict, Some(Verdict::default()));
}

/// The counter sees each kind of call; without this the tests above would prove nothing.
#[test]
fn the_counter_counts() {
    let (bytes, counts) = counted(|| black_box(vec![1u8; 100]));
    assert_eq!(counts, Counts { allocations: 1, ..Counts::default() });
    let (bytes, counts) = counted(|| {
        let mut bytes = bytes;
        bytes.reserve_exact(black_box(10_000));
        black_box(bytes)
    });
    assert_eq!(counts, Counts { reallocations: 1, ..Counts::default() });
    let ((), counts) = counted(|| drop(black_box(bytes)));
    assert_eq!(counts, Counts { frees: 1, ..Counts::default() });
    let (zeroes, counts) = counted(|| black_box(vec![0u8; 100]));
    assert_eq!(counts, Counts { allocations: 1, ..Counts::default() });
    drop(zeroes);
    // The very thing that the tests watch, with an allocation in the middle of it.
    let tokens = tokens(&mut Draw(43), Action::Block);
    let set = set(&tokens);
    let mut state = vec![0; set.state_len()];
    let (_, counts) = counted(|| {
        let mut scan = Scan::new(&set, &mut state).ok()?;
        let target = black_box([b"/?key=", &tokens[4].bytes[..]].concat());
        scan.request(b"GET", &target);
        Some(scan.finish())
    });
    assert_eq!(counts, Counts { allocations: 1, reallocations: 0, frees: 1 });
}
