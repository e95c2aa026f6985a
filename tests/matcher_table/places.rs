//! Every token in every place of a request, and its near misses.

use stanch::patch::{Action, Part, View};

use crate::oracle::Request;
use crate::oracle::compare::set;
use crate::oracle::draw::changed;
use crate::{JWT, basic, body, escaped, get, header, one, tokens, told};

/// Where in a request a text stands, how it is written there, and what a hit must say.
struct Place {
    name: &'static str,
    part: Part,
    view: View,
    /// The name that a hit must bear.
    bears: &'static str,
    /// Where a token starts that has so many bytes of the text before it.
    starts: fn(usize) -> usize,
    request: fn(&[u8]) -> Request,
}

/// The letter that holds the first bit of byte `n` of Basic credentials.
fn in_basic(n: usize) -> usize {
    b"Basic ".len() + n * 8 / 6
}

const PLACES: [Place; 16] = [
    Place {
        name: "path",
        part: Part::Path,
        view: View::Raw,
        bears: "",
        starts: |n| 4 + n,
        request: |text| get(&[b"/v1/", text].concat()),
    },
    Place {
        name: "path, escaped",
        part: Part::Path,
        view: View::Percent,
        bears: "",
        starts: |n| 4 + 3 * n,
        request: |text| get(&[b"/v1/", &escaped(text)[..]].concat()),
    },
    Place {
        name: "query",
        part: Part::Query,
        view: View::Raw,
        bears: "key",
        starts: |n| 14 + n,
        request: |text| get(&[b"/v1?a=%31&key=", text].concat()),
    },
    Place {
        name: "query, escaped",
        part: Part::Query,
        view: View::Percent,
        bears: "key",
        starts: |n| 14 + 3 * n,
        request: |text| get(&[b"/v1?a=%31&key=", &escaped(text)[..]].concat()),
    },
    Place {
        name: "query without a name",
        part: Part::Query,
        view: View::Raw,
        bears: "",
        starts: |n| 4 + n,
        request: |text| get(&[b"/v1?", text].concat()),
    },
    Place {
        name: "header",
        part: Part::Header,
        view: View::Raw,
        bears: "X-Api-Key",
        starts: |n| n,
        request: |text| header(b"X-Api-Key", text),
    },
    Place {
        name: "bearer",
        part: Part::Header,
        view: View::Raw,
        bears: "authorization",
        starts: |n| 7 + n,
        request: |text| header(b"authorization", &[b"Bearer ", text].concat()),
    },
    Place {
        name: "header, escaped",
        part: Part::Header,
        view: View::Percent,
        bears: "X-Original-Url",
        starts: |n| 3 + 3 * n,
        request: |text| header(b"X-Original-Url", &[b"/?x", &escaped(text)[..]].concat()),
    },
    Place {
        name: "cookie",
        part: Part::Cookie,
        view: View::Raw,
        bears: "sid",
        starts: |n| 9 + n,
        request: |text| header(b"Cookie", &[b"a=1; sid=", text].concat()),
    },
    Place {
        name: "cookie, escaped",
        part: Part::Cookie,
        view: View::Percent,
        bears: "sid",
        starts: |n| 9 + 3 * n,
        request: |text| header(b"COOKIE", &[b"a=1; sid=", &escaped(text)[..]].concat()),
    },
    Place {
        name: "password",
        part: Part::Header,
        view: View::Basic,
        bears: "Authorization",
        starts: |n| in_basic(5 + n),
        request: |text| header(b"Authorization", &basic(b"user:", text, b"")),
    },
    Place {
        name: "user",
        part: Part::Header,
        view: View::Basic,
        bears: "Proxy-Authorization",
        starts: in_basic,
        request: |text| header(b"Proxy-Authorization", &basic(b"", text, b":x-oauth-basic")),
    },
    Place {
        name: "body",
        part: Part::Body,
        view: View::Raw,
        bears: "",
        starts: |n| 8 + n,
        request: |text| body(&[b"{\"key\":\"", text, b"\"}"]),
    },
    Place {
        name: "body, escaped",
        part: Part::Body,
        view: View::Percent,
        bears: "",
        starts: |n| 6 + 3 * n,
        request: |text| body(&[b"a=1&k=", &escaped(text), b"&b=2"]),
    },
    Place {
        name: "body, byte by byte",
        part: Part::Body,
        view: View::Raw,
        bears: "",
        starts: |n| 3 + n,
        request: |text| {
            let text = [b"k: ", text, b"\n"].concat();
            body(&text.chunks(1).collect::<Vec<_>>())
        },
    },
    Place {
        name: "trailer",
        part: Part::Header,
        view: View::Raw,
        bears: "X-Key",
        starts: |n| n,
        request: |text| {
            let trailers = vec![(b"X-Key".to_vec(), text.to_vec())];
            Request { trailers, ..body(&[b"nothing to see"]) }
        },
    },
];

/// Every token × every place × alone, at the start, at the end, and glued in between.
#[test]
fn every_token_is_found_at_every_place() {
    let tokens = tokens();
    let set = set(&tokens);
    for token in &tokens {
        for place in &PLACES {
            for (left, right) in [("", ""), ("", "Zz0-tail"), ("head-0Zz", ""), ("0aB", "Zz9")] {
                let text = [left.as_bytes(), &token.bytes, right.as_bytes()].concat();
                let what = format!("{} in {}: {left}…{right}", token.leak, place.name);
                let (action, hit) = told(&set, &tokens, &(place.request)(&text), &what);
                let Place { part, view, bears, .. } = place;
                let offset = (place.starts)(left.len());
                assert_eq!(action, Action::Block, "{what}");
                assert_eq!(hit, format!("{} {part} {view} {offset} {bears}", token.leak), "{what}");
            }
        }
    }
}

/// Any one byte changed, left out or doubled.
#[test]
fn near_misses_are_never_found() {
    let tokens = tokens();
    let set = set(&tokens);
    for token in &tokens {
        for at in 0..token.bytes.len() {
            let (left, right) = token.bytes.split_at(at);
            let misses = [
                changed(&token.bytes, at),
                [left, &right[1..]].concat(),
                [left, b"~", right].concat(),
            ];
            for (number, miss) in misses.iter().enumerate() {
                // Left out or put in at the end, or between equal bytes, the token is still there.
                if miss.windows(token.bytes.len()).any(|window| window == token.bytes) {
                    continue;
                }
                for place in PLACES.iter().skip((at + number) % 3).step_by(3) {
                    let what = format!("{} in {}, byte {at}", token.leak, place.name);
                    let told = told(&set, &tokens, &(place.request)(miss), &what);
                    assert_eq!(told.0, Action::Pass, "{what}");
                }
            }
        }
    }
}

/// The same header and claims, signed by somebody else.
const OTHER_SIGNATURE: &[u8] =
    b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI4NDA5MjcxMzU2IiwiaWF0IjoxNzE2MjM5MDIyfQ.\
    7XkQm2v9LrT0sWcYbN4hZpE8uJfA1gKdR6iVoCq3MxU";

#[test]
fn a_jwt_is_another_token_with_another_signature() {
    let (tokens, set) = one(JWT);
    for place in &PLACES {
        let found = told(&set, &tokens, &(place.request)(JWT), place.name);
        let other = told(&set, &tokens, &(place.request)(OTHER_SIGNATURE), place.name);
        assert_eq!((found.0, other.0), (Action::Block, Action::Pass), "{}", place.name);
        let cut = told(&set, &tokens, &(place.request)(&JWT[..JWT.len() - 1]), place.name);
        assert_eq!(cut.0, Action::Pass, "{}", place.name);
    }
}

/// Headers are searched many at a time. A token in any of a long list, long and short ones between.
#[test]
fn a_token_in_any_of_many_headers_is_found() {
    let tokens = tokens();
    let set = set(&tokens);
    for count in [1, 2, 15, 16, 17, 33, 100] {
        for planted in 0..count {
            let token = &tokens[(count + planted) % tokens.len()];
            let kind = (planted / 3) % 4;
            let field = |number: usize| {
                let noise = b"Kp2 mW8-zQ4;x=".repeat([0, 1, 9, 40][(number + count) % 4]);
                let text = if number == planted { &token.bytes[..] } else { b"" };
                let (name, value) = match kind {
                    0 => ("X-Key", [&noise[..], text].concat()),
                    1 => ("Cookie", [&noise[..], b"; sid=", text].concat()),
                    2 => ("X-Url", [&noise[..], &escaped(text)].concat()),
                    _ => ("Authorization", basic(&noise, text, b"")),
                };
                (name.as_bytes().to_vec(), value)
            };
            let request = Request { headers: (0..count).map(field).collect(), ..get(b"/") };
            let what = format!("leak {} in header {planted} of {count}", token.leak);
            let (action, hit) = told(&set, &tokens, &request, &what);
            let view = ["raw", "raw", "percent", "basic"][kind];
            assert_eq!(action, Action::Block, "{what}");
            assert!(
                hit.starts_with(&token.leak.to_string()) && hit.contains(view),
                "{what}: {hit}"
            );
        }
    }
}
