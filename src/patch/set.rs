//! A compiled patch set, ready to be matched against.

use std::collections::TryReserveError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::{fmt, process};

use thiserror::Error;

use super::container::{self, ALIGN, FORMAT_VERSION, FormatError, Layout, POLICY, TierLayout};
use super::filter::Filter;
use super::search::Cursor;
use super::sift::Sampler;
use super::state::State;
use super::table::{ENTRY, Entry, Table};
use super::tier::Tier;
use super::verdict::Action;
use super::views::Signs;
use crate::secret::{Alphabet, DigestHasher, Engine, GramHasher, ImprintKey, KeyId};

/// A set of patches, compiled and immutable. It holds no plaintext.
///
/// Threads and forked processes share it; each request gets a [`Scan`](super::Scan) of its own.
pub struct PatchSet {
    /// The file, starting at `pad` so that it lies at a multiple of [`ALIGN`].
    bytes: Vec<u8>,
    pad: usize,
    layout: Layout,
    tiers: Vec<PreparedTier>,
    start: Cursor,
    shortest: usize,
    signs: Signs,
    digest: DigestHasher,
}

/// What a set says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetInfo {
    /// How many different tokens it holds.
    pub tokens: u64,
    /// How many leaks they belong to.
    pub leaks: u64,
    /// Its number in the row of sets that an installation compiles.
    pub serial: u64,
    /// When it was compiled, in seconds since 1970-01-01 UTC.
    pub created: i64,
    /// The key that it was compiled with.
    pub key: KeyId,
    /// The length of the longest token in bytes.
    pub longest_token: usize,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The version of the file's format.
    pub format_version: u32,
    /// For each tier, the fastest last: gram size, stride (both in bytes) and number of tokens.
    pub tiers: Vec<(usize, usize, u64)>,
}

/// Why a set cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be read.
    #[error("patch set {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file is not a set that can be used with this key.
    #[error("patch set {}: {error}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: FormatError,
    },
}

/// Why a set cannot be saved. What was in the place before is still there.
#[derive(Debug, Error)]
#[error("patch set {}: cannot be written: {error}", path.display())]
pub struct SaveError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    pub error: io::Error,
}

/// A tier of a set, with what a search in it needs.
pub(super) struct PreparedTier {
    pub(super) layout: TierLayout,
    pub(super) hasher: GramHasher,
    pub(super) sampler: Sampler,
}

impl PatchSet {
    /// Opens the set in the file at `path`, which was compiled with `key`.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it.
    pub fn open(path: &Path, key: &ImprintKey) -> Result<PatchSet, OpenError> {
        let (bytes, pad) = read(path)?;
        PatchSet::new(bytes, pad, key)
            .map_err(|error| OpenError::Format { path: path.to_owned(), error })
    }

    /// The set in `bytes`, the content of a patch set file that was compiled with `key`.
    ///
    /// # Errors
    ///
    /// [`FormatError`] says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8], key: &ImprintKey) -> Result<PatchSet, FormatError> {
        let mut copy = aligned(bytes.len()).map_err(|_| FormatError::Memory)?;
        let pad = copy.len();
        copy.extend_from_slice(bytes);
        PatchSet::new(copy, pad, key)
    }

    /// The set as the content of a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.pad..]
    }

    /// Writes the set to the file at `path`, with mode 0600, all of it or nothing: a temporary file
    /// in the same folder is renamed into place.
    ///
    /// # Errors
    ///
    /// [`SaveError`]; a file that was at `path` before is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), SaveError> {
        let failed = |error| SaveError { path: path.to_owned(), error };
        let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let mut temporary = name.to_owned();
        temporary.push(format!(".{}.new", process::id()));
        let temporary = path.with_file_name(temporary);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary).map_err(failed)?;
        let done = file
            .write_all(self.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temporary, path));
        done.map_err(|error| {
            // The first error is the one to report; the half-written file must not stay.
            let _ = fs::remove_file(&temporary);
            failed(error)
        })
    }

    /// What the set says of itself.
    pub fn info(&self) -> SetInfo {
        self.layout.info(self.as_bytes().len())
    }

    /// The same set, searched with another engine.
    #[cfg(test)]
    pub(super) fn with(mut self, engine: crate::secret::Engine) -> PatchSet {
        for tier in &mut self.tiers {
            tier.hasher = tier.hasher.with(engine);
        }
        self.signs = self.signs.with(engine);
        self
    }

    /// How many bytes of state a [`Scan`](super::Scan) over this set needs. It grows with the
    /// longest token, not with their number.
    pub fn state_len(&self) -> usize {
        State::len(self.layout.longest)
    }

    /// The length of the longest token in bytes.
    pub(super) fn longest(&self) -> usize {
        self.layout.longest
    }

    /// The length in bytes below which a text holds no token, however it is read.
    #[inline]
    pub(super) fn shortest(&self) -> usize {
        self.shortest
    }

    /// What its tokens look like in other readings.
    #[inline]
    pub(super) fn signs(&self) -> &Signs {
        &self.signs
    }

    /// Where a search in a text starts.
    #[inline]
    pub(super) fn start(&self) -> Cursor {
        self.start
    }

    /// Its tiers.
    #[inline]
    pub(super) fn tiers(&self) -> &[PreparedTier] {
        &self.tiers
    }

    /// The filter of one of its tiers; never `None` in a set that was opened.
    #[inline]
    pub(super) fn filter(&self, tier: &PreparedTier) -> Option<Filter<'_>> {
        Filter::new(&self.as_bytes()[tier.layout.filter.clone()])
    }

    /// The table of one of its tiers.
    pub(super) fn table(&self, tier: &PreparedTier) -> Table<'_> {
        let bytes = self.as_bytes();
        Table::new(&bytes[tier.layout.starts.clone()], &bytes[tier.layout.entries.clone()])
    }

    /// Whether `token` is the one that `entry` stands for.
    pub(super) fn confirms(&self, entry: &Entry, token: &[u8]) -> bool {
        self.digest.digest(token) == entry.digest
    }

    /// What to do about the token that `entry` stands for.
    pub(super) fn action(&self, entry: &Entry) -> Action {
        let policies = &self.as_bytes()[self.layout.policies.clone()];
        let policy = policies.chunks_exact(POLICY).nth(entry.policy.into());
        policy.and_then(container::action).unwrap_or_default()
    }

    /// The set in `bytes[pad..]`.
    fn new(bytes: Vec<u8>, pad: usize, key: &ImprintKey) -> Result<PatchSet, FormatError> {
        let layout = Layout::check(&bytes[pad..])?;
        if layout.key != key.id() {
            return Err(FormatError::WrongKey { set: layout.key, key: key.id() });
        }
        let tiers: Vec<PreparedTier> =
            layout.tiers.iter().map(|layout| PreparedTier::new(layout, key)).collect();
        let geometries = || tiers.iter().map(|tier| tier.layout.tier);
        let shortest = geometries().map(Tier::window).min().unwrap_or(usize::MAX);
        let alphabet =
            layout.tiers.iter().fold(Alphabet::default(), |all, tier| all.union(tier.alphabet));
        let engine = tiers.first().map_or(Engine::Portable, |tier| tier.hasher.rounds().engine());
        Ok(PatchSet {
            start: Cursor::new(geometries()),
            signs: Signs::new(engine, alphabet, (shortest, layout.longest)),
            shortest,
            digest: DigestHasher::new(key),
            bytes,
            pad,
            layout,
            tiers,
        })
    }
}

impl PreparedTier {
    fn new(layout: &TierLayout, key: &ImprintKey) -> PreparedTier {
        PreparedTier {
            layout: layout.clone(),
            hasher: GramHasher::new(key, layout.tier.size()),
            sampler: Sampler::new(layout.tier, layout.alphabet),
        }
    }
}

impl SetInfo {
    /// What the set in the file at `path` says of itself. Needs no key: the set is checked in every
    /// way but for the key.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it.
    pub fn read(path: &Path) -> Result<SetInfo, OpenError> {
        let (bytes, pad) = read(path)?;
        let bytes = &bytes[pad..];
        let layout = Layout::check(bytes)
            .map_err(|error| OpenError::Format { path: path.to_owned(), error })?;
        Ok(layout.info(bytes.len()))
    }
}

impl Layout {
    fn info(&self, len: usize) -> SetInfo {
        let tier = |tier: &TierLayout| {
            (tier.tier.size(), tier.tier.stride, (tier.entries.len() / ENTRY) as u64)
        };
        SetInfo {
            tokens: self.tokens,
            leaks: self.leaks,
            serial: self.serial,
            created: self.created,
            key: self.key,
            longest_token: self.longest,
            bytes: len as u64,
            format_version: FORMAT_VERSION,
            tiers: self.tiers.iter().map(tier).collect(),
        }
    }
}

impl fmt::Debug for PatchSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchSet")
            .field("tokens", &self.layout.tokens)
            .field("serial", &self.layout.serial)
            .field("key", &self.layout.key)
            .finish_non_exhaustive()
    }
}

/// The content of the file at `path`, behind the padding whose length comes with it.
fn read(path: &Path) -> Result<(Vec<u8>, usize), OpenError> {
    let io = |error| OpenError::Io { path: path.to_owned(), error };
    let mut file = File::open(path).map_err(io)?;
    let len = file.metadata().map_err(io)?.len();
    let mut bytes = aligned(usize::try_from(len).unwrap_or(usize::MAX))
        .map_err(|_| io(io::ErrorKind::OutOfMemory.into()))?;
    let pad = bytes.len();
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok((bytes, pad))
}

/// A buffer with room for `len` bytes that are to start at a multiple of [`ALIGN`]: it holds the
/// padding already.
fn aligned(len: usize) -> Result<Vec<u8>, TryReserveError> {
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(len.saturating_add(ALIGN))?;
    let pad = bytes.as_ptr().align_offset(ALIGN).min(ALIGN);
    bytes.resize(pad, 0);
    Ok(bytes)
}
