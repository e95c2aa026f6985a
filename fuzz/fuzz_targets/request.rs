//! Any request in any pieces: the matcher and the oracle agree.
//!
//! The first byte chooses a set of tokens, the second how long the body's pieces are at most, the
//! third how they are cut. The rest is text; the byte 0xfb goes on to the next part of the request.
//! What no mutation would ever hit upon has bytes of its own: 0xfe and a number is a token, 0xfd a
//! token with some of its bytes escaped, 0xfc all of a token but its last byte.

#![no_main]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../tests/oracle/mod.rs"]
mod oracle;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oracle::compare::{disagreement, set};
use oracle::draw::{BASE62, Draw, HEX, base64};
use oracle::{Request, Token};
use stanch::patch::{Action, PatchSet};

/// Texts longer than this take the oracle too long.
const LONGEST: usize = 4096;

static SETS: LazyLock<Vec<(Vec<Token>, PatchSet)>> = LazyLock::new(|| {
    let lengths: [&[usize]; 7] = [
        &[20, 40, 40, 32],
        &[8, 9, 13],
        &[16, 19, 200],
        &[33, 34, 64],
        &[8, 20, 41, 700],
        &[1000],
        &[24, 33],
    ];
    let mut draw = Draw(71);
    let sets = lengths.iter().enumerate().map(|(number, lengths)| {
        let alphabet = match number {
            3 => HEX,
            // Tokens that may hold a space.
            6 => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz   ",
            _ => BASE62,
        };
        let mut tokens: Vec<Token> = (1..)
            .zip(*lengths)
            .map(|(leak, len)| Token {
                bytes: draw.text(*len, alphabet),
                leak,
                action: if leak % 3 == 2 { Action::Monitor } else { Action::Block },
            })
            .collect();
        // One that starts like another, and one that is part of another.
        let mut sibling = tokens[0].clone();
        sibling.bytes.truncate(tokens[0].bytes.len() - 4);
        sibling.bytes.extend(draw.text(6, alphabet));
        sibling.leak = 90;
        tokens.push(sibling);
        let compiled = set(&tokens);
        (tokens, compiled)
    });
    sets.collect()
});

fuzz_target!(|input: &[u8]| {
    let [which, longest, cuts, text @ ..] = input else { return };
    let (tokens, set) = &SETS[usize::from(*which) % SETS.len()];
    let text = spelled(text, tokens, &mut Draw(u64::from(*cuts)));
    let mut parts = text.split(|byte| *byte == 0xfb);
    let mut part = || parts.next().unwrap_or_default().to_vec();
    let longest = match *longest {
        0 => LONGEST,
        len => usize::from(len) * usize::from(len) / 8 + 1,
    };
    let target = part();
    let mut headers = vec![
        (b"Cookie".to_vec(), part()),
        (b"Authorization".to_vec(), part()),
        (
            b"proxy-authorization".to_vec(),
            [b"Basic ", &base64(&part(), cuts % 2 == 0)[..]].concat(),
        ),
    ];
    // Any number of other headers, a line each; they stand first if the cuts say so.
    let lines = part();
    let others = lines.split(|byte| *byte == b'\n').map(|line| {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        (line[..colon].to_vec(), value.to_vec())
    });
    headers.extend(others);
    if cuts % 3 == 0 {
        headers.rotate_left(3);
    }
    let body = part();
    let trailers = vec![(b"X-Trailer".to_vec(), part())];
    let body = Draw(u64::from(*cuts)).cut(&body, longest);
    let request = Request { method: b"POST".to_vec(), target, headers, body, trailers };
    if let Some(why) = disagreement(set, tokens, &request) {
        panic!("{why}");
    }
});

/// The text that `input` stands for.
fn spelled(input: &[u8], tokens: &[Token], draw: &mut Draw) -> Vec<u8> {
    let mut text = Vec::new();
    let mut bytes = input.iter();
    while let Some(byte) = bytes.next() {
        if !(0xfc..=0xfe).contains(byte) {
            text.push(*byte);
            continue;
        }
        let number = bytes.next().copied().unwrap_or(0);
        let token = &tokens[usize::from(number) % tokens.len()].bytes;
        match byte {
            0xfe => text.extend(token),
            0xfd => text.extend(draw.escaped(token, usize::from(number) * 100 / 255)),
            _ => text.extend(&token[..token.len() - 1]),
        }
        if text.len() > LONGEST {
            break;
        }
    }
    text.truncate(LONGEST);
    text
}
