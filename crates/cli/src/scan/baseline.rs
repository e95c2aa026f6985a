//! Findings that were known before.
//!
//! A baseline names each by rule, path and a mark of 16 bits. It may be committed, so the mark must
//! not let anybody guess the token: every mark fits one of 65,536 tokens, so a right guess cannot be
//! told from the thousands of wrong ones that fit as well, however weak the token is. The salt makes
//! marks of different baselines different.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::look::Found;
use crate::input;
use crate::outcome::{Failure, reason};

/// The form of the file.
const VERSION: u32 = 1;

/// The longest baseline that is read.
const LONGEST: u64 = 256 << 20;

/// What marks are made with: random, and public.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Salt([u8; 16]);

/// What is written down of a token: too little to guess it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Mark(u16);

/// A finding, as it is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: String,
    rule: String,
    mark: Mark,
}

/// The findings that are known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    stanch_baseline: u32,
    salt: Salt,
    known: BTreeSet<Entry>,
}

impl Baseline {
    /// A baseline that knows nothing.
    pub(super) fn new() -> Result<Baseline, Failure> {
        Ok(Baseline { stanch_baseline: VERSION, salt: Salt::generate()?, known: BTreeSet::new() })
    }

    /// The baseline in a file.
    pub(super) fn open(path: &Path) -> Result<Baseline, Failure> {
        let bytes = input::read(path, LONGEST)?;
        let baseline: Baseline = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::named(input::name(path), format!("no baseline: {error}")))?;
        match baseline.stanch_baseline {
            VERSION => Ok(baseline),
            other => {
                let why = format!("a baseline of version {other}; this command knows {VERSION}");
                Err(Failure::named(input::name(path), why))
            }
        }
    }

    /// What marks are to be made with.
    pub(super) fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The same salt without the findings, so that a baseline that is written anew changes only
    /// where findings do, and gives nothing away to who holds both.
    pub(super) fn emptied(&self) -> Baseline {
        Baseline { stanch_baseline: VERSION, salt: self.salt.clone(), known: BTreeSet::new() }
    }

    /// Whether the finding is known.
    pub(super) fn knows(&self, path: &Path, found: &Found) -> bool {
        entry(path, found).is_some_and(|entry| self.known.contains(&entry))
    }

    /// Makes the finding known.
    pub(super) fn add(&mut self, path: &Path, found: &Found) {
        self.known.extend(entry(path, found));
    }

    /// Writes the baseline to a file: the old one or the new one is there, whatever happens.
    pub(super) fn save(&self, path: &Path) -> Result<(), Failure> {
        let write = || {
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            let mut file = tempfile::Builder::new().permissions(mode()).tempfile_in(folder)?;
            // One finding a line, so that changes show line by line.
            writeln!(file, "{{\"stanch_baseline\":{VERSION},")?;
            writeln!(file, "\"salt\":{},", serde_json::to_string(&self.salt)?)?;
            write!(file, "\"known\":[")?;
            for (n, entry) in self.known.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                write!(file, "{comma}\n{}", serde_json::to_string(entry)?)?;
            }
            writeln!(file, "\n]}}")?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| Failure::named(input::name(path), reason(&error)))
    }
}

impl Salt {
    fn generate() -> Result<Salt, Failure> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| Failure::named("random bytes", error))?;
        Ok(Salt(salt))
    }

    /// The mark of a token.
    pub(super) fn mark(&self, token: &[u8]) -> Mark {
        let hash = Sha256::new().chain_update(self.0).chain_update(token).finalize();
        Mark(u16::from_le_bytes([hash[0], hash[1]]))
    }
}

/// A finding as it is written down. The path is the one that is shown, without a leading `./`.
fn entry(path: &Path, found: &Found) -> Option<Entry> {
    let path = path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned();
    Some(Entry { path, rule: found.rule.id().to_owned(), mark: found.mark? })
}

/// Anybody may read a baseline, as any file of the repository.
fn mode() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

impl From<Salt> for String {
    fn from(salt: Salt) -> String {
        salt.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Salt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Salt, &'static str> {
        let number = match text.len() {
            32 => u128::from_str_radix(&text, 16).ok(),
            _ => None,
        };
        number.map(|number| Salt(number.to_be_bytes())).ok_or("a salt has 32 hexadecimal digits")
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> String {
        format!("{:04x}", mark.0)
    }
}

impl TryFrom<String> for Mark {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Mark, &'static str> {
        let number = match text.len() {
            4 => u16::from_str_radix(&text, 16).ok(),
            _ => None,
        };
        number.map(Mark).ok_or("a mark has 4 hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_same_for_a_salt_and_another_for_others() {
        let (one, other) = (Salt([1; 16]), Salt([2; 16]));
        let marks = |salt: &Salt| (0..16u8).map(|n| salt.mark(&[n; 20])).collect::<Vec<_>>();
        assert_eq!(marks(&one), marks(&one.clone()));
        assert_ne!(marks(&one), marks(&other));
        assert!(marks(&one).iter().collect::<BTreeSet<_>>().len() > 12);
    }

    #[test]
    fn a_mark_fits_many_tokens() {
        let salt = Salt([7; 16]);
        let mark = salt.mark(b"a token");
        let fits =
            (0..1_000_000u32).filter(|guess| salt.mark(&guess.to_le_bytes()) == mark).count();
        assert!((5..40).contains(&fits), "{fits}");
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b");
        for text in [
            "",
            "{}",
            "[]",
            r#"{"stanch_baseline":2,"salt":"00000000000000000000000000000000","known":[]}"#,
            r#"{"stanch_baseline":1,"salt":"0","known":[]}"#,
            r#"{"stanch_baseline":1,"salt":"00000000000000000000000000000000","known":[{"path":"a","rule":"b","mark":"xyz0"}]}"#,
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(Baseline::open(&path).is_err(), "{text}");
        }
        let new = Baseline::new().unwrap();
        new.save(&path).unwrap();
        assert_eq!(Baseline::open(&path).unwrap().salt, new.salt);
    }
}
