//! Compiles imprints into a patch set.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use thiserror::Error;

use super::container::{ALIGN, FormatError, HEADER, Layout, POLICY, TierLayout};
use super::filter::{self, BLOCK};
use super::set::PatchSet;
use super::table::{self, ENTRY, Entry, START};
use super::tier::{MAX_TIERS, Tier};
use super::verdict::Action;
use crate::secret::{Alphabet, Digest, Gram, Imprint, ImprintKey, KeyId};

/// How many tokens may share one bucket of a set. It bounds the work of the worst case; tokens that
/// are alike in every window that could be kept of them are what can exceed it.
pub const MAX_ALIKE: usize = 64;

/// What is to be done about the tokens of a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patch {
    /// The leak, by the number that verdicts will name.
    pub leak: u64,
    /// [`Action::Block`] or [`Action::Monitor`].
    pub action: Action,
}

/// Collects patches and compiles them.
#[derive(Debug)]
pub struct PatchSetBuilder<'k> {
    key: &'k ImprintKey,
    serial: u64,
    tokens: Vec<Token>,
    known: HashMap<Digest, usize>,
}

/// Why patches cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nothing to compile.
    #[error("no tokens: a patch set needs at least one")]
    Empty,
    /// An imprint was made with another key.
    #[error(
        "imprint of leak {leak} was made with key {imprint}, the set is compiled with key {set}"
    )]
    WrongKey {
        /// The leak.
        leak: u64,
        /// The imprint's key.
        imprint: KeyId,
        /// The set's key.
        set: KeyId,
    },
    /// A patch that lets pass is no patch.
    #[error("leak {leak}: a patch must block or monitor")]
    NoAction {
        /// The leak.
        leak: u64,
    },
    /// Too many tokens are alike.
    #[error(
        "more than {MAX_ALIKE} tokens are alike in all but a few bytes, the one of leak {leak} among them"
    )]
    Alike {
        /// The leak of one of them.
        leak: u64,
    },
    /// There are more tokens than the format can number.
    #[error("more than {} tokens of one tier", u32::MAX)]
    TooMany,
    /// The compiled set failed its own check.
    #[error("the compiled set is not valid: {0}")]
    Invalid(#[from] FormatError),
}

/// What the builder keeps of an imprint.
#[derive(Debug)]
struct Token {
    digest: Digest,
    len: u16,
    alphabet: Alphabet,
    patch: Patch,
    grams: [Box<[Gram]>; MAX_TIERS],
}

/// A token's window in a tier.
struct Placed<'t> {
    token: &'t Token,
    window: &'t [Gram],
    anchor: Gram,
}

impl Patch {
    /// Requests with a token of `leak` are to be refused.
    pub fn block(leak: u64) -> Patch {
        Patch { leak, action: Action::Block }
    }

    /// Requests with a token of `leak` are to be recorded.
    pub fn monitor(leak: u64) -> Patch {
        Patch { leak, action: Action::Monitor }
    }
}

impl<'k> PatchSetBuilder<'k> {
    /// A builder for sets that are used with `key`.
    pub fn new(key: &'k ImprintKey) -> PatchSetBuilder<'k> {
        PatchSetBuilder { key, serial: 0, tokens: Vec::new(), known: HashMap::new() }
    }

    /// Numbers the set, in the row of sets that an installation compiles. Zero by default.
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// Adds a token. One that was added before stays with the leak it was added with first, and
    /// gets the stronger of the two actions.
    ///
    /// # Errors
    ///
    /// [`BuildError::WrongKey`] or [`BuildError::NoAction`]; the token is not added then.
    pub fn add(&mut self, imprint: &Imprint, patch: Patch) -> Result<(), BuildError> {
        let set = self.key.id();
        if imprint.key_id() != set {
            return Err(BuildError::WrongKey { leak: patch.leak, imprint: imprint.key_id(), set });
        }
        if patch.action == Action::Pass {
            return Err(BuildError::NoAction { leak: patch.leak });
        }
        match self.known.entry(*imprint.digest()) {
            Slot::Occupied(slot) => {
                if let Some(token) = self.tokens.get_mut(*slot.get()) {
                    token.patch.action = token.patch.action.max(patch.action);
                }
            }
            Slot::Vacant(slot) => {
                slot.insert(self.tokens.len());
                self.tokens.push(Token {
                    digest: *imprint.digest(),
                    len: imprint.len() as u16,
                    alphabet: imprint.alphabet(),
                    patch,
                    grams: [0, 1, 2].map(|size| imprint.grams(size).into()),
                });
            }
        }
        Ok(())
    }

    /// Compiles the set.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if there is nothing to compile or it cannot be compiled.
    pub fn build(self) -> Result<PatchSet, BuildError> {
        let mut assigned: [Vec<&Token>; MAX_TIERS] = [const { Vec::new() }; MAX_TIERS];
        let has_middle = self.tokens.iter().any(|token| token.is_only_for(1));
        for token in &self.tokens {
            assigned[token.size_index(has_middle)].push(token);
        }
        let mut leaks: Vec<u64> = self.tokens.iter().map(|token| token.patch.leak).collect();
        leaks.sort_unstable();
        leaks.dedup();

        let mut file = File::new();
        let policies = file.section(POLICIES.as_flattened());
        let mut tiers = Vec::new();
        for (size_index, tokens) in assigned.iter().enumerate() {
            let Some(shortest) = tokens.iter().map(|token| token.len).min() else { continue };
            let tier = Tier::for_shortest(size_index, shortest.into());
            tiers.push(compile_tier(&mut file, tier, tokens)?);
        }
        if tiers.is_empty() {
            return Err(BuildError::Empty);
        }
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let layout = Layout {
            serial: self.serial,
            created: created as i64,
            key: self.key.id(),
            tokens: self.tokens.len() as u64,
            leaks: leaks.len() as u64,
            longest: self.tokens.iter().map(|token| token.len.into()).max().unwrap_or(0),
            policies,
            tiers,
        };
        layout.seal(&mut file.bytes);
        Ok(PatchSet::from_bytes(&file.bytes, self.key)?)
    }
}

/// The policies that entries name by number: monitor, then block.
const POLICIES: [[u8; POLICY]; 2] = [[1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0]];

impl Token {
    /// Whether its grams are of this size alone.
    fn is_only_for(&self, size_index: usize) -> bool {
        self.grams.iter().enumerate().all(|(size, grams)| grams.is_empty() == (size != size_index))
    }

    /// The gram size that it is found by. A tier costs every request its probes, so a long token
    /// joins the tier of the middle ones if there has to be one and its grams are strong enough.
    fn size_index(&self, has_middle: bool) -> usize {
        let middle = Tier::for_shortest(1, 0);
        if has_middle && self.windows(middle).next().is_some() {
            return 1;
        }
        (0..MAX_TIERS).rev().find(|size| !self.grams[*size].is_empty()).unwrap_or(0)
    }

    /// Its windows in `tier`: the runs of `stride` neighbouring grams.
    fn windows(&self, tier: Tier) -> impl Iterator<Item = &[Gram]> {
        let windows = self.grams[tier.size_index].windows(tier.stride);
        windows.filter(move |window| match (window.first(), window.last()) {
            (Some(first), Some(last)) => usize::from(last.offset - first.offset) + 1 == tier.stride,
            _ => false,
        })
    }
}

/// Compiles the tokens of one tier into the file.
fn compile_tier(file: &mut File, tier: Tier, tokens: &[&Token]) -> Result<TierLayout, BuildError> {
    if u32::try_from(tokens.len()).is_err() {
        return Err(BuildError::TooMany);
    }
    let placed = place(tier, tokens);

    let grams = placed.len() as u64 * tier.stride as u64;
    let blocks = (grams * bits_per_gram(placed.len())).div_ceil(8 * BLOCK as u64);
    let blocks = u32::try_from(blocks).map_err(|_| BuildError::TooMany)?.max(1);
    let mut filter_bytes = vec![0; blocks as usize * BLOCK];
    for gram in placed.iter().flat_map(|placed| placed.window) {
        filter::insert(&mut filter_bytes, blocks, gram.hash);
    }
    let filter = file.section(&filter_bytes);

    // A counting sort by bucket: first where each bucket starts, then every entry to its place.
    let buckets = placed.len().div_ceil(2);
    let mut starts = vec![0u32; buckets + 1];
    for placed in &placed {
        let bucket = table::bucket(buckets, placed.anchor.hash);
        starts[bucket + 1] += 1;
        if starts[bucket + 1] as usize > MAX_ALIKE {
            return Err(BuildError::Alike { leak: placed.token.patch.leak });
        }
    }
    for bucket in 0..buckets {
        starts[bucket + 1] += starts[bucket];
    }
    let mut free = starts.clone();
    let mut entries = vec![0; placed.len() * ENTRY];
    for placed in &placed {
        let free = &mut free[table::bucket(buckets, placed.anchor.hash)];
        let at = *free as usize * ENTRY;
        entries[at..at + ENTRY].copy_from_slice(&placed.entry().to_bytes());
        *free += 1;
    }
    let starts: Vec<[u8; START]> = starts.iter().map(|start| start.to_le_bytes()).collect();
    Ok(TierLayout {
        tier,
        alphabet: tokens.iter().fold(Alphabet::default(), |all, token| all.union(token.alphabet)),
        filter,
        starts: file.section(starts.as_flattened()),
        entries: file.section(&entries),
    })
}

/// Filter bits for each gram: plenty where the whole filter stays in a first-level cache anyway,
/// and as few as keep a set within 48 bytes a token where it does not.
fn bits_per_gram(tokens: usize) -> u64 {
    match tokens {
        0..1_000 => 32,
        1_000..100_000 => 12,
        _ => 11,
    }
}

/// Chooses a window for each token: the one whose commonest gram is the rarest in the set, so that
/// what tokens share (`sk_live_`, a JWT's header) leads to none of them; of equals the one that is
/// hardest to guess, of those the last.
fn place<'t>(tier: Tier, tokens: &[&'t Token]) -> Vec<Placed<'t>> {
    let grams = tokens.iter().flat_map(|token| &token.grams[tier.size_index]);
    let mut counts = Counts::new(grams.clone().count());
    grams.for_each(|gram| counts.add(gram.hash));
    let placed = tokens.iter().filter_map(|token| {
        let window = token.windows(tier).min_by_key(|window| {
            let commonest = window.iter().map(|gram| counts.get(gram.hash)).max();
            let weakest = window.iter().map(|gram| gram.bits).min();
            let last = window.first().map(|gram| gram.offset);
            (commonest, std::cmp::Reverse((weakest, last)))
        })?;
        let anchor = *window.iter().min_by_key(|gram| gram.hash)?;
        Some(Placed { token, window, anchor })
    });
    placed.collect()
}

/// How often each gram occurs in a set: a count-min sketch of two rows. A count is never too low,
/// and too high only if both rows collide.
struct Counts {
    rows: [Vec<u8>; 2],
}

impl Counts {
    fn new(grams: usize) -> Counts {
        let row = vec![0; grams.next_power_of_two()];
        Counts { rows: [row.clone(), row] }
    }

    fn add(&mut self, hash: u64) {
        for (row, slot) in self.rows.iter_mut().zip(Counts::slots(hash)) {
            let slot = slot & (row.len() - 1);
            row[slot] = row[slot].saturating_add(1);
        }
    }

    fn get(&self, hash: u64) -> u8 {
        let counts = self
            .rows
            .iter()
            .zip(Counts::slots(hash))
            .map(|(row, slot)| row[slot & (row.len() - 1)]);
        counts.min().unwrap_or(0)
    }

    fn slots(hash: u64) -> [usize; 2] {
        [hash as usize, (hash >> 32) as usize]
    }
}

impl Placed<'_> {
    fn entry(&self) -> Entry {
        Entry {
            digest: self.token.digest,
            leak: self.token.patch.leak,
            policy: if self.token.patch.action == Action::Block { 1 } else { 0 },
            len: self.token.len,
            anchor: self.anchor.offset,
            tag: table::tag(self.anchor.hash),
        }
    }
}

/// A file that is being laid out, its header still empty.
struct File {
    bytes: Vec<u8>,
}

impl File {
    fn new() -> File {
        File { bytes: vec![0; HEADER] }
    }

    /// Adds a section, aligned, and says where it stands.
    fn section(&mut self, content: &[u8]) -> Range<usize> {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(content);
        start..self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{GRAM_SIZES, Secret};

    fn set(tokens: &[&str]) -> Result<PatchSet, BuildError> {
        let key = ImprintKey::from_bytes([1; 32]);
        let mut builder = PatchSetBuilder::new(&key);
        for (leak, token) in tokens.iter().enumerate() {
            let imprint = key.imprint(&Secret::new("test", *token)).unwrap();
            builder.add(&imprint, Patch::block(leak as u64))?;
        }
        builder.build()
    }

    fn tiers(tokens: &[&str]) -> Vec<(usize, usize, u64)> {
        set(tokens).unwrap().info().tiers
    }

    const LONG: &str = "7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA";
    const HEX: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";
    const MIDDLE: &str = "Vn9Tz3Rw6Yb1Cd5Fg0Hp";

    #[test]
    fn tokens_share_tiers_where_that_is_safe() {
        assert_eq!(tiers(&[LONG]), [(16, 17, 1)]);
        assert_eq!(tiers(&[LONG, MIDDLE]), [(12, 9, 2)]);
        assert_eq!(tiers(&[HEX, MIDDLE]), [(12, 9, 1), (16, 17, 1)]);
        assert_eq!(tiers(&["Vn9Tz3Rw6Yb1Cd5F"]), [(8, 9, 1)]);
        assert_eq!(tiers(&["Vn9Tz3Rw6Yb1Cd5F", "Qx7Lm4Vn9Tz3"]), [(8, 5, 2)]);
        assert_eq!(tiers(&["Vn9Tz3Rw", MIDDLE, LONG]), [(8, 1, 1), (12, 9, 2)]);
    }

    #[test]
    fn a_token_added_twice_is_one_token() {
        let info = set(&[LONG, MIDDLE, LONG]).unwrap().info();
        assert_eq!((info.tokens, info.leaks), (2, 2));
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        assert_eq!(set(&[]).unwrap_err(), BuildError::Empty);
        let (key, other) = (ImprintKey::from_bytes([1; 32]), ImprintKey::from_bytes([2; 32]));
        let imprint = other.imprint(&Secret::new("test", LONG)).unwrap();
        let error = PatchSetBuilder::new(&key).add(&imprint, Patch::block(3)).unwrap_err();
        assert!(matches!(error, BuildError::WrongKey { leak: 3, .. }));
        let nothing = Patch { leak: 4, action: Action::Pass };
        let error = PatchSetBuilder::new(&other).add(&imprint, nothing).unwrap_err();
        assert_eq!(error, BuildError::NoAction { leak: 4 });
    }

    #[test]
    fn too_many_tokens_that_are_alike_are_refused() {
        let alike: Vec<String> = (0..100).map(|n| format!("{n:02}{}", HEX.repeat(5))).collect();
        let alike: Vec<&str> = alike.iter().map(String::as_str).collect();
        assert_eq!(set(&alike[..MAX_ALIKE]).map(|_| ()), Ok(()));
        assert!(matches!(set(&alike), Err(BuildError::Alike { .. })));
    }

    #[test]
    fn windows_avoid_what_tokens_share() {
        let shared = "eyJhbGciOiJIUzI1NiJ9Qx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi";
        let tokens: Vec<String> = (0..40)
            .map(|n| format!("{shared}{:032x}", (n + 1) as u128 * 0x9e37_79b9_7f4a_7c15_f39c_0c61))
            .collect();
        let key = ImprintKey::from_bytes([1; 32]);
        let mut builder = PatchSetBuilder::new(&key);
        for token in &tokens {
            builder
                .add(&key.imprint(&Secret::new("test", token.as_str())).unwrap(), Patch::block(1))
                .unwrap();
        }
        let refs: Vec<&Token> = builder.tokens.iter().collect();
        let tier = Tier::for_shortest(2, 32);
        let placed = place(tier, &refs);
        assert_eq!(placed.len(), tokens.len());
        for placed in placed {
            // A window of 32 bytes cannot avoid the shared start altogether, but its grams can.
            assert!(usize::from(placed.window[0].offset) + GRAM_SIZES[2] > shared.len());
        }
    }
}
