//! The detector: both passes, and what they agree on.

use std::ops::{ControlFlow, Range};

use super::candidate::{Candidate, resolve};
use super::entropy;
use super::finding::Finding;
use super::position::Position;
use super::prefix::{Entry, Prefixes};
use super::rule::{Confidence, Rule};
use super::runs::{CLASSES, DIGIT, LETTER, Runs};
use super::table::RULES;

/// Finds tokens in bytes by the built-in rules.
///
/// Built in less than a millisecond or so, immutable, shared freely between threads. No input makes it panic;
/// its work grows linearly with the input.
pub struct Detector {
    prefixes: Prefixes,
}

impl Detector {
    /// A detector with the built-in rules.
    pub fn new() -> Detector {
        Detector {
            prefixes: Prefixes::new(RULES),
        }
    }

    /// The rules, in the order of the table.
    pub fn rules(&self) -> &'static [Rule] {
        RULES
    }

    /// All findings in `text`, by place. They share no bytes.
    pub fn scan(&self, text: &[u8]) -> Vec<Finding> {
        let mut all = Vec::new();
        self.runs(text, &mut all);
        let mut position = Position::new(text);
        resolve(all, RULES)
            .into_iter()
            .filter_map(|candidate| {
                let rule = RULES.get(usize::from(candidate.rule))?;
                let (line, column) = position.of(candidate.range.start);
                let Range { start, end } = candidate.range;
                Some(Finding {
                    rule,
                    start,
                    end,
                    line,
                    column,
                    confidence: candidate.confidence,
                    partner: None,
                })
            })
            .collect()
    }

    /// Gives the findings in `text` one by one to `visit`, by place, until it breaks.
    pub fn each(&self, text: &[u8], mut visit: impl FnMut(Finding) -> ControlFlow<()>) {
        for finding in self.scan(text) {
            if visit(finding).is_break() {
                return;
            }
        }
    }

    fn runs(&self, text: &[u8], all: &mut Vec<Candidate>) {
        for run in Runs::new(text) {
            let mut classes = 0;
            let mut inside = false;
            for at in run.clone() {
                let class = CLASSES[usize::from(text[at])];
                classes |= class;
                let word = class & (LETTER | DIGIT) != 0;
                if word && !inside {
                    all.extend(
                        self.prefixes
                            .at(text, at)
                            .filter_map(|entry| prefixed(text, at, entry)),
                    );
                }
                inside = word;
            }
        }
    }
}

impl Default for Detector {
    fn default() -> Detector {
        Detector::new()
    }
}

fn prefixed(text: &[u8], at: usize, entry: &Entry) -> Option<Candidate> {
    let begin = at + entry.lead;
    let range = entry.shape.matches(text, begin, entry.prefix)?;
    let token = &text[range.clone()];
    if entropy::distinct(&text[begin + entry.prefix..range.end]) < 6 {
        return None;
    }
    let rule = RULES.get(usize::from(entry.rule))?;
    let confidence = match entry.shape.checksum {
        Some(checksum) if checksum.holds(token) => Confidence::High,
        Some(_) => rule.confidence().lower(),
        None => rule.confidence(),
    };
    Some(Candidate {
        rule: entry.rule,
        range,
        confidence,
    })
}
