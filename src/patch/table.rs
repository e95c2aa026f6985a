//! The table of tokens: one entry for each, found by the hash of its anchor.
//!
//! A token's *anchor* is the gram of its window with the smallest hash. Entries stand in buckets by
//! the anchor's hash; `starts[b]..starts[b + 1]` are the entries of bucket `b`.

use crate::secret::Digest;

/// The bytes of an entry.
pub(super) const ENTRY: usize = 32;

/// The bytes of a bucket's start.
pub(super) const START: usize = 4;

/// What a set knows of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keyed digest of the whole token.
    pub(super) digest: Digest,
    /// The leak that it belongs to.
    pub(super) leak: u64,
    /// The number of the policy that says what to do.
    pub(super) policy: u16,
    /// The token's length in bytes.
    pub(super) len: u16,
    /// Where in the token the anchor stands.
    pub(super) anchor: u16,
    /// Sixteen bits of the anchor's hash.
    pub(super) tag: u16,
}

/// The table of a tier, as it lies in the container.
#[derive(Clone, Copy)]
pub(super) struct Table<'s> {
    starts: &'s [u8],
    entries: &'s [u8],
}

impl<'s> Table<'s> {
    /// The table in these two sections. `starts` holds one number more than there are buckets.
    pub(super) fn new(starts: &'s [u8], entries: &'s [u8]) -> Table<'s> {
        Table { starts, entries }
    }

    /// How many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        (self.starts.len() / START).saturating_sub(1)
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len() / ENTRY
    }

    /// The number of the first entry of `bucket`, or of the one behind the last.
    pub(super) fn start(&self, bucket: usize) -> Option<usize> {
        let start = self.starts.get(bucket * START..)?.first_chunk()?;
        Some(u32::from_le_bytes(*start) as usize)
    }

    /// The entry with this number.
    pub(super) fn entry(&self, number: usize) -> Option<Entry> {
        self.entries.get(number * ENTRY..)?.first_chunk().map(Entry::from_bytes)
    }

    /// The numbered entries whose anchor may have this hash.
    #[inline]
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = (usize, Entry)> {
        let bucket = bucket(self.buckets(), hash);
        let (from, to) = match (self.start(bucket), self.start(bucket + 1)) {
            (Some(from), Some(to)) => (from, to),
            _ => (0, 0),
        };
        let table = *self;
        (from..to)
            .filter_map(move |number| Some((number, table.entry(number)?)))
            .filter(move |(_, entry)| entry.tag == tag(hash))
    }
}

/// The bucket of a hash: its upper half, scaled to the number of buckets.
pub(super) fn bucket(buckets: usize, hash: u64) -> usize {
    (((hash >> 32) * buckets as u64) >> 32) as usize
}

/// The bits of a hash that an entry keeps.
pub(super) fn tag(hash: u64) -> u16 {
    hash as u16
}

impl Entry {
    /// The entry as it lies in the container.
    pub(super) fn to_bytes(self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..16].copy_from_slice(&self.digest.0);
        bytes[16..24].copy_from_slice(&self.leak.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.policy.to_le_bytes());
        bytes[26..28].copy_from_slice(&self.len.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.anchor.to_le_bytes());
        bytes[30..32].copy_from_slice(&self.tag.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; ENTRY]) -> Entry {
        let mut digest = [0; Digest::LEN];
        digest.copy_from_slice(&bytes[..16]);
        let mut leak = [0; 8];
        leak.copy_from_slice(&bytes[16..24]);
        let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Entry {
            digest: Digest(digest),
            leak: u64::from_le_bytes(leak),
            policy: short(24),
            len: short(26),
            anchor: short(28),
            tag: short(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_from_their_bucket() {
        let entry = Entry {
            digest: Digest([9; 16]),
            leak: u64::MAX - 3,
            policy: 1,
            len: 4096,
            anchor: 4080,
            tag: tag(0xffff_0000_1234_abcd),
        };
        let starts: Vec<u8> = [0u32, 0, 1, 1].iter().flat_map(|n| n.to_le_bytes()).collect();
        let entries = entry.to_bytes();
        let table = Table::new(&starts, &entries);
        assert_eq!((table.buckets(), table.len()), (3, 1));
        let hash = 0x7fff_0000_1234_abcd;
        assert_eq!(bucket(3, hash), 1);
        assert_eq!(table.candidates(hash).collect::<Vec<_>>(), [(0, entry)]);
        assert_eq!(table.candidates(hash ^ 1).count(), 0);
        assert_eq!(table.candidates(hash >> 32 << 16).count(), 0);
    }
}
