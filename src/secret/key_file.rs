//! Files that hold one key: a word that says what it is, a space, and hexadecimal digits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str;

use thiserror::Error;
use zeroize::Zeroizing;

/// A key file is one short line; nothing longer is read.
const FILE_LIMIT: u64 = 256;

/// The length of every key in bytes.
pub(super) const KEY_LEN: usize = 32;

/// Why a key cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system gave no random bytes.
    #[error("no random bytes for a new key: {0}")]
    Random(String),
    /// The key file cannot be read or written.
    #[error("key file {}: {error}", path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// The file is there but is not a key file of the kind that was asked for.
    #[error("key file {}: not a key file: {reason}", path.display())]
    Malformed {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The file can be read or written by others than its owner.
    #[error(
        "key file {}: others than its owner have access to it (mode {mode:04o}); chmod 600 it, and make a new key if it may have been read",
        path.display()
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// What a kind of key file begins with, and what to say of a file that does not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// The word.
    pub(super) word: &'static str,
    /// Why a file without it is none.
    pub(super) no_word: &'static str,
    /// Whether only the owner may have access.
    pub(super) is_secret: bool,
}

impl Kind {
    /// Writes `key` to a new file at `path`; one that is there is never overwritten, and nothing is
    /// left behind if it cannot be written.
    pub(super) fn create(self, path: &Path, key: &[u8; KEY_LEN]) -> Result<(), KeyError> {
        let io = |error| KeyError::Io { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(
            &mut options,
            if self.is_secret { 0o600 } else { 0o644 },
        );
        let mut line = self.line(key);
        line.push('\n');
        let mut file = options.open(path).map_err(io)?;
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // The write's error is the one to report; the half-written file must not stay.
            let _ = fs::remove_file(path);
            io(error)
        })
    }

    /// Reads the key in the file at `path`.
    pub(super) fn open(self, path: &Path) -> Result<Zeroizing<[u8; KEY_LEN]>, KeyError> {
        let io = |error| KeyError::Io { path: path.to_owned(), error };
        let malformed = |reason| KeyError::Malformed { path: path.to_owned(), reason };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(malformed("not a regular file"));
        }
        #[cfg(unix)]
        if self.is_secret {
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Exposed { path: path.to_owned(), mode });
            }
        }
        let mut line = Zeroizing::new(Vec::with_capacity(FILE_LIMIT as usize));
        file.take(FILE_LIMIT).read_to_end(&mut line).map_err(io)?;
        self.parse(&line).map_err(malformed)
    }

    /// The line that stands for `key`, without its end.
    pub(super) fn line(self, key: &[u8; KEY_LEN]) -> Zeroizing<String> {
        let mut line = Zeroizing::new(String::with_capacity(FILE_LIMIT as usize));
        line.push_str(self.word);
        line.push(' ');
        for byte in key {
            for nibble in [byte >> 4, byte & 15] {
                line.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        line
    }

    /// The key that `line` stands for.
    pub(super) fn parse(self, line: &[u8]) -> Result<Zeroizing<[u8; KEY_LEN]>, &'static str> {
        let text = str::from_utf8(line).map_err(|_| "it is not text")?;
        let digits = text
            .trim_end()
            .strip_prefix(self.word)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(self.no_word)?;
        if digits.len() != 2 * KEY_LEN {
            return Err("the key is not 64 hexadecimal digits long");
        }
        let mut key = Zeroizing::new([0; KEY_LEN]);
        for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16);
            match (nibble(pair[0]), nibble(pair[1])) {
                (Some(high), Some(low)) => *byte = (high << 4 | low) as u8,
                _ => return Err("the key holds a character that is no hexadecimal digit"),
            }
        }
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { word: "stanch-test-key-v1", no_word: "no word", is_secret: true };

    #[test]
    fn what_is_no_key_file_is_refused_with_its_reason() {
        let digits = "ab".repeat(32);
        let cases = [
            (String::new(), "no word"),
            ("stanch-test-key-v1".into(), "no word"),
            (format!("stanch-test-key-v2 {digits}"), "no word"),
            (format!("stanch-test-key-v1 {}", &digits[2..]), "64 hexadecimal"),
            (format!("stanch-test-key-v1 {digits}0"), "64 hexadecimal"),
            (format!("stanch-test-key-v1 {}zz", &digits[2..]), "no hexadecimal digit"),
        ];
        for (file, reason) in cases {
            assert!(KIND.parse(file.as_bytes()).unwrap_err().contains(reason), "{file}");
        }
        assert!(KIND.parse(&[0xff, 0xfe]).is_err());
        let key = KIND.parse(format!("stanch-test-key-v1 {digits}\n").as_bytes()).unwrap();
        assert_eq!(*key, [0xab; 32]);
        assert_eq!(*KIND.parse(KIND.line(&key).as_bytes()).unwrap(), *key);
    }
}
