//! `stanch rules`: says which rules there are, and proves those of a file.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use stanch::detect::{Detector, Rule, RuleFile};

use crate::input;
use crate::outcome::{Failure, Outcome, complain};

/// No longer file of rules is read; the library takes no longer one.
const LONGEST: u64 = 4 << 20;

#[derive(Debug, Subcommand)]
pub(crate) enum RulesVerb {
    /// Prints the rules, one a line: id, confidence, what the token lets its bearer do, what it is
    List {
        /// With the rules of this file, and without those that it switches off
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Prints what one rule says: what its token is and does, where and how it is revoked
    Show {
        /// The rule's id, as `list` prints it
        id: String,
        /// With the rules of this file, and without those that it switches off
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
    /// Proves a file of rules: each positive is found by its rule alone, no negative is
    #[command(after_help = "\
A file of rules is TOML, in the form of the built-in ones (docs/detector.md):

  off = [\"jwt\"]                                built-in rules to leave out

  [[rule]]                                     a rule; one with a built-in one's id takes its place
  id = \"acme-key\"
  provider = \"Acme\"
  class = \"Acme API key\"
  privilege = \"write\"                          public, read, write, payment-or-deploy or admin
  consequence = \"breach\"                       breach, fraud, supply-chain or disruption
  confidence = \"high\"                          low, medium or high
  source = \"https://acme.example/docs/keys\"
  revoke_call = 'curl -X DELETE -H \"Authorization: Bearer $TOKEN\" https://acme.example/keys/self'
  shapes = [{ prefixes = [\"acme_\"], parts = [{ alphabet = \"base62\", length = 16 }] }]
  positives = [\"key: «acme_q8Zr2LmX0vTc5NbW»\", \"ACME_KEY=«acme_7Kd0PzY4sHt9GaUe»\"]
  negatives = [\"acme_q8Zr2LmX0vTc5Nb\", \"acme-q8Zr2LmX0vTc5NbW\"]

What no shape can say, a rule says with pattern = '…', a regular expression, in place of shapes.

A scan uses it with: stanch scan --rules FILE PATH

Exit status: 0 every example is as it should be, 1 one is not, 2 the file is no file of rules.")]
    Check {
        /// The file; - for standard input
        file: PathBuf,
    },
}

/// Runs the command.
pub(crate) fn run(verb: &RulesVerb) -> Result<Outcome, Failure> {
    match verb {
        RulesVerb::List { rules } => list(rules.as_deref()),
        RulesVerb::Show { id, rules } => show(id, rules.as_deref()),
        RulesVerb::Check { file } => check(file),
    }
}

/// A detector with the built-in rules and those of the file, if there is one.
///
/// # Errors
///
/// When the file cannot be read or is no file of rules.
pub(crate) fn detector(file: Option<&Path>) -> Result<Detector, Failure> {
    Ok(match file {
        Some(file) => Detector::with_rules(&open(file)?),
        None => Detector::new(),
    })
}

fn list(file: Option<&Path>) -> Result<Outcome, Failure> {
    let detector = detector(file)?;
    let mut rules: Vec<&Rule> = detector.rules().to_vec();
    rules.sort_by_key(|rule| rule.id());
    let width = rules.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
    let mut output = io::BufWriter::new(io::stdout().lock());
    for rule in rules {
        let (id, confidence, privilege) = (rule.id(), rule.confidence(), rule.privilege().as_str());
        writeln!(output, "{id:<width$}  {confidence:<6}  {privilege:<17}  {}", rule.class())?;
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn show(id: &str, file: Option<&Path>) -> Result<Outcome, Failure> {
    let detector = detector(file)?;
    let rule = detector.rules().iter().find(|rule| rule.id() == id);
    let rule = rule.ok_or_else(|| Failure::named(id, "there is no such rule"))?;
    let lines = [
        ("id", Some(rule.id())),
        ("provider", Some(rule.provider())),
        ("class", Some(rule.class())),
        ("privilege", Some(rule.privilege().as_str())),
        ("consequence", Some(rule.consequence().as_str())),
        ("confidence", Some(rule.confidence().as_str())),
        ("source", Some(rule.source())),
        ("revoke", rule.revoke()),
        ("revoke_call", rule.revoke_call()),
    ];
    let mut output = io::stdout().lock();
    for (name, value) in lines {
        if let Some(value) = value {
            writeln!(output, "{name:<11}  {value}")?;
        }
    }
    Ok(Outcome::Clean)
}

fn check(path: &Path) -> Result<Outcome, Failure> {
    let file = open(path)?;
    let complaints = file.prove();
    for complaint in &complaints {
        complain(&Failure::named(input::name(path), complaint));
    }
    let (rules, wrong) = (file.rules().len(), complaints.len());
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    writeln!(io::stdout(), "{}, {} wrong", count(rules, "rule"), count(wrong, "example"))?;
    Ok(if complaints.is_empty() { Outcome::Clean } else { Outcome::Found })
}

fn open(path: &Path) -> Result<RuleFile, Failure> {
    let named = |why: &dyn std::fmt::Display| Failure::named(input::name(path), why);
    let bytes = input::read(path, LONGEST)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| named(&"it is not UTF-8 text"))?;
    RuleFile::parse(text).map_err(|error| named(&error))
}
