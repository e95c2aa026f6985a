//! Keys, tokens and patch sets of a test run: made anew each time, and invented.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use stanch::patch::{Patch, PatchSetBuilder};
use stanch::secret::{ImprintKey, Secret};
use tempfile::TempDir;

/// The leaks that the tokens belong to.
pub const BLOCKED_LEAK: u64 = 1101;
pub const MONITORED_LEAK: u64 = 2202;
pub const FLIPPING_LEAK: u64 = 3303;
pub const OTHER_LEAK: u64 = 4404;

/// The files of a run, and the tokens in their patch sets.
pub struct Material {
    folder: TempDir,
    key: ImprintKey,
    /// In the set `patches`, blocked.
    pub blocked: String,
    /// In the set `patches`, only monitored.
    pub monitored: String,
    /// In the set `patches` until the reload tests take it out.
    pub flipping: String,
    /// In the set `other` only, blocked.
    pub other: String,
    /// In no set; differs from `blocked` in its last character.
    pub clean: String,
}

impl Material {
    pub fn create() -> Result<Material> {
        let folder = tempfile::Builder::new().prefix("stanch-nginx-").tempdir()?;
        let key = ImprintKey::create(&folder.path().join("key"))?;
        let blocked = random_token()?;
        let mut clean = blocked.clone();
        let last = clean.pop();
        clean.push(if last == Some('x') { 'y' } else { 'x' });
        let material = Material {
            folder,
            key,
            blocked,
            monitored: random_token()?,
            flipping: random_token()?,
            other: random_token()?,
            clean,
        };
        material.save_patches(true)?;
        material.save("other", &[(&material.other, Patch::block(OTHER_LEAK))])?;
        Ok(material)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The set that most locations use.
    pub fn patches(&self) -> PathBuf {
        self.folder().join("patches")
    }

    /// Writes the set `patches`, with the flipping token in it or without.
    pub fn save_patches(&self, with_flipping: bool) -> Result<()> {
        let mut patches = vec![
            (&self.blocked, Patch::block(BLOCKED_LEAK)),
            (&self.monitored, Patch::monitor(MONITORED_LEAK)),
        ];
        if with_flipping {
            patches.push((&self.flipping, Patch::block(FLIPPING_LEAK)));
        }
        self.save("patches", &patches)
    }

    fn save(&self, name: &str, patches: &[(&String, Patch)]) -> Result<()> {
        let mut builder = PatchSetBuilder::new(&self.key);
        for (token, patch) in patches {
            let imprint = self.key.imprint(&Secret::new("test", token.as_bytes()))?;
            builder.add(&imprint, patch.clone())?;
        }
        builder.build()?.save(&self.folder().join(name)).with_context(|| name.to_owned())
    }

    /// Fails when a text holds one of the tokens.
    pub fn check_absent(&self, text: &str) -> Result<()> {
        for token in [&self.blocked, &self.monitored, &self.flipping, &self.other] {
            ensure!(!text.contains(token.as_str()), "a token of this run is in it");
        }
        Ok(())
    }
}

/// 40 characters of base62 behind a prefix that no provider uses: 237 random bits.
pub fn random_token() -> Result<String> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = [0u8; 40];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let body: String =
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])).collect();
    Ok(format!("tst_{body}"))
}
