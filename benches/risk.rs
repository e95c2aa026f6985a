//! A million tokens, all different, scored and rated together.
//!
//! `cargo bench --bench risk [-- --rounds 15]`
//!
//! Proves the answers first, by a second way to compute them, then prints medians. What each row means is in
//! `docs/benchmarks.md`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports on the terminal"
)]

#[allow(dead_code, reason = "policies at random are for the tests")]
#[path = "../tests/risk_grid/mod.rs"]
mod risk_grid;
#[path = "../tests/risk_oracle/mod.rs"]
mod risk_oracle;

use std::time::{Duration, Instant};

use risk_oracle::Given;
use stanch::class::Family;
use stanch::risk::{Factors, Policy, Portfolio, Rating, assess, residual};

const TOKENS: usize = 1_000_000;

/// What a million tokens may take on one core.
const CEILING: Duration = Duration::from_secs(1);

const FAMILIES: [(Family, i32); 6] = [
    (Family::Other, 40),
    (Family::Storage, 100),
    (Family::Database, 100),
    (Family::Cloud, 100),
    (Family::Code, 80),
    (Family::Messaging, 60),
];

/// A token with what tells it from others.
struct Token {
    digest: [u8; 16],
    /// The places of its factors in the grid.
    places: [usize; 11],
    factors: Factors,
    family: usize,
    protected: bool,
}

fn main() {
    let rounds = match rounds(std::env::args().skip(1)) {
        Ok(rounds) => rounds,
        Err(error) => {
            eprintln!("risk: {error}");
            std::process::exit(2);
        }
    };
    let policy = Policy::default();
    let tokens: Vec<Token> = (0..TOKENS as u64).map(token).collect();
    prove(&policy, &tokens);

    let (mut scored, mut whole) = (Vec::new(), Vec::new());
    let mut checks = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let sum: u64 =
            tokens.iter().map(|token| u64::from(assess(&policy, &token.factors).score)).sum();
        scored.push(start.elapsed());
        let start = Instant::now();
        let ratings = rate(&policy, &tokens);
        whole.push(start.elapsed());
        checks.push((sum, ratings));
    }
    assert!(checks.windows(2).all(|pair| pair[0] == pair[1]), "rounds disagree");
    let (sum, [exposure, data]) = checks[0];

    println!("{TOKENS} different tokens, one core, median of {rounds} rounds");
    for (what, mut times) in [("scored", scored), ("scored and rated", whole)] {
        times.sort_unstable();
        let median = times[times.len() / 2];
        let worst = times[times.len() - 1];
        let each = median.as_nanos() / TOKENS as u128;
        println!("  {what:<18} {median:>9.1?}  {each:>4} ns a token  (longest {worst:.1?})");
        assert!(median <= CEILING, "{what}: {median:?} is more than {CEILING:?}");
    }
    println!("  scores come to {sum}");
    println!(
        "  NHI Exposure {} ({}), Data Leak Susceptibility {} ({})",
        exposure.grade.as_str(),
        exposure.points,
        data.grade.as_str(),
        data.points
    );
}

fn rounds(mut arguments: impl Iterator<Item = String>) -> Result<usize, String> {
    let mut rounds = 15;
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo passes to a benchmark.
            "--bench" => {}
            "--rounds" => {
                let value = arguments.next().ok_or("--rounds needs a number")?;
                rounds = value.parse().map_err(|_| format!("--rounds {value}: no number"))?;
                if rounds == 0 {
                    return Err("--rounds: at least one".into());
                }
            }
            other => return Err(format!("there is no {other}")),
        }
    }
    Ok(rounds)
}

/// The token of a number; which factors it has looks random.
fn token(number: u64) -> Token {
    let (one, other) = (mixed(number), mixed(!number));
    let places = risk_grid::places((one % risk_grid::COUNT as u64) as usize);
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&one.to_le_bytes());
    digest[8..].copy_from_slice(&other.to_le_bytes());
    Token {
        digest,
        places,
        factors: risk_grid::factors(places),
        family: (other % 6) as usize,
        protected: other % 7 == 0,
    }
}

/// SplitMix64's mixing: no two numbers share a result.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn rate(policy: &Policy, tokens: &[Token]) -> [Rating; 2] {
    let mut portfolio = Portfolio::with_capacity(policy, tokens.len());
    for token in tokens {
        let score = assess(policy, &token.factors).score;
        let left = residual(policy, score, token.protected);
        portfolio.add(token.digest, left, FAMILIES[token.family].0);
    }
    [portfolio.nhi_exposure(), portfolio.data_leak_susceptibility()]
}

/// Every score, and both grades, by the naive model.
fn prove(policy: &Policy, tokens: &[Token]) {
    let (mut exposure, mut data) = (Vec::new(), Vec::new());
    for (number, token) in (0..).zip(tokens) {
        let (places, known) = (token.places, &token.factors);
        let given = Given {
            privilege: places[0],
            breadth: places[1],
            channel: places[2],
            sources: known.sources,
            exploitation: places[4],
            days: known.days,
            environment: places[6],
            rotation: places[7],
            validity: places[8],
            generic: known.generic,
            contextual: known.contextual,
            half: known.half,
        };
        let score = risk_oracle::score(&given);
        let assessment = assess(policy, known);
        assert_eq!(i32::from(assessment.score), score, "{known:?}");
        assert_eq!(assessment.level.as_str(), risk_oracle::level(score));
        let left = if token.protected { score.min(44) } else { score };
        exposure.push((number, left, 100));
        data.push((number, left, FAMILIES[token.family].1));
    }
    // The naive way over all of them would take hours: some hundreds show that the grades are right, and the sums
    // that nothing is lost in the large.
    let some = rate(policy, &tokens[..500]);
    for (rating, tokens) in some.iter().zip([&exposure[..500], &data[..500]]) {
        let found = (i32::from(rating.points), rating.grade.as_str());
        assert_eq!(found, risk_oracle::grade(tokens));
    }
    for (rating, tokens) in rate(policy, tokens).iter().zip([&exposure, &data]) {
        let shares = tokens.iter().map(|(_, score, share)| score * share / 100);
        assert_eq!(rating.tokens, tokens.len() as u64, "two tokens share a digest");
        assert_eq!(rating.sum, shares.clone().map(i64::from).sum::<i64>() as u64);
        assert_eq!(i32::from(rating.worst), shares.max().unwrap_or(0));
    }
}
