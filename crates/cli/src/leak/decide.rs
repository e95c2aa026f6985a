//! `stanch leak patch`, `false`, `close`, `reopen` and `note`.

use std::io::{self, IsTerminal as _, Write};

use clap::Args;
use serde_json::json;
use stanch::leak::{Decision, Leak, LeakId, Mode};
use stanch_store::{By, Store};

use crate::desk::{Desk, leak_id};
use crate::outcome::{Failure, Outcome};
use crate::palette;

/// Which leaks, and why.
#[derive(Debug, Args)]
struct Deciding {
    #[command(flatten)]
    desk: Desk,
    /// Why, for the leak's history
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Print a JSON object for each leak
    #[arg(long)]
    json: bool,
    /// The leaks' numbers
    #[arg(required = true, value_parser = leak_id, value_name = "LEAK")]
    leaks: Vec<LeakId>,
}

/// Stops the tokens of leaks from being used: the virtual patch
#[derive(Debug, Args)]
#[command(after_help = "\
Nodes refuse the tokens once `stanch patch build` has written a set with them and they have loaded it. \
With --monitor requests pass and are recorded, to see who uses a token before it is blocked.

A patch is refused, with the reason, where no node is enrolled, and for a leak whose tokens your own API \
does not accept: nodes never see them, so revoke them instead.")]
pub(crate) struct PatchArguments {
    #[command(flatten)]
    deciding: Deciding,
    /// Let requests pass and record them
    #[arg(long)]
    monitor: bool,
    /// Decide it even where it seems to be of no use
    #[arg(long)]
    anyway: bool,
}

/// Marks leaks as none: they are not raised again, and a patch of theirs ends
#[derive(Debug, Args)]
pub(crate) struct FalseArguments {
    #[command(flatten)]
    deciding: Deciding,
    #[command(flatten)]
    consent: Consent,
}

/// Closes leaks: they are dealt with, and a patch of theirs ends
#[derive(Debug, Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    deciding: Deciding,
    #[command(flatten)]
    consent: Consent,
}

/// Opens leaks again; a patch must be decided anew
#[derive(Debug, Args)]
pub(crate) struct ReopenArguments {
    #[command(flatten)]
    deciding: Deciding,
}

/// Says something to a leak, for its history
#[derive(Debug, Args)]
pub(crate) struct NoteArguments {
    #[command(flatten)]
    desk: Desk,
    /// The leak's number
    #[arg(value_parser = leak_id, value_name = "LEAK")]
    leak: LeakId,
    /// What is to be said
    #[arg(value_name = "TEXT")]
    text: String,
}

#[derive(Debug, Args)]
struct Consent {
    /// Do not ask before a patch ends
    #[arg(long)]
    yes: bool,
}

pub(super) fn patch(arguments: &PatchArguments) -> Result<Outcome, Failure> {
    let mode = if arguments.monitor { Mode::Monitor } else { Mode::Block };
    arguments.deciding.decide(Decision::Patch(mode), arguments.anyway)
}

pub(super) fn mark_false(arguments: &FalseArguments) -> Result<Outcome, Failure> {
    arguments.deciding.decide_after(&arguments.consent, Decision::MarkFalse, "mark it false")
}

pub(super) fn close(arguments: &CloseArguments) -> Result<Outcome, Failure> {
    arguments.deciding.decide_after(&arguments.consent, Decision::Close, "close it")
}

pub(super) fn reopen(arguments: &ReopenArguments) -> Result<Outcome, Failure> {
    arguments.deciding.decide(Decision::Reopen, false)
}

pub(super) fn note(arguments: &NoteArguments) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    store.note(&arguments.desk.by()?, arguments.leak, &arguments.text)?;
    Ok(Outcome::Clean)
}

impl Deciding {
    /// Decides the same about each leak. The first that refuses ends it; what was decided before stays.
    fn decide(&self, decision: Decision, anyway: bool) -> Result<Outcome, Failure> {
        let (store, by) = (self.desk.open()?, self.desk.by()?);
        self.leaks.iter().try_for_each(|leak| self.one(&store, &by, *leak, decision, anyway))?;
        Ok(Outcome::Clean)
    }

    /// Decides what ends a patch. Somebody who is there is asked before.
    fn decide_after(
        &self,
        consent: &Consent,
        decision: Decision,
        what: &str,
    ) -> Result<Outcome, Failure> {
        let (store, by) = (self.desk.open()?, self.desk.by()?);
        for leak in &self.leaks {
            let known = store.leak(&by.who, *leak)?;
            if !consent.yes && ends_protection(&known) && !agreed(&known, what)? {
                writeln!(io::stderr(), "leak {leak}: left as it is")?;
                continue;
            }
            self.one(&store, &by, *leak, decision, false)?;
        }
        Ok(Outcome::Clean)
    }

    fn one(
        &self,
        store: &Store,
        by: &By,
        leak: LeakId,
        decision: Decision,
        anyway: bool,
    ) -> Result<(), Failure> {
        let before = store.leak(&by.who, leak)?;
        let after = store.decide(by, leak, decision, anyway, self.note.as_deref())?;
        let mut output = palette::output();
        if self.json {
            let object = json!({
                "leak": leak.0,
                "status": after.status().to_string(),
                "patch": after.patch().map(|mode| mode.to_string()),
            });
            writeln!(output, "{object}")?;
            output.flush()?;
            return Ok(());
        }
        let patch = match after.patch() {
            Some(mode) => format!(", patch: {mode}"),
            None => String::new(),
        };
        writeln!(output, "leak {leak}: {}{patch}", after.status())?;
        if before.patch() != after.patch() {
            writeln!(output, "nodes learn of it by the next set: stanch patch build")?;
        }
        output.flush()?;
        Ok(())
    }
}

fn ends_protection(leak: &Leak) -> bool {
    leak.patch().is_some()
}

/// Asks, if there is somebody to ask.
fn agreed(leak: &Leak, what: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    let mut asked = io::stderr();
    write!(
        asked,
        "leak {} has a patch; requests with its tokens pass again once a set is built without it. \
         Really {what}? [y/N] ",
        leak.id()
    )?;
    asked.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
