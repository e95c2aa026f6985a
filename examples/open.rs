//! Measures how long a patch set takes to open: `cargo run --release --example open -- [TOKENS]`.
//!
//! The set is compiled from invented tokens of 40 characters, signed, written to a temporary file and
//! opened again and again: mapped, hashed, its signature checked, validated. The file is in the page
//! cache, as it is when the workers of a proxy open what was just put there. Prints medians.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use stanch::patch::{Patch, PatchSet, Scan, Survey, Trust};
use stanch::secret::{ImprintKey, Secret, SigningKey};

/// How often the set is opened.
const TURNS: usize = 31;

/// Tokens that are imprinted at a time.
const BATCH: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let tokens = std::env::args().nth(1).map_or(Ok(1_000_000), |tokens| tokens.parse())?;
    let (key, signing) = (ImprintKey::generate()?, SigningKey::generate()?);
    let set = compile(&key, tokens)?.sign(&signing)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("open.set");
    set.save(&path)?;
    drop(set);

    let trust = Trust::signed_by([signing.public()]);
    let mut ready = Vec::new();
    for turn in 0..TURNS {
        let start = Instant::now();
        let set = PatchSet::open_trusted(&path, &key, &trust)?;
        let mut state = vec![0; set.state_len()];
        let mut scan = Scan::new(&set, &mut state)?;
        scan.request(b"GET", format!("/?t={}", token(turn as u64)).as_bytes());
        let found = scan.finish().hit.map(|hit| hit.leak);
        ready.push(start.elapsed());
        assert_eq!(found, Some(turn as u64), "a token of the set");
    }
    // What the hash alone costs, in the same run: nothing can open faster than that.
    let bytes = std::fs::read(&path)?;
    let hash = (0..TURNS).map(|_| {
        let start = Instant::now();
        std::hint::black_box(blake3::hash(&bytes));
        start.elapsed()
    });
    let (ready, hash) = (median(ready), median(hash.collect()));
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    writeln!(
        std::io::stdout(),
        "{tokens} tokens, {:.1} MB: open and first request {:.2} ms, of which hash {:.2} ms; ratio {:.2}",
        bytes.len() as f64 / 1e6,
        millis(ready),
        millis(hash),
        ready.as_secs_f64() / hash.as_secs_f64(),
    )?;
    Ok(())
}

fn compile(key: &ImprintKey, tokens: u64) -> Result<PatchSet, Box<dyn Error>> {
    let batch = |from: u64| -> Vec<Secret> {
        (from..tokens.min(from + BATCH)).map(|n| Secret::new("invented", token(n))).collect()
    };
    let mut survey = Survey::new(key, tokens as usize);
    for from in (0..tokens).step_by(BATCH as usize) {
        for (leak, imprint) in (from..).zip(key.imprint_all(&batch(from))) {
            survey.see(&imprint?, Patch::block(leak))?;
        }
    }
    let mut placement = survey.finish()?;
    for from in (0..tokens).step_by(BATCH as usize) {
        for (leak, imprint) in (from..).zip(key.imprint_all(&batch(from))) {
            placement.place(&imprint?, Patch::block(leak))?;
        }
    }
    Ok(placement.build(1)?)
}

/// The invented token with this number: 40 characters base62.
fn token(number: u64) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = number;
    let draw = |_| {
        // The step and the shifts of SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        char::from(LETTERS[((drawn ^ (drawn >> 31)) % LETTERS.len() as u64) as usize])
    };
    (0..40).map(draw).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
