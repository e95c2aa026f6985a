//! Any bytes: the detector with its decoders comes to an end within its budget, its findings lie
//! within the text, and a text in pieces gives what it gives as a whole.
//!
//! The first byte chooses the budget, the second how the text is cut. The rest is text, but for 0xfe,
//! which is a token, and 0xfd, which writes the text so far in Base64.

#![no_main]

use std::ops::Range;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use stanch::detect::{Budget, Detector, DetectorStream, Finding};

const TOKEN: &[u8] = b"ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

/// No longer text is made.
const LONGEST: usize = 1 << 16;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

fuzz_target!(|input: &[u8]| {
    let [budget, cut, script @ ..] = input else { return };
    let text = text(script);
    let depth = budget & 7;
    let bytes = 1usize << (budget >> 3);
    let budget = Budget::default().depth(depth).bytes(bytes);

    let findings = DETECTOR.scan_decoded(&text, &budget);
    let mut start = 0;
    for (n, finding) in findings.iter().enumerate() {
        let range = finding.range();
        assert!(start <= range.start && range.start < range.end && range.end <= text.len());
        start = range.start;
        assert!(finding.trail().len() <= usize::from(depth));
        assert!(finding.trail().first().is_none_or(|step| step.range().end <= text.len()));
        assert!(!finding.secret(&text).is_empty());
        assert!(finding.partner().is_none_or(|other| findings[other].partner() == Some(n)));
        if !finding.trail().is_empty() {
            // What is decoded, and as much again of what stands around it.
            assert!(finding.secret(&text).len() <= bytes.saturating_add(LONGEST));
        }
    }

    let whole = DETECTOR.scan(&text);
    if depth == 0 {
        assert!(whole.iter().map(said).eq(findings.iter().map(said)));
    }
    let cut = usize::from(*cut).max(1);
    let pieces = fed(DETECTOR.stream(), &text, cut);
    assert!(whole.iter().map(said).eq(pieces.iter().map(said)), "{whole:?} but {pieces:?}");
    let pieces = fed(DETECTOR.stream_decoded(&budget), &text, cut);
    assert!(findings.iter().map(said).eq(pieces.iter().map(said)), "{findings:?} but {pieces:?}");
});

/// What a stream finds in the text when it comes in pieces of `cut` bytes.
fn fed(mut stream: DetectorStream<'_>, text: &[u8], cut: usize) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut note = |finding: Finding, token: &[u8]| {
        assert_eq!(token, finding.secret(text).expose());
        all.push(finding);
    };
    text.chunks(cut).for_each(|piece| stream.feed(piece, &mut note));
    stream.finish(note);
    all
}

/// What a finding says.
fn said(finding: &Finding) -> (&'static str, Range<usize>, u64, u64, Option<usize>) {
    (finding.rule().id(), finding.range(), finding.line(), finding.column(), finding.partner())
}

fn text(script: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in script {
        match byte {
            0xfe => text.extend_from_slice(TOKEN),
            0xfd if text.len() < LONGEST / 2 => text = base64(&text),
            byte => text.push(*byte),
        }
        if text.len() > LONGEST {
            break;
        }
    }
    text
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, b| bits << 8 | usize::from(*b));
        let bits = bits << (8 * (3 - group.len()));
        out.extend((0..=group.len()).map(|n| DIGITS[bits >> (18 - 6 * n) & 63]));
        out.extend(&b"=="[..3 - group.len()]);
    }
    out
}
