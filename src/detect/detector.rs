//! The detector: one sweep over the text, and what comes of its candidates.

use std::fmt;
use std::ops::{ControlFlow, Range};

use super::candidate::{Candidate, resolve};
use super::decode::{self, Budget, Hit, Spots};
use super::finding::Finding;
use super::generic::Generic;
use super::keyword::{Keywords, Seen};
use super::marks::{BLOCK, Marker, Marks};
use super::misfit::Misfits;
use super::needle::{Heed, Needles, Shown};
use super::pair::Pairs;
#[cfg(feature = "rule-files")]
use super::pattern::Patterns;
use super::position::Position;
use super::prefix::{Entry, Prefixes};
use super::rule::{Confidence, Rule};
#[cfg(feature = "rule-files")]
use super::rule_file::RuleFile;
use super::runs::{Run, Runs, Visit};
use super::shape::{ByteSet, Part, Shape};
use super::table::RULES;
use super::{context, name, value};

/// Beginnings that may fail in one run before the rest of it is left alone: a bound on work, far
/// above what texts have.
const FAILURES_IN_A_RUN: u32 = 64;

/// Blocks that are marked at a time, and one more.
const BLOCKS: usize = 32;

/// Finds tokens in bytes by rules: the built-in ones, unless told otherwise.
///
/// Built in about two milliseconds, immutable, shared freely between threads. No input makes it panic;
/// its work grows linearly with the input.
pub struct Detector {
    rules: Vec<&'static Rule>,
    prefixes: Prefixes,
    keywords: Keywords,
    needles: Needles,
    #[cfg(feature = "rule-files")]
    patterns: Patterns,
    marker: Marker,
    pairs: Pairs,
    generic: Generic,
    misfits: Misfits,
    /// Shapes without a beginning of their own that need no words near by.
    telling: Vec<Telling>,
    /// Shapes without a beginning of their own that need words near by: for each word, those of the rules
    /// that it is a name for.
    named: Vec<Vec<(u16, &'static Shape)>>,
    /// Those that count without words, too, if their other half is near by.
    paired: Vec<(u16, &'static Shape)>,
}

impl Detector {
    /// A detector with the built-in rules.
    pub fn new() -> Detector {
        Detector::with(RULES.iter().collect())
    }

    /// A detector with the built-in rules and those of `file`: its rules come before built-in ones with
    /// the same id, and those that it switches off are not there.
    #[cfg(feature = "rule-files")]
    pub fn with_rules(file: &RuleFile) -> Detector {
        Detector::with(file.over(&RULES))
    }

    fn with(rules: Vec<&'static Rule>) -> Detector {
        let keywords = Keywords::new(&rules);
        let mut telling: Vec<Telling> = Vec::new();
        let mut named = vec![Vec::new(); keywords.len()];
        let mut paired = Vec::new();
        for (rule, n) in rules.iter().zip(0u16..) {
            for shape in rule.shapes().iter().filter(|shape| shape.is_bare()) {
                if rule.keywords().is_empty() {
                    Telling::add(&mut telling, n, shape);
                }
                for word in keywords.names(n) {
                    named[usize::from(*word)].push((n, shape));
                }
                if rule.pair().is_some() {
                    paired.push((n, shape));
                }
            }
        }
        let needles = Needles::new(&rules);
        Detector {
            prefixes: Prefixes::new(&rules),
            keywords,
            marker: Marker::new(needles.words()),
            needles,
            #[cfg(feature = "rule-files")]
            patterns: Patterns::new(&rules),
            pairs: Pairs::new(&rules),
            generic: Generic::new(&rules),
            misfits: Misfits::default(),
            telling,
            named,
            paired,
            rules,
        }
    }

    /// The rules, in the order of their precedence.
    pub fn rules(&self) -> &[&'static Rule] {
        &self.rules
    }

    /// All findings in `text`, by place. They share no bytes.
    pub fn scan(&self, text: &[u8]) -> Vec<Finding> {
        self.findings(text, self.hits(text, None, None))
    }

    /// All findings in `text`, those too that are encoded in it, by place.
    ///
    /// Undone are Base64, hexadecimal, percent escapes, those of JSON strings, HTML's character
    /// references, UTF-16, gzip, zlib and deflate, one upon the other as far as `budget` goes;
    /// [`Finding::trail`] says how a token was come by. A token that is found both as it stands and
    /// decoded is reported once. Those decoded of one piece may share bytes: all that a compressed
    /// text holds stands in the same place.
    pub fn scan_decoded(&self, text: &[u8], budget: &Budget) -> Vec<Finding> {
        self.findings(text, decode::hits(self, text, budget))
    }

    /// All findings in `text`, a part of one that `begins` it or not, decoded as far as `budget` goes; and
    /// the bytes of all that was recognised or decoded, whatever came of it, by their first.
    pub(super) fn scan_noting(
        &self,
        text: &[u8],
        budget: &Budget,
        begins: bool,
    ) -> (Vec<Finding>, Vec<Range<usize>>) {
        let (hits, mut taken) = decode::hits_noting(self, text, budget, begins);
        taken.sort_unstable_by_key(|range| range.start);
        (self.findings(text, hits), taken)
    }

    /// What stands in `text` as it is, by place; notes in `spots` what may be encoded, and in `taken` the
    /// bytes of all that was recognised.
    pub(super) fn hits(
        &self,
        text: &[u8],
        spots: Option<&mut Spots>,
        taken: Option<&mut Vec<Range<usize>>>,
    ) -> Vec<Hit> {
        let (all, unpaired) = self.candidates(text, spots);
        if let Some(taken) = taken {
            taken.extend(all.iter().chain(&unpaired).map(|candidate| candidate.range.clone()));
        }
        self.resolved(text, all, unpaired)
    }

    /// All that is recognised in `text`, and what counts only with its other half near by.
    fn candidates(
        &self,
        text: &[u8],
        spots: Option<&mut Spots>,
    ) -> (Vec<Candidate>, Vec<Candidate>) {
        let mut sweep = Sweep {
            detector: self,
            text,
            seen: Seen::default(),
            failures: 0,
            heed: Heed::default(),
            all: Vec::new(),
            unpaired: Vec::new(),
            spots,
        };
        sweep.text();
        #[cfg(feature = "rule-files")]
        self.patterns.look(text, |candidate| sweep.all.push(candidate));
        (sweep.all, sweep.unpaired)
    }

    fn resolved(&self, text: &[u8], mut all: Vec<Candidate>, unpaired: Vec<Candidate>) -> Vec<Hit> {
        self.pairs.admit(&mut all, unpaired);
        let mut kept = resolve(all, &self.rules);
        kept.retain(|candidate| {
            let rule = self.rules.get(usize::from(candidate.rule));
            rule.is_some_and(|rule| rule.rank() > 0)
                || !self.misfits.hold(&self.rules, &self.prefixes, text, candidate.range.clone())
        });
        let partners = self.pairs.partners(&kept);
        let hit =
            |(candidate, partner)| Hit { candidate, partner, trail: Vec::new(), secret: None };
        kept.into_iter().zip(partners).map(hit).collect()
    }

    fn findings(&self, text: &[u8], hits: Vec<Hit>) -> Vec<Finding> {
        let mut position = Position::new(text);
        hits.into_iter()
            .filter_map(|hit| {
                let rule = *self.rules.get(usize::from(hit.candidate.rule))?;
                let (line, column) = position.of(hit.candidate.range.start);
                let Range { start, end } = hit.candidate.range;
                Some(Finding {
                    rule,
                    start,
                    end,
                    line,
                    column,
                    confidence: hit.candidate.confidence,
                    partner: hit.partner,
                    trail: hit.trail,
                    decoded: hit.secret,
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
}

impl Default for Detector {
    fn default() -> Detector {
        Detector::new()
    }
}

impl fmt::Debug for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detector").field("rules", &self.rules.len()).finish_non_exhaustive()
    }
}

/// Shapes that begin with characters of one set.
struct Telling {
    set: ByteSet,
    /// The most characters that one of them begins with at least.
    most: usize,
    /// So many there must be, by the rule and the shape.
    shapes: Vec<(usize, u16, &'static Shape)>,
}

impl Telling {
    fn add(all: &mut Vec<Telling>, rule: u16, shape: &'static Shape) {
        const ANY: ByteSet = ByteSet([u64::MAX; 4]);
        let (set, least) = match shape.parts.first() {
            Some(Part::Class { set, min, .. }) if shape.head.is_empty() => {
                (*set, usize::from(*min))
            }
            _ => (ANY, 0),
        };
        match all.iter_mut().find(|telling| telling.set == set) {
            Some(telling) => {
                telling.most = telling.most.max(least);
                telling.shapes.push((least, rule, shape));
            }
            None => all.push(Telling { set, most: least, shapes: vec![(least, rule, shape)] }),
        }
    }

    /// Those that may begin at `at`: there are enough characters of the set.
    fn begin(&self, text: &[u8], at: usize) -> impl Iterator<Item = (u16, &'static Shape)> {
        let rest = &text[at..text.len().min(at + self.most)];
        let count = rest.iter().take_while(|b| self.set.contains(**b)).count();
        let shapes = self.shapes.iter().filter(move |(least, _, _)| *least <= count);
        shapes.map(|(_, rule, shape)| (*rule, *shape))
    }
}

/// One sweep over one text.
struct Sweep<'d, 't> {
    detector: &'d Detector,
    text: &'t [u8],
    seen: Seen,
    /// Beginnings that have failed in the run in hand.
    failures: u32,
    heed: Heed,
    all: Vec<Candidate>,
    /// What counts only with its other half near by.
    unpaired: Vec<Candidate>,
    /// Where something may be encoded, if that is asked for.
    spots: Option<&'d mut Spots>,
}

impl Visit for Sweep<'_, '_> {
    fn open(&mut self, at: usize) -> usize {
        self.failures = 0;
        escape(self.text, at)
    }

    fn word(&mut self, at: usize) {
        if self.failures < FAILURES_IN_A_RUN {
            self.failures += self.prefixed(at);
        }
    }

    fn close(&mut self, run: Run) {
        if let Some(spots) = &mut self.spots {
            spots.note(self.text, run.range.clone(), run.has_digit);
        }
        if run.has_digit && is_promising(&run, self.text) {
            let start = run.range.start;
            self.bare(start);
            if let Some(quoted) = context::quoted(self.text, start) {
                self.bare(quoted);
            }
            self.all.extend(self.detector.generic.look(self.text, run.range));
        }
    }
}

impl Sweep<'_, '_> {
    /// Looks at the whole text, some blocks at a time.
    fn text(&mut self) {
        let (detector, text) = (self.detector, self.text);
        let mut runs = Runs::default();
        let mut marks = [Marks::default(); BLOCKS + 1];
        for first in (0..text.len()).step_by(BLOCKS * BLOCK) {
            let blocks = (text.len() - first).div_ceil(BLOCK).min(BLOCKS);
            // One block more shows how the runs of the last one go on.
            detector.marker.mark(text, first, &mut marks[..=blocks]);
            for (two, base) in marks[..=blocks].windows(2).zip((first..).step_by(BLOCK)) {
                runs.block(base, &two[0], two[1].run, self);
                self.words(base, two[0].start);
            }
        }
        runs.end(text.len(), self);
    }

    /// Looks at the words that begin at these bytes of the block at `base`.
    fn words(&mut self, base: usize, mut starts: u64) {
        let (detector, text) = (self.detector, self.text);
        let mut heed = std::mem::take(&mut self.heed);
        while starts != 0 {
            let at = base + starts.trailing_zeros() as usize;
            starts &= starts - 1;
            detector.needles.look(text, at, &mut heed, |shown| match shown {
                Shown::Candidate(candidate) => self.all.push(candidate),
                Shown::Shape(rule, shape, range) => self.found(rule, shape, range, 0),
            });
        }
        self.heed = heed;
    }

    /// Tries the shapes that begin at `at`; the number of those that did not fit.
    fn prefixed(&mut self, at: usize) -> u32 {
        let detector = self.detector;
        let mut failures = 0;
        let text = self.text;
        detector.prefixes.at(text, at, |Entry { lead, prefix, rule, shape, .. }| {
            match shape.matches(text, at + lead, *prefix) {
                Some(range) => self.found(*rule, shape, range, prefix + shape.head_len()),
                None => failures += 1,
            }
        });
        failures
    }

    /// Tries the shapes without a beginning of their own on the run that begins at `at`.
    fn bare(&mut self, at: usize) {
        let (detector, text) = (self.detector, self.text);
        for (rule, shape) in detector.telling.iter().flat_map(|telling| telling.begin(text, at)) {
            if let Some(range) = shape.matches(text, at, 0) {
                self.found(rule, shape, range, 0);
            }
        }
        // What is called a digest is one, whoever's name stands near by.
        match context::assignment(text, at) {
            Some(assigned) if name::is_digest(&text[assigned.name.clone()]) => return,
            None if !follows_separator(text, at) => return,
            _ => {}
        }
        detector.keywords.look(text, at, &mut self.seen);
        let candidate = |n: u16, shape: &Shape| {
            let rule = detector.rules.get(usize::from(n))?;
            judged(text, rule, n, shape, shape.matches(text, at, 0)?, 0)
        };
        let named =
            self.seen.words().iter().filter_map(|word| detector.named.get(usize::from(*word)));
        for (n, shape) in named.flatten().filter(|(n, _)| detector.keywords.fit(*n, &self.seen)) {
            self.all.extend(candidate(*n, shape));
        }
        for (n, shape) in &detector.paired {
            if !detector.keywords.fit(*n, &self.seen) {
                self.unpaired.extend(candidate(*n, shape));
            }
        }
    }

    /// Takes the token that a shape with a beginning has recognised.
    fn found(&mut self, n: u16, shape: &Shape, range: Range<usize>, literal: usize) {
        let Some(rule) = self.detector.rules.get(usize::from(n)) else { return };
        let fits = |sweep: &mut Self| {
            sweep.detector.keywords.look(sweep.text, range.start, &mut sweep.seen);
            sweep.detector.keywords.fit(n, &sweep.seen)
        };
        if rule.keywords().is_empty() || fits(self) {
            self.all.extend(judged(self.text, rule, n, shape, range, literal));
        }
    }
}

/// Whether a run with digits may be a token without a beginning of its own. Names and words do not
/// alternate between letters and digits; a number may be an identifier.
fn is_promising(run: &Run, text: &[u8]) -> bool {
    !run.has_letter || run.changes >= 2 || value::is_uuid(&text[run.range.clone()])
}

/// The candidate that a recognised token makes, unless it is filler.
fn judged(
    text: &[u8],
    rule: &Rule,
    n: u16,
    shape: &Shape,
    range: Range<usize>,
    literal: usize,
) -> Option<Candidate> {
    let token = &text[range.clone()];
    if value::is_filler(token.get(literal..).unwrap_or(token)) {
        return None;
    }
    let confidence = match shape.checksum {
        Some(checksum) if checksum.holds(token) => Confidence::High,
        Some(_) => rule.confidence().lower(),
        None if value::is_documentation(token) => Confidence::Low,
        None => rule.confidence(),
    };
    Some(Candidate { rule: n, range, confidence, literal })
}

/// Whether a list's separator stands before `at`, as in a file of comma-separated values.
fn follows_separator(text: &[u8], at: usize) -> bool {
    matches!(text[..at].last(), Some(b',' | b';' | b':' | b'\t' | b'"' | b'\''))
}

/// How many bytes at `at` belong to an escape that stands before a token: the `n` of `\n`, the `3D`
/// of `%3D`.
fn escape(text: &[u8], at: usize) -> usize {
    let hex = |length: usize| {
        text.get(at..at + length).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match (&text[..at], &text[at..]) {
        ([.., b'\\'], [b'n' | b'r' | b't', ..]) => 1,
        ([.., b'\\'], [b'u', b'0', b'0', a, b, ..])
            if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() =>
        {
            5
        }
        ([.., b'%'], _) if hex(2) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::checksum;
    use super::*;

    fn assert_shared<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}

    #[test]
    fn can_be_shared() {
        assert_shared::<Detector>();
        assert_shared::<Finding>();
    }

    #[test]
    fn escapes_before_a_token() {
        assert_eq!(escape(b"\\nghp", 1), 1);
        assert_eq!(escape(b"%3Dghp", 1), 2);
        assert_eq!(escape(b"\\u003dghp", 1), 5);
        assert_eq!(escape(b"nghp", 0), 0);
        assert_eq!(escape(b"%3", 1), 0);
    }

    #[test]
    fn a_right_checksum_makes_sure_and_a_wrong_one_drops_nothing() {
        let body = b"r4nd0mB0dyQfTh1rtyCharact3rs12";
        let right = [b"ghp_", &body[..], &checksum::encode(checksum::crc32(body))].concat();
        let wrong = [b"ghp_", &body[..], b"000000"].concat();
        for (token, confidence) in [(right, Confidence::High), (wrong, Confidence::Medium)] {
            let findings = Detector::new().scan(&token);
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].confidence(), confidence);
        }
    }

    #[test]
    fn a_digest_near_a_name_is_no_token() {
        let digest = "4f5c1a7e9d3b2c8806af1e5d7b9c3a2e4f60718293a4b5c6d7e8f90a1b2c3d4e";
        let found = |text: String| Detector::new().scan(text.as_bytes()).len();
        assert_eq!(found(format!("image: getmeili/meilisearch@sha256:{digest}")), 0);
        assert_eq!(found(format!("meilisearch_checksum = \"{digest}\"")), 0);
        assert_eq!(found(format!("meilisearch_key = \"{digest}\"")), 1);
    }

    #[test]
    fn each_stops_when_asked() {
        let text =
            b"ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo\nghp_Z0b8QyNf3VjRk7sMx2LtWc5HgPa9Du1Ei6Xq\n";
        let detector = Detector::new();
        let mut seen = Vec::new();
        detector.each(text, |finding| {
            seen.push((finding.line(), finding.column()));
            ControlFlow::Break(())
        });
        assert_eq!(seen, [(1, 1)]);
        assert_eq!(detector.scan(text).iter().map(Finding::line).collect::<Vec<_>>(), [1, 2]);
    }
}
