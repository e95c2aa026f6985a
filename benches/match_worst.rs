//! The request matcher on bodies that somebody made to be slow.
//!
//! `cargo bench --bench match_worst -- [--quick] [ROW…]`
//!
//! Prints a table; `docs/benchmarks.md` says what is in it. With arguments, only the rows that have one of
//! them in their name are measured.

#![allow(clippy::print_stdout, reason = "a program that reports on the terminal")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/oracle/draw.rs"]
mod draw;
#[path = "match_peers/tokens.rs"]
mod tokens;

use std::time::Instant;

use draw::{BASE62, Draw, HEX, base64};
use stanch::patch::{Patch, PatchSet, PatchSetBuilder, Scan};
use stanch::secret::{ImprintKey, Secret};

/// How long a body is, in bytes.
const BODY: usize = 1 << 20;

/// How many different bodies a row has.
const BODIES: usize = 4;

/// How long the pieces are that a body comes in.
const PIECE: usize = 4096;

/// What is repeated as it stands. `~` stands for a token of 20 bytes without its last.
const UNITS: &[&str] = &[
    "~",
    "%",
    "%4",
    "%41",
    "%2541",
    "%252541",
    "\\",
    "\\u",
    "\\u0041",
    "\\u005cu0041",
    "&",
    "&#",
    "&#65;",
    "&amp;",
    "&amp;amp;",
    "&lt;",
    "%26amp;#65;",
    "=",
    "=41",
    "=3D41",
    "=\r\n",
    "\n",
];

fn main() {
    // What cargo adds is no row.
    let (options, wanted): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let rounds = if options.iter().any(|option| option == "--quick") { 5 } else { 25 };
    let mut draw = Draw(0x30_257);
    let mut tokens = tokens::draw(&mut draw, 10_000);
    tokens.push(draw.text(40, HEX));
    let set = compile(&tokens);
    let nearly = &tokens[2][..19];
    let mut state = vec![0; set.state_len()];
    println!(
        "{} tokens, bodies of {BODY} bytes, {BODIES} for each row, {rounds} rounds, MB/s",
        tokens.len()
    );
    println!("{:38} {:>17} {:>19}", "", "whole", "pieces of 4 KiB");
    println!("{:38} {:>8} {:>8} {:>10} {:>8}", "body", "median", "best", "median", "best");
    for (name, bodies) in rows(&mut draw, nearly) {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let [whole, pieces] = [BODY, PIECE].map(|piece| {
            let mut rates: Vec<f64> = (0..rounds * BODIES)
                .map(|turn| {
                    let body = &bodies[turn % BODIES];
                    let start = Instant::now();
                    let mut scan = Scan::new(&set, &mut state).expect("enough state");
                    body.chunks(piece).for_each(|piece| scan.body(&[piece]));
                    assert!(scan.finish().hit.is_none(), "{name}: nothing is there");
                    body.len() as f64 / start.elapsed().as_secs_f64() / 1e6
                })
                .collect();
            rates.sort_by(f64::total_cmp);
            [rates[rates.len() / 2], rates[rates.len() - 1]]
        });
        println!(
            "{name:38} {:>8.0} {:>8.0} {:>10.0} {:>8.0}",
            whole[0], whole[1], pieces[0], pieces[1]
        );
    }
}

/// The name and the bodies of each row.
fn rows(draw: &mut Draw, nearly: &[u8]) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut rows: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
    for unit in UNITS {
        let repeated = unit.as_bytes().iter().flat_map(|byte| match byte {
            b'~' => nearly,
            byte => std::slice::from_ref(byte),
        });
        let repeated: Vec<u8> = repeated.copied().collect();
        // They start at different places.
        let bodies = (0..BODIES).map(|at| repeated.iter().copied().cycle().skip(at).take(BODY));
        let name = match *unit {
            "~" => "a token but for its last byte".to_owned(),
            unit => unit.escape_default().to_string().replace("\\\\", "\\"),
        };
        rows.push((name, bodies.map(Iterator::collect).collect()));
    }
    let lines = |text: &[u8], width: usize| -> Vec<u8> {
        text.chunks(width).flat_map(|line| [line, b"\r\n"].concat()).collect()
    };
    let escaped = |text: &[u8]| -> Vec<u8> {
        text.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()
    };
    let words = |text: &[u8]| -> Vec<u8> {
        text.chunks(32).flat_map(|word| [word, b" "].concat()).collect()
    };
    let mut row = |name: &str, body: &mut dyn FnMut() -> Vec<u8>| {
        let bodies = (0..BODIES).map(|_| {
            let mut body = body();
            body.truncate(BODY);
            body
        });
        rows.push((name.to_owned(), bodies.collect()));
    };
    let mut base62 = || draw.text(BODY, BASE62);
    row("base62", &mut base62);
    row("base64 of base64 of base62", &mut || base64(&base64(&base62(), true), true));
    for width in [32, 37, 76] {
        row(&format!("base64 lines of {width} within such lines"), &mut || {
            lines(&base64(&lines(&base64(&base62(), true), width), true), width)
        });
    }
    row("words of 32, base64 of base64", &mut || words(&base64(&base64(&base62(), true), true)));
    let nearly: Vec<u8> = nearly.iter().copied().cycle().take(BODY / 3).collect();
    row("base64 of percent of nearly a token", &mut || base64(&escaped(&nearly), true));
    row("%, \\ and & at random", &mut || draw.text(BODY, b"%\\&"));
    row("bytes of escapes at random", &mut || draw.text(BODY, b"%25\\&u0041x26#amp;"));
    rows
}

fn compile(tokens: &[Vec<u8>]) -> PatchSet {
    let key = ImprintKey::from_bytes([0x5a; 32]);
    let mut builder = PatchSetBuilder::new(&key);
    let secrets: Vec<Secret> =
        tokens.iter().map(|token| Secret::new("bench", token.clone())).collect();
    for (leak, imprint) in (0..).zip(key.imprint_all(&secrets)) {
        let imprint = imprint.expect("every token can be imprinted");
        builder.add(&imprint, Patch::block(leak)).expect("the same key");
    }
    builder.build().expect("a set")
}
