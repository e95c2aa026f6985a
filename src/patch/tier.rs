//! Tiers: which grams of a token are kept, and how far apart a text is probed for them.
//!
//! A token of a tier has a *window* of `size + stride - 1` bytes, so the window holds `stride` grams
//! of `size` bytes, one starting at each of its first `stride` bytes. A text that is probed at every
//! `stride`-th byte therefore meets exactly one gram of every window in it.

use crate::secret::{GRAM_SIZES, MIN_TOKEN, WINDOW_GRAMS};

/// How many tiers a set has at most: one for each gram size.
pub(super) const MAX_TIERS: usize = GRAM_SIZES.len();

/// The longest stride of any tier.
pub(super) const MAX_STRIDE: usize = 17;

/// The geometry of a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    /// Which of [`GRAM_SIZES`] its grams have.
    pub(super) size_index: usize,
    /// The distance between two probes, in bytes.
    pub(super) stride: usize,
}

impl Tier {
    /// The tier for grams of `GRAM_SIZES[size_index]` bytes in a set whose shortest token in that
    /// tier has `shortest` bytes.
    ///
    /// Larger grams and longer windows are faster (fewer probes) and safer (a gram is harder to
    /// guess); only short tokens make them smaller. See `docs/matcher.md`.
    pub(super) fn for_shortest(size_index: usize, shortest: usize) -> Tier {
        let stride = match (size_index, shortest) {
            (0, 16..) => 9,
            (0, 12..16) => 5,
            _ => WINDOW_GRAMS[size_index],
        };
        Tier { size_index, stride }
    }

    /// The tier with grams of `size` bytes and this stride, if there is one.
    pub(super) fn from_parts(size: usize, stride: usize) -> Option<Tier> {
        let size_index = GRAM_SIZES.iter().position(|known| *known == size)?;
        let known = (MIN_TOKEN..=32).any(|n| Tier::for_shortest(size_index, n).stride == stride);
        known.then_some(Tier { size_index, stride })
    }

    /// The length of its grams in bytes.
    pub(super) fn size(self) -> usize {
        GRAM_SIZES[self.size_index]
    }

    /// The length of its windows in bytes.
    pub(super) fn window(self) -> usize {
        self.size() + self.stride - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_fits_the_shortest_token_of_its_tier() {
        for shortest in 8..64 {
            let size_index = match shortest {
                8..20 => 0,
                20..32 => 1,
                _ => 2,
            };
            let tier = Tier::for_shortest(size_index, shortest);
            assert!(tier.window() <= shortest && tier.stride <= MAX_STRIDE);
            assert_eq!(Tier::from_parts(tier.size(), tier.stride), Some(tier));
        }
        for (size, stride) in [(8, 2), (12, 17), (16, 9), (7, 1), (16, 0)] {
            assert_eq!(Tier::from_parts(size, stride), None);
        }
    }
}
