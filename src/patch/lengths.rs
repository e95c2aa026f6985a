//! Every length that a token may have, in every tier that it can be in, with every engine: found
//! wherever it stands, and nothing else taken for it.
//!
//! Only texts as they stand are looked at: what views make of them goes through the same search, and has
//! its own tests. No search is needed to know what must come out. Texts have nothing of any token in them but what
//! was put there, so a scan must say exactly that.

use std::ops::RangeInclusive;

use super::{Action, Header, Part, Patch, PatchSet, PatchSetBuilder, Scan, Verdict, Views};
use crate::secret::{Engine, ImprintKey, MAX_TOKEN, MIN_TOKEN, Secret};

/// A tier: the size of its grams and its stride, both in bytes, and the lengths of the tokens that it
/// can hold. The first of them is the one that makes it.
type Geometry = ((usize, usize), RangeInclusive<usize>);

const EIGHT_ONE: Geometry = ((8, 1), MIN_TOKEN..=19);
const EIGHT_FIVE: Geometry = ((8, 5), 12..=19);
const EIGHT_NINE: Geometry = ((8, 9), 16..=19);
const TWELVE_NINE: Geometry = ((12, 9), 20..=MAX_TOKEN);
const SIXTEEN_SEVENTEEN: Geometry = ((16, 17), 32..=MAX_TOKEN);

/// How many lengths share a set. A scan costs more, the longer the longest token is.
const TOGETHER: usize = 128;

/// What stands before and behind tokens, in turn: letters of a kind that they have, so no probe is saved
/// there, and marks of a kind that they do not have, so all are. None of them is in a token, so what
/// was cut off one does not come back.
const FILLERS: [&[u8; 36]; 2] =
    [b"ZQQZZZQZQZZQQQZQZZQZQQZZQZQZQQQZZZQZ", b";,;;, ,;;;;,,;;  ;,,;,;;,;  ,,;;,;, "];

#[test]
fn eight_byte_grams_at_every_byte() {
    all_lengths(EIGHT_ONE);
}

#[test]
fn eight_byte_grams_at_every_fifth_byte() {
    all_lengths(EIGHT_FIVE);
}

#[test]
fn eight_byte_grams_at_every_ninth_byte() {
    all_lengths(EIGHT_NINE);
}

#[test]
fn twelve_byte_grams_at_every_ninth_byte() {
    all_lengths(TWELVE_NINE);
}

#[test]
fn sixteen_byte_grams_at_every_seventeenth_byte() {
    all_lengths(SIXTEEN_SEVENTEEN);
}

/// All lengths in one set, of two tiers.
#[test]
fn all_lengths_together() {
    let tokens: Vec<Vec<u8>> = (MIN_TOKEN..=MAX_TOKEN).map(token).collect();
    let compiled = compile(&tokens);
    for engine in Engine::available() {
        let set = open(&compiled, engine);
        assert_eq!(set.info().tiers.len(), 2);
        let mut state = vec![0; set.state_len()];
        let filler = FILLERS[0];
        let mut trial = Trial { set: &set, state: &mut state, filler, what: format!("{engine:?}") };
        for token in tokens.iter().step_by(7) {
            trial.in_header(token, token.len() % 17, 0, Some(token));
            trial.near_misses(token, token.len() % 17);
        }
    }
}

/// Every length that a tier can hold, with every engine.
fn all_lengths((geometry, mut lengths): Geometry) {
    let first = token(*lengths.start());
    loop {
        let tokens: Vec<Vec<u8>> = lengths.by_ref().take(TOGETHER).map(token).collect();
        if tokens.is_empty() {
            return;
        }
        // Without the shortest one the tier would be another.
        let others = tokens.iter().filter(|token| **token != first);
        let members: Vec<Vec<u8>> = [&first].into_iter().chain(others).cloned().collect();
        let compiled = compile(&members);
        for engine in Engine::available() {
            let set = open(&compiled, engine);
            let (size, stride) = geometry;
            assert_eq!(set.info().tiers, [(size, stride, members.len() as u64)]);
            let mut state = vec![0; set.state_len()];
            for token in &tokens {
                let what = format!("{engine:?}, {size}/{stride}, {} bytes", token.len());
                let filler = FILLERS[token.len() % 2];
                one_length(Trial { set: &set, state: &mut state, filler, what }, token, stride);
            }
        }
    }
}

/// One token at every distance from the probes, at the start, in the middle and at the end of a
/// value, and in a body cut before, within and behind it; and what is nearly that token.
fn one_length(mut trial: Trial<'_>, token: &[u8], stride: usize) {
    let len = token.len();
    for before in 0..stride {
        // With every length, what stands behind is nothing at other distances.
        let behind = [0, 1, trial.filler.len()][(before + len) % 3];
        trial.in_header(token, before, behind, Some(token));
    }
    trial.in_header(token, 0, 0, Some(token));
    for (turn, cut) in [0, 1, len / 2, len - 1, len].into_iter().enumerate() {
        let before = (len * 5 + turn) % stride;
        let behind = [0, trial.filler.len()][(len + turn) % 2];
        trial.in_body(token, before, cut, behind, Some(token));
    }
    trial.near_misses(token, len % stride);
}

/// A set, memory to scan in, and what stands around tokens.
struct Trial<'s> {
    set: &'s PatchSet,
    state: &'s mut [u8],
    filler: &'static [u8],
    what: String,
}

impl Trial<'_> {
    /// `text` in a header, with that many bytes before and behind it; `token` must be found.
    fn in_header(&mut self, text: &[u8], before: usize, behind: usize, token: Option<&[u8]>) {
        let value =
            [&self.filler[..before], text, &self.filler[self.filler.len() - behind..]].concat();
        let mut scan = Scan::new(self.set, self.state).unwrap().with_views(Views::RAW);
        scan.headers(&[Header { name: b"x", value: &value }]);
        let verdict = scan.finish();
        drop(scan);
        self.check(&verdict, Part::Header, before, token);
    }

    /// The same in a body that is cut in two at byte `cut` of `text`.
    fn in_body(
        &mut self,
        text: &[u8],
        before: usize,
        cut: usize,
        behind: usize,
        token: Option<&[u8]>,
    ) {
        let (left, right) = text.split_at(cut);
        let mut scan = Scan::new(self.set, self.state).unwrap().with_views(Views::RAW);
        let right = [right, &self.filler[..behind]].concat();
        scan.body(&[&[&self.filler[..before], left].concat(), &right]);
        let verdict = scan.finish();
        drop(scan);
        self.check(&verdict, Part::Body, before, token);
    }

    /// The token with its first, middle or last byte changed or left out.
    fn near_misses(&mut self, token: &[u8], before: usize) {
        let (middle, last) = (token.len() / 2, token.len() - 1);
        for at in [0, middle, last] {
            let mut changed = token.to_vec();
            changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
            self.in_header(&changed, before, self.filler.len(), None);
            self.in_body(&changed, before, middle, self.filler.len(), None);
        }
        for part in [&token[1..], &token[..last]] {
            self.in_header(part, before, 0, None);
            self.in_body(part, before, middle, 0, None);
        }
    }

    fn check(&self, verdict: &Verdict, part: Part, before: usize, token: Option<&[u8]>) {
        let found = verdict.hit.map(|hit| (hit.leak, hit.part, hit.offset));
        let expected = token.map(|token| (token.len() as u64, part, before as u64));
        let action = if token.is_some() { Action::Block } else { Action::Pass };
        assert_eq!((verdict.action, found), (action, expected), "{}", self.what);
    }
}

/// The set of `tokens`, each with its length for a leak.
fn compile(tokens: &[Vec<u8>]) -> Vec<u8> {
    let key = key();
    let mut builder = PatchSetBuilder::new(&key).floor(0);
    let secrets: Vec<Secret> =
        tokens.iter().map(|token| Secret::new("test", token.clone())).collect();
    for (imprint, token) in key.imprint_all(&secrets).zip(tokens) {
        builder.add(&imprint.unwrap(), Patch::block(token.len() as u64)).unwrap();
    }
    builder.build().unwrap().as_bytes().to_vec()
}

/// The compiled set, searched with `engine`.
fn open(compiled: &[u8], engine: Engine) -> PatchSet {
    PatchSet::from_bytes(compiled, &key()).unwrap().with(engine)
}

/// The token of `len` bytes: letters of all kinds, drawn by the length.
fn token(len: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOP.RSTUVWXY+abcdefghijklmnopqrstuvwxyz-_";
    let mut state = (len as u64) << 32;
    let mut letter = || {
        // SplitMix64, by Steele, Lea and Flood.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        LETTERS[(mixed >> 58) as usize]
    };
    (0..len).map(|_| letter()).collect()
}

fn key() -> ImprintKey {
    ImprintKey::from_bytes([0x51; 32])
}
