//! Keys, tokens and patch sets of a test run: made anew each time, and invented.

use std::fs::Permissions;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use stanch::patch::{Part, Patch, PatchSet, PatchSetBuilder, Scope};
use stanch::secret::{ImprintKey, Secret, SigningKey};
use tempfile::TempDir;

use crate::clock;

/// The leaks that the tokens belong to.
pub const BLOCKED_LEAK: u64 = 1101;
pub const MONITORED_LEAK: u64 = 2202;
pub const FLIPPING_LEAK: u64 = 3303;
pub const OTHER_LEAK: u64 = 4404;
pub const SCOPED_LEAK: u64 = 5505;

/// How long a token is that makes a scan need much more memory: less than a header may be, and a token.
const LONG_TOKEN: usize = 3_000;

/// Where a set's signature stands (docs/patch-set-format.md).
const SIGNATURE_AT: usize = 352;

/// The files of a run, and the tokens in their patch sets.
pub struct Material {
    folder: TempDir,
    key: ImprintKey,
    /// Signs the sets. The proxy has its public key as the file `sign.pub`.
    signing: SigningKey,
    /// Takes its place one day. The proxy has its public key written into the configuration.
    next_signing: SigningKey,
    /// The serial number of the set `patches`.
    serial: AtomicU64,
    /// In the set `patches`, blocked.
    pub blocked: String,
    /// In the set `patches`, only monitored.
    pub monitored: String,
    /// In the set `patches` until the reload tests take it out.
    pub flipping: String,
    /// In the set `other` only, blocked.
    pub other: String,
    /// In the set `scoped` only, blocked in scopes that [`scopes`] lists; one for each.
    pub scoped: Vec<String>,
    /// In no set; differs from `blocked` in its last character.
    pub clean: String,
}

impl Material {
    pub fn create() -> Result<Material> {
        let folder = tempfile::Builder::new().prefix("stanch-proxy-").tempdir()?;
        let key = ImprintKey::create(&folder.path().join("key"))?;
        let blocked = random_token()?;
        let mut clean = blocked.clone();
        let last = clean.pop();
        clean.push(if last == Some('x') { 'y' } else { 'x' });
        let material = Material {
            folder,
            key,
            signing: SigningKey::generate()?,
            next_signing: SigningKey::generate()?,
            serial: AtomicU64::new(0),
            blocked,
            monitored: random_token()?,
            flipping: random_token()?,
            other: random_token()?,
            scoped: scopes()?.iter().map(|_| random_token()).collect::<Result<_>>()?,
            clean,
        };
        material.signing.public().create(&material.folder().join("sign.pub"))?;
        material.save_patches(true)?;
        let other = [(&material.other, Patch::block(OTHER_LEAK))];
        material.save("other", material.compile(1, 0, &other)?.sign(&material.signing)?)?;
        let scoped: Vec<(&String, Patch)> = material
            .scoped
            .iter()
            .zip(scopes()?)
            .map(|(token, scope)| (token, Patch::block(SCOPED_LEAK).with_scope(scope)))
            .collect();
        material.save("scoped", material.compile(1, 0, &scoped)?.sign(&material.signing)?)?;
        Ok(material)
    }

    /// The public key that will take the place of the one in `sign.pub`, as text.
    pub fn next_public_key(&self) -> String {
        self.next_signing.public().to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The set that most locations use.
    pub fn patches(&self) -> PathBuf {
        self.folder().join("patches")
    }

    /// Writes the set `patches`, with the flipping token in it or without, newer than before.
    pub fn save_patches(&self, with_flipping: bool) -> Result<()> {
        let set = self.patches_of(self.next_serial(), 0, with_flipping)?;
        self.save("patches", set.sign(&self.signing)?)
    }

    /// Writes a set that is newer than the set `patches`, and will be that once it is put in its place.
    pub fn save_next_as(&self, name: &str) -> Result<()> {
        let set = self.patches_of(self.next_serial(), 0, false)?;
        self.save(name, set.sign(&self.signing)?)
    }

    /// Writes the set `patches`, newer than before, with a very long token in it beside the usual ones; returns
    /// that.
    pub fn save_with_long_token(&self) -> Result<String> {
        let mut long = String::new();
        while long.len() < LONG_TOKEN {
            long.push_str(&random_token()?);
        }
        let patches =
            [(&self.blocked, Patch::block(BLOCKED_LEAK)), (&long, Patch::block(FLIPPING_LEAK))];
        let set = self.compile(self.next_serial(), 0, &patches)?;
        self.save("patches", set.sign(&self.signing)?)?;
        Ok(long)
    }

    /// Writes the set `patches`, newer than before and signed with the next key.
    pub fn save_patches_of_next_key(&self, with_flipping: bool) -> Result<()> {
        let set = self.patches_of(self.next_serial(), 0, with_flipping)?;
        self.save("patches", set.sign(&self.next_signing)?)
    }

    /// Writes the set `patches`, newer than before, which is soon to expire; says when.
    pub fn save_patches_expiring(&self, with_flipping: bool) -> Result<u64> {
        let expires = clock::soon();
        let set = self.patches_of(self.next_serial(), expires, with_flipping)?;
        self.save("patches", set.sign(&self.signing)?)?;
        Ok(expires)
    }

    /// Writes, to the file `name`, a set with the flipping token that a node must not take, for this
    /// reason. The set that was saved last is the one in use.
    pub fn save_untaken(&self, name: &str, reason: Untaken) -> Result<()> {
        let held = self.serial.load(Ordering::SeqCst);
        let (serial, expires) = match reason {
            Untaken::Older => (held - 1, 0),
            Untaken::SameSerial => (held, 0),
            Untaken::Expired => (held + 1, clock::soon()),
            _ => (held + 1, 0),
        };
        let set = self.patches_of(serial, expires, true)?;
        let set = match reason {
            Untaken::Unsigned => set,
            Untaken::Stranger => set.sign(&SigningKey::generate()?)?,
            _ => set.sign(&self.signing)?,
        };
        // Nobody may see it before it is what it should be.
        let next = self.folder().join("untaken");
        set.save(&next)?;
        match reason {
            Untaken::Expired => clock::wait_for(expires),
            Untaken::Forged => {
                let mut forged = std::fs::read(&next)?;
                forged[SIGNATURE_AT] ^= 1;
                std::fs::write(&next, forged)?;
            }
            _ => {}
        }
        Ok(std::fs::rename(next, self.folder().join(name))?)
    }

    /// Writes sets and keys that must be refused, each to a file whose name says why.
    pub fn save_spoilt(&self) -> Result<()> {
        for (name, reason) in [
            ("unsigned", Untaken::Unsigned),
            ("strange", Untaken::Stranger),
            ("forged", Untaken::Forged),
            ("expired", Untaken::Expired),
        ] {
            self.save_untaken(name, reason)?;
        }
        let path = |name: &str| self.folder().join(name);
        let good = std::fs::read(self.patches())?;
        std::fs::write(path("truncated"), &good[..good.len() / 2])?;
        let mut damaged = good.clone();
        let last = damaged.len() - 20;
        damaged[last] ^= 1;
        std::fs::write(path("damaged"), damaged)?;
        std::fs::write(path("empty"), b"")?;
        std::fs::create_dir(path("folder"))?;
        ImprintKey::create(&path("foreign"))?;
        ImprintKey::create(&path("readable"))?;
        std::fs::set_permissions(path("readable"), Permissions::from_mode(0o644))?;
        std::fs::write(path("empty-key"), b"")?;
        std::fs::set_permissions(path("empty-key"), Permissions::from_mode(0o600))?;
        Ok(())
    }

    fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn patches_of(&self, serial: u64, expires: u64, with_flipping: bool) -> Result<PatchSet> {
        let mut patches = vec![
            (&self.blocked, Patch::block(BLOCKED_LEAK)),
            (&self.monitored, Patch::monitor(MONITORED_LEAK)),
        ];
        if with_flipping {
            patches.push((&self.flipping, Patch::block(FLIPPING_LEAK)));
        }
        self.compile(serial, expires, &patches)
    }

    /// Writes the set `name` of so many tokens, each blocked by a leak of its own, from 1 on; returns them.
    pub fn save_many(&self, name: &str, count: u64) -> Result<Vec<String>> {
        let tokens: Vec<String> = (0..count).map(|_| random_token()).collect::<Result<_>>()?;
        let patches: Vec<_> = tokens.iter().zip((1..).map(Patch::block)).collect();
        self.save(name, self.compile(1, 0, &patches)?.sign(&self.signing)?)?;
        Ok(tokens)
    }

    fn compile(&self, serial: u64, expires: u64, patches: &[(&String, Patch)]) -> Result<PatchSet> {
        let mut builder = PatchSetBuilder::new(&self.key).serial(serial).expires(expires);
        for (token, patch) in patches {
            let imprint = self.key.imprint(&Secret::new("test", token.as_bytes()))?;
            builder.add(&imprint, patch.clone())?;
        }
        Ok(builder.build()?)
    }

    /// Puts another file in the place of one that may be mapped, and so must not be written to.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        let new = self.folder().join(format!("{name}.new"));
        std::fs::write(&new, content)?;
        Ok(std::fs::rename(new, self.folder().join(name))?)
    }

    fn save(&self, name: &str, set: PatchSet) -> Result<()> {
        set.save(&self.folder().join(name)).with_context(|| name.to_owned())
    }

    /// Fails when a text holds one of the tokens.
    pub fn check_absent(&self, text: &str) -> Result<()> {
        let tokens = [&self.blocked, &self.monitored, &self.flipping, &self.other];
        for token in tokens.into_iter().chain(&self.scoped) {
            ensure!(!text.contains(token.as_str()), "a token of this run is in it");
        }
        Ok(())
    }
}

/// Why a node must not take a set.
#[derive(Clone, Copy, PartialEq)]
pub enum Untaken {
    Unsigned,
    /// Signed with a key that nobody trusts.
    Stranger,
    /// Its signature is wrong.
    Forged,
    Older,
    /// It has the number of the set in use, and is another.
    SameSerial,
    Expired,
}

/// What the tokens of the set `scoped` are blocked in: requests to a host, with a method, to a path,
/// in a header; and from everybody but two networks.
fn scopes() -> Result<[Scope; 5]> {
    let everywhere = Scope::new;
    Ok([
        everywhere().with_host("api.example.com")?,
        everywhere().with_method("PUT")?,
        everywhere().with_path("/scoped/inner")?,
        everywhere().with_part(Part::Header),
        everywhere().except("10.0.0.0/8".parse()?).except("2001:db8::/32".parse()?),
    ])
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
