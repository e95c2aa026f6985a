//! Faults that were found by comparing with the oracle, each as small as it gets.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use oracle::compare::{agree, set};
use oracle::draw::base64;
use oracle::{Request, Token};
use stanch::patch::{Action, View, Views};

fn tokens(bytes: &[u8]) -> [Token; 1] {
    [Token { bytes: bytes.to_vec(), leak: 1, action: Action::Block }]
}

const TOKEN: &[u8] = b"Vn9Tz3Rw6Yb1Cd5Fg0Hp";

/// A piece with an escape before the token made the percent lane report a token that stands there in
/// the raw, and only for some cuts of the body.
#[test]
fn a_token_that_stands_in_the_raw_body_behind_an_escape_is_reported_as_raw() {
    let tokens = tokens(TOKEN);
    let set = set(&tokens);
    let text = [b"a%20b ", TOKEN, &[b' '; 600]].concat();
    for longest_piece in [1, 30, text.len()] {
        let body = text.chunks(longest_piece).map(<[u8]>::to_vec).collect();
        let request = Request { body, ..Request::default() };
        let hit =
            agree(&set, &tokens, &request, &format!("pieces of {longest_piece}")).hit.unwrap();
        assert_eq!((hit.views, hit.offset), (Views::RAW, 6), "pieces of {longest_piece}");
    }
}

/// Credentials end at the first byte that is no base64. What stands 256 bytes behind the start was
/// decoded all the same, as if it followed the part before that byte.
#[test]
fn credentials_end_at_the_first_byte_that_is_no_base64() {
    let tokens = tokens(TOKEN);
    let set = set(&tokens);
    let encoded = base64(&[b"user:abcdefg", TOKEN].concat(), true);
    let (start, rest) = encoded.split_at(24);
    let value = [b"Basic ", start, b"=", &[b' '; 231], rest].concat();
    let headers = vec![(b"Authorization".to_vec(), value)];
    let request = Request { headers, ..Request::default() };
    assert_eq!(agree(&set, &tokens, &request, "base64, a gap, base64").action, Action::Pass);
}

/// The percent lane starts a little before an escape that counts. Where that was within an escape
/// that does not, near the start of the text, the start came out as before the text.
#[test]
fn a_lane_that_starts_within_an_escape_keeps_count() {
    let tokens = tokens(TOKEN);
    let set = set(&tokens);
    let escaped = [b"%56", &TOKEN[1..]].concat();
    for filler in 0..60 {
        for start in [&b"%20"[..], b"%20%20", b"x%20", b"%2%20"] {
            let text = [start, &vec![b'-'; filler], &escaped].concat();
            let headers = vec![(b"X-Header".to_vec(), text.clone())];
            let body = text.chunks(7).map(<[u8]>::to_vec).collect();
            for request in
                [Request { headers, ..Request::default() }, Request { body, ..Request::default() }]
            {
                let hit = agree(&set, &tokens, &request, &format!("{filler} bytes")).hit.unwrap();
                assert_eq!(hit.views, View::Percent.into());
            }
        }
    }
}

/// The end of an escape that does not count is not text: what stands before an escape that counts
/// must be read from far enough back to see that.
#[test]
fn the_end_of_an_escape_is_not_the_start_of_a_token() {
    let tokens = tokens(b"0n9Tz3Rw6Yb1Cd5Fg0Hp");
    let set = set(&tokens);
    for start in [&b""[..], b"x", &[b'-'; 100]] {
        let text = [start, b"%20n9Tz3Rw6Yb1Cd5Fg0H%70"].concat();
        let headers = vec![(b"X-Header".to_vec(), text.clone())];
        let request = Request { headers, ..Request::default() };
        assert_eq!(agree(&set, &tokens, &request, "a header").action, Action::Pass);
        for longest_piece in [1, 5, 22, text.len()] {
            let body = text.chunks(longest_piece).map(<[u8]>::to_vec).collect();
            let request = Request { body, ..Request::default() };
            assert_eq!(agree(&set, &tokens, &request, "a body").action, Action::Pass);
        }
    }
}

/// Of a body in small pieces the other readings were a little ahead of the raw one: a token that
/// stands there in lower case was reported as found in another case, if capitals stood before it.
#[test]
fn a_token_in_its_own_letter_case_is_reported_as_raw() {
    let token = b"36febca7b26898372f78d5a";
    let longer = b"e0efd300e081d2ea3bdd5591bb44dc27ba7aecd97d1aafa0e7833e5";
    let tokens = [&token[..], longer].map(tokens).concat();
    let set = set(&tokens);
    for filler in 1200..1500 {
        let text = [&vec![b'\n'; filler][..], b"57f?%bFA}A&da72%d=A", token, &[b'x'; 22]].concat();
        let body = text.chunks(1).map(<[u8]>::to_vec).collect();
        let request = Request { body, ..Request::default() };
        let hit = agree(&set, &tokens, &request, &format!("{filler} bytes")).hit.unwrap();
        assert_eq!(hit.views, Views::RAW, "{filler} bytes");
    }
}

/// Padded pieces of base64 behind a piece that has nothing to do with them, where letters in between
/// move the groups of four.
#[test]
fn pieces_of_base64_behind_another_piece_are_joined() {
    let tokens = tokens(TOKEN);
    let set = set(&tokens);
    let (left, right) = TOKEN.split_at(10);
    for before in
        ["", "Cg==", "als=", "555=", "Cg==x", "Cg==xy", "Cg==xyz", "als=5", "Zm9vYmE=12", "x"]
    {
        let text = [before.as_bytes(), &base64(left, true), &base64(right, true)].concat();
        let request = Request { body: vec![text], ..Request::default() };
        let hit = agree(&set, &tokens, &request, before).hit.unwrap();
        assert_eq!((hit.views, hit.offset), (View::Base64.into(), before.len() as u64));
    }
}

/// The same with an escape in one of the pieces.
#[test]
fn an_escape_in_a_piece_of_base64_is_undone() {
    let tokens = tokens(b"gr+dF7iNOfaHa");
    let set = set(&tokens);
    for text in [&b"Z3IlMkI=ZEY3aU5PZg==YUhh"[..], b"555=5Z3IlMkI=ZEY3aU5PZg==YUhh"] {
        let request = Request { body: vec![text.to_vec()], ..Request::default() };
        let hit = agree(&set, &tokens, &request, "pieces").hit.unwrap();
        assert_eq!(hit.views.to_string(), "percent+base64");
    }
}

/// Base64 in lines is read as a whole. What stands close before them, but is not one of them, was passed
/// over with them.
#[test]
fn base64_close_before_lines_of_base64_is_decoded() {
    let tokens = tokens(TOKEN);
    let set = set(&tokens);
    let lines = [&b"eHh4".repeat(8)[..], b"\n", b"eHh"].concat();
    for between in [".", "-.", ". "] {
        let text = [&base64(TOKEN, false)[..], between.as_bytes(), &lines].concat();
        let request = Request { body: vec![text], ..Request::default() };
        let hit = agree(&set, &tokens, &request, between).hit.unwrap();
        assert_eq!((hit.views, hit.offset), (View::Base64.into(), 0), "{between}");
    }
}
