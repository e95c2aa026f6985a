//! The second look at the imprints of a set, which finds each its place.

use std::cmp::Reverse;
use std::time::{SystemTime, UNIX_EPOCH};

use super::counts::Counts;
use super::file::File;
use super::survey::{Plan, Sum, size_of, windows};
use super::{BuildError, MAX_ALIKE, Patch};
use crate::patch::container::{Layout, POLICY, TierLayout};
use crate::patch::filter::{self, BLOCK};
use crate::patch::set::PatchSet;
use crate::patch::table::{self, Entry};
use crate::patch::tier::Tier;
use crate::patch::verdict::Action;
use crate::secret::{Alphabet, Gram, Imprint, ImprintKey, KeyId};

/// The second of two passes that compile a set: takes the imprints that the
/// [`Survey`](super::Survey) saw, and no others, in any order.
#[derive(Debug)]
pub struct Placement<'k> {
    key: &'k ImprintKey,
    id: KeyId,
    longest: usize,
    has_middle: bool,
    tiers: Vec<Places>,
    /// What the survey saw, less what was placed.
    expected: Sum,
    placed: Sum,
}

/// The places in a tier.
#[derive(Debug)]
struct Places {
    tier: Tier,
    alphabet: Alphabet,
    counts: Counts,
    blocks: u32,
    filter: Vec<u8>,
    tokens: Vec<Placed>,
}

/// A token whose window was chosen.
#[derive(Clone, Copy, Debug)]
struct Placed {
    entry: Entry,
    /// The upper half of its anchor's hash, which scales to its bucket however many there are.
    place: u32,
}

/// The policies that entries name by number: monitor, then block, the stronger of the two.
const POLICIES: [[u8; POLICY]; 2] = [[1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0]];

impl<'k> Placement<'k> {
    pub(super) fn new(
        key: &'k ImprintKey,
        longest: usize,
        expected: Sum,
        has_middle: bool,
        plans: Vec<Plan>,
    ) -> Result<Placement<'k>, BuildError> {
        let tiers: Result<Vec<Places>, BuildError> = plans.into_iter().map(Places::new).collect();
        let placed = Sum::default();
        Ok(Placement { key, id: key.id(), longest, has_middle, tiers: tiers?, expected, placed })
    }

    /// Finds an imprint its place. A token that was placed before stays with the leak it was placed
    /// with first, and gets the stronger of the two actions.
    ///
    /// # Errors
    ///
    /// [`BuildError::WrongKey`] or [`BuildError::NoAction`], and [`BuildError::Changed`] if the
    /// survey cannot have seen the imprint; it is not placed then.
    pub fn place(&mut self, imprint: &Imprint, patch: Patch) -> Result<(), BuildError> {
        patch.check(imprint, self.id)?;
        let size = size_of(imprint, self.has_middle);
        let tier = self.tiers.iter_mut().find(|places| places.tier.size_index == size);
        tier.ok_or(BuildError::Changed)?.place(imprint, patch)?;
        self.placed.add(imprint);
        Ok(())
    }

    /// Compiles the set, with this number in the row of sets that an installation compiles.
    ///
    /// # Errors
    ///
    /// [`BuildError::Changed`] if other imprints were placed than were surveyed,
    /// [`BuildError::Alike`] if too many of them are alike.
    pub fn build(self, serial: u64) -> Result<PatchSet, BuildError> {
        if self.placed != self.expected {
            return Err(BuildError::Changed);
        }
        let mut file = File::new();
        let policies = file.section(POLICIES.as_flattened());
        let (mut tiers, mut tokens, mut leaks) = (Vec::new(), 0, Vec::new());
        // What only the placing needed goes before anything is laid out.
        let sorted: Vec<_> = self.tiers.into_iter().map(Places::sort).collect();
        for tier in sorted {
            tokens += tier.tokens.len() as u64;
            leaks.extend(tier.tokens.iter().map(|placed| placed.entry.leak));
            tiers.push(tier.lay_out(&mut file)?);
        }
        leaks.sort_unstable();
        leaks.dedup();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let layout = Layout {
            serial,
            created: created as i64,
            key: self.id,
            tokens,
            leaks: leaks.len() as u64,
            longest: self.longest,
            policies,
            tiers,
        };
        drop(leaks);
        Ok(PatchSet::from_bytes(&file.seal(&layout), self.key)?)
    }
}

impl Places {
    fn new(plan: Plan) -> Result<Places, BuildError> {
        let Plan { tier, tokens, different, alphabet, counts } = plan;
        let bits = different as u64 * tier.stride as u64 * bits_per_gram(different);
        let blocks = u32::try_from(bits.div_ceil(8 * BLOCK as u64)).ok();
        let blocks = blocks.filter(|_| u32::try_from(different).is_ok());
        let blocks = blocks.ok_or(BuildError::TooMany)?.max(1);
        let filter = vec![0; blocks as usize * BLOCK];
        Ok(Places { tier, alphabet, counts, blocks, filter, tokens: Vec::with_capacity(tokens) })
    }

    fn place(&mut self, imprint: &Imprint, patch: Patch) -> Result<(), BuildError> {
        let window = choose(imprint, self.tier, &self.counts).ok_or(BuildError::Changed)?;
        let anchor = window.iter().min_by_key(|gram| gram.hash).ok_or(BuildError::Changed)?;
        for gram in window {
            filter::insert(&mut self.filter, self.blocks, gram.hash);
        }
        let entry = Entry {
            digest: *imprint.digest(),
            leak: patch.leak,
            policy: if patch.action == Action::Block { 1 } else { 0 },
            len: imprint.len() as u16,
            anchor: anchor.offset,
            tag: table::tag(anchor.hash),
        };
        self.tokens.push(Placed { entry, place: (anchor.hash >> 32) as u32 });
        Ok(())
    }

    /// Sorts the tokens by bucket and leaves one of each. Repeated ones chose the same window, so
    /// that they stand together, in the order in which they were placed.
    fn sort(mut self) -> Places {
        self.counts = Counts::default();
        self.tokens.sort_by_key(|placed| (placed.place, placed.entry.digest));
        self.tokens.dedup_by(|later, first| {
            let same = later.entry.digest == first.entry.digest;
            if same {
                first.entry.policy = first.entry.policy.max(later.entry.policy);
            }
            same
        });
        self
    }

    /// Writes the tier into the file.
    fn lay_out(self, file: &mut File) -> Result<TierLayout, BuildError> {
        let Places { tier, alphabet, filter, tokens, .. } = self;
        let buckets = tokens.len().div_ceil(2);
        let mut ends = vec![0u32; buckets];
        for placed in &tokens {
            let end = &mut ends[table::bucket(buckets, u64::from(placed.place) << 32)];
            *end += 1;
            if *end as usize > MAX_ALIKE {
                return Err(BuildError::Alike { leak: placed.entry.leak });
            }
        }
        let mut before = 0;
        let starts = ends.iter().map(|end| {
            before += end;
            before
        });
        Ok(TierLayout {
            tier,
            alphabet,
            filter: file.section(&filter),
            starts: file.items([0].into_iter().chain(starts).map(u32::to_le_bytes)),
            entries: file.items(tokens.iter().map(|placed| placed.entry.to_bytes())),
        })
    }
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

/// Chooses the window of a token: the one whose commonest gram is the rarest in the set, so that
/// what tokens share (`sk_live_`, a JWT's header) leads to none of them; of equals the one that is
/// hardest to guess, of those the last.
fn choose<'i>(imprint: &'i Imprint, tier: Tier, counts: &Counts) -> Option<&'i [Gram]> {
    let mut best = None;
    let mut best_key = None;
    // From the last on, so that most windows are passed over before their grams are looked up.
    for window in windows(imprint, tier).rev() {
        let weakest = Reverse(window.iter().map(|gram| gram.bits).min());
        if best_key.is_some_and(|key| key <= (counts.rare(), weakest)) {
            continue;
        }
        let commonest = window.iter().map(|gram| counts.get(gram.hash)).max();
        let key = (commonest.unwrap_or(0), weakest);
        if best_key.is_none_or(|best_key| key < best_key) {
            (best, best_key) = (Some(window), Some(key));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{GRAM_SIZES, Secret};

    fn imprints(tokens: &[String]) -> Vec<Imprint> {
        let key = ImprintKey::from_bytes([1; 32]);
        let secrets: Vec<Secret> =
            tokens.iter().map(|token| Secret::new("test", token.as_str())).collect();
        key.imprint_all(&secrets).collect::<Result<_, _>>().unwrap()
    }

    fn digits(number: u32) -> String {
        format!("{:032x}", u128::from(number + 1) * 0x9e37_79b9_7f4a_7c15_f39c_0c61)
    }

    fn count(imprints: &[Imprint], tier: Tier) -> Counts {
        let mut counts = Counts::new(imprints.len());
        let grams = imprints.iter().flat_map(|imprint| imprint.grams(tier.size_index));
        grams.for_each(|gram| counts.add(gram.hash));
        counts
    }

    #[test]
    fn windows_avoid_what_tokens_share() {
        let shared = "eyJhbGciOiJIUzI1NiJ9Qx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi";
        let tokens: Vec<String> = (0..40).map(|n| format!("{shared}{}", digits(n))).collect();
        let tier = Tier::for_shortest(2, 32);
        let imprints = imprints(&tokens);
        let counts = count(&imprints, tier);
        for imprint in &imprints {
            // A window of 32 bytes cannot avoid the shared start altogether, but its grams can.
            let window = choose(imprint, tier, &counts).unwrap();
            assert!(usize::from(window[0].offset) + GRAM_SIZES[2] > shared.len());
        }
    }

    #[test]
    fn the_chosen_window_is_the_least_by_its_rule() {
        let tier = Tier::for_shortest(1, 20);
        let tokens: Vec<String> = (0..3000)
            .map(|n| match n % 3 {
                0 => format!("{}Vn9Tz3Rw6Yb1Cd5Fg0Hp", digits(n).to_uppercase()),
                1 => format!("Qx7Lm4Vn9Tz3Rw6Yb1Cd{}5Fg0Hp{}", digits(n / 7), digits(n)),
                _ => format!("Kp{}Qx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi{}Zq", digits(n / 2), n % 10),
            })
            .collect();
        for len in [30, 300, tokens.len()] {
            let imprints = imprints(&tokens[..len]);
            let counts = count(&imprints, tier);
            let joining: Vec<_> =
                imprints.iter().filter(|imprint| size_of(imprint, true) == 1).collect();
            assert!(joining.len() >= len / 3);
            for imprint in joining {
                let least = windows(imprint, tier).min_by_key(|window| {
                    let commonest = window.iter().map(|gram| counts.get(gram.hash)).max();
                    let weakest = window.iter().map(|gram| gram.bits).min();
                    (commonest, Reverse((weakest, window[0].offset)))
                });
                assert_eq!(choose(imprint, tier, &counts), least);
            }
        }
    }
}
