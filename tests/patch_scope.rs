//! Where and when patches act: every condition, met, not met, and not known.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::IpAddr;

use stanch::patch::{
    Action, BuildError, Context, Header, Part, Patch, PatchSet, PatchSetBuilder, Scan, Scope,
    Verdict,
};
use stanch::secret::{ImprintKey, Secret};

/// A token, invented.
const TOKEN: &str = "ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi";

fn set(patches: &[Patch]) -> PatchSet {
    let key = ImprintKey::from_bytes([5; 32]);
    let mut builder = PatchSetBuilder::new(&key);
    let imprint = key.imprint(&Secret::new("test", TOKEN)).unwrap();
    for patch in patches {
        builder.add(&imprint, patch.clone()).unwrap();
    }
    builder.build().unwrap()
}

fn block(scope: Scope) -> PatchSet {
    set(&[Patch::block(1).with_scope(scope)])
}

fn scan(set: &PatchSet, feed: impl FnOnce(&mut Scan<'_>)) -> Verdict {
    let mut state = vec![0xa5; set.state_len()];
    let mut scan = Scan::new(set, &mut state).unwrap();
    feed(&mut scan);
    let verdict = scan.finish();
    drop(scan);
    assert!(state.iter().all(|byte| matches!(byte, 0 | 0xa5)), "the state is not wiped");
    verdict
}

/// What is done about the token in a body behind `context`.
fn acts(set: &PatchSet, context: Context<'_>) -> bool {
    let verdict = scan(set, |scan| {
        scan.context(&context);
        scan.body(&[TOKEN.as_bytes()]);
    });
    assert_eq!(verdict.hit.is_some(), verdict.action == Action::Block);
    verdict.action == Action::Block
}

/// The same for a request that says it all itself.
fn acts_on(set: &PatchSet, method: &str, target: &str, hosts: &[&str]) -> bool {
    let verdict = scan(set, |scan| {
        scan.request(method.as_bytes(), target.as_bytes());
        let headers: Vec<Header<'_>> =
            hosts.iter().map(|host| Header { name: b"Host", value: host.as_bytes() }).collect();
        scan.headers(&headers);
        scan.body(&[TOKEN.as_bytes()]);
    });
    verdict.action == Action::Block
}

#[test]
fn a_patch_without_a_scope_acts_everywhere() {
    let plain = set(&[Patch::block(1)]);
    assert!(acts(&plain, Context::default()));
    assert!(acts_on(&plain, "GET", "/", &["a.example"]));
    // It needs no more memory than it did without scopes.
    assert!(plain.state_len() < block(Scope::new().not_before(1)).state_len());
    assert_eq!(block(Scope::new()).as_bytes().len(), plain.as_bytes().len());
}

#[test]
fn hosts() {
    let scope = Scope::new().with_host("api.example.com").unwrap();
    let set = block(scope.with_host("*.example.org").unwrap());
    let cases = [
        ("api.example.com", true),
        ("API.Example.Com.:8443", true),
        ("www.example.com", false),
        ("example.com", false),
        ("xapi.example.com", false),
        ("api.example.com.evil.example", false),
        ("a.example.org", true),
        ("a.b.example.org", true),
        ("example.org", false),
        ("badexample.org", false),
        ("192.0.2.1", false),
        // What cannot be read counts as unknown.
        ("", true),
        ("www.example.com, api.example.com", true),
        ("user@www.example.com", true),
        ("www.exam ple.com", true),
        (&"a".repeat(300), true),
    ];
    for (host, inside) in cases {
        let context = Context { host: Some(host.as_bytes()), ..Context::default() };
        assert_eq!(acts(&set, context), inside, "{host:?}");
        assert_eq!(acts_on(&set, "GET", "/", &[host]), inside, "Host: {host:?}");
        if !host.is_empty() {
            let target = format!("http://{host}/x");
            assert_eq!(acts_on(&set, "GET", &target, &[]), inside, "{target:?}");
        }
    }
    assert!(acts(&set, Context::default()), "an unknown host");
    assert!(acts_on(&set, "GET", "/", &[]), "no Host header");
    // Several that agree are one; several that do not leave open which the server takes.
    let (inside, outside) = ("api.example.com", "www.example.com");
    assert!(!acts_on(&set, "GET", "/", &[outside, "WWW.example.com:80"]));
    assert!(acts_on(&set, "GET", "/", &[outside, inside]));
    assert!(acts_on(&set, "GET", "/", &[outside, "other.example"]));
    assert!(acts_on(&set, "GET", "http://api.example.com/", &[outside]));
    assert!(acts_on(&set, "GET", "http://www.example.com/", &[inside]));
    assert!(!acts_on(&set, "GET", "http://www.example.com/", &[outside]));
}

/// What the host knows wins over what the request says.
#[test]
fn the_context_wins() {
    let scope = Scope::new().with_host("api.example.com").unwrap();
    let scope = scope.with_path("/v1").unwrap().with_method("POST").unwrap();
    let set = block(scope);
    let (inside, outside) =
        ((&b"api.example.com"[..], &b"POST"[..], &b"/v1/x"[..]), b"www.example.com");
    let act = |context: Context<'_>, request: [&str; 3]| {
        let verdict = scan(&set, |scan| {
            scan.context(&context);
            scan.request(request[0].as_bytes(), request[1].as_bytes());
            scan.headers(&[Header { name: b"host", value: request[2].as_bytes() }]);
            scan.body(&[TOKEN.as_bytes()]);
        });
        verdict.action == Action::Block
    };
    let (host, method, path) = (Some(inside.0), Some(inside.1), Some(inside.2));
    let all = Context { host, method, path, ..Context::default() };
    assert!(act(all, ["GET", "/v2", "www.example.com"]));
    assert!(act(Context::default(), ["POST", "/v1", "api.example.com"]));
    let request = ["POST", "/v1", "api.example.com"];
    assert!(!act(Context { host: Some(outside), ..Context::default() }, request));
    assert!(!act(Context { method: Some(b"GET"), ..Context::default() }, request));
    assert!(!act(Context { path: Some(b"/v2"), ..Context::default() }, request));
}

#[test]
fn methods() {
    let set = block(Scope::new().with_method("POST").unwrap().with_method("put").unwrap());
    let long = "X".repeat(40);
    for (method, inside) in [
        ("POST", true),
        ("PUT", true),
        ("post", true),
        ("GET", false),
        ("POSTS", false),
        ("", true),
        (&long, true),
    ] {
        assert_eq!(acts_on(&set, method, "/", &[]), inside, "{method:?}");
        let context = Context { method: Some(method.as_bytes()), ..Context::default() };
        assert_eq!(acts(&set, context), inside, "{method:?}");
    }
    assert!(acts(&set, Context::default()), "an unknown method");
}

#[test]
fn paths() {
    let set = block(Scope::new().with_path("/v1/pay").unwrap());
    let far = format!("/{}/../v1/pay", "a".repeat(2000));
    let long = format!("/{}", "a".repeat(2000));
    let cases = [
        ("/v1/pay", true),
        ("/v1/pay/", true),
        ("/v1/pay/x?y", true),
        ("/v1/pay?x", true),
        ("/v1/payments", false),
        ("/v1", false),
        ("/v10/pay", false),
        ("/", false),
        ("/x/v1/pay", false),
        ("/x?/v1/pay", false),
        (&long, false),
        // Written differently, read the same.
        ("//v1///pay", true),
        ("/V1/Pay", true),
        ("/%76%31/pa%79", true),
        ("/v1;x=y/pay", true),
        // Read differently by different servers, so not read at all.
        ("/x/../v1/pay", true),
        ("/x/%2e%2e/v1/pay", true),
        ("/x/..;/v1/pay", true),
        ("/v1%2fpay", true),
        ("/v1/pay/..%2f..%2fpublic", true),
        ("/v1\\pay", true),
        ("/%2576%2531/pay", true),
        ("/x%00", true),
        ("/%u0076", true),
        (&far, true),
        ("*", true),
        ("v1/pay", true),
        ("", true),
    ];
    for (path, inside) in cases {
        assert_eq!(acts_on(&set, "GET", path, &[]), inside, "{path:?}");
        if path.starts_with('/') {
            let absolute = format!("https://h{path}");
            assert_eq!(acts_on(&set, "GET", &absolute, &[]), inside, "{absolute:?}");
        }
        let context = Context { path: Some(path.as_bytes()), ..Context::default() };
        assert_eq!(acts(&set, context), inside, "{path:?}");
    }
    assert!(acts(&set, Context::default()), "an unknown path");
    assert!(acts_on(&block(Scope::new().with_path("/").unwrap()), "GET", "/any", &[]));
}

/// The longest prefix that a scope can have still ends where a segment ends.
#[test]
fn the_longest_path() {
    let longest = format!("/{}", "a".repeat(254));
    let set = block(Scope::new().with_path(&longest).unwrap());
    assert!(acts_on(&set, "GET", &longest, &[]));
    assert!(acts_on(&set, "GET", &format!("{longest}/x"), &[]));
    assert!(!acts_on(&set, "GET", &format!("{longest}x"), &[]));
    assert!(!acts_on(&set, "GET", &longest[..200], &[]));
}

#[test]
fn parts() {
    let all = [Part::Path, Part::Query, Part::Header, Part::Cookie, Part::Body];
    let feed = |scan: &mut Scan<'_>, part: Part| {
        let header = |name| Header { name, value: TOKEN.as_bytes() };
        match part {
            Part::Path => scan.request(b"GET", format!("/{TOKEN}?a=b").as_bytes()),
            Part::Query => scan.request(b"GET", format!("/?a={TOKEN}").as_bytes()),
            Part::Header => scan.headers(&[header(b"x-key")]),
            Part::Cookie => scan.headers(&[header(b"cookie")]),
            Part::Body => scan.body(&[TOKEN.as_bytes()]),
        }
    };
    for one in all {
        let set = block(Scope::new().with_part(one));
        for part in all {
            let verdict = scan(&set, |scan| feed(scan, part));
            assert_eq!(verdict.hit.map(|hit| hit.part), Some(part).filter(|part| *part == one));
        }
        // Out of scope at first, in scope later.
        let verdict = scan(&set, |scan| all.iter().for_each(|part| feed(scan, *part)));
        assert_eq!(verdict.hit.map(|hit| hit.part), Some(one));
        let but_one = all.iter().filter(|part| **part != one);
        let set = block(but_one.fold(Scope::new(), |scope, part| scope.with_part(*part)));
        for part in all {
            assert_eq!(scan(&set, |scan| feed(scan, part)).hit.is_some(), part != one);
        }
    }
}

#[test]
fn exempt_networks() {
    let scope =
        Scope::new().except("10.0.0.0/8".parse().unwrap()).except("2001:db8::/32".parse().unwrap());
    let set = block(scope);
    for (client, inside) in [
        ("203.0.113.9", true),
        ("10.1.2.3", false),
        ("::ffff:10.1.2.3", false),
        ("2001:db8::7", false),
        ("2001:db9::7", true),
    ] {
        let client: IpAddr = client.parse().unwrap();
        let context = Context { client: Some(client), ..Context::default() };
        assert_eq!(acts(&set, context), inside, "{client}");
    }
    assert!(acts(&set, Context::default()), "an unknown client");
}

#[test]
fn times() {
    let set = block(Scope::new().not_before(100).not_after(200));
    for (now, inside) in
        [(0, false), (99, false), (100, true), (150, true), (200, true), (201, false)]
    {
        assert_eq!(acts(&set, Context { now: Some(now), ..Context::default() }), inside, "{now}");
    }
    // Without a time, the system's counts.
    assert!(!acts(&set, Context::default()));
    assert!(acts(&block(Scope::new().not_before(100)), Context::default()));
    assert!(!acts(&block(Scope::new().not_before(u64::MAX / 2)), Context::default()));
}

#[test]
fn all_conditions_must_hold() {
    let scope = Scope::new().with_host("a.example").unwrap().with_path("/v1").unwrap();
    let set = block(scope.with_part(Part::Body).not_before(100));
    let context = |host: &'static str, path: &'static str, now| Context {
        host: Some(host.as_bytes()),
        path: Some(path.as_bytes()),
        now: Some(now),
        ..Context::default()
    };
    assert!(acts(&set, context("a.example", "/v1", 100)));
    for context in [
        context("b.example", "/v1", 100),
        context("a.example", "/v2", 100),
        context("a.example", "/v1", 99),
    ] {
        assert!(!acts(&set, context), "{context:?}");
    }
}

/// Patches of one token stand side by side: the strongest whose scope a request is in.
#[test]
fn patches_of_one_token_join() {
    let path = |path| Scope::new().with_path(path).unwrap();
    let patches = [
        Patch::monitor(1),
        Patch::block(2).with_scope(path("/v1")),
        Patch::block(3).with_scope(path("/v2")),
    ];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let set = set(&order.map(|number: usize| patches[number].clone()));
        let action = |path: &str| {
            scan(&set, |scan| {
                scan.request(b"GET", path.as_bytes());
                scan.body(&[TOKEN.as_bytes()]);
            })
        };
        for (path, expected) in
            [("/v1/x", Action::Block), ("/v2", Action::Block), ("/v3", Action::Monitor)]
        {
            let verdict = action(path);
            assert_eq!(verdict.action, expected, "{path}");
            assert_eq!(verdict.hit.map(|hit| hit.leak), Some(order[0] as u64 + 1));
        }
        assert_eq!(set.info().policies.iter().map(Vec::len).max(), Some(3));
    }
}

/// A token is judged by what is known when it is found; afterwards nothing is looked at that was told.
#[test]
fn the_order_of_what_is_told_matters() {
    let set = block(Scope::new().with_host("a.example").unwrap());
    let target = format!("/?t={TOKEN}");
    let other = Header { name: b"host", value: b"b.example" };
    let verdict = scan(&set, |scan| {
        scan.request(b"GET", target.as_bytes());
        scan.headers(&[other]);
    });
    assert_eq!(verdict.action, Action::Block, "the host was not known yet");
    // All headers of a call are one message: the Host among them is known for all.
    let verdict = scan(&set, |scan| {
        scan.headers(&[Header { name: b"x", value: TOKEN.as_bytes() }, other]);
    });
    assert_eq!(verdict.action, Action::Pass);
    let verdict = scan(&set, |scan| {
        scan.context(&Context { host: Some(b"b.example"), ..Context::default() });
        scan.request(b"GET", target.as_bytes());
        assert_eq!(scan.finish().action, Action::Pass);
        scan.context(&Context { host: Some(b"a.example"), ..Context::default() });
        scan.request(b"GET", target.as_bytes());
    });
    assert_eq!(verdict.action, Action::Pass);
}

#[test]
fn scopes_that_the_format_has_no_room_for_are_refused() {
    let key = ImprintKey::from_bytes([5; 32]);
    let imprint = key.imprint(&Secret::new("test", TOKEN)).unwrap();
    let hosts = (0..40).try_fold(Scope::new(), |scope, number| {
        scope.with_host(&format!("{number}{}.example", "a".repeat(100)))
    });
    let mut builder = PatchSetBuilder::new(&key);
    builder.add(&imprint, Patch::block(9).with_scope(hosts.unwrap())).unwrap();
    let error = builder.build().unwrap_err();
    assert_eq!(error, BuildError::Scope { leak: 9 });
    assert!(error.to_string().contains("leak 9"));
}

#[test]
fn a_token_below_the_floor_is_refused() {
    let key = ImprintKey::from_bytes([5; 32]);
    let build = |token: &str, floor: Option<u32>| {
        let mut builder = PatchSetBuilder::new(&key);
        if let Some(floor) = floor {
            builder = builder.floor(floor);
        }
        let imprint = key.imprint(&Secret::new("test", token)).unwrap();
        builder.add(&imprint, Patch::block(3)).unwrap();
        builder.build().map(|set| set.info().recovery_bits)
    };
    let short = build("kW7mPq2x", None).unwrap();
    assert!((40..50).contains(&short), "{short}");
    assert!(build(TOKEN, None).unwrap() >= 60);
    let error = build("kW7mPq2x", Some(60)).unwrap_err();
    assert_eq!(error, BuildError::Recoverable { leak: 3, bits: short, floor: 60 });
    assert!(!error.to_string().contains("kW7mPq2x"));
    let digits = "249582542748992";
    assert!(matches!(build(digits, None), Err(BuildError::Recoverable { bits: 20..32, .. })));
    assert!(build(digits, Some(0)).is_ok());
}

/// A value that is full of tokens that are out of scope by their part must not cost its square: only so many
/// of them are located. In the body, where nothing has to be located, there is no such bound.
#[test]
fn only_so_many_tokens_are_located_in_vain() {
    let set = block(Scope::new().with_part(Part::Header));
    let many = |times: usize| format!("/?{}", format!("a={TOKEN}&").repeat(times));
    for (times, action) in [(64, Action::Pass), (65, Action::Block), (5000, Action::Block)] {
        let verdict = scan(&set, |scan| scan.request(b"GET", many(times).as_bytes()));
        assert_eq!(verdict.action, action, "{times}");
        let verdict = scan(&set, |scan| scan.body(&[many(times).as_bytes()]));
        assert_eq!(verdict.action, Action::Pass, "{times} in the body");
    }
    // Nothing is located where the request is out of scope whatever the part.
    let set = block(Scope::new().with_host("a.example").unwrap().with_part(Part::Header));
    let verdict = scan(&set, |scan| {
        scan.context(&Context { host: Some(b"b.example"), ..Context::default() });
        scan.request(b"GET", many(5000).as_bytes());
    });
    assert_eq!(verdict.action, Action::Pass);
}
