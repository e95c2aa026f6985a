//! The first look at the imprints of a set.

use super::counts::Counts;
use super::placement::Placement;
use super::{BuildError, Patch};
use crate::patch::tier::{MAX_TIERS, Tier};
use crate::secret::{Alphabet, Gram, Imprint, ImprintKey, KeyId};

/// The first of two passes that compile a set from imprints that need not be held.
///
/// The same imprints go first through a survey, which learns how many there are and what they share,
/// and then through the [`Placement`] that it turns into. Neither keeps an imprint: 8 bytes a token
/// stay from the first pass, 40 from the second, and the table of what they share has about 32 a
/// token until the set is laid out.
///
/// # Examples
///
/// ```
/// use stanch::patch::{Patch, Survey};
/// use stanch::secret::{ImprintKey, Secret};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = ImprintKey::generate()?;
/// let tokens = ["ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi", "AKIAQ7ZR3KW9MX4TN8BL"];
/// let secrets = tokens.map(|token| Secret::new("example", token));
///
/// let mut survey = Survey::new(&key, secrets.len());
/// for (leak, imprint) in (1..).zip(key.imprint_all(&secrets)) {
///     survey.see(&imprint?, Patch::block(leak))?;
/// }
/// let mut placement = survey.finish()?;
/// for (leak, imprint) in (1..).zip(key.imprint_all(&secrets)) {
///     placement.place(&imprint?, Patch::block(leak))?;
/// }
/// let set = placement.build(1)?;
/// assert_eq!(set.info().tokens, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Survey<'k> {
    key: &'k ImprintKey,
    id: KeyId,
    expected: usize,
    kinds: [Seen; KINDS],
    /// For each gram size, how common the grams are.
    counts: [Option<Counts>; MAX_TIERS],
    /// The start of each token's digest, with its kind in the lowest bits.
    digests: Vec<u64>,
    sum: Sum,
}

/// What the tokens of a kind have in common. Kinds 0 to 2 are found by grams of that size alone;
/// [`JOINING`] ones by the largest, but have enough strong middle ones to join a middle tier.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    tokens: usize,
    /// `None` before the first token.
    lengths: Option<(usize, usize)>,
    alphabet: Alphabet,
}

const KINDS: usize = 4;
const MIDDLE: usize = 1;
const LARGE: usize = 2;
const JOINING: usize = 3;

/// What a tier will hold.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its geometry.
    pub(super) tier: Tier,
    /// How many tokens, repeated ones among them.
    pub(super) tokens: usize,
    /// How many different ones.
    pub(super) different: usize,
    /// What they are made of.
    pub(super) alphabet: Alphabet,
    /// How common their grams are.
    pub(super) counts: Counts,
}

/// A sum of digests: the same for the same imprints, and hardly for any others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(u128);

impl Sum {
    /// Adds the digest of `imprint`.
    pub(super) fn add(&mut self, imprint: &Imprint) {
        self.0 = self.0.wrapping_add(u128::from_le_bytes(imprint.digest().0));
    }
}

impl<'k> Survey<'k> {
    /// A survey for a set that is used with `key`, of about `expected` imprints.
    ///
    /// That number decides how much memory the survey takes, and so how well it tells what tokens
    /// share. One that is far too low makes the set slower to match against, but never wrong.
    pub fn new(key: &'k ImprintKey, expected: usize) -> Survey<'k> {
        Survey {
            key,
            id: key.id(),
            expected,
            kinds: Default::default(),
            counts: Default::default(),
            digests: Vec::new(),
            sum: Sum::default(),
        }
    }

    /// Looks at an imprint and what is to be done about its token.
    ///
    /// # Errors
    ///
    /// [`BuildError::WrongKey`] or [`BuildError::NoAction`]; the imprint does not count then.
    pub fn see(&mut self, imprint: &Imprint, patch: Patch) -> Result<(), BuildError> {
        patch.check(imprint, self.id)?;
        let has_middle = self.has_middle();
        let kind = kind(imprint);
        self.kinds[kind].add(imprint);
        let counted = match kind {
            // Where these will go is not known before the first one of the middle.
            JOINING if !has_middle => MIDDLE..=LARGE,
            kind => size_index(kind, has_middle)..=size_index(kind, has_middle),
        };
        for size in counted {
            let counts = self.counts[size].get_or_insert_with(|| Counts::new(self.expected));
            imprint.grams(size).iter().for_each(|gram| counts.add(gram.hash));
        }
        let mut start = [0; 8];
        start.copy_from_slice(&imprint.digest().0[..8]);
        self.digests.push(u64::from_le_bytes(start) & !(KINDS as u64 - 1) | kind as u64);
        self.sum.add(imprint);
        Ok(())
    }

    /// Ends the first pass and begins the second.
    ///
    /// # Errors
    ///
    /// [`BuildError::TooMany`] if there were more imprints than the format can number.
    pub fn finish(mut self) -> Result<Placement<'k>, BuildError> {
        let mut different = [0; KINDS];
        let mut digests = std::mem::take(&mut self.digests);
        digests.sort_unstable();
        digests.dedup();
        for digest in digests {
            different[digest as usize % KINDS] += 1;
        }
        let has_middle = self.has_middle();
        let mut plans = Vec::new();
        for (size, counts) in self.counts.into_iter().enumerate() {
            let mut all = Seen::default();
            let mut tokens = 0;
            for kind in (0..KINDS).filter(|kind| size_index(*kind, has_middle) == size) {
                all = all.union(self.kinds[kind]);
                tokens += different[kind];
            }
            let (Some((shortest, _)), Some(counts)) = (all.lengths, counts) else { continue };
            plans.push(Plan {
                tier: Tier::for_shortest(size, shortest),
                tokens: all.tokens,
                different: tokens,
                alphabet: all.alphabet,
                counts,
            });
        }
        Placement::new(self.key, self.sum, has_middle, plans)
    }

    fn has_middle(&self) -> bool {
        self.kinds[MIDDLE].tokens > 0
    }
}

impl Seen {
    fn add(&mut self, imprint: &Imprint) {
        *self = self.union(Seen {
            tokens: 1,
            lengths: Some((imprint.len(), imprint.len())),
            alphabet: imprint.alphabet(),
        });
    }

    fn union(self, other: Seen) -> Seen {
        let lengths = match (self.lengths, other.lengths) {
            (Some((low, high)), Some((a, b))) => Some((low.min(a), high.max(b))),
            (one, other) => one.or(other),
        };
        Seen {
            tokens: self.tokens + other.tokens,
            lengths,
            alphabet: self.alphabet.union(other.alphabet),
        }
    }
}

/// The gram size that a token is found by, in a set that has tokens of the middle size or not.
pub(super) fn size_of(imprint: &Imprint, has_middle: bool) -> usize {
    size_index(kind(imprint), has_middle)
}

/// The windows of `imprint` in `tier`: the runs of `stride` neighbouring grams.
pub(super) fn windows(imprint: &Imprint, tier: Tier) -> impl DoubleEndedIterator<Item = &[Gram]> {
    let windows = imprint.grams(tier.size_index).windows(tier.stride);
    windows.filter(move |window| match (window.first(), window.last()) {
        (Some(first), Some(last)) => usize::from(last.offset - first.offset) + 1 == tier.stride,
        _ => false,
    })
}

fn kind(imprint: &Imprint) -> usize {
    let largest = (0..MAX_TIERS).rev().find(|size| !imprint.grams(*size).is_empty());
    match largest {
        Some(LARGE) if windows(imprint, Tier::for_shortest(MIDDLE, 0)).next().is_some() => JOINING,
        other => other.unwrap_or(0),
    }
}

/// A tier costs every request its probes, so long tokens join the tier of the middle ones if there
/// has to be one and they are strong enough for it.
fn size_index(kind: usize, has_middle: bool) -> usize {
    match kind {
        JOINING if has_middle => MIDDLE,
        JOINING => LARGE,
        kind => kind,
    }
}
