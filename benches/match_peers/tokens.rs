//! Tokens of mixed shapes, all invented.

use crate::draw::{BASE62, Draw, base64};

/// `count` different tokens: a quarter each of 40 characters base62, 32 characters with a prefix, 20
/// characters base62, and JWTs of 200 characters whose header is always the same.
pub(crate) fn draw(draw: &mut Draw, count: usize) -> Vec<Vec<u8>> {
    let token = |number: usize| match number % 4 {
        0 => draw.text(40, BASE62),
        1 => [b"sk_live_", &draw.text(24, BASE62)[..]].concat(),
        2 => draw.text(20, BASE62),
        _ => jwt(draw),
    };
    let tokens: Vec<Vec<u8>> = (0..count).map(token).collect();
    let different: std::collections::HashSet<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
    assert_eq!(different.len(), count);
    tokens
}

/// A JWT of 200 characters: 36 of header, 119 of claims, 43 of signature, and two full stops.
pub(crate) fn jwt(draw: &mut Draw) -> Vec<u8> {
    let mut claims = format!(
        r#"{{"sub":"{}","iat":{},"exp":{},"tid":""#,
        1_000_000_000 + draw.below(9_000_000_000),
        1_700_000_000 + draw.below(90_000_000),
        1_800_000_000 + draw.below(90_000_000),
    )
    .into_bytes();
    let rest = 89 - claims.len() - 2;
    claims.extend(draw.text(rest, BASE62));
    claims.extend(b"\"}");
    let signature: Vec<u8> = (0..32).map(|_| draw.number() as u8).collect();
    let parts = [br#"{"alg":"HS256","typ":"JWT"}"#.to_vec(), claims, signature];
    let token = parts.map(|part| base64(&part, false)).join(&b'.');
    assert_eq!(token.len(), 200);
    let to_url = |byte: u8| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    };
    token.into_iter().map(to_url).collect()
}
