//! A compiled patch set, ready to be matched against.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::{fmt, process};

use thiserror::Error;

use super::container::{FORMAT_VERSION, FormatError, Layout, TierLayout};
use super::content::Content;
use super::context::{Known, ROOM};
use super::filter::Filter;
use super::scope::Rule;
use super::search::Cursor;
use super::sift::Sampler;
use super::signature;
use super::state::State;
use super::table::{ENTRY, Entry, Table};
use super::tier::Tier;
use super::trust::Trust;
use super::verdict::{Action, Part};
use super::views::Signs;
use crate::secret::{
    Alphabet, DigestHasher, Engine, GramHasher, ImprintKey, KeyId, PublicKey, SigningKey,
};

/// What stands for the length of the shortest token where there is none: longer than any text, and
/// still a number to calculate with.
const ENDLESS: usize = usize::MAX / 8;

/// How many temporary files that were left behind are passed by.
const LEFT_BEHIND: u32 = 99;

/// A set of patches, compiled and immutable. It holds no plaintext.
///
/// Threads and forked processes share it; each request gets a [`Scan`](super::Scan) of its own.
pub struct PatchSet {
    content: Content,
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
    /// From when on it does not open, in seconds since 1970-01-01 UTC, if it expires at all.
    pub expires: Option<u64>,
    /// The key that it was compiled with.
    pub key: KeyId,
    /// Who signed it, if anybody did. The signature is right; whether that key is to be trusted is
    /// another question.
    pub signer: Option<PublicKey>,
    /// What recovering the easiest of its tokens would cost whoever has the set and its key: the
    /// base-2 logarithm of the guesses, by the builder's estimate. 255 if there is no token.
    pub recovery_bits: u32,
    /// What it asks for of its tokens: the different policies, each a list of rules. Of the rules
    /// whose scope a request is in, the strongest action counts.
    pub policies: Vec<Vec<Rule>>,
    /// The length of the longest token in bytes, 0 if there is no token.
    pub longest_token: usize,
    /// The hash of its content, which its signature is no part of: the same for the same set, whoever
    /// signed it.
    pub content: [u8; 32],
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
    /// Opens the set in the file at `path`, which was compiled with `key` and has not expired,
    /// signed or not.
    ///
    /// The file is mapped, not read: processes that open it share its memory. As long as a set is
    /// open, its file must not be written to or cut off in place. Replace it by renaming another file
    /// over it, as [`save`](PatchSet::save) does; whoever has the old one open goes on with that.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it.
    pub fn open(path: &Path, key: &ImprintKey) -> Result<PatchSet, OpenError> {
        PatchSet::open_trusted(path, key, &Trust::new())
    }

    /// As [`open`](PatchSet::open), if `trust` takes the set.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it, or why it is not taken
    /// ([`FormatError::Refused`]).
    pub fn open_trusted(
        path: &Path,
        key: &ImprintKey,
        trust: &Trust,
    ) -> Result<PatchSet, OpenError> {
        PatchSet::new(content(path)?, key, trust)
            .map_err(|error| OpenError::Format { path: path.to_owned(), error })
    }

    /// The set in `bytes`, the content of a patch set file that was compiled with `key` and has not
    /// expired, signed or not. The bytes are copied.
    ///
    /// # Errors
    ///
    /// [`FormatError`] says what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8], key: &ImprintKey) -> Result<PatchSet, FormatError> {
        PatchSet::from_bytes_trusted(bytes, key, &Trust::new())
    }

    /// As [`from_bytes`](PatchSet::from_bytes), if `trust` takes the set.
    ///
    /// # Errors
    ///
    /// [`FormatError`] says what is wrong with the bytes, or why the set is not taken.
    pub fn from_bytes_trusted(
        bytes: &[u8],
        key: &ImprintKey,
        trust: &Trust,
    ) -> Result<PatchSet, FormatError> {
        let content = Content::copy(bytes).map_err(|_| FormatError::Memory)?;
        PatchSet::new(content, key, trust)
    }

    /// The same set with `key`'s signature in place of any other. A file that it was opened from is
    /// left as it is.
    ///
    /// # Errors
    ///
    /// [`FormatError::Memory`] if there is no memory for a signed copy.
    pub fn sign(mut self, key: &SigningKey) -> Result<PatchSet, FormatError> {
        let sign = |bytes: &mut [u8]| signature::sign(bytes, key);
        self.content = self.content.changed(sign).map_err(|_| FormatError::Memory)?;
        self.layout.signer = Some(key.public());
        Ok(self)
    }

    /// The set as the content of a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.content
    }

    /// Writes the set to the file at `path`, all of it or nothing: a temporary file in the same folder is
    /// renamed into place. Its mode is 0600, or that of the file that it replaces, if it can be given to
    /// the same owner and group: whoever was allowed to read the old set may read the new one.
    ///
    /// # Errors
    ///
    /// [`SaveError`]; a file that was at `path` before is then unchanged.
    pub fn save(&self, path: &Path) -> Result<(), SaveError> {
        put(path, self.as_bytes())
    }

    /// What the set says of itself.
    pub fn info(&self) -> SetInfo {
        self.layout.info(&self.content)
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
    /// longest token, not with their number; scopes add a few hundred.
    pub fn state_len(&self) -> usize {
        State::len(self.layout.longest) + self.context_len()
    }

    /// How many of these bytes, the first ones, are for what is known of a request.
    pub(super) fn context_len(&self) -> usize {
        if self.layout.policies.scoped { ROOM } else { 0 }
    }

    /// What the header says.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether `other` has the same content and the same signer.
    pub(super) fn is_same(&self, other: &PatchSet) -> bool {
        self.layout.hash == other.layout.hash && self.layout.signer == other.layout.signer
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

    /// What to do about the token that `entry` stands for, in a request of which this much is
    /// known, and in this part of it; in any part if that is not known.
    pub(super) fn action(
        &self,
        entry: &Entry,
        known: &mut Known<'_>,
        part: Option<Part>,
    ) -> Action {
        known.action(self.layout.policies(&self.content), entry.policy, part)
    }

    fn new(content: Content, key: &ImprintKey, trust: &Trust) -> Result<PatchSet, FormatError> {
        let leave = |piece: &[u8]| content.leave(piece);
        let mut layout = Layout::read_whole(&content, &leave)?;
        trust.check(&layout)?;
        if layout.key != key.id() {
            return Err(FormatError::WrongKey { set: layout.key, key: key.id() });
        }
        layout.check(&content, &leave)?;
        let tiers: Vec<PreparedTier> =
            layout.tiers.iter().map(|layout| PreparedTier::new(layout, key)).collect();
        let geometries = || tiers.iter().map(|tier| tier.layout.tier);
        let shortest = geometries().map(Tier::window).min().unwrap_or(ENDLESS);
        let alphabet =
            layout.tiers.iter().fold(Alphabet::default(), |all, tier| all.union(tier.alphabet));
        let engine = tiers.first().map_or(Engine::Portable, |tier| tier.hasher.rounds().engine());
        Ok(PatchSet {
            start: Cursor::new(geometries()),
            signs: Signs::new(engine, alphabet, (shortest, layout.longest)),
            shortest,
            digest: DigestHasher::new(key),
            content,
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
    /// way but for the key, and may have expired.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it.
    pub fn read(path: &Path) -> Result<SetInfo, OpenError> {
        SetInfo::read_trusted(path, None)
    }

    /// As [`read`](SetInfo::read), if `trust` takes the set.
    ///
    /// # Errors
    ///
    /// [`OpenError`] names the file and says what is wrong with it, or why it is not taken.
    pub fn verify(path: &Path, trust: &Trust) -> Result<SetInfo, OpenError> {
        SetInfo::read_trusted(path, Some(trust))
    }

    /// As [`verify`](SetInfo::verify), of the set in `bytes`, the content of a patch set file. The
    /// bytes are copied.
    ///
    /// # Errors
    ///
    /// [`FormatError`] says what is wrong with the bytes, or why the set is not taken.
    pub fn verify_bytes(bytes: &[u8], trust: &Trust) -> Result<SetInfo, FormatError> {
        let content = Content::copy(bytes).map_err(|_| FormatError::Memory)?;
        SetInfo::of(&content, Some(trust))
    }

    fn read_trusted(path: &Path, trust: Option<&Trust>) -> Result<SetInfo, OpenError> {
        SetInfo::of(&content(path)?, trust)
            .map_err(|error| OpenError::Format { path: path.to_owned(), error })
    }

    fn of(content: &Content, trust: Option<&Trust>) -> Result<SetInfo, FormatError> {
        let leave = |piece: &[u8]| content.leave(piece);
        let mut layout = Layout::read_whole(content, &leave)?;
        trust.map_or(Ok(()), |trust| trust.check(&layout))?;
        layout.check(content, &leave)?;
        Ok(layout.info(content))
    }
}

/// Writes `content`, the bytes of a set that was checked, to the file at `path` as
/// [`PatchSet::save`] does: for whoever passes sets on and has no key to open them with.
///
/// # Errors
///
/// [`SaveError`]; a file that was at `path` before is then unchanged.
pub fn put(path: &Path, content: &[u8]) -> Result<(), SaveError> {
    let failed = |error| SaveError { path: path.to_owned(), error };
    let (temporary, mut file) = beside(path).map_err(failed)?;
    #[cfg(unix)]
    inherit(path, &file);
    let done = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, path));
    done.map_err(|error| {
        // The first error is the one to report; the half-written file must not stay.
        let _ = fs::remove_file(&temporary);
        failed(error)
    })
}

impl Layout {
    fn info(&self, bytes: &[u8]) -> SetInfo {
        let tier = |tier: &TierLayout| {
            (tier.tier.size(), tier.tier.stride, (tier.entries.len() / ENTRY) as u64)
        };
        SetInfo {
            tokens: self.tokens,
            leaks: self.leaks,
            serial: self.serial,
            created: self.created,
            expires: self.expires,
            key: self.key,
            signer: self.signer,
            recovery_bits: self.recovery_bits.into(),
            policies: self.policies(bytes).to_rules(),
            longest_token: self.longest,
            content: self.hash,
            bytes: bytes.len() as u64,
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

fn content(path: &Path) -> Result<Content, OpenError> {
    Content::open(path).map_err(|error| OpenError::Io { path: path.to_owned(), error })
}

/// A new file in the folder of `path`. The number of a process comes again, in a container with each
/// start: a file that one left behind when it was killed must not be in the way for good, nor be
/// taken away from another that still writes it.
fn beside(path: &Path) -> io::Result<(PathBuf, fs::File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut number = 0;
    loop {
        let mut temporary = name.to_owned();
        temporary.push(match number {
            0 => format!(".{}.new", process::id()),
            _ => format!(".{}-{number}.new", process::id()),
        });
        let temporary = path.with_file_name(temporary);
        match options.open(&temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < LEFT_BEHIND => {
                number += 1;
            }
            opened => return opened.map(|file| (temporary, file)),
        }
    }
}

/// Lets whoever may read the file at `path` read the one that takes its place: a proxy's workers are often
/// of another user than who writes sets. As far as this process may: a set that only its owner can read is
/// not given away instead.
#[cfg(unix)]
fn inherit(path: &Path, file: &fs::File) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let Ok(old) = fs::symlink_metadata(path) else { return };
    if old.is_file() && fchown(file, Some(old.uid()), Some(old.gid())).is_ok() {
        let mode = old.permissions().mode() & 0o644 | 0o600;
        let _ = file.set_permissions(fs::Permissions::from_mode(mode));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Patch, PatchSetBuilder, TrustError};
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_file_that_was_left_behind_is_not_in_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set");
        let made: Vec<PathBuf> = (0..=LEFT_BEHIND).map(|_| beside(&path).unwrap().0).collect();
        assert!(made.iter().all(|one| one.is_file()));
        assert_eq!(beside(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&made[5]).unwrap();
        put(&path, b"content").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert!(!made[5].exists() && made[6].exists());
    }

    #[test]
    fn who_has_no_key_follows_the_set_that_is_there() {
        let key = ImprintKey::generate().unwrap();
        let compile = |serial, leak| {
            let token = Secret::new("test", "tst_4fJq9XzW2mKc7LbT0vRy6NhE8sPd3GaUo1Bi5Zt");
            let mut builder = PatchSetBuilder::new(&key).serial(serial);
            builder.add(&key.imprint(&token).unwrap(), Patch::block(leak)).unwrap();
            builder.build().unwrap()
        };
        let held = compile(5, 1);
        let trust = Trust::new().following(&held.info());
        let verify = |set: &PatchSet| SetInfo::verify_bytes(set.as_bytes(), &trust);
        assert_eq!(verify(&held), Ok(held.info()));
        assert_eq!(verify(&compile(6, 2)).map(|info| info.serial), Ok(6));
        assert_eq!(verify(&compile(5, 2)), Err(TrustError::SameSerial { serial: 5 }.into()));
        let older = TrustError::Older { serial: 4, lowest: 5 };
        assert_eq!(verify(&compile(4, 1)), Err(older.into()));
        let bytes = held.as_bytes();
        let cut = SetInfo::verify_bytes(&bytes[..bytes.len() - 1], &trust);
        assert_eq!(
            cut,
            PatchSet::from_bytes(&bytes[..bytes.len() - 1], &key).map(|set| set.info())
        );
    }
}
