//! The filter: a blocked Bloom filter that says of nearly every gram of a text that no token of the
//! set holds it.
//!
//! A block is a cache line of eight 64-bit words. A gram sets three bits in one word and two in
//! another word of the same block. The first word turns most grams away; only what passes it looks
//! at the second (in the same cache line).

/// The bytes of a block.
pub(super) const BLOCK: usize = 64;

/// A set's filter, as it lies in the container.
#[derive(Clone, Copy)]
pub(super) struct Filter<'s> {
    bytes: &'s [u8],
    blocks: u32,
}

/// A word of a filter and the bits in it that a gram needs.
#[derive(Clone, Copy)]
pub(super) struct Need {
    /// The byte at which the word starts.
    pub(super) at: usize,
    /// The bits.
    pub(super) bits: u64,
}

impl<'s> Filter<'s> {
    /// The filter in `bytes`, whose length is a whole number of blocks, at least one and fewer than
    /// 2³²; `None` for any other length.
    pub(super) fn new(bytes: &'s [u8]) -> Option<Filter<'s>> {
        let blocks = u32::try_from(bytes.len() / BLOCK).ok()?;
        (blocks > 0 && bytes.len().is_multiple_of(BLOCK)).then_some(Filter { bytes, blocks })
    }

    /// The filter's bytes: `blocks() * BLOCK` of them.
    #[inline(always)]
    pub(super) fn bytes(&self) -> &'s [u8] {
        self.bytes
    }

    /// The number of blocks, at least one.
    #[inline(always)]
    pub(super) fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Whether the gram with this hash passes.
    #[inline(always)]
    pub(super) fn passes(&self, hash: u64) -> bool {
        self.has(first(self.blocks, hash)) && self.passes_second(hash)
    }

    /// Whether the second word lets the gram with this hash pass.
    #[inline(always)]
    pub(super) fn passes_second(&self, hash: u64) -> bool {
        self.has(second(self.blocks, hash))
    }

    #[inline(always)]
    fn has(&self, need: Need) -> bool {
        let word = self.bytes.get(need.at..).and_then(|rest| rest.first_chunk());
        word.is_some_and(|word| u64::from_le_bytes(*word) & need.bits == need.bits)
    }
}

/// Puts the gram with this hash into the filter in `bytes` (`blocks` blocks).
pub(super) fn insert(bytes: &mut [u8], blocks: u32, hash: u64) {
    for need in [first(blocks, hash), second(blocks, hash)] {
        for (byte, bits) in bytes[need.at..need.at + 8].iter_mut().zip(need.bits.to_le_bytes()) {
            *byte |= bits;
        }
    }
}

/// The first word that a gram needs. `at` is below `blocks * BLOCK` and a multiple of eight.
#[inline(always)]
pub(super) fn first(blocks: u32, hash: u64) -> Need {
    let word = (hash & 7) as usize;
    Need {
        at: block_start(blocks, hash) + word * 8,
        bits: 1 << (hash >> 5 & 63) | 1 << (hash >> 11 & 63) | 1 << (hash >> 17 & 63),
    }
}

/// The second word that a gram needs: another one of the same block.
#[inline(always)]
fn second(blocks: u32, hash: u64) -> Need {
    let word = ((hash & 7) ^ (1 + (hash >> 3 & 3))) as usize;
    Need {
        at: block_start(blocks, hash) + word * 8,
        bits: 1 << (hash >> 23 & 63) | 1 << (hash >> 29 & 63),
    }
}

/// The byte at which the hash's block starts: the upper half of the hash, scaled to the number of
/// blocks.
#[inline(always)]
fn block_start(blocks: u32, hash: u64) -> usize {
    (((hash >> 32) * u64::from(blocks)) >> 32) as usize * BLOCK
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_inserted_passes(hashes in prop::collection::vec(any::<u64>(), 1..50), blocks in 1..9u32) {
            let mut bytes = vec![0; blocks as usize * BLOCK];
            hashes.iter().for_each(|hash| insert(&mut bytes, blocks, *hash));
            let filter = Filter::new(&bytes).unwrap();
            for hash in hashes {
                let need = first(blocks, hash);
                prop_assert!(need.at < bytes.len() && need.at.is_multiple_of(8));
                prop_assert!(filter.passes(hash));
                prop_assert_ne!(second(blocks, hash).at, need.at);
                prop_assert_eq!(second(blocks, hash).at / BLOCK, need.at / BLOCK);
            }
        }
    }

    #[test]
    fn an_empty_filter_lets_nothing_pass_and_odd_lengths_are_refused() {
        assert!(!Filter::new(&[0; BLOCK]).unwrap().passes(0x1234_5678_9abc_def0));
        assert!(Filter::new(&[]).is_none());
        assert!(Filter::new(&[0; BLOCK + 8]).is_none());
    }
}
