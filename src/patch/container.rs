//! The patch set file: where everything stands in it, and the checks that make it safe to use.
//!
//! `docs/patch-set-format.md` specifies it byte by byte. Everything that the request path relies on
//! is checked here, once, so that no byte sequence can make it read out of bounds or loop.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::builder::MAX_ALIKE;
use super::filter::{BLOCK, Filter};
use super::table::{ENTRY, START, Table};
use super::tier::{MAX_TIERS, Tier};
use super::verdict::Action;
use crate::secret::{Alphabet, KeyId, MAX_TOKEN, MIN_TOKEN};

/// The version of the format that this library writes and reads.
pub const FORMAT_VERSION: u32 = 1;

pub(super) const MAGIC: [u8; 8] = *b"stanchPS";
pub(super) const HEADER: usize = 448;
/// Sections start at multiples of this, the length of a cache line.
pub(super) const ALIGN: usize = 64;
/// The bytes of a policy.
pub(super) const POLICY: usize = 8;

const HASH: Range<usize> = 288..320;
/// Room for a signature: zero in this version.
const SIGNATURE: Range<usize> = 320..448;
const TIERS_AT: usize = 128;
const TIER_BYTES: usize = 48;

/// Why bytes are not a patch set that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// They do not start like a patch set.
    #[error("not a patch set: it does not start with \"stanchPS\"")]
    Magic,
    /// They are of a version that this library does not read.
    #[error("format version {0}; this library reads version {FORMAT_VERSION}")]
    Version(u32),
    /// There are fewer or more bytes than the header says.
    #[error("truncated or overlong: the header says {expected} bytes, there are {found}")]
    Length {
        /// What the header says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The content is not what was written.
    #[error("damaged: the content does not match its hash")]
    Damaged,
    /// The set was compiled with another key.
    #[error("compiled with key {set}, but the key at hand is {key}")]
    WrongKey {
        /// The key that the set needs.
        set: KeyId,
        /// The key that was given.
        key: KeyId,
    },
    /// There is no memory for a copy of them.
    #[error("no memory to hold it")]
    Memory,
    /// Something in it contradicts something else.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

/// What the header of a set says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) serial: u64,
    pub(super) created: i64,
    pub(super) key: KeyId,
    pub(super) tokens: u64,
    pub(super) leaks: u64,
    pub(super) longest: usize,
    pub(super) policies: Range<usize>,
    pub(super) tiers: Vec<TierLayout>,
}

/// A tier's geometry and sections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TierLayout {
    pub(super) tier: Tier,
    pub(super) alphabet: Alphabet,
    pub(super) filter: Range<usize>,
    pub(super) starts: Range<usize>,
    pub(super) entries: Range<usize>,
}

impl Layout {
    /// Reads and checks `bytes`, a whole file. Whether the key is the right one is for the caller to
    /// see.
    pub(super) fn check(bytes: &[u8]) -> Result<Layout, FormatError> {
        if bytes.get(..8) != Some(&MAGIC[..]) {
            return Err(FormatError::Magic);
        }
        let version = u32_at(bytes, 8).ok_or_else(|| short(bytes))?;
        if version != FORMAT_VERSION {
            return Err(FormatError::Version(version));
        }
        if bytes.len() < HEADER {
            return Err(short(bytes));
        }
        let layout = Layout::read(bytes)?;
        if content_hash(bytes) != bytes[HASH] {
            return Err(FormatError::Damaged);
        }
        if bytes[SIGNATURE].iter().any(|byte| *byte != 0) {
            return Err(FormatError::Malformed("there is something where a signature will stand"));
        }
        layout.check_policies(bytes)?;
        let mut tokens = 0;
        for tier in &layout.tiers {
            tokens += layout.check_tier(bytes, tier)?;
        }
        if tokens != layout.tokens {
            return Err(FormatError::Malformed(
                "the tiers do not hold as many tokens as the header says",
            ));
        }
        Ok(layout)
    }

    /// Writes the header of the finished file `bytes`, content hash included.
    pub(super) fn seal(&self, bytes: &mut [u8]) {
        let len = bytes.len() as u64;
        bytes[..8].copy_from_slice(&MAGIC);
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(8, &FORMAT_VERSION.to_le_bytes());
        put(12, &(HEADER as u32).to_le_bytes());
        put(16, &len.to_le_bytes());
        put(24, &self.serial.to_le_bytes());
        put(32, &self.created.to_le_bytes());
        put(48, &self.key.0);
        put(56, &self.tokens.to_le_bytes());
        put(64, &self.leaks.to_le_bytes());
        put(72, &(self.longest as u32).to_le_bytes());
        put(76, &(self.tiers.len() as u32).to_le_bytes());
        put(80, &(self.policies.start as u64).to_le_bytes());
        put(88, &((self.policies.len() / POLICY) as u32).to_le_bytes());
        for (number, tier) in self.tiers.iter().enumerate() {
            let at = TIERS_AT + number * TIER_BYTES;
            put(at, &[tier.tier.size() as u8, tier.tier.stride as u8]);
            put(at + 4, &((tier.filter.len() / BLOCK) as u32).to_le_bytes());
            put(at + 8, &((tier.starts.len() / START - 1) as u32).to_le_bytes());
            put(at + 12, &((tier.entries.len() / ENTRY) as u32).to_le_bytes());
            put(at + 16, &(tier.filter.start as u64).to_le_bytes());
            put(at + 24, &(tier.starts.start as u64).to_le_bytes());
            put(at + 32, &(tier.entries.start as u64).to_le_bytes());
            put(at + 40, &tier.alphabet.bits().to_le_bytes());
        }
        let hash = content_hash(bytes);
        bytes[HASH].copy_from_slice(&hash);
    }

    fn read(bytes: &[u8]) -> Result<Layout, FormatError> {
        let long = |at: usize| u64_at(bytes, at).ok_or_else(|| short(bytes));
        let word = |at: usize| u32_at(bytes, at).ok_or_else(|| short(bytes));
        let len = long(16)?;
        if len != bytes.len() as u64 {
            return Err(FormatError::Length { expected: len, found: bytes.len() as u64 });
        }
        if word(12)? as usize != HEADER {
            return Err(FormatError::Malformed("the header has another length"));
        }
        let longest = word(72)? as usize;
        if !(MIN_TOKEN..=MAX_TOKEN).contains(&longest) {
            return Err(FormatError::Malformed("the longest token is out of range"));
        }
        let count = word(76)? as usize;
        if !(1..=MAX_TIERS).contains(&count) {
            return Err(FormatError::Malformed("the number of tiers is out of range"));
        }
        let mut key = [0; 8];
        key.copy_from_slice(&bytes[48..56]);
        let mut tiers: Vec<TierLayout> = Vec::with_capacity(count);
        for at in (0..count).map(|number| TIERS_AT + number * TIER_BYTES) {
            let tier = Tier::from_parts(bytes[at].into(), bytes[at + 1].into())
                .ok_or(FormatError::Malformed("a tier has an unknown gram size or stride"))?;
            if tiers.last().is_some_and(|before| before.tier.size_index >= tier.size_index) {
                return Err(FormatError::Malformed("the tiers are not in order"));
            }
            tiers.push(TierLayout {
                tier,
                alphabet: Alphabet::from_bits(long(at + 40)?),
                filter: section(bytes, long(at + 16)?, word(at + 4)?, 0, BLOCK)?,
                starts: section(bytes, long(at + 24)?, word(at + 8)?, 1, START)?,
                entries: section(bytes, long(at + 32)?, word(at + 12)?, 0, ENTRY)?,
            });
        }
        Ok(Layout {
            serial: long(24)?,
            created: long(32)? as i64,
            key: KeyId(key),
            tokens: long(56)?,
            leaks: long(64)?,
            longest,
            policies: section(bytes, long(80)?, word(88)?, 0, POLICY)?,
            tiers,
        })
    }

    fn check_policies(&self, bytes: &[u8]) -> Result<(), FormatError> {
        let mut policies = bytes[self.policies.clone()].chunks_exact(POLICY);
        if policies.len() == 0 || !policies.all(|policy| action(policy).is_some()) {
            return Err(FormatError::Malformed("a policy has an unknown action"));
        }
        Ok(())
    }

    /// Checks the sections of a tier and returns how many tokens it holds.
    fn check_tier(&self, bytes: &[u8], layout: &TierLayout) -> Result<u64, FormatError> {
        if Filter::new(&bytes[layout.filter.clone()]).is_none() {
            return Err(FormatError::Malformed("a filter is empty"));
        }
        let table = Table::new(&bytes[layout.starts.clone()], &bytes[layout.entries.clone()]);
        if table.buckets() == 0 || table.len() == 0 {
            return Err(FormatError::Malformed("a table is empty"));
        }
        let mut before = 0;
        for bucket in 0..=table.buckets() {
            let start = table.start(bucket).unwrap_or(usize::MAX);
            if start < before || start > table.len() || (bucket == 0 && start != 0) {
                return Err(FormatError::Malformed("the buckets of a table are not in order"));
            }
            if start - before > MAX_ALIKE {
                return Err(FormatError::Malformed("a bucket holds too many tokens"));
            }
            before = start;
        }
        if before != table.len() {
            return Err(FormatError::Malformed("the buckets do not hold all tokens"));
        }
        let policies = self.policies.len() / POLICY;
        for number in 0..table.len() {
            let fits = table.entry(number).is_some_and(|entry| {
                let len = usize::from(entry.len);
                (layout.tier.window()..=self.longest).contains(&len)
                    && usize::from(entry.anchor) + layout.tier.size() <= len
                    && usize::from(entry.policy) < policies
            });
            if !fits {
                return Err(FormatError::Malformed(
                    "a token's length, anchor or policy is out of range",
                ));
            }
        }
        Ok(table.len() as u64)
    }
}

/// What a policy of [`POLICY`] bytes asks for.
pub(super) fn action(policy: &[u8]) -> Option<Action> {
    match policy {
        [1, 0, 0, 0, 0, 0, 0, 0] => Some(Action::Monitor),
        [2, 0, 0, 0, 0, 0, 0, 0] => Some(Action::Block),
        _ => None,
    }
}

/// The range of a section of `count + extra` items, if it stands aligned and whole behind the
/// header.
fn section(
    bytes: &[u8],
    start: u64,
    count: u32,
    extra: u64,
    item: usize,
) -> Result<Range<usize>, FormatError> {
    let end = start.checked_add((u64::from(count) + extra) * item as u64);
    match (usize::try_from(start), end.and_then(|end| usize::try_from(end).ok())) {
        (Ok(start), Some(end)) if start >= HEADER && start % ALIGN == 0 && end <= bytes.len() => {
            Ok(start..end)
        }
        _ => Err(FormatError::Malformed("a section does not lie within the file")),
    }
}

/// SHA-256 (FIPS 180-4) of everything but the hash itself and the signature.
fn content_hash(bytes: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(&bytes[..HASH.start]);
    hash.chain_update(&bytes[SIGNATURE.end..]).finalize().into()
}

fn short(bytes: &[u8]) -> FormatError {
    FormatError::Length { expected: HEADER as u64, found: bytes.len() as u64 }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}
