//! `stanch patch inspect`: what a patch set says of itself.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use serde::Serialize;
use stanch::patch::{PatchSet, Rule, SetInfo};
use stanch::secret::ImprintKey;

use crate::outcome::{Failure, Outcome, shown};
use crate::palette;
use crate::time;

/// Checks a patch set and prints what it says of itself
#[derive(Debug, Args)]
#[command(after_help = "\
A set names no token, with its key or without. With --key it is also checked that the set was \
compiled with that key, and that it has not expired. A signature that is there is checked; whether \
its key is to be trusted is for `stanch patch verify` to say.

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
    expires: Option<String>,
    expired: bool,
    key: String,
    signer: Option<Signer>,
    recovery_bits: u32,
    policies: Vec<Vec<RuleDescription>>,
    tokens: u64,
    leaks: u64,
    longest_token: usize,
    bytes: u64,
    tiers: Vec<TierDescription>,
}

/// Who signed a set.
#[derive(Serialize)]
struct Signer {
    id: String,
    public_key: String,
}

/// What a set asks for of a token. What is empty or missing is no condition.
#[derive(Serialize)]
struct RuleDescription {
    action: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
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
            expires: info.expires.map(time::told),
            expired: info.expires.is_some_and(|expires| expires <= time::now()),
            key: info.key.to_string(),
            signer: info.signer.map(|signer| Signer {
                id: signer.id().to_string(),
                public_key: signer.to_string(),
            }),
            recovery_bits: info.recovery_bits,
            policies: info
                .policies
                .iter()
                .map(|rules| rules.iter().map(RuleDescription::of).collect())
                .collect(),
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
            .add_row(["expires", &self.expiry()])
            .add_row(["key", &self.key])
            .add_row(["signed", &self.signature()])
            .add_row(["tokens", &format!("{tokens}, of {leaks} leaks")])
            .add_row(["longest token", &format!("{} bytes", self.longest_token)])
            .add_row(["easiest token", &format!("about 2^{} guesses", self.recovery_bits)])
            .add_row(["size", &HumanBytes(self.bytes).to_string()]);
        for TierDescription { gram, stride, tokens } in &self.tiers {
            let line = format!(
                "grams of {gram} bytes, every {stride} bytes, tokens: {}",
                HumanCount(*tokens)
            );
            table.add_row(["tier", &line]);
        }
        for rules in
            self.policies.iter().filter(|rules| rules.iter().any(RuleDescription::is_scoped))
        {
            let rules: Vec<String> = rules.iter().map(RuleDescription::line).collect();
            table.add_row(["scope", &rules.join("; ")]);
        }
        table
    }

    fn expiry(&self) -> String {
        match &self.expires {
            None => "never".to_owned(),
            Some(time) if self.expired => {
                format!("{time}, which is over: no node takes it any more")
            }
            Some(time) => time.clone(),
        }
    }

    fn signature(&self) -> String {
        match &self.signer {
            None => "no".to_owned(),
            Some(Signer { id, public_key }) => format!("with key {id} ({public_key})"),
        }
    }
}

impl RuleDescription {
    fn of(rule: &Rule) -> RuleDescription {
        let scope = &rule.scope;
        let (not_before, not_after) = scope.times();
        let slashed = |path: &str| if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        RuleDescription {
            action: rule.action.as_str(),
            hosts: scope.hosts().map(str::to_owned).collect(),
            methods: scope.methods().map(str::to_owned).collect(),
            paths: scope.paths().map(slashed).collect(),
            parts: scope.parts().map(|part| part.as_str()).collect(),
            except: scope.exceptions().map(|network| network.to_string()).collect(),
            not_before: not_before.map(time::told),
            not_after: not_after.map(time::told),
        }
    }

    fn is_scoped(&self) -> bool {
        self.conditions().next().is_some()
    }

    fn conditions(&self) -> impl Iterator<Item = String> {
        let parts: Vec<String> = self.parts.iter().map(|part| (*part).to_owned()).collect();
        let lists = [
            ("to", &self.hosts),
            ("with", &self.methods),
            ("under", &self.paths),
            ("in", &parts),
            ("not from", &self.except),
        ]
        .map(|(word, list)| (!list.is_empty()).then(|| format!("{word} {}", list.join(" or "))));
        let times = [("from", &self.not_before), ("until", &self.not_after)]
            .map(|(word, time)| time.as_ref().map(|time| format!("{word} {time}")));
        lists.into_iter().chain(times).flatten()
    }

    fn line(&self) -> String {
        let action = [self.action.to_owned()].into_iter();
        action.chain(self.conditions()).collect::<Vec<_>>().join(", ")
    }
}
