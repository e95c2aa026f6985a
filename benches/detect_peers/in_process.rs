//! Scans of short texts, without a process around each: what a proxy or an editor pays.

use std::time::Instant;

use serde::Serialize;
use stanch::detect::Detector;

use crate::Outcome;
use crate::betterleaks::Betterleaks;
use crate::draw::Draw;
use crate::sample;
use crate::tree::Tree;

/// How many texts of each length there are: none is like another.
const TEXTS: usize = 256;

/// A call on texts of one length.
#[derive(Serialize)]
pub(crate) struct Call {
    pub(crate) engine: &'static str,
    pub(crate) bytes: usize,
    pub(crate) us: f64,
    pub(crate) mb_per_s: f64,
}

/// Times both engines on pieces of the tree's files.
pub(crate) fn measure(tree: &Tree, rounds: usize) -> Outcome<Vec<Call>> {
    let detector = Detector::new();
    let peer = Betterleaks::load()?;
    let (mut own, mut others) = (0, 0);
    for token in sample::tokens(&mut Draw(5), 10) {
        let text = format!("client = connect(\"{token}\")\n");
        own += usize::from(!detector.scan(text.as_bytes()).is_empty());
        others += usize::from(peer.finds(text.as_bytes())?);
    }
    if own < 10 || others < 5 || peer.finds(b"nothing to see here")? {
        return Err(format!("of ten tokens, {own} are found, and {others} by betterleaks").into());
    }
    let mut calls = Vec::new();
    for bytes in [256, 16 * 1024] {
        // Pieces from the middle of files, so that they are not all licences.
        let all = tree.texts(TEXTS, bytes as u64 * 3 / 2)?;
        let texts: Vec<&[u8]> = all
            .iter()
            .filter_map(|text| text.get(text.len() / 3..)?.get(..bytes))
            .take(TEXTS)
            .collect();
        if texts.len() < TEXTS {
            return Err(format!("the tree has too few files for texts of {bytes} bytes").into());
        }
        let mut time = |engine, scan: &mut dyn FnMut(&[u8]) -> Outcome<()>| -> Outcome<()> {
            let mut times = Vec::new();
            for _ in 0..rounds.max(3) {
                let start = Instant::now();
                for text in &texts {
                    scan(text)?;
                }
                times.push(start.elapsed());
            }
            times.sort();
            let seconds = times[times.len() / 2].as_secs_f64() / texts.len() as f64;
            calls.push(Call {
                engine,
                bytes,
                us: seconds * 1e6,
                mb_per_s: bytes as f64 / seconds / 1e6,
            });
            Ok(())
        };
        time("stanch", &mut |text| {
            std::hint::black_box(detector.scan(text));
            Ok(())
        })?;
        time("betterleaks", &mut |text| {
            std::hint::black_box(peer.finds(text)?);
            Ok(())
        })?;
    }
    Ok(calls)
}
