//! The request matcher beside other multi-string matchers, on the same tokens and the same bytes.
//!
//! `cargo bench --bench match_peers -- [--tokens 100,10000,1000000] [--quick]`
//!
//! Prints a table and writes `target/bench/match_peers.json`. What each row means is in
//! `docs/benchmarks.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports on the terminal"
)]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/oracle/draw.rs"]
mod draw;
#[path = "match_peers/hyperscan.rs"]
mod hyperscan;
#[path = "match_peers/stanch.rs"]
mod own;
#[path = "match_peers/peers.rs"]
mod peers;
#[path = "match_peers/proof.rs"]
mod proof;
#[path = "match_peers/report.rs"]
mod report;
#[path = "match_peers/tokens.rs"]
mod tokens;
#[path = "match_peers/traffic.rs"]
mod traffic;

use std::time::{Duration, Instant};

use draw::Draw;
use report::Row;
use traffic::{Block, Traffic};

/// An engine with a compiled set of tokens.
trait Engine {
    /// Whether any token stands in the header block.
    fn in_block(&mut self, block: &Block<'_>) -> bool;

    /// Whether any token stands in the body.
    fn in_body(&mut self, body: &[u8]) -> bool;

    /// In how many of the blocks a token stands. Compiled for each engine, so that only the outer
    /// call is dynamic.
    fn in_blocks(&mut self, blocks: &[Block<'_>]) -> usize {
        blocks.iter().filter(|block| self.in_block(block)).count()
    }

    /// In how many of the bodies a token stands.
    fn in_bodies(&mut self, bodies: &[Vec<u8>]) -> usize {
        bodies.iter().filter(|body| self.in_body(body)).count()
    }
}

/// An engine, and what it took to build it.
struct Contender<'s> {
    engine: Box<dyn Engine + 's>,
    name: &'static str,
    /// What exactly was built, where there is a choice.
    kind: String,
    imprint: Duration,
    build: Duration,
    bytes: usize,
}

/// What the command line asks for.
struct Options {
    tokens: Vec<usize>,
    rounds: usize,
}

fn main() {
    let options = match Options::from_arguments(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("match_peers: {error}");
            std::process::exit(2);
        }
    };
    let started = Instant::now();
    let traffic = Traffic::draw(&mut Draw(0x5eed));
    let blocks = traffic.blocks();
    println!(
        "{} header blocks ({} with an escape) of {} to {} bytes, {} bodies of {} bytes, medians of {} rounds",
        blocks.len(),
        blocks.len() - traffic.plain(),
        blocks.iter().map(|block| block.bytes.len()).min().unwrap_or(0),
        blocks.iter().map(|block| block.bytes.len()).max().unwrap_or(0),
        traffic.bodies.len(),
        traffic.bodies[0].len(),
        options.rounds,
    );
    let mut rows = Vec::new();
    for count in options.tokens {
        let tokens = tokens::draw(&mut Draw(count as u64), count);
        let set = own::Set::compile(&tokens);
        let mut contenders = set.contenders();
        contenders.extend(peers::all(&tokens));
        for contender in &mut contenders {
            proof::works(contender, &tokens, &traffic, &blocks);
        }
        let measured =
            measure(&mut contenders, options.rounds, (traffic.plain(), &blocks), &traffic.bodies);
        let new: Vec<Row> = contenders
            .iter()
            .zip(measured)
            .map(|(contender, times)| Row::new(contender, count, times))
            .collect();
        report::print(count, &new);
        rows.extend(new);
    }
    match report::write(&rows) {
        Ok(path) => println!("\nwritten to {} after {:.0?}", path.display(), started.elapsed()),
        Err(error) => {
            eprintln!("match_peers: the results cannot be written: {error}");
            std::process::exit(1);
        }
    }
}

impl Options {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options { tokens: vec![100, 10_000, 1_000_000], rounds: 31 };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // What cargo adds.
                "--bench" => {}
                "--quick" => options.rounds = 7,
                "--tokens" => {
                    let list = arguments.next().unwrap_or_default();
                    let numbers = list.split(',').map(|number| number.parse().ok());
                    options.tokens = numbers
                        .collect::<Option<Vec<usize>>>()
                        .filter(|numbers| numbers.iter().all(|number| *number > 0))
                        .ok_or_else(|| format!("--tokens wants numbers, not \"{list}\""))?;
                }
                other => return Err(format!("unknown argument \"{other}\"")),
            }
        }
        Ok(options)
    }
}

/// What was measured of a contender: medians.
#[derive(Clone, Copy)]
struct Times {
    /// Nanoseconds for a header block.
    header_ns: f64,
    /// The same for the blocks without and for those with an escape.
    plain_ns: f64,
    escaped_ns: f64,
    /// Gigabytes of body a second.
    body_gb_per_s: f64,
}

/// Times each contender over `rounds` rounds. In a round each has its turn, so that whatever else the
/// machine does hits all of them. The first `plain` blocks have no escape in them.
fn measure(
    contenders: &mut [Contender<'_>],
    rounds: usize,
    (plain, blocks): (usize, &[Block<'_>]),
    bodies: &[Vec<u8>],
) -> Vec<Times> {
    let body_bytes: usize = bodies.iter().map(Vec::len).sum();
    let (without, with) = blocks.split_at(plain);
    let mut times = vec![[const { Vec::new() }; 4]; contenders.len()];
    for _ in 0..rounds {
        for (contender, [all, plain, escaped, body]) in contenders.iter_mut().zip(&mut times) {
            let mut nanoseconds = |work: &mut dyn FnMut(&mut dyn Engine) -> usize| {
                let start = Instant::now();
                let found = work(&mut *contender.engine);
                let time = start.elapsed().as_nanos() as f64;
                assert_eq!(found, 0, "{} found what is not there", contender.name);
                time
            };
            let first = nanoseconds(&mut |engine| engine.in_blocks(without));
            let second = nanoseconds(&mut |engine| engine.in_blocks(with));
            all.push((first + second) / blocks.len() as f64);
            plain.push(first / without.len() as f64);
            escaped.push(second / with.len() as f64);
            body.push(body_bytes as f64 / nanoseconds(&mut |engine| engine.in_bodies(bodies)));
        }
    }
    let times = times.into_iter().map(|times| {
        let [header_ns, plain_ns, escaped_ns, body_gb_per_s] = times.map(median);
        Times { header_ns, plain_ns, escaped_ns, body_gb_per_s }
    });
    times.collect()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
