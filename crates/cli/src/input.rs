//! What is read as a whole: from a file, or from standard input if the path is `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::outcome::{Failure, reason, shown};

/// How much is read at first where the length is not known before.
const FIRST: usize = 64 << 10;

/// What to call the input at `path` in messages.
pub(crate) fn name(path: &Path) -> String {
    match is_standard(path) {
        true => "standard input".to_owned(),
        false => shown(path),
    }
}

/// Whether `path` stands for standard input.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of the input at `path`, which may hold tokens: they are zeroed when they are dropped,
/// and so was every buffer that held them.
///
/// # Errors
///
/// When it cannot be read, and when it is longer than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // One byte more, so that too long an input shows.
    let most = limit.saturating_add(1);
    let bytes = if is_standard(path) {
        drain(io::stdin().lock().take(most), FIRST)
    } else {
        File::open(path).and_then(|file| {
            let len = file.metadata()?.len().min(limit);
            // Here, too, so that the end of the file shows without a second buffer.
            drain(file.take(most), usize::try_from(len).unwrap_or(FIRST).saturating_add(1))
        })
    };
    match bytes {
        Err(error) => Err(Failure::named(name(path), reason(&error))),
        Ok(bytes) if bytes.len() as u64 > limit => {
            let why = format!("longer than {} MiB, the most that is looked at", limit >> 20);
            Err(Failure::named(name(path), why))
        }
        Ok(bytes) => Ok(bytes),
    }
}

/// A buffer of `len` bytes that begins with those of `buffer`, which is zeroed. So growing leaves
/// no copy behind, as a vector that moves does.
pub(crate) fn grown(buffer: Zeroizing<Vec<u8>>, len: usize) -> Zeroizing<Vec<u8>> {
    let mut larger = Zeroizing::new(vec![0; len]);
    larger[..buffer.len()].copy_from_slice(&buffer);
    larger
}

/// Reads everything, with room for `first` bytes at first.
fn drain(mut reader: impl Read, first: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; first.max(1)]);
    let mut filled = 0;
    loop {
        if filled == bytes.len() {
            bytes = grown(bytes, filled * 2);
        }
        match reader.read(&mut bytes[filled..]) {
            Ok(0) => {
                bytes.truncate(filled);
                return Ok(bytes);
            }
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_read_whatever_was_expected() {
        let text: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        for first in [0, 1, 1000, 100_000, 100_001, 300_000] {
            assert_eq!(*drain(&text[..], first).unwrap(), text);
        }
    }

    #[test]
    fn what_is_longer_than_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("input");
        let limit = 1 << 20;
        for (extra, read_whole) in [(0, true), (1, false), (1000, false)] {
            std::fs::write(&path, vec![b'x'; limit + extra]).unwrap();
            let read = read(&path, limit as u64);
            assert_eq!(read.is_ok_and(|bytes| bytes.len() == limit), read_whole, "{extra}");
        }
        let error = read(&path, limit as u64).unwrap_err().to_string();
        assert!(error.ends_with("input: longer than 1 MiB, the most that is looked at"), "{error}");
    }
}
