//! The bytes of a set, where they lie: a file mapped into memory, or memory of the process's own.
//!
//! Both are read-only mappings that start at a page. So sections are used as they lie, processes
//! that open or inherit a set share its pages, and no stray write can change one.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapMut, MmapOptions};

/// The bytes of a set.
pub(super) struct Content {
    map: Mmap,
    /// Whether the memory belongs to this process alone, so that its bytes may be changed.
    is_own: bool,
}

impl Content {
    /// The content of the file at `path`: mapped if it is a regular file, read if it is something
    /// else that can be read, as a pipe is.
    pub(super) fn open(path: &Path) -> io::Result<Content> {
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() || metadata.len() == 0 {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return Content::copy(&bytes);
        }
        let len = usize::try_from(metadata.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut options = MmapOptions::new();
        options.len(len);
        // SAFETY: the mapping is only read, through a shared slice, and must not change or lose
        // its pages while that is used. The file has `len` bytes, and those who replace set files
        // are obliged (`PatchSet::open`, docs/patch-set-format.md) to do so by renaming another
        // file into place, which leaves the mapped one as it is until the mapping ends.
        let map = unsafe { options.map(&file) }?;
        Ok(Content { map, is_own: false })
    }

    /// Lets go of the pages of `piece`, a part of these bytes, for now: a mapped file stays in the system's
    /// memory, and comes back from there page by page as it is used. So a set takes a process no more memory
    /// than its scans touch, though all of it was checked; and while one takes the place of another, the two
    /// do not take twice as much. Memory of the process's own is left as it is.
    #[cfg(target_os = "linux")]
    pub(super) fn leave(&self, piece: &[u8]) {
        let from = piece.as_ptr().addr().wrapping_sub(self.map.as_ptr().addr());
        if !self.is_own && self.map.get(from..from.saturating_add(piece.len())).is_some() {
            // SAFETY: the range lies in the mapping, which is a shared one of a file and only read: a page
            // that is let go reads the same when it comes back. That nothing works is no harm.
            let _ = unsafe {
                self.map.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    from,
                    piece.len(),
                )
            };
        }
    }

    /// Where there is no such advice, pages stay.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn leave(&self, _: &[u8]) {}

    /// A copy of `bytes`.
    pub(super) fn copy(bytes: &[u8]) -> io::Result<Content> {
        let mut map = MmapMut::map_anon(bytes.len())?;
        // The filter of a large set is read here and there: large pages save a few percent of that. Where
        // there are none, small ones do.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        map.copy_from_slice(bytes);
        Ok(Content { map: map.make_read_only()?, is_own: true })
    }

    /// The same bytes, changed by `change`. A mapped file is copied, not changed.
    pub(super) fn changed(self, change: impl FnOnce(&mut [u8])) -> io::Result<Content> {
        let own = if self.is_own { self } else { Content::copy(&self)? };
        let mut map = own.map.make_mut()?;
        change(&mut map);
        Ok(Content { map: map.make_read_only()?, is_own: true })
    }
}

impl Deref for Content {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_and_copies_hold_their_bytes_and_changing_leaves_the_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, 4095, 4096, 100_000] {
            let bytes: Vec<u8> = (0..len).map(|n: u32| n as u8).collect();
            let path = folder.path().join(len.to_string());
            fs::write(&path, &bytes).unwrap();
            for content in [Content::open(&path).unwrap(), Content::copy(&bytes).unwrap()] {
                assert_eq!(content[..], bytes);
                assert_eq!(content.as_ptr() as usize % 4096, 0);
                let changed = content.changed(|bytes| bytes.fill(7)).unwrap();
                assert_eq!(changed[..], vec![7; bytes.len()]);
            }
            assert_eq!(fs::read(&path).unwrap(), bytes);
        }
        assert!(Content::open(folder.path()).is_err());
    }

    /// What was let go comes back as it was, from a mapped file and in memory of the process's own.
    #[test]
    fn what_is_left_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set");
        let bytes: Vec<u8> = (0..300_000).map(|n: u32| (n % 251) as u8).collect();
        fs::write(&path, &bytes).unwrap();
        for content in [Content::open(&path).unwrap(), Content::copy(&bytes).unwrap()] {
            for (from, to) in [(0, 300_000), (5_000, 100_001), (299_999, 300_000), (7, 7)] {
                content.leave(&content[from..to]);
                assert_eq!(content[..], bytes, "{from}..{to}");
            }
            // Of something else, nothing is let go.
            content.leave(&bytes);
            assert_eq!(content[..], bytes);
        }
        assert!(bytes.iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 251));
    }

    #[test]
    fn a_file_that_was_replaced_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let [path, next] = ["set", "next"].map(|name| folder.path().join(name));
        fs::write(&path, vec![1; 50_000]).unwrap();
        fs::write(&next, [2]).unwrap();
        let content = Content::open(&path).unwrap();
        fs::rename(&next, &path).unwrap();
        assert!(content.iter().all(|byte| *byte == 1));
        assert_eq!(Content::open(&path).unwrap()[..], [2]);
    }
}
