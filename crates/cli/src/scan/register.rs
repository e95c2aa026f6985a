//! `stanch scan --register`: what is found becomes leaks of the ledger.

use std::path::{Path, PathBuf};

use clap::Args;
use stanch::class::Facts;
use stanch::leak::{Sighting, Source, SourceKind, Target, Visibility};
use stanch::secret::{Digest, Imprint, ImprintKey};
use stanch_store::{By, Sealed, Store};

use super::look::Look;
use crate::desk::Desk;
use crate::input;
use crate::leak::Visible;
use crate::outcome::{Failure, complain, counted, shown};
use crate::seal::{Sealer, Sealing};

/// Files with findings that are registered at once.
const BATCH: usize = 500;

const HEADING: &str = "Registration";

#[derive(Debug, Args)]
pub(super) struct Registration {
    /// Register what is found in the ledger: the tokens of a file are one leak
    #[arg(long, requires = "key", help_heading = HEADING)]
    register: bool,
    /// The key file of the installation
    #[arg(long, value_name = "FILE", requires = "register", help_heading = HEADING)]
    key: Option<PathBuf>,
    /// Whom the tokens endanger: a domain, an organisation, a service
    #[arg(long, value_name = "TARGET", requires = "register", help_heading = HEADING)]
    target: Option<String>,
    /// Who can see what is scanned [default: private]
    #[arg(
        long,
        value_enum,
        requires = "register",
        default_value_if("register", "true", "private")
    )]
    visible: Option<Visible>,
    #[command(flatten, next_help_heading = HEADING)]
    sealing: Sealing,
    #[command(flatten)]
    desk: Desk,
}

/// Registers what is found.
pub(super) struct Registrar {
    store: Store,
    by: By,
    key: ImprintKey,
    target: Option<Target>,
    visibility: Visibility,
    batch: Vec<Sighting>,
    sealer: Sealer,
    sealed: Vec<(Digest, Sealed)>,
    new: u64,
    seen_again: u64,
    /// Tokens without an imprint: too short, too long, too easy to guess.
    left_out: u64,
}

impl Registrar {
    /// What registers, if that is asked for.
    pub(super) fn open(arguments: &Registration) -> Result<Option<Registrar>, Failure> {
        let Some(path) = arguments.key.as_deref().filter(|_| arguments.register) else {
            return Ok(None);
        };
        let key = ImprintKey::open(path)?;
        let sealer = arguments.sealing.open()?;
        let store = arguments.desk.open()?;
        arguments.desk.check_key(&store, &key, path)?;
        let by = arguments.desk.by()?;
        // Whoever may not is told before the scan, not after it.
        store.register(&by, Vec::new())?;
        Ok(Some(Registrar {
            store,
            by,
            key,
            target: arguments.target.clone().map(Target),
            visibility: arguments.visible.unwrap_or(Visible::Private).visibility(),
            batch: Vec::new(),
            sealer,
            sealed: Vec::new(),
            new: 0,
            seen_again: 0,
            left_out: 0,
        }))
    }

    /// Takes the findings of a file, which hold the tokens.
    pub(super) fn take(&mut self, path: &Path, look: &Look) -> Result<(), Failure> {
        let held = look.findings.iter().filter_map(|found| Some((found.secret.as_ref()?, found)));
        let (secrets, found): (Vec<_>, Vec<_>) = held.unzip();
        let facts = found.iter().map(|found| found.facts());
        let mut tokens: Vec<(Imprint, Facts)> = Vec::new();
        let imprints = self.key.imprint_all(secrets.iter().copied());
        for ((imprint, facts), secret) in imprints.zip(facts).zip(&secrets) {
            match imprint {
                Ok(imprint) => {
                    self.sealed.extend(self.sealer.seal(&imprint, secret)?);
                    tokens.push((imprint, facts));
                }
                Err(_) => self.left_out += 1,
            }
        }
        if tokens.is_empty() {
            return Ok(());
        }
        let mut source = match (&look.origin, input::is_standard(path)) {
            (Some(origin), _) => {
                Source::new(SourceKind::Repository, shown(path)).commit(origin.commit.as_str())
            }
            (None, true) => Source::report("standard input"),
            (None, false) => Source::new(SourceKind::File, shown(path)),
        };
        if let Some(first) = found.first().filter(|_| !look.is_binary()) {
            source = source.line(first.place.line);
        }
        let source = source.visible(self.visibility);
        let mut sighting = Sighting::new(source, tokens).tenant(self.by.who.tenant.clone());
        if let Some(target) = &self.target {
            sighting = sighting.target(target.clone());
        }
        self.batch.push(sighting);
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// Registers what is left, and says what all of it came to.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        complain(&format_args!(
            "registered: {}, {} seen again",
            counted(self.new, "new leak"),
            self.seen_again
        ));
        if self.left_out > 0 {
            complain(&format_args!(
                "{} too short or too easy to guess to be known again: not registered",
                counted(self.left_out, "token")
            ));
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let batch = std::mem::take(&mut self.batch);
        let sealed = std::mem::take(&mut self.sealed);
        for registration in self.store.register_sealed(&self.by, batch, &sealed)? {
            self.new += u64::from(registration.new.is_some());
            self.seen_again += registration.seen_again.len() as u64;
        }
        Ok(())
    }
}
