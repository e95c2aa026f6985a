//! Compiles imprints into a patch set.

mod counts;
mod file;
mod placement;
mod policies;
mod survey;

use std::sync::Arc;

use thiserror::Error;

use super::container::FormatError;
use super::policy::{MAX_POLICIES, MAX_POLICY};
use super::scope::Scope;
use super::set::PatchSet;
use super::verdict::Action;
use crate::secret::{Imprint, ImprintKey, KeyId};

pub use placement::Placement;
pub use survey::Survey;

/// How many tokens may share one bucket of a set. It bounds the work of the worst case; tokens that
/// are alike in every window that could be kept of them are what can exceed it.
pub const MAX_ALIKE: usize = 64;

/// What recovering a token from a stolen set *and* its key must cost at least, unless somebody says
/// otherwise: two to the power of this many guesses. Well below what is safe, so that ordinary short
/// tokens can be patched; `docs/threat-model.md` says what it means.
pub const DEFAULT_FLOOR: u32 = 32;

/// What is to be done about the tokens of a leak.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patch {
    /// The leak, by the number that verdicts will name.
    pub leak: u64,
    /// [`Action::Block`] or [`Action::Monitor`].
    pub action: Action,
    /// Which requests it is about; `None` for all of them.
    pub scope: Option<Arc<Scope>>,
}

/// Collects patches and compiles them.
///
/// Holds every imprint until then, about a kilobyte each. A [`Survey`] compiles the same set from
/// imprints that come twice and need not be held.
#[derive(Debug)]
pub struct PatchSetBuilder<'k> {
    key: &'k ImprintKey,
    id: KeyId,
    serial: u64,
    expires: Option<u64>,
    floor: u32,
    added: Vec<(Imprint, Patch)>,
}

/// Why patches cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
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
    /// A token is too easy to recover for whoever has the set and its key.
    #[error(
        "leak {leak}: whoever steals the set and its key recovers a token with about 2^{bits} guesses; the floor is 2^{floor}"
    )]
    Recoverable {
        /// The leak that the token belongs to.
        leak: u64,
        /// The estimate, in bits ([`Placement::place`]).
        bits: u32,
        /// What would have passed.
        floor: u32,
    },
    /// What is asked for of one token, in all the patches that it was added with, has too many
    /// conditions.
    #[error(
        "leak {leak}: the conditions of its scopes take more than {MAX_POLICY} bytes, or are more than 255 of a kind"
    )]
    Scope {
        /// The leak.
        leak: u64,
    },
    /// Too many different scopes.
    #[error("more than {MAX_POLICIES} different scopes")]
    TooManyScopes,
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
    /// The second pass did not bring the imprints of the first.
    #[error("the tokens changed while they were compiled")]
    Changed,
    /// The compiled set failed its own check.
    #[error("the compiled set is not valid: {0}")]
    Invalid(#[from] FormatError),
}

impl Patch {
    /// Requests with a token of `leak` are to be refused.
    pub fn block(leak: u64) -> Patch {
        Patch { leak, action: Action::Block, scope: None }
    }

    /// Requests with a token of `leak` are to be recorded.
    pub fn monitor(leak: u64) -> Patch {
        Patch { leak, action: Action::Monitor, scope: None }
    }

    /// The same patch, for requests in `scope` only. Patches may share one.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<Arc<Scope>>) -> Patch {
        self.scope = Some(scope.into()).filter(|scope| !scope.is_everything());
        self
    }

    /// Whether it can be compiled for the token of `imprint` into a set of the key `set`.
    fn check(&self, imprint: &Imprint, set: KeyId) -> Result<(), BuildError> {
        if imprint.key_id() != set {
            return Err(BuildError::WrongKey { leak: self.leak, imprint: imprint.key_id(), set });
        }
        if self.action == Action::Pass {
            return Err(BuildError::NoAction { leak: self.leak });
        }
        Ok(())
    }
}

impl<'k> PatchSetBuilder<'k> {
    /// A builder for sets that are used with `key`.
    pub fn new(key: &'k ImprintKey) -> PatchSetBuilder<'k> {
        PatchSetBuilder {
            key,
            id: key.id(),
            serial: 0,
            expires: None,
            floor: DEFAULT_FLOOR,
            added: Vec::new(),
        }
    }

    /// Numbers the set, in the row of sets that an installation compiles. Zero by default.
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = serial;
        self
    }

    /// Lets the set expire: from this time on, in seconds since 1970-01-01 UTC, it does not open. A
    /// node that has it open goes on with it. Zero, as by default: never.
    pub fn expires(mut self, time: u64) -> Self {
        self.expires = Some(time).filter(|time| *time > 0);
        self
    }

    /// Takes tokens only if recovering them from the set and its key costs at least two to the power
    /// of `bits` guesses, by the estimate that [`Placement::place`] gives. [`DEFAULT_FLOOR`] by
    /// default.
    pub fn floor(mut self, bits: u32) -> Self {
        self.floor = bits;
        self
    }

    /// Adds a token. One that was added before stays with the leak it was added with first; of all
    /// that it was added with, the strongest action counts whose scope a request is in.
    ///
    /// # Errors
    ///
    /// [`BuildError::WrongKey`] or [`BuildError::NoAction`]; the token is not added then.
    pub fn add(&mut self, imprint: &Imprint, patch: Patch) -> Result<(), BuildError> {
        patch.check(imprint, self.id)?;
        self.added.push((imprint.clone(), patch));
        Ok(())
    }

    /// Compiles the set. Without tokens it is a set that lets everything pass.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if it cannot be compiled.
    pub fn build(self) -> Result<PatchSet, BuildError> {
        let mut survey = Survey::new(self.key, self.added.len());
        for (imprint, patch) in &self.added {
            survey.see(imprint, patch.clone())?;
        }
        let mut placement = survey.finish()?.floor(self.floor).expires(self.expires.unwrap_or(0));
        for (imprint, patch) in &self.added {
            placement.place(imprint, patch.clone())?;
        }
        drop(self.added);
        placement.build(self.serial)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::patch::context::Known;
    use crate::secret::{Digest, Secret};

    fn set(tokens: &[&str]) -> Result<PatchSet, BuildError> {
        let key = ImprintKey::from_bytes([1; 32]);
        let mut builder = PatchSetBuilder::new(&key).floor(0);
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
    fn a_token_without_letter_case_is_compiled_in_lower_case() {
        let upper = HEX.to_ascii_uppercase();
        let both = set(&[&upper, HEX, LONG]).unwrap();
        assert_eq!(both.info().tokens, 2);
        let folds = |set: &PatchSet| set.tiers().iter().any(|t| t.layout.alphabet.has_any_case());
        let key = ImprintKey::from_bytes([1; 32]);
        assert!(folds(&PatchSet::from_bytes(both.as_bytes(), &key).unwrap()));
        assert!(!folds(&set(&[LONG, MIDDLE]).unwrap()));
        let only = set(&[&upper]).unwrap();
        let alphabet = only.tiers()[0].layout.alphabet;
        assert!(!alphabet.contains(b'A') && alphabet.contains(b'a'));
        let mut state = vec![0; only.state_len()];
        let mut scan = crate::patch::Scan::new(&only, &mut state).unwrap();
        scan.body(&[HEX.as_bytes()]);
        assert_eq!(scan.finish().action, Action::Block);
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        let (key, other) = (ImprintKey::from_bytes([1; 32]), ImprintKey::from_bytes([2; 32]));
        let imprint = other.imprint(&Secret::new("test", LONG)).unwrap();
        let error = PatchSetBuilder::new(&key).add(&imprint, Patch::block(3)).unwrap_err();
        assert!(matches!(error, BuildError::WrongKey { leak: 3, .. }));
        let nothing = Patch { action: Action::Pass, ..Patch::block(4) };
        let error = PatchSetBuilder::new(&other).add(&imprint, nothing).unwrap_err();
        assert_eq!(error, BuildError::NoAction { leak: 4 });
    }

    #[test]
    fn a_set_is_built_without_the_tokens_that_it_may_not_hold() {
        let key = ImprintKey::from_bytes([1; 32]);
        let imprints = [MIDDLE, "k9Wq2mVx", LONG]
            .map(|token| key.imprint(&Secret::new("test", token)).unwrap());
        let built = |imprints: &[Imprint]| {
            let mut survey = Survey::new(&key, imprints.len());
            imprints.iter().for_each(|imprint| survey.see(imprint, Patch::block(1)).unwrap());
            let mut placement = survey.finish().unwrap().floor(60);
            let mut left_out = 0;
            for imprint in imprints {
                match placement.place(imprint, Patch::block(1)) {
                    Ok(_) => {}
                    Err(BuildError::Recoverable { leak: 1, .. }) => left_out += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            (left_out, placement.build(1).unwrap().info())
        };
        let (left_out, info) = built(&imprints);
        assert_eq!((left_out, info.tokens, info.longest_token), (1, 2, LONG.len()));
        assert!(info.recovery_bits >= 60, "{}", info.recovery_bits);
        let (left_out, info) = built(&imprints[1..2]);
        assert_eq!((left_out, info.tokens, info.longest_token), (1, 0, 0));
        assert_eq!((info.tiers, info.recovery_bits, info.leaks), (Vec::new(), 255, 0));
    }

    #[test]
    fn too_many_tokens_that_are_alike_are_refused() {
        let alike: Vec<String> = (0..100).map(|n| format!("{n:02}{}", HEX.repeat(5))).collect();
        let alike: Vec<&str> = alike.iter().map(String::as_str).collect();
        assert_eq!(set(&alike[..MAX_ALIKE]).map(|_| ()), Ok(()));
        assert!(matches!(set(&alike), Err(BuildError::Alike { .. })));
    }

    /// A set's bytes without what tells when it was compiled.
    fn timeless(set: &PatchSet) -> Vec<u8> {
        let bytes = set.as_bytes();
        [&bytes[..32], &bytes[40..288], &bytes[320..]].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn two_passes_compile_what_collecting_compiles(
            tokens in prop::collection::vec(
                ("[A-Z][a-z0-9A-Z]{8,70}|sk_live_[0-9A-Za-z]{24}|[0-9a-f]{40}", 0..9u64, any::<bool>()),
                1..60,
            ),
            repeated in prop::collection::vec((any::<prop::sample::Index>(), 0..9u64), 0..20),
        ) {
            let key = ImprintKey::from_bytes([3; 32]);
            let patch = |leak, block| if block { Patch::block(leak) } else { Patch::monitor(leak) };
            let mut all: Vec<(String, Patch)> = tokens
                .into_iter()
                .map(|(token, leak, block)| (token, patch(leak, block)))
                .collect();
            for (which, leak) in repeated {
                all.push((which.get(&all).0.clone(), Patch::block(leak)));
            }
            let imprints = || {
                all.iter().filter_map(|(token, patch)| {
                    Some((key.imprint(&Secret::new("test", token.as_str())).ok()?, patch.clone()))
                })
            };
            prop_assume!(imprints().next().is_some());
            let mut builder = PatchSetBuilder::new(&key).serial(5).floor(0);
            let mut survey = Survey::new(&key, imprints().count());
            let mut expected: BTreeMap<Digest, Patch> = BTreeMap::new();
            for (imprint, patch) in imprints() {
                builder.add(&imprint, patch.clone()).unwrap();
                survey.see(&imprint, patch.clone()).unwrap();
                let first = expected.entry(*imprint.digest()).or_insert(patch.clone());
                first.action = first.action.max(patch.action);
            }
            let mut placement = survey.finish().unwrap().floor(0);
            imprints().for_each(|(imprint, patch)| {
                placement.place(&imprint, patch).unwrap();
            });
            let (one, two) = (builder.build().unwrap(), placement.build(5).unwrap());
            prop_assert!(timeless(&one) == timeless(&two));

            let leaks: BTreeSet<u64> = expected.values().map(|patch| patch.leak).collect();
            let info = one.info();
            prop_assert_eq!((info.tokens, info.leaks), (expected.len() as u64, leaks.len() as u64));
            for tier in one.tiers() {
                let table = one.table(tier);
                for entry in (0..table.len()).filter_map(|number| table.entry(number)) {
                    let patch = expected.remove(&entry.digest).unwrap();
                    let action = one.action(&entry, &mut Known::new(&mut []), None);
                    prop_assert_eq!((entry.leak, action), (patch.leak, patch.action));
                }
            }
            prop_assert!(expected.is_empty());
        }
    }

    #[test]
    fn the_second_pass_must_bring_what_the_first_brought() {
        let key = ImprintKey::from_bytes([1; 32]);
        let [long, middle, hex] =
            [LONG, MIDDLE, HEX].map(|token| key.imprint(&Secret::new("test", token)).unwrap());
        let survey = || {
            let mut survey = Survey::new(&key, 2);
            survey.see(&long, Patch::block(1)).unwrap();
            survey.see(&middle, Patch::block(2)).unwrap();
            survey.finish().unwrap()
        };
        let mut other = survey();
        assert_eq!(other.place(&hex, Patch::block(1)), Err(BuildError::Changed));
        for imprints in [&[&long][..], &[&long, &long], &[&long, &middle, &long], &[]] {
            let mut placement = survey();
            for imprint in imprints {
                placement.place(imprint, Patch::block(1)).unwrap();
            }
            assert_eq!(placement.build(0).unwrap_err(), BuildError::Changed);
        }
        let mut reversed = survey();
        reversed.place(&middle, Patch::block(2)).unwrap();
        reversed.place(&long, Patch::block(1)).unwrap();
        assert_eq!(reversed.build(7).unwrap().info().serial, 7);
    }
}
