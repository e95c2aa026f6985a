//! `stanch policy`: rules that decide about leaks.

use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, Color, ContentArrangement, Table};
use serde_json::json;
use stanch_store::{DecisionPolicy, Planned};

use crate::desk::Desk;
use crate::input;
use crate::outcome::{Failure, Outcome, counted};
use crate::palette::{self, ASIDE, GOOD, Painted};

/// The most bytes of a policy.
const LIMIT: u64 = 1 << 20;

/// Decides about leaks by rules that you write
#[derive(Debug, Subcommand)]
#[command(after_help = "\
A policy is a TOML file of rules. Each says which leaks it is about, and what is decided about them; the first \
that fits a leak holds. A rule never touches a leak that a person has decided about, and is refused what a person \
is refused.

  name = \"shop\"                      # stands in the ledger as who decided

  [[rule]]
  name = \"ours is blocked\"
  decide = \"block\"                   # block, monitor, false or close
  level = \"high\"                     # at least: informational, low, medium, high, critical
  targets = [\"*.shop.example\"]

  [[rule]]
  name = \"old calls\"
  decide = \"close\"
  kinds = [\"report\"]
  days = 365                         # found first so many days ago, or more

docs/command.md has all conditions.")]
pub(crate) enum PolicyVerb {
    Check(CheckArguments),
    Apply(ApplyArguments),
}

/// Checks a policy, and asks no ledger
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 it is a policy, 2 it is none, and stderr names the line and the field.")]
pub(crate) struct CheckArguments {
    /// Print one JSON object for each rule
    #[arg(long)]
    json: bool,
    /// The policy; - for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
}

/// Decides what a policy says about the opened leaks
#[derive(Debug, Args)]
#[command(after_help = "\
Applying it again decides nothing new, so that it can be run after every scan. Nodes learn of patches by the next \
set: stanch patch build.

Examples:
  stanch policy apply --dry-run shop.toml
  stanch scan --register --key stanch.key . ; stanch policy apply shop.toml

Exit status: 0 done, or nothing to decide, 1 with --dry-run there is something to decide, 2 an error, 4 the role \
does not allow it, or the module is off; 7 and 9 as stanch leak --help says. What a leak refuses is told, and is no \
error.")]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    desk: Desk,
    /// Only tell what would be decided
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object for each leak that a rule fits
    #[arg(long)]
    json: bool,
    /// The policy; - for standard input
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
}

/// Runs the command.
pub(crate) fn run(verb: &PolicyVerb) -> Result<Outcome, Failure> {
    match verb {
        PolicyVerb::Check(arguments) => check(arguments),
        PolicyVerb::Apply(arguments) => apply(arguments),
    }
}

fn check(arguments: &CheckArguments) -> Result<Outcome, Failure> {
    let policy = read(&arguments.policy)?;
    let mut output = palette::output();
    if arguments.json {
        for (rule, number) in policy.rules().iter().zip(1..) {
            let object = json!({
                "number": number, "rule": rule.name(), "decision": rule.decision().to_string(),
            });
            writeln!(output, "{object}")?;
        }
    } else {
        let count = counted(policy.rules().len() as u64, "rule");
        writeln!(output, "{}: policy {}, {count}", input::name(&arguments.policy), policy.name())?;
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn apply(arguments: &ApplyArguments) -> Result<Outcome, Failure> {
    let policy = read(&arguments.policy)?;
    let store = arguments.desk.open()?;
    let (by, asked) = (arguments.desk.by()?, arguments.desk.asked());
    let planned = match arguments.dry_run {
        true => store.plan_policy(&by, asked.as_ref(), &policy)?,
        false => store.apply_policy(&by, asked.as_ref(), &policy)?,
    };
    let mut output = palette::output();
    if arguments.json {
        for one in &planned {
            let refused = one.entry.as_ref().err().map(ToString::to_string);
            let object = json!({
                "leak": one.leak.0, "rule": one.rule, "decision": one.decision.to_string(),
                "decided": refused.is_none() && !arguments.dry_run, "refused": refused,
            });
            writeln!(output, "{object}")?;
        }
    } else {
        tell(&mut output, &planned, arguments.dry_run)?;
    }
    output.flush()?;
    let decides = planned.iter().any(|one| one.entry.is_ok());
    Ok(if arguments.dry_run && decides { Outcome::Found } else { Outcome::Clean })
}

fn tell(output: &mut impl Write, planned: &[Planned], is_dry: bool) -> Result<(), Failure> {
    if planned.is_empty() {
        writeln!(output, "{}", Painted(GOOD, "nothing to decide"))?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.enforce_styling();
    let titles = ["leak", "rule", "decision", ""];
    table.set_header(titles.map(|title| Cell::new(title).fg(Color::Blue)));
    for one in planned {
        let outcome = match &one.entry {
            Ok(_) if is_dry => Cell::new("would be decided").fg(Color::Green),
            Ok(_) => Cell::new("decided").fg(Color::Green),
            Err(refusal) => Cell::new(format!("refused: {refusal}")).fg(Color::Yellow),
        };
        table.add_row([
            Cell::new(one.leak),
            Cell::new(&one.rule),
            Cell::new(one.decision),
            outcome,
        ]);
    }
    writeln!(output, "{table}")?;
    let decided = planned.iter().filter(|one| one.entry.is_ok()).count() as u64;
    let what = if is_dry { "would be decided about" } else { "decided about" };
    let refused = planned.len() as u64 - decided;
    let sum = format!("{} {what}, {refused} refused", counted(decided, "leak"));
    writeln!(output, "{}", Painted(ASIDE, sum))?;
    Ok(())
}

fn read(path: &Path) -> Result<DecisionPolicy, Failure> {
    let name = input::name(path);
    let text = input::read(path, LIMIT)?;
    let text = str::from_utf8(&text).map_err(|_| Failure::named(&name, "no UTF-8 text"))?;
    DecisionPolicy::parse(text)
        .map_err(|error| Failure::named(format_args!("{name}:{}", error.line), error.reason))
}
