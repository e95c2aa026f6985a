//! `stanch patch compile`: from a list of tokens to a patch set.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use stanch::patch::{BuildError, FormatError, OpenError, Patch, SetInfo, Survey};
use stanch::secret::{Imprint, ImprintError, ImprintKey, Secret};

use super::tokens::TokenList;
use crate::outcome::{Failure, Outcome, complain, shown};
use crate::palette;

/// Tokens that are held at a time.
const BATCH: usize = 4096;

/// A token that costs fewer guesses than two to the power of this to recover from a stolen set
/// *and* key is worth a warning.
const SAFE_BITS: u32 = 48;

/// Compiles a list of tokens into a patch set
#[derive(Debug, Args)]
#[command(after_help = "\
The list holds one token a line. The number of a token's line, from 1, is the number of its leak, \
which verdicts name. Blank lines are skipped but counted. If any line cannot be used, all such \
lines are named and nothing is written. An existing set is replaced at once, never half.

Examples:
  stanch patch compile --key stanch.key -o live.set tokens.txt
  vault-export | stanch patch compile --key stanch.key -o live.set -

Exit status: 0 compiled, 2 an error.")]
pub(crate) struct CompileArguments {
    /// The key file of the installation
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The patch set to write
    #[arg(short, long, value_name = "SET")]
    output: PathBuf,
    /// The set's number in the row of sets [default: one more than that of the set it replaces, or 1]
    #[arg(long, value_name = "N")]
    serial: Option<u64>,
    /// Only record requests with these tokens, do not block them
    #[arg(long)]
    monitor: bool,
    /// The list of tokens; - for standard input
    #[arg(value_name = "TOKENS")]
    tokens: PathBuf,
}

/// Runs the command.
pub(crate) fn compile(arguments: &CompileArguments) -> Result<Outcome, Failure> {
    let key = ImprintKey::open(&arguments.key)?;
    let path = &arguments.output;
    let serial = match (replaced(path)?, arguments.serial) {
        (_, Some(serial)) => serial,
        (Some(old), None) => old.serial.saturating_add(1),
        (None, None) => 1,
    };
    let list = TokenList::open(&arguments.tokens)?;
    let patch = if arguments.monitor { Patch::monitor } else { Patch::block };
    let mut survey = Survey::new(&key, list.lines()?);
    let added = survey_all(&mut survey, &key, &list, patch)?;
    let mut placement = survey.finish()?;
    each_imprint(&key, &list, |line, _, imprint| {
        let imprint = imprint.map_err(|_| BuildError::Changed)?;
        placement.place(&imprint, patch(line))?;
        Ok(())
    })?;
    drop(list);
    let set = placement.build(serial).map_err(|error| Failure::named(shown(path), error))?;
    set.save(path)?;

    let SetInfo { tokens, bytes, .. } = set.info();
    let mut output = palette::output();
    let plural = if tokens == 1 { "" } else { "s" };
    write!(output, "{}: {tokens} token{plural}, serial {serial}, {bytes} bytes", shown(path))?;
    if added > tokens {
        write!(output, " ({} repeated, each with the leak of its first line)", added - tokens)?;
    }
    writeln!(output)?;
    output.flush()?;
    Ok(Outcome::Clean)
}

/// What the set that is to be replaced says of itself, if there is one that can be read. Anything
/// else is not replaced.
fn replaced(path: &Path) -> Result<Option<SetInfo>, Failure> {
    let refused = |why| Err(Failure::named(shown(path), why));
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return refused("is there already and is no file"),
        Ok(metadata) if metadata.len() > 0 => {}
        // Nothing there, or an empty file; if it cannot be written, that will be told.
        _ => return Ok(None),
    }
    match SetInfo::read(path) {
        Ok(info) => Ok(Some(info)),
        Err(OpenError::Format { error: FormatError::Magic, .. }) => {
            refused("is there already and is no patch set; it is not overwritten")
        }
        // A set that is damaged is best replaced.
        Err(_) => Ok(None),
    }
}

/// Warns of tokens that are easy to recover, but not of each of a long list.
struct Warnings<'l> {
    list: &'l str,
    count: u64,
}

impl Warnings<'_> {
    /// How many lines are named.
    const NAMED: u64 = 10;

    fn consider(&mut self, line: u64, bits: u32) {
        if bits >= SAFE_BITS {
            return;
        }
        self.count += 1;
        if self.count <= Warnings::NAMED {
            complain(&format_args!(
                "{}:{line}: warning: whoever steals the set and its key recovers this token with \
                 about 2^{bits} guesses; 2^{SAFE_BITS} and more are safe",
                self.list
            ));
        }
    }

    fn finish(&self) {
        if let Some(more @ 1..) = self.count.checked_sub(Warnings::NAMED) {
            complain(&format_args!(
                "{}: warning: {more} more lines hold tokens that are recovered with fewer than \
                 2^{SAFE_BITS} guesses",
                self.list
            ));
        }
    }
}

/// Shows the survey all tokens of the list, and says how many there were.
///
/// Tells of every line that cannot be used, and then fails.
fn survey_all(
    survey: &mut Survey<'_>,
    key: &ImprintKey,
    list: &TokenList,
    patch: fn(u64) -> Patch,
) -> Result<u64, Failure> {
    let (mut added, mut bad) = (0, 0);
    let mut tell = |line: u64, why: &dyn std::fmt::Display| {
        bad += 1;
        complain(&Failure::named(format_args!("{}:{line}", list.name), why));
    };
    let mut warnings = Warnings { list: &list.name, count: 0 };
    each_imprint(key, list, |line, secret, imprint| {
        if secret.expose().iter().any(u8::is_ascii_control) {
            tell(line, &"the token holds a control character; is the list plain text?");
            return Ok(());
        }
        match imprint {
            Err(error) => tell(line, &error),
            Ok(imprint) => {
                warnings.consider(line, imprint.recovery_bits());
                survey.see(&imprint, patch(line))?;
                added += 1;
            }
        }
        Ok(())
    })?;
    warnings.finish();
    match bad {
        0 if added == 0 => {
            Err(Failure::named(&list.name, "no tokens: it has no line but blank ones"))
        }
        0 => Ok(added),
        1 => Err(Failure::named(&list.name, "1 line cannot be used; nothing was written")),
        _ => {
            let why = format!("{bad} lines cannot be used; nothing was written");
            Err(Failure::named(&list.name, why))
        }
    }
}

/// Calls `visit` with each line, its token, and the token's imprint if it has one.
fn each_imprint(
    key: &ImprintKey,
    list: &TokenList,
    mut visit: impl FnMut(u64, &Secret, Result<Imprint, ImprintError>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut tokens = list.tokens()?;
    loop {
        let batch: Vec<(u64, Secret)> = tokens.by_ref().take(BATCH).collect::<Result<_, _>>()?;
        if batch.is_empty() {
            return Ok(());
        }
        let imprints = key.imprint_all(batch.iter().map(|(_, secret)| secret));
        for (imprint, (line, secret)) in imprints.zip(&batch) {
            visit(*line, secret, imprint)?;
        }
    }
}
