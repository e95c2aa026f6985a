//! The second look at the imprints of a set, which finds each its place.

use std::cmp::Reverse;
use std::time::{SystemTime, UNIX_EPOCH};

use super::counts::Counts;
use super::file::File;
use super::policies::Policies;
use super::survey::{Plan, Sum, size_of, windows};
use super::{BuildError, DEFAULT_FLOOR, MAX_ALIKE, Patch};
use crate::patch::container::{Layout, PolicyLayout, TierLayout};
use crate::patch::filter::{self, BLOCK};
use crate::patch::set::PatchSet;
use crate::patch::table::{self, Entry};
use crate::patch::tier::Tier;
use crate::patch::trust::Trust;
use crate::secret::{Alphabet, Gram, Imprint, ImprintKey, KeyId};

/// The second of two passes that compile a set: takes the imprints that the
/// [`Survey`](super::Survey) saw, and no others, in any order.
#[derive(Debug)]
pub struct Placement<'k> {
    key: &'k ImprintKey,
    id: KeyId,
    floor: u32,
    /// The lowest estimate so far of what recovering a token from the set and its key costs.
    recovery_bits: u32,
    expires: Option<u64>,
    policies: Policies,
    has_middle: bool,
    tiers: Vec<Places>,
    /// What the survey saw.
    expected: Sum,
    /// What came again since, placed or left out.
    returned: Sum,
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

impl<'k> Placement<'k> {
    pub(super) fn new(
        key: &'k ImprintKey,
        expected: Sum,
        has_middle: bool,
        plans: Vec<Plan>,
    ) -> Result<Placement<'k>, BuildError> {
        let tiers: Result<Vec<Places>, BuildError> = plans.into_iter().map(Places::new).collect();
        Ok(Placement {
            key,
            id: key.id(),
            floor: DEFAULT_FLOOR,
            recovery_bits: u32::MAX,
            expires: None,
            policies: Policies::new(),
            has_middle,
            tiers: tiers?,
            expected,
            returned: Sum::default(),
        })
    }

    /// Lets the set expire: from this time on, in seconds since 1970-01-01 UTC, it does not open. A
    /// node that has it open goes on with it. Zero, as by default: never.
    #[must_use]
    pub fn expires(mut self, time: u64) -> Placement<'k> {
        self.expires = Some(time).filter(|time| *time > 0);
        self
    }

    /// Takes tokens only if recovering them from the set and its key costs at least two to the power
    /// of `bits` guesses, by the estimate that [`place`](Placement::place) gives.
    /// [`DEFAULT_FLOOR`] by default.
    #[must_use]
    pub fn floor(mut self, bits: u32) -> Placement<'k> {
        self.floor = bits;
        self
    }

    /// Finds an imprint its place, and says what recovering the token from the set and its key would
    /// cost: the base-2 logarithm of the guesses for the weakest gram that the set holds of it. A token
    /// that was placed before stays with the leak it was placed with first; of all that it was placed
    /// with, the strongest action counts whose scope a request is in.
    ///
    /// # Errors
    ///
    /// [`BuildError::Recoverable`] if the token costs less than the [`floor`](Placement::floor); the
    /// caller may go on, and the set is built without it. [`BuildError::WrongKey`] or
    /// [`BuildError::NoAction`], [`BuildError::Scope`] or [`BuildError::TooManyScopes`] if the format
    /// has no room for the patch's scope, and [`BuildError::Changed`] if the survey cannot have seen
    /// the imprint; it is not placed then, and the set cannot be built.
    pub fn place(&mut self, imprint: &Imprint, patch: Patch) -> Result<u32, BuildError> {
        patch.check(imprint, self.id)?;
        let size = size_of(imprint, self.has_middle);
        let tier = self.tiers.iter_mut().find(|places| places.tier.size_index == size);
        let tier = tier.ok_or(BuildError::Changed)?;
        let window = choose(imprint, tier.tier, &tier.counts).ok_or(BuildError::Changed)?;
        let bits = window.iter().map(|gram| u32::from(gram.bits)).min().unwrap_or(0);
        if bits < self.floor {
            self.returned.add(imprint);
            return Err(BuildError::Recoverable { leak: patch.leak, bits, floor: self.floor });
        }
        let policy = self.policies.number(&patch)?;
        tier.place(imprint, window, patch.leak, policy)?;
        self.recovery_bits = self.recovery_bits.min(bits);
        self.returned.add(imprint);
        Ok(bits)
    }

    /// Compiles the set, with this number in the row of sets that an installation compiles. If no token
    /// was placed it is a set that lets everything pass.
    ///
    /// # Errors
    ///
    /// [`BuildError::Changed`] if other imprints came than were surveyed,
    /// [`BuildError::Alike`] if too many of them are alike, [`BuildError::Scope`] or
    /// [`BuildError::TooManyScopes`] if the format has no room for what is asked for of a token.
    pub fn build(mut self, serial: u64) -> Result<PatchSet, BuildError> {
        if self.returned != self.expected {
            return Err(BuildError::Changed);
        }
        let mut file = File::new();
        let (mut tiers, mut tokens, mut longest, mut leaks) = (Vec::new(), 0, 0, Vec::new());
        // What only the placing needed goes before anything is laid out.
        let sort = |places: Places| places.sort(&mut self.policies);
        let mut sorted = self.tiers.into_iter().map(sort).collect::<Result<Vec<_>, _>>()?;
        // All that one of them would have held may have been left out.
        sorted.retain(|tier| !tier.tokens.is_empty());
        let policies = lay_out_policies(&mut file, &self.policies, &mut sorted);
        for tier in sorted {
            tokens += tier.tokens.len() as u64;
            longest = tier.tokens.iter().map(|placed| placed.entry.len).fold(longest, u16::max);
            leaks.extend(tier.tokens.iter().map(|placed| placed.entry.leak));
            tiers.push(tier.lay_out(&mut file)?);
        }
        leaks.sort_unstable();
        leaks.dedup();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let layout = Layout {
            serial,
            created: created as i64,
            expires: self.expires,
            recovery_bits: self.recovery_bits.min(u8::MAX.into()) as u8,
            key: self.id,
            tokens,
            leaks: leaks.len() as u64,
            longest: longest.into(),
            policies,
            tiers,
            hash: [0; 32],
            signer: None,
        };
        drop(leaks);
        // Whether it has expired already is for those to say who open it.
        let trust = Trust::new().at(0);
        Ok(PatchSet::from_bytes_trusted(&file.seal(&layout), self.key, &trust)?)
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

    fn place(
        &mut self,
        imprint: &Imprint,
        window: &[Gram],
        leak: u64,
        policy: u16,
    ) -> Result<(), BuildError> {
        let anchor = window.iter().min_by_key(|gram| gram.hash).ok_or(BuildError::Changed)?;
        for gram in window {
            filter::insert(&mut self.filter, self.blocks, gram.hash);
        }
        let entry = Entry {
            digest: *imprint.digest(),
            leak,
            policy,
            len: imprint.len() as u16,
            anchor: anchor.offset,
            tag: table::tag(anchor.hash),
        };
        self.tokens.push(Placed { entry, place: (anchor.hash >> 32) as u32 });
        Ok(())
    }

    /// Sorts the tokens by bucket and leaves one of each. Repeated ones chose the same window, so
    /// that they stand together, in the order in which they were placed.
    fn sort(mut self, policies: &mut Policies) -> Result<Places, BuildError> {
        let mut all = Ok(());
        self.counts = Counts::default();
        self.tokens.sort_by_key(|placed| (placed.place, placed.entry.digest));
        self.tokens.dedup_by(|later, first| {
            let same = later.entry.digest == first.entry.digest;
            if same && later.entry.policy != first.entry.policy {
                let Entry { policy, leak, .. } = first.entry;
                match policies.union(policy, later.entry.policy, leak) {
                    Ok(union) => first.entry.policy = union,
                    Err(error) => all = Err(error),
                }
            }
            same
        });
        all.map(|()| self)
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

/// Writes the policies that tokens have into the file, and numbers them anew. Those that every set
/// has are written in any case.
fn lay_out_policies(file: &mut File, policies: &Policies, tiers: &mut [Places]) -> PolicyLayout {
    let mut numbers = vec![None; policies.len()];
    let mut used: Vec<u16> = Vec::new();
    let mut number = |policy: u16| {
        *numbers[usize::from(policy)].get_or_insert_with(|| {
            used.push(policy);
            used.len() as u16 - 1
        })
    };
    for everywhere in [0, 1] {
        number(everywhere);
    }
    for placed in tiers.iter_mut().flat_map(|tier| &mut tier.tokens) {
        placed.entry.policy = number(placed.entry.policy);
    }
    let records = policies.records(&used);
    let mut end = 0;
    let ends = records.iter().map(|record| {
        end += record.len() as u32;
        end
    });
    PolicyLayout {
        starts: file.items([0].into_iter().chain(ends).map(u32::to_le_bytes)),
        records: file.section(&records.concat()),
        scoped: false,
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
