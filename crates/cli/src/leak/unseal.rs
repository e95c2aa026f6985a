//! `stanch leak unseal`: the tokens themselves, for whoever has them revoked.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use stanch::leak::LeakId;
use stanch_store::{Identity, Unsealed};
use zeroize::Zeroizing;

use crate::desk::{Desk, leak_id};
use crate::outcome::{Failure, Outcome, complain, counted, reason, shown};
use crate::seal::of_key;

/// Opens the tokens of a leak that were kept sealed, to have them revoked
#[derive(Debug, Args)]
#[command(after_help = "\
`stanch scan --register --seal` keeps tokens sealed. Who has them opened stands in the leak's history.

They are printed to a terminal, one a line, or with --show-secrets to whatever reads the output, or with -o to a \
new file that only its owner can read.

Examples:
  stanch leak unseal --identity operator.key 7
  stanch leak unseal --identity operator.key --json -o leak-7.jsonl 7

Exit status: 0 opened, 2 an error, 3 there is no such leak, or nothing is sealed of it, 6 it is sealed to \
somebody else; 4 to 9 as stanch leak --help says.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// The file with the private key, as `stanch key new --seal` or age-keygen makes it
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// Write the tokens to this new file, with mode 0600
    #[arg(short, long, value_name = "FILE", conflicts_with = "show_secrets")]
    output: Option<PathBuf>,
    /// Write the tokens to standard output though it is no terminal
    #[arg(long)]
    show_secrets: bool,
    /// Write one JSON object a token
    #[arg(long)]
    json: bool,
    /// The leak's number
    #[arg(value_parser = leak_id, value_name = "LEAK")]
    leak: LeakId,
}

/// A token as a line of JSON.
#[derive(Serialize)]
struct Line<'t> {
    leak: u64,
    class: &'t str,
    preview: String,
    secret: &'t str,
}

/// Where the tokens go. A new file goes away again unless it is kept.
enum Goal {
    Output(File),
    File { file: File, path: PathBuf, kept: bool },
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let identity = Identity::open(&arguments.identity).map_err(of_key)?;
    let store = arguments.desk.open()?;
    let by = arguments.desk.by()?;
    // Where they cannot go, nothing is opened.
    let mut goal = Goal::open(arguments)?;
    let unsealed = store.unseal(&by, arguments.leak, &identity)?;
    goal.write(&written(arguments, &unsealed)?)?;
    complain(&format_args!(
        "leak {}: {} unsealed; its history says so",
        arguments.leak,
        counted(unsealed.len() as u64, "token")
    ));
    Ok(Outcome::Clean)
}

/// What is written, in a buffer that never grows, so that no copy is left behind.
fn written(arguments: &Arguments, unsealed: &[Unsealed]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    // A byte takes six characters of JSON at most, and three as U+FFFD.
    let room = |one: &Unsealed| 6 * one.secret.len() + 2 * one.secret.class().len() + 256;
    let mut text = Zeroizing::new(Vec::with_capacity(unsealed.iter().map(room).sum()));
    for Unsealed { secret, .. } in unsealed {
        if arguments.json {
            let shown = Zeroizing::new(String::from_utf8_lossy(secret.expose()).into_owned());
            let line = Line {
                leak: arguments.leak.0,
                class: secret.class(),
                preview: secret.preview().to_string(),
                secret: &shown,
            };
            serde_json::to_writer(&mut *text, &line).map_err(io::Error::from)?;
        } else {
            text.extend_from_slice(secret.expose());
        }
        text.push(b'\n');
    }
    Ok(text)
}

impl Goal {
    fn open(arguments: &Arguments) -> Result<Goal, Failure> {
        let Some(path) = &arguments.output else {
            let output = io::stdout();
            if !arguments.show_secrets && !output.is_terminal() {
                return Err(Failure::named(
                    "standard output",
                    "is no terminal; say --show-secrets to have the tokens there, or -o FILE",
                ));
            }
            // Without the buffer that others write through: it would keep a copy.
            return Ok(Goal::Output(File::from(output.as_fd().try_clone_to_owned()?)));
        };
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| failed(path, &error))?;
        Ok(Goal::File { file, path: path.clone(), kept: false })
    }

    fn write(&mut self, text: &[u8]) -> Result<(), Failure> {
        match self {
            Goal::Output(output) => Ok(output.write_all(text)?),
            Goal::File { file, path, kept } => {
                let written = file.write_all(text).and_then(|()| file.sync_all());
                written.map_err(|error| failed(path, &error))?;
                *kept = true;
                Ok(())
            }
        }
    }
}

impl Drop for Goal {
    fn drop(&mut self) {
        if let Goal::File { path, kept: false, .. } = self {
            // Nothing is in it, or half of it.
            let _ = fs::remove_file(path);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::named(shown(path), reason(error))
}
