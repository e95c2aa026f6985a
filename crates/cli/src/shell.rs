//! What a shell and `man` are told of the command, made from the arguments that it understands.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::command::Command;
use crate::outcome::{Failure, Outcome, reason, shown};

/// Writes the shell's completions to standard output.
pub(crate) fn completions(shell: Shell) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Command::command(), "stanch", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Outcome::Clean)
}

/// Writes the pages of the manual: the command's own to standard output, or those of all its
/// subcommands, too, to a folder.
pub(crate) fn manual(folder: Option<&Path>) -> Result<Outcome, Failure> {
    match folder {
        None => {
            let mut page = Vec::new();
            Man::new(Command::command()).render(&mut page)?;
            io::stdout().write_all(&page)?;
        }
        Some(folder) => fs::create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(Command::command(), folder))
            .map_err(|error| Failure::named(shown(folder), reason(&error)))?,
    }
    Ok(Outcome::Clean)
}
