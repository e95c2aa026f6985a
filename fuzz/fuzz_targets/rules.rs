//! Any text as a file of rules: it is refused with a line or a rule and a reason, or its rules are
//! proven and used on its own text, within bounds.
//!
//! Rules stay in memory for as long as the program runs. So they are all held, and whatever else is left
//! behind shows as a leak.

#![no_main]

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use stanch::detect::{Detector, Rule, RuleFile};

/// Files with more rules are only read.
const MOST: usize = 8;
/// No file of a few kilobytes may take longer to be read, proven and used, under a sanitizer that slows
/// everything down.
const LONGEST: Duration = Duration::from_secs(10);

static HELD: Mutex<Vec<&'static Rule>> = Mutex::new(Vec::new());

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let began = Instant::now();
    match RuleFile::parse(text) {
        Ok(file) => used(&file, text),
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty());
        }
    }
    assert!(began.elapsed() < LONGEST, "{:?}", began.elapsed());
});

/// The rules on their examples, and on the text that they were read from.
fn used(file: &RuleFile, text: &str) {
    HELD.lock().unwrap_or_else(PoisonError::into_inner).extend(file.rules());
    if file.rules().len() > MOST {
        return;
    }
    for complaint in file.prove() {
        assert!(file.rules().iter().any(|rule| rule.id() == complaint.rule()));
        assert!(!complaint.to_string().is_empty());
    }
    let detector = Detector::with_rules(file);
    let mut end = 0;
    for finding in detector.scan(text.as_bytes()) {
        let range = finding.range();
        assert!(end <= range.start && range.start < range.end && range.end <= text.len());
        end = range.end;
    }
}
