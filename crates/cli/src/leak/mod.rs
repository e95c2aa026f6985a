//! `stanch leak`: the leaks of the ledger, and what is decided about them.

mod add;
mod decide;
mod list;
mod place;
mod show;
mod unseal;

use clap::Subcommand;

pub(crate) use self::add::Visible;
use crate::outcome::{Failure, Outcome};

/// Lists leaks, and decides about them
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Nothing happens to a leak without a decision, and whose it was stands in the ledger. Leaks go by number.

Exit status: 0 done, 1 the list holds opened leaks, 2 an error, 3 there is no such leak or place, 4 the role \
does not allow it, 5 the leak does not allow it as things are, 6 the wrong key, 7 the ledger is newer than \
this command, 9 the ledger cannot be used.")]
pub(crate) enum LeakVerb {
    Add(add::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Patch(decide::PatchArguments),
    False(decide::FalseArguments),
    Close(decide::CloseArguments),
    Reopen(decide::ReopenArguments),
    Note(decide::NoteArguments),
    Place(place::Arguments),
    Unseal(unseal::Arguments),
}

/// Runs the command.
pub(crate) fn run(verb: &LeakVerb) -> Result<Outcome, Failure> {
    match verb {
        LeakVerb::Add(arguments) => add::run(arguments),
        LeakVerb::List(arguments) => list::run(arguments),
        LeakVerb::Show(arguments) => show::run(arguments),
        LeakVerb::Patch(arguments) => decide::patch(arguments),
        LeakVerb::False(arguments) => decide::mark_false(arguments),
        LeakVerb::Close(arguments) => decide::close(arguments),
        LeakVerb::Reopen(arguments) => decide::reopen(arguments),
        LeakVerb::Note(arguments) => decide::note(arguments),
        LeakVerb::Place(arguments) => place::run(arguments),
        LeakVerb::Unseal(arguments) => unseal::run(arguments),
    }
}
