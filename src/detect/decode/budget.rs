//! How much a detector may decode.

/// What is decoded of any text, however short, if the budget has as much.
const GROUND: usize = 1 << 20;

/// How much a scan may decode: how many steps one upon the other, how many bytes in all, and how
/// much larger than the text.
///
/// What lies beyond is not looked at; the scan does not fail. The default is 4 steps, 16 MiB and a
/// ratio of 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    depth: u8,
    bytes: usize,
    ratio: usize,
}

impl Budget {
    /// The most steps that may be asked for.
    pub const DEEPEST: u8 = 8;

    /// No more than `depth` steps one upon the other, [`Budget::DEEPEST`] at most: two undo gzip in
    /// Base64. None switches decoding off.
    pub fn depth(self, depth: u8) -> Budget {
        Budget { depth: depth.min(Budget::DEEPEST), ..self }
    }

    /// No more than `bytes` decoded bytes in one scan, all steps added up. Memory grows by no more
    /// than twice that.
    pub fn bytes(self, bytes: usize) -> Budget {
        Budget { bytes, ..self }
    }

    /// No more than `ratio` decoded bytes for each byte of the text, and one mebibyte: what a text
    /// made to be inflated for ever costs at most.
    pub fn ratio(self, ratio: usize) -> Budget {
        Budget { ratio, ..self }
    }

    /// The meter for a scan of `len` bytes.
    pub(super) fn meter(&self, len: usize) -> Meter {
        let most = GROUND.saturating_add(len.saturating_mul(self.ratio));
        Meter { depth: self.depth, left: self.bytes.min(most) }
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { depth: 4, bytes: 16 << 20, ratio: 100 }
    }
}

/// What is left of a budget.
pub(super) struct Meter {
    /// Steps that may still be taken below the text in hand.
    pub(super) depth: u8,
    /// Bytes that may still be decoded.
    pub(super) left: usize,
}

impl Meter {
    /// Takes `bytes` off what is left.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_bytes_and_ratio_counts() {
        let budget = Budget::default().bytes(5 << 20).ratio(10);
        assert_eq!(budget.meter(100).left, GROUND + 1000);
        assert_eq!(budget.meter(1 << 20).left, 5 << 20);
        assert_eq!(budget.meter(usize::MAX).left, 5 << 20);
        assert_eq!(budget.depth(200).meter(0).depth, Budget::DEEPEST);
    }
}
