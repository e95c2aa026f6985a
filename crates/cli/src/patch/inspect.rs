//! `stanch patch inspect`: what a patch set says of itself.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use serde::Serialize;
use stanch::patch::{PatchSet, SetInfo};
use stanch::secret::ImprintKey;

use crate::outcome::{Failure, Outcome, shown};
use crate::palette;

/// Checks a patch set and prints what it says of itself
#[derive(Debug, Args)]
#[command(after_help = "\
A set names no token, with its key or without. With --key it is also checked that the set was \
compiled with that key.

Examples:
  stanch patch inspect live.set
  stanch patch inspect --format json live.set | jq .serial

Exit status: 0 it is a sound set, 2 an error.")]
pub(crate) struct InspectArguments {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The key file that the set should have been compiled with
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The patch set
    #[arg(value_name = "SET")]
    set: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object
    Json,
}

/// What `--format json` prints. `docs/command.md` says what the fields mean.
#[derive(Serialize)]
struct Description {
    format_version: u32,
    serial: u64,
    created: Option<String>,
    key: String,
    tokens: u64,
    leaks: u64,
    longest_token: usize,
    bytes: u64,
    tiers: Vec<TierDescription>,
}

#[derive(Serialize)]
struct TierDescription {
    gram: usize,
    stride: usize,
    tokens: u64,
}

/// Runs the command.
pub(crate) fn inspect(arguments: &InspectArguments) -> Result<Outcome, Failure> {
    let info = match &arguments.key {
        Some(key) => PatchSet::open(&arguments.set, &ImprintKey::open(key)?)?.info(),
        None => SetInfo::read(&arguments.set)?,
    };
    let description = Description::of(&info);
    let mut output = palette::output();
    match arguments.format {
        Format::Json => {
            serde_json::to_writer(&mut output, &description).map_err(std::io::Error::from)?;
            writeln!(output)?;
        }
        Format::Table => {
            writeln!(output, "{}", palette::Painted(palette::TITLE, shown(&arguments.set)))?;
            writeln!(output, "{}", description.table().trim_fmt())?;
        }
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

impl Description {
    fn of(info: &SetInfo) -> Description {
        let tier = |&(gram, stride, tokens): &(usize, usize, u64)| TierDescription {
            gram,
            stride,
            tokens,
        };
        Description {
            format_version: info.format_version,
            serial: info.serial,
            // A time that no calendar holds can only stand in a set that was made to confuse.
            created: Timestamp::from_second(info.created).ok().map(|time| time.to_string()),
            key: info.key.to_string(),
            tokens: info.tokens,
            leaks: info.leaks,
            longest_token: info.longest_token,
            bytes: info.bytes,
            tiers: info.tiers.iter().map(tier).collect(),
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        let created = self.created.as_deref().unwrap_or("at an impossible time");
        let (tokens, leaks) = (HumanCount(self.tokens), HumanCount(self.leaks));
        table
            .add_row(["format version", &self.format_version.to_string()])
            .add_row(["serial", &self.serial.to_string()])
            .add_row(["created", created])
            .add_row(["key", &self.key])
            .add_row(["tokens", &format!("{tokens}, of {leaks} leaks")])
            .add_row(["longest token", &format!("{} bytes", self.longest_token)])
            .add_row(["size", &HumanBytes(self.bytes).to_string()]);
        for TierDescription { gram, stride, tokens } in &self.tiers {
            let line = format!(
                "grams of {gram} bytes, every {stride} bytes, tokens: {}",
                HumanCount(*tokens)
            );
            table.add_row(["tier", &line]);
        }
        table
    }
}
