//! What one scan says of several tokens, parts and calls, and the memory that it works in.

use stanch::patch::{Action, Header, Scan, ScanError, Views};

use crate::oracle::compare::{scan_in, set};
use crate::oracle::{Request, Token};
use crate::{TOKENS, basic, body, escaped, get, header, one, tokens, told};

#[test]
fn the_strongest_action_wins_whatever_the_order() {
    let monitored = b"Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi".to_vec();
    let blocked = b"sk_live_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1C".to_vec();
    let tokens = [
        Token { bytes: monitored.clone(), leak: 5, action: Action::Monitor },
        Token { bytes: blocked.clone(), leak: 6, action: Action::Block },
    ];
    let set = set(&tokens);
    let told = |request: &Request, what| told(&set, &tokens, request, what);
    let recorded = |offset| (Action::Monitor, format!("5 body raw {offset} "));
    assert_eq!(told(&body(&[&monitored]), "one"), recorded(0));
    assert_eq!(told(&body(&[b"x", &monitored, b" ", &monitored]), "twice: the first"), recorded(1));
    let refused = |at: u64| (Action::Block, format!("6 body raw {at} "));
    assert_eq!(told(&body(&[&monitored, b" ", &blocked]), "then block"), refused(25));
    assert_eq!(told(&body(&[&blocked, b" ", &monitored]), "block first"), refused(0));
    let both = Request { body: vec![blocked.clone()], ..header(b"X-Key", &monitored) };
    assert_eq!(told(&both, "header, then body"), refused(0));
    let both = Request { body: vec![monitored.clone()], ..header(b"X-Key", &blocked) };
    let told_both = told(&both, "body, then header");
    assert_eq!(told_both, (Action::Block, "6 header raw 0 X-Key".to_owned()));
    let both = header(b"Authorization", &basic(&monitored, b":", &blocked));
    let told_both = told(&both, "basic");
    assert_eq!(told_both, (Action::Block, "6 header basic 39 Authorization".to_owned()));
}

/// Of the views that show a token, the plainest is reported: raw before percent, be it in a later
/// header.
#[test]
fn a_token_is_reported_by_the_plainest_view() {
    let (tokens, set) = one(TOKENS[3].1);
    let token = TOKENS[3].1;
    let request = get(&[b"/?a=%41&b=", token, b"%41"].concat());
    assert_eq!(told(&set, &tokens, &request, "raw").1, "1 query raw 10 b");
    let list = [(b"X-First".to_vec(), escaped(token)), (b"X-Second".to_vec(), token.to_vec())];
    let request = Request { headers: list.to_vec(), ..get(b"/") };
    assert_eq!(told(&set, &tokens, &request, "two headers").1, "1 header raw 0 X-Second");
}

#[test]
fn nothing_is_found_in_nothing() {
    let tokens = tokens();
    let set = set(&tokens);
    for request in [
        Request::default(),
        get(b""),
        get(b"/"),
        get(b"?"),
        header(b"", b""),
        header(b"Cookie", b""),
        header(b"Authorization", b""),
        header(b"Authorization", b"Basic"),
        header(b"Authorization", b"Basic "),
        header(b"Authorization", b"Basic ===="),
        body(&[]),
        body(&[b""]),
        body(&[b"", b"", b""]),
        body(&[b"%"]),
        body(&[b"%", b"", b"4"]),
    ] {
        let told = told(&set, &tokens, &request, "nothing");
        assert_eq!(told, (Action::Pass, String::new()), "{request:?}");
    }
    // Empty pieces between the halves of a token change nothing.
    let (left, right) = TOKENS[3].1.split_at(7);
    let request = body(&[b"", left, b"", b"", right, b""]);
    assert_eq!(told(&set, &tokens, &request, "empty pieces").1, "4 body raw 0 ");
}

#[test]
fn a_token_may_not_be_put_together_from_parts() {
    let (tokens, set) = one(TOKENS[3].1);
    let (left, right) = TOKENS[3].1.split_at(9);
    let split = |headers: &[(&[u8], &[u8])], target: &[u8], body: &[u8]| Request {
        headers: headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        body: vec![body.to_vec()],
        ..get(target)
    };
    for request in [
        split(&[(b"a", left), (b"b", right)], b"/", b""),
        split(&[(b"a", left)], b"/", right),
        split(&[(b"a", right)], left, b""),
        split(&[], left, right),
        split(&[(left, right)], b"/", b""),
        split(&[(TOKENS[3].1, b"x")], b"/", b""),
    ] {
        assert_eq!(told(&set, &tokens, &request, "in two").0, Action::Pass, "{request:?}");
    }
}

/// A host may hand over fields that share bytes: the header lines as one, then each field; or one
/// value twice. Each is a text of its own.
#[test]
fn headers_that_share_bytes_are_each_searched() {
    let (_, set) = one(TOKENS[5].1);
    let token = TOKENS[5].1;
    let text = [&b"0123456789".repeat(3)[..], token, &b"abcdefghij".repeat(3)].concat();
    let mut state = vec![0; set.state_len()];
    // The first ends within the token, the second has it whole.
    for (cut, from) in (30..30 + token.len()).flat_map(|cut| [0, 7, 29].map(|from| (cut, from))) {
        let first = Header { name: b"first", value: &text[..cut] };
        let second = Header { name: b"second", value: &text[from..] };
        for headers in [[first, second], [second, first]] {
            let mut scan = Scan::new(&set, &mut state).expect("enough state");
            scan.headers(&headers);
            let hit = scan.finish().hit.unwrap_or_else(|| panic!("cut at {cut}, from {from}"));
            assert_eq!((hit.offset, hit.name.as_bytes()), (30 - from as u64, &b"second"[..]));
        }
    }
}

#[test]
fn what_is_fed_after_the_end_or_after_a_block_is_not_looked_at() {
    let monitored = TOKENS[3].1.to_vec();
    let tokens = [
        Token { bytes: monitored.clone(), leak: 1, action: Action::Monitor },
        Token { bytes: TOKENS[5].1.to_vec(), leak: 2, action: Action::Block },
    ];
    let set = set(&tokens);
    let blocked = TOKENS[5].1;
    let mut state = vec![0xff; set.state_len()];
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.body(&[&monitored]);
    let verdict = scan.finish();
    assert_eq!((verdict.action, verdict.hit.map(|hit| hit.leak)), (Action::Monitor, Some(1)));
    scan.request(b"GET", &[b"/", blocked].concat());
    scan.headers(&[Header { name: b"x", value: blocked }]);
    scan.body(&[blocked, b"%41"]);
    assert_eq!(*scan.verdict(), verdict);
    assert_eq!(scan.finish(), verdict);
    drop(scan);
    assert!(
        state.iter().all(|byte| matches!(byte, 0 | 0xff)),
        "wiped, and nothing put there since"
    );

    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.headers(&[Header { name: b"x", value: blocked }]);
    let blocked_by_header = *scan.verdict();
    assert_eq!(blocked_by_header.action, Action::Block);
    scan.body(&[blocked, &monitored]);
    assert_eq!(scan.finish(), blocked_by_header);
}

/// Several calls are one request: two lists of headers, headers behind the body.
#[test]
fn calls_add_up() {
    let tokens = tokens();
    let set = set(&tokens);
    let (left, right) = TOKENS[6].1.split_at(11);
    let mut state = vec![0; set.state_len()];
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.headers(&[]);
    scan.body(&[b"12345", left]);
    scan.headers(&[Header { name: b"x", value: b"a header between the pieces of a body, %41" }]);
    scan.request(b"GET", b"/%41/and/a/request/line");
    scan.body(&[right]);
    let hit = scan.finish().hit.expect("found");
    assert_eq!((hit.leak, hit.offset), (7, 5));
}

/// Memory that held one scan serves the next, and nothing of the first shows in it.
#[test]
fn memory_is_wiped_and_serves_again() {
    let tokens = tokens();
    let set = set(&tokens);
    let mut state = vec![0xff; set.state_len() + 100];
    for token in &tokens {
        let (left, right) = token.bytes.split_at(token.bytes.len() / 2);
        let halves =
            [left, right].map(|half| scan_in(&set, &mut state, &body(&[half]), Views::ALL).action);
        assert_eq!(halves, [Action::Pass, Action::Pass], "halves in two requests");
        let whole = scan_in(&set, &mut state, &body(&[left, right]), Views::ALL);
        assert_eq!(whole.hit.map(|hit| hit.leak), Some(token.leak));
    }
    // One that is dropped before its end leaves nothing, either.
    state.fill(0xff);
    let mut scan = Scan::new(&set, &mut state).expect("enough state");
    scan.body(&[TOKENS[8].1.split_at(20).0]);
    drop(scan);
    assert!(state.iter().all(|byte| matches!(byte, 0 | 0xff)));
}

#[test]
fn too_little_memory_is_refused() {
    let (_, set) = one(TOKENS[3].1);
    let needed = set.state_len();
    for found in [0, 1, needed - 1] {
        let error = Scan::new(&set, &mut vec![0; found]).err();
        assert_eq!(error, Some(ScanError::State { needed, found }));
    }
    assert!(Scan::new(&set, &mut vec![0; needed]).is_ok());
}
