//! No engine is measured before it has shown that it works.

use crate::Contender;
use crate::traffic::{Block, Traffic};

/// How many tokens are planted, in headers and in bodies.
const PLANTED: usize = 24;

/// Asserts that the engine finds planted tokens, wherever they stand, and nothing in any block or
/// body that is measured.
pub(crate) fn works(
    contender: &mut Contender<'_>,
    tokens: &[Vec<u8>],
    traffic: &Traffic,
    blocks: &[Block<'_>],
) {
    let Contender { engine, name, .. } = contender;
    for turn in 0..PLANTED {
        // From all over the list, of every shape.
        let number = (turn * tokens.len() / PLANTED + turn) % tokens.len();
        let token = &tokens[number];
        for share in 0..=4 {
            let head = &traffic.heads[(turn * 331 + share) % traffic.heads.len()];
            let head = head.with(token, turn + share, share);
            assert!(engine.in_block(&head.block()), "{name} misses token {number} in a header");
            let body = &traffic.bodies[(turn + share) % traffic.bodies.len()];
            let (left, right) = body.split_at(body.len() * share / 4);
            let body = [left, token, right].concat();
            assert!(engine.in_body(&body), "{name} misses token {number} in a body");
        }
    }
    assert_eq!(engine.in_blocks(blocks), 0, "{name} finds a token in clean headers");
    assert_eq!(engine.in_bodies(&traffic.bodies), 0, "{name} finds a token in clean bodies");
}
