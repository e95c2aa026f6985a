//! `stanch patch compile`: from a list of tokens to a patch set.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use stanch::patch::{
    Action, BuildError, DEFAULT_FLOOR, Patch, PatchSet, Placement, SetInfo, Survey,
};
use stanch::secret::{Imprint, ImprintError, ImprintKey, Secret};

use super::output::Output;
use super::record;
use super::tokens::TokenList;
use crate::outcome::{Failure, Outcome, complain, shown};
use crate::{palette, time};

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

With --list jsonl, each line holds a JSON object instead: the token, and where and when it is to be \
refused. All but the token may be left out; all conditions must hold. docs/command.md explains each \
field.
  {\"token\": \"…\", \"leak\": 7, \"action\": \"block\", \"hosts\": [\"*.example.com\"], \"methods\": [\"POST\"],
   \"paths\": [\"/v1\"], \"parts\": [\"header\"], \"except\": [\"10.0.0.0/8\"],
   \"not_before\": \"2030-01-01\", \"not_after\": \"2030-12-31T12:00:00Z\"}

Examples:
  stanch patch compile --key stanch.key -o live.set tokens.txt
  vault-export | stanch patch compile --key stanch.key -o live.set -
  stanch patch compile --key stanch.key --sign sign.key --expires 90d -o live.set tokens.txt
  stanch patch compile --key stanch.key --list jsonl -o live.set patches.jsonl

Exit status: 0 compiled, 2 an error.")]
pub(crate) struct CompileArguments {
    #[command(flatten)]
    output: Output,
    /// Only record requests with these tokens, do not block them
    #[arg(long)]
    monitor: bool,
    /// Refuse tokens that cost a thief of set and key fewer than 2^BITS guesses
    #[arg(long, value_name = "BITS", default_value_t = DEFAULT_FLOOR)]
    floor: u32,
    /// What a line of the list holds
    #[arg(long, value_enum, default_value_t = ListFormat::Lines)]
    list: ListFormat,
    /// The list of tokens; - for standard input
    #[arg(value_name = "TOKENS")]
    tokens: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// A token
    Lines,
    /// A JSON object with a token and what to do about it
    Jsonl,
}

/// A list of patches.
struct Patches {
    list: TokenList,
    format: ListFormat,
    /// What is done where a line says nothing else.
    action: Action,
}

/// Runs the command.
pub(crate) fn compile(arguments: &CompileArguments) -> Result<Outcome, Failure> {
    let output = arguments.output.open()?;
    let action = if arguments.monitor { Action::Monitor } else { Action::Block };
    let list = TokenList::open(&arguments.tokens)?;
    let patches = Patches { list, format: arguments.list, action };
    let mut survey = Survey::new(&output.key, patches.list.lines()?);
    let added = patches.survey(&mut survey, &output.key)?;
    let placement = survey.finish()?.floor(arguments.floor);
    let placement = patches.place(placement, &output.key)?;
    drop(patches);
    let set = output.write(placement)?;
    tell(output.path, &set, added)?;
    Ok(Outcome::Clean)
}

/// Says what was written.
fn tell(path: &Path, set: &PatchSet, added: u64) -> Result<(), Failure> {
    let SetInfo { tokens, bytes, serial, expires, signer, recovery_bits, .. } = set.info();
    let mut output = palette::output();
    let plural = if tokens == 1 { "" } else { "s" };
    write!(output, "{}: {tokens} token{plural}, serial {serial}, {bytes} bytes", shown(path))?;
    if let Some(expires) = expires {
        write!(output, ", expires {}", time::told(expires))?;
    }
    match signer {
        Some(signer) => write!(output, ", signed with key {}", signer.id())?,
        None => write!(output, ", not signed")?,
    }
    if added > tokens {
        write!(output, " ({} repeated, each with the leak of its first line)", added - tokens)?;
    }
    writeln!(output)?;
    writeln!(
        output,
        "whoever steals the set and its key needs about 2^{recovery_bits} guesses for its easiest token"
    )?;
    output.flush()?;
    Ok(())
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

/// Lines that cannot be used, each of which was told.
struct Refusals<'l> {
    list: &'l str,
    count: u64,
}

impl Refusals<'_> {
    fn tell(&mut self, line: u64, why: &dyn std::fmt::Display) {
        self.count += 1;
        complain(&Failure::named(format_args!("{}:{line}", self.list), why));
    }

    fn finish(&self) -> Result<(), Failure> {
        match self.count {
            0 => Ok(()),
            1 => Err(Failure::named(self.list, "1 line cannot be used; nothing was written")),
            bad => {
                let why = format!("{bad} lines cannot be used; nothing was written");
                Err(Failure::named(self.list, why))
            }
        }
    }
}

impl Patches {
    /// Shows the survey all tokens of the list, and says how many there were.
    ///
    /// Tells of every line that cannot be used, and then fails.
    fn survey(&self, survey: &mut Survey<'_>, key: &ImprintKey) -> Result<u64, Failure> {
        let mut refusals = Refusals { list: &self.list.name, count: 0 };
        let mut added = 0;
        self.each(key, |line, imprint| {
            match imprint {
                Err(why) => refusals.tell(line, &why),
                Ok((imprint, patch)) => {
                    survey.see(&imprint, patch)?;
                    added += 1;
                }
            }
            Ok(())
        })?;
        refusals.finish()?;
        match added {
            0 => Err(Failure::named(&self.list.name, "no tokens: it has no line but blank ones")),
            added => Ok(added),
        }
    }

    /// Finds all tokens of the list their places.
    ///
    /// Tells of every line whose token is below the floor, and then fails.
    fn place<'k>(
        &self,
        mut placement: Placement<'k>,
        key: &ImprintKey,
    ) -> Result<Placement<'k>, Failure> {
        let mut refusals = Refusals { list: &self.list.name, count: 0 };
        let mut warnings = Warnings { list: &self.list.name, count: 0 };
        self.each(key, |line, imprint| {
            let (imprint, patch) = imprint.map_err(|_| BuildError::Changed)?;
            match placement.place(&imprint, patch) {
                Ok(bits) => warnings.consider(line, bits),
                Err(BuildError::Recoverable { bits, floor, .. }) => refusals.tell(
                    line,
                    &format_args!(
                        "whoever steals the set and its key recovers this token with about 2^{bits} \
                         guesses; the floor is 2^{floor} (--floor {bits} lets it pass)"
                    ),
                ),
                Err(error @ BuildError::Scope { .. }) => refusals.tell(line, &error),
                Err(error) => return Err(error.into()),
            }
            Ok(())
        })?;
        refusals.finish()?;
        warnings.finish();
        Ok(placement)
    }

    /// Calls `visit` with each line, and its token's imprint and patch, or why there is none.
    fn each(
        &self,
        key: &ImprintKey,
        mut visit: impl FnMut(u64, Result<(Imprint, Patch), String>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut lines = self.list.tokens()?;
        loop {
            let batch: Vec<(u64, Secret)> = lines.by_ref().take(BATCH).collect::<Result<_, _>>()?;
            if batch.is_empty() {
                return Ok(());
            }
            let parsed: Vec<(u64, Result<_, String>)> = batch
                .into_iter()
                .map(|(line, text)| match self.format {
                    ListFormat::Lines => (line, record::plain(line, text, self.action)),
                    ListFormat::Jsonl => (line, record::json(line, &text, self.action)),
                })
                .collect();
            let secrets = parsed.iter().filter_map(|(_, parsed)| parsed.as_ref().ok());
            let mut imprints = key.imprint_all(secrets.map(|(secret, _)| secret));
            for (line, parsed) in &parsed {
                let imprint = match parsed {
                    Err(why) => Err(why.clone()),
                    Ok((_, patch)) => imprinted(imprints.next(), patch),
                };
                visit(*line, imprint)?;
            }
        }
    }
}

fn imprinted(
    imprint: Option<Result<Imprint, ImprintError>>,
    patch: &Patch,
) -> Result<(Imprint, Patch), String> {
    match imprint {
        Some(Ok(imprint)) => Ok((imprint, patch.clone())),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the token has no imprint".into()),
    }
}
