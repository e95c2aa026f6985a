//! How common grams are.

/// How often each gram occurs in a set, roughly: never too low, and too high by what other grams of
/// the same slot add.
#[derive(Debug, Default)]
pub(super) struct Counts {
    slots: Vec<u8>,
    grams: usize,
}

impl Counts {
    /// Slots for each token: about as many as it has grams, so that a slot is shared by few.
    const PER_TOKEN: usize = 32;

    /// The fewest slots, as many as the grams of a thousand tokens hardly share, and the most that
    /// can be numbered.
    const RANGE: (usize, usize) = (1 << 19, 1 << 32);

    /// In a full table, grams that occur once or twice come to less than this by chance.
    const CHANCE: u8 = 8;

    /// Nothing counted yet, with room for the grams of about `tokens` tokens.
    pub(super) fn new(tokens: usize) -> Counts {
        let slots = tokens.saturating_mul(Counts::PER_TOKEN);
        Counts { slots: vec![0; slots.clamp(Counts::RANGE.0, Counts::RANGE.1)], grams: 0 }
    }

    /// Counts the gram with this hash.
    pub(super) fn add(&mut self, hash: u64) {
        let slot = self.slot(hash);
        if let Some(count) = self.slots.get_mut(slot) {
            *count = count.saturating_add(1);
        }
        self.grams += 1;
    }

    /// How often the gram with this hash was counted, if that is at least as often as
    /// [`rare`](Counts::rare); nothing can be said of rarer ones.
    pub(super) fn get(&self, hash: u64) -> u8 {
        self.slots.get(self.slot(hash)).copied().unwrap_or(0).max(self.rare())
    }

    /// The least that [`get`](Counts::get) gives: once, or what chance alone can add up to.
    pub(super) fn rare(&self) -> u8 {
        if self.grams <= self.slots.len() / 8 { 1 } else { Counts::CHANCE }
    }

    fn slot(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> u64 {
        number
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }

    #[test]
    fn counts_are_never_too_low_and_chance_does_not_show() {
        let mut counts = Counts::new(1 << 14);
        (0..200).for_each(|_| counts.add(hash(1)));
        (0..3).for_each(|_| counts.add(hash(2)));
        assert_eq!([1, 2, 3].map(|number| counts.get(hash(number))), [200, 3, 1]);
        (10..1 << 19).for_each(|number| counts.add(hash(number)));
        assert!(counts.get(hash(1)) >= 200);
        (0..100).for_each(|_| counts.add(hash(1)));
        assert_eq!(counts.get(hash(1)), u8::MAX);
        let seen = (10..10_000).filter(|number| counts.get(hash(*number)) > counts.rare()).count();
        assert!(seen < 10, "{seen}");
    }
}
