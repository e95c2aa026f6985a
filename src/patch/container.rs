//! The patch set file: where everything stands in it, and the checks that make it safe to use.
//!
//! `docs/patch-set-format.md` specifies it byte by byte. Everything that the request path relies on
//! is checked here, once, so that no byte sequence can make it read out of bounds or loop.

use std::ops::Range;

use thiserror::Error;

use super::builder::MAX_ALIKE;
use super::filter::{BLOCK, Filter};
use super::policy::{self, Policies};
use super::signature;
use super::table::{ENTRY, START};
use super::tier::{MAX_TIERS, Tier};
use super::trust::TrustError;
use crate::secret::{Alphabet, KeyId, MAX_TOKEN, MIN_TOKEN, PublicKey};

/// The version of the format that this library writes and reads.
pub const FORMAT_VERSION: u32 = 2;

pub(super) const MAGIC: [u8; 8] = *b"stanchPS";
pub(super) const HEADER: usize = 448;
/// How much of a file is gone through at a time.
const PIECE: usize = 1 << 20;
/// Sections start at multiples of this, the length of a cache line.
pub(super) const ALIGN: usize = 64;

const HASH: Range<usize> = 288..320;
const TIERS_AT: usize = 128;
const TIER_BYTES: usize = 48;
/// What no field of the header takes; zero. Nor does a tier take its bytes 2 to 4, nor a tier that is
/// not there any.
const FREE: [Range<usize>; 3] = [92..96, 113..128, 272..288];

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
    /// They are a sound set that is not taken here.
    #[error("refused: {0}")]
    Refused(#[from] TrustError),
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
    pub(super) expires: Option<u64>,
    /// The lowest estimate of what recovering a token costs, in bits.
    pub(super) recovery_bits: u8,
    pub(super) key: KeyId,
    pub(super) tokens: u64,
    pub(super) leaks: u64,
    pub(super) longest: usize,
    pub(super) policies: PolicyLayout,
    pub(super) tiers: Vec<TierLayout>,
    pub(super) hash: [u8; 32],
    /// Who signed it, if anybody did.
    pub(super) signer: Option<PublicKey>,
}

/// Where the policies stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PolicyLayout {
    pub(super) starts: Range<usize>,
    pub(super) records: Range<usize>,
    /// Whether any of them has a scope.
    pub(super) scoped: bool,
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
    /// Reads and checks the header of `bytes`, a whole file, and that nothing in it was changed since
    /// it was written and signed. Whether it is taken, and whether the key is the right one, is for
    /// the caller to see before it goes on with [`check`](Layout::check). `leave` gets each piece of the
    /// file that was gone through.
    pub(super) fn read_whole(bytes: &[u8], leave: &impl Fn(&[u8])) -> Result<Layout, FormatError> {
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
        let mut layout = Layout::read(bytes, leave)?;
        if layout.hash != bytes[HASH] {
            return Err(FormatError::Damaged);
        }
        layout.signer = signature::signer(bytes)?;
        Ok(layout)
    }

    /// Checks everything that the request path relies on in `bytes`, the file that this is the
    /// layout of. `leave` gets each piece of a table that was gone through.
    pub(super) fn check(
        &mut self,
        bytes: &[u8],
        leave: &impl Fn(&[u8]),
    ) -> Result<(), FormatError> {
        let policies = self.policies(bytes);
        self.policies.scoped = policies.check().map_err(FormatError::Malformed)?;
        for tier in &self.tiers {
            self.check_tier(bytes, tier, policies.len(), leave)?;
        }
        let entries = self.tiers.iter().map(|tier| (tier.entries.len() / ENTRY) as u64);
        if entries.sum::<u64>() != self.tokens {
            return Err(FormatError::Malformed(
                "the tiers do not hold as many tokens as the header says",
            ));
        }
        Ok(())
    }

    /// The policies in `bytes`, the file that this is the layout of.
    pub(super) fn policies<'s>(&self, bytes: &'s [u8]) -> Policies<'s> {
        let PolicyLayout { starts, records, .. } = &self.policies;
        Policies::new(&bytes[starts.clone()], &bytes[records.clone()])
    }

    /// Writes the header of the finished file `bytes`, content hash included, unsigned.
    pub(super) fn seal(&self, bytes: &mut [u8]) {
        let len = bytes.len() as u64;
        bytes[..8].copy_from_slice(&MAGIC);
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(8, &FORMAT_VERSION.to_le_bytes());
        put(12, &(HEADER as u32).to_le_bytes());
        put(16, &len.to_le_bytes());
        put(24, &self.serial.to_le_bytes());
        put(32, &self.created.to_le_bytes());
        put(40, &self.expires.unwrap_or(0).to_le_bytes());
        put(48, &self.key.0);
        put(56, &self.tokens.to_le_bytes());
        put(64, &self.leaks.to_le_bytes());
        put(72, &(self.longest as u32).to_le_bytes());
        put(76, &(self.tiers.len() as u32).to_le_bytes());
        put(80, &(self.policies.starts.start as u64).to_le_bytes());
        put(88, &((self.policies.starts.len() / policy::START - 1) as u32).to_le_bytes());
        put(96, &(self.policies.records.start as u64).to_le_bytes());
        put(104, &(self.policies.records.len() as u64).to_le_bytes());
        put(112, &[self.recovery_bits]);
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
        let hash = content_hash(bytes, &|_| ());
        bytes[HASH].copy_from_slice(&hash);
    }

    fn read(bytes: &[u8], leave: &impl Fn(&[u8])) -> Result<Layout, FormatError> {
        let long = |at: usize| u64_at(bytes, at).ok_or_else(|| short(bytes));
        let word = |at: usize| u32_at(bytes, at).ok_or_else(|| short(bytes));
        let len = long(16)?;
        if len != bytes.len() as u64 {
            return Err(FormatError::Length { expected: len, found: bytes.len() as u64 });
        }
        if word(12)? as usize != HEADER {
            return Err(FormatError::Malformed("the header has another length"));
        }
        let count = word(76)? as usize;
        if count > MAX_TIERS {
            return Err(FormatError::Malformed("the number of tiers is out of range"));
        }
        let longest = word(72)? as usize;
        let lengths = if count == 0 { 0..=0 } else { MIN_TOKEN..=MAX_TOKEN };
        if !lengths.contains(&longest) {
            return Err(FormatError::Malformed("the longest token is out of range"));
        }
        let unused = TIERS_AT + count * TIER_BYTES..TIERS_AT + MAX_TIERS * TIER_BYTES;
        if FREE.into_iter().chain([unused]).any(|free| !is_zero(&bytes[free])) {
            return Err(FormatError::Malformed("there is something where zeroes must stand"));
        }
        let mut key = [0; 8];
        key.copy_from_slice(&bytes[48..56]);
        let mut tiers: Vec<TierLayout> = Vec::with_capacity(count);
        for at in (0..count).map(|number| TIERS_AT + number * TIER_BYTES) {
            let tier = Tier::from_parts(bytes[at].into(), bytes[at + 1].into())
                .filter(|_| is_zero(&bytes[at + 2..at + 4]))
                .ok_or(FormatError::Malformed("a tier has an unknown gram size or stride"))?;
            if tiers.last().is_some_and(|before| before.tier.size_index >= tier.size_index) {
                return Err(FormatError::Malformed("the tiers are not in order"));
            }
            tiers.push(TierLayout {
                tier,
                alphabet: Alphabet::from_bits(long(at + 40)?).ok_or(FormatError::Malformed(
                    "a tier has tokens of unknown kinds of characters",
                ))?,
                filter: section(bytes, long(at + 16)?, word(at + 4)?.into(), 0, BLOCK)?,
                starts: section(bytes, long(at + 24)?, word(at + 8)?.into(), 1, START)?,
                entries: section(bytes, long(at + 32)?, word(at + 12)?.into(), 0, ENTRY)?,
            });
        }
        Ok(Layout {
            serial: long(24)?,
            created: long(32)? as i64,
            expires: Some(long(40)?).filter(|time| *time != 0),
            recovery_bits: bytes[112],
            key: KeyId(key),
            tokens: long(56)?,
            leaks: long(64)?,
            longest,
            policies: PolicyLayout {
                starts: section(bytes, long(80)?, word(88)?.into(), 1, policy::START)?,
                records: section(bytes, long(96)?, long(104)?, 0, 1)?,
                scoped: false,
            },
            tiers,
            hash: content_hash(bytes, leave),
            signer: None,
        })
    }

    /// Checks the sections of a tier. A set of a million tokens is to open within milliseconds, so
    /// this goes over each section once, without a branch for each item.
    fn check_tier(
        &self,
        bytes: &[u8],
        layout: &TierLayout,
        policies: usize,
        leave: &impl Fn(&[u8]),
    ) -> Result<(), FormatError> {
        if Filter::new(&bytes[layout.filter.clone()]).is_none() {
            return Err(FormatError::Malformed("a filter is empty"));
        }
        let (starts, _) = bytes[layout.starts.clone()].as_chunks::<START>();
        let (entries, _) = bytes[layout.entries.clone()].as_chunks::<ENTRY>();
        if starts.len() < 2 || entries.is_empty() {
            return Err(FormatError::Malformed("a table is empty"));
        }
        let (mut before, mut sound) = (0, u32::from_le_bytes(starts[0]) == 0);
        for piece in starts.chunks(PIECE / START) {
            for start in piece {
                let start = u32::from_le_bytes(*start);
                // One that is smaller than the one before it wraps round to a large number.
                sound &= start.wrapping_sub(before) <= MAX_ALIKE as u32;
                before = start;
            }
            leave(piece.as_flattened());
        }
        if !sound || before as usize != entries.len() {
            return Err(FormatError::Malformed(
                "the buckets of a table are not in order, hold too many tokens, or not all",
            ));
        }
        let (window, longest) = (layout.tier.window() as u32, self.longest as u32);
        let (size, policies) = (layout.tier.size() as u32, policies as u32);
        for piece in entries.chunks(PIECE / ENTRY) {
            for entry in piece {
                let short = |at: usize| u32::from(u16::from_le_bytes([entry[at], entry[at + 1]]));
                let (policy, len, anchor) = (short(24), short(26), short(28));
                sound &= (len >= window)
                    & (len <= longest)
                    & (anchor + size <= len)
                    & (policy < policies);
            }
            leave(piece.as_flattened());
        }
        if !sound {
            return Err(FormatError::Malformed(
                "a token's length, anchor or policy is out of range",
            ));
        }
        Ok(())
    }
}

/// The range of a section of `count + extra` items, if it stands aligned and whole behind the
/// header.
fn section(
    bytes: &[u8],
    start: u64,
    count: u64,
    extra: u64,
    item: usize,
) -> Result<Range<usize>, FormatError> {
    let len = count.checked_add(extra).and_then(|count| count.checked_mul(item as u64));
    let end = len.and_then(|len| start.checked_add(len));
    match (usize::try_from(start), end.and_then(|end| usize::try_from(end).ok())) {
        (Ok(start), Some(end)) if start >= HEADER && start % ALIGN == 0 && end <= bytes.len() => {
            Ok(start..end)
        }
        _ => Err(FormatError::Malformed("a section does not lie within the file")),
    }
}

/// BLAKE3 of everything but the hash itself and the signature.
fn content_hash(bytes: &[u8], leave: &impl Fn(&[u8])) -> [u8; 32] {
    let mut hash = blake3::Hasher::new();
    hash.update(&bytes[..HASH.start]);
    for piece in bytes[HEADER..].chunks(PIECE) {
        hash.update(piece);
        leave(piece);
    }
    *hash.finalize().as_bytes()
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
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
