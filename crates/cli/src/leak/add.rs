//! `stanch leak add`: registers what somebody reported.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use stanch::class::Facts;
use stanch::detect::Detector;
use stanch::leak::{Sighting, Source, SourceKind, Target, Visibility};
use stanch::secret::{Digest, Imprint, ImprintKey, Secret};
use stanch_store::Sealed;

use crate::desk::{Desk, one_of};
use crate::input;
use crate::outcome::{Failure, Outcome, counted};
use crate::seal::Sealing;
use crate::{palette, rules};

/// The most bytes of a report.
const LIMIT: u64 = 1 << 20;

/// The class of a token that no rule knows.
const CLASS: &str = "reported token";

/// Registers tokens that somebody reported, as one leak
#[derive(Debug, Args)]
#[command(after_help = "\
The tokens stand in the file or on standard input, one a line: never on the command line, where others \
see them. What the rules know of a token is kept with it; the token itself is not.

Examples:
  pbpaste | stanch leak add --key stanch.key --source 'call from the hotline' -
  stanch leak add --key stanch.key --kind paste --source https://paste.example/x7 token.txt

Exit status: 0 registered, 2 an error, 4 to 9 as stanch leak --help says.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// The key file of the installation
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where they were found: a path, a URL, or in words
    #[arg(long, value_name = "PLACE")]
    source: String,
    /// What kind of place that is
    #[arg(
        long,
        value_parser = one_of(&SourceKind::ALL, SourceKind::as_str),
        default_value = SourceKind::Report.as_str()
    )]
    kind: SourceKind,
    /// Who can see that place [default: as is usual for its kind]
    #[arg(long, value_enum)]
    visible: Option<Visible>,
    /// Whom they endanger: a domain, an organisation, a service
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// What a person calls such tokens, where no rule knows them
    #[arg(long, value_name = "NAME", default_value = CLASS)]
    class: String,
    #[command(flatten)]
    sealing: Sealing,
    /// Add the rules of this file to the built-in ones
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The tokens, one a line; - for standard input
    #[arg(value_name = "TOKENS")]
    tokens: PathBuf,
}

/// Who can see a place, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Visible {
    /// A few people
    Private,
    /// Everybody inside
    Internal,
    /// Everybody
    Public,
}

impl Visible {
    pub(crate) fn visibility(self) -> Visibility {
        match self {
            Visible::Private => Visibility::Private,
            Visible::Internal => Visibility::Internal,
            Visible::Public => Visibility::Public,
        }
    }
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let key = ImprintKey::open(&arguments.key)?;
    let detector = rules::detector(arguments.rules.as_deref())?;
    let store = arguments.desk.open()?;
    arguments.desk.check_key(&store, &key, &arguments.key)?;
    let (tokens, sealed) = tokens(arguments, &key, &detector)?;
    let count = tokens.len() as u64;
    let mut source = Source::new(arguments.kind, arguments.source.as_str());
    if let Some(visible) = arguments.visible {
        source = source.visible(visible.visibility());
    }
    let mut sighting = Sighting::new(source, tokens).tenant(arguments.desk.tenant()).manual();
    if let Some(target) = &arguments.target {
        sighting = sighting.target(Target(target.clone()));
    }
    let registered = store.register_sealed(&arguments.desk.by()?, vec![sighting], &sealed)?;
    let mut output = palette::output();
    for registration in registered {
        let new = registration.new.map(|id| id.0);
        let again: Vec<u64> = registration.seen_again.iter().map(|id| id.0).collect();
        if arguments.json {
            writeln!(output, "{}", json!({ "new": new, "seen_again": again }))?;
            continue;
        }
        if let Some(id) = new {
            writeln!(output, "leak {id}: registered, {}", counted(count, "token"))?;
        }
        for id in again {
            writeln!(output, "leak {id}: seen again")?;
        }
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

/// The imprints of the tokens, with what the rules know of them; and the tokens, sealed.
#[allow(clippy::type_complexity, reason = "two lists")]
fn tokens(
    arguments: &Arguments,
    key: &ImprintKey,
    detector: &Detector,
) -> Result<(Vec<(Imprint, Facts)>, Vec<(Digest, Sealed)>), Failure> {
    let sealer = arguments.sealing.open()?;
    let text = input::read(&arguments.tokens, LIMIT)?;
    let name = input::name(&arguments.tokens);
    let (mut tokens, mut sealed) = (Vec::new(), Vec::new());
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let known =
            detector.scan(line).into_iter().find(|finding| finding.range() == (0..line.len()));
        let (class, facts) = match &known {
            Some(finding) => (finding.class().to_owned(), finding.facts()),
            None => (arguments.class.clone(), Facts::reported()),
        };
        let secret = Secret::new(&class, line);
        let imprint = key
            .imprint(&secret)
            .map_err(|error| Failure::named(format_args!("{name}:{}", number + 1), error))?;
        sealed.extend(sealer.seal(&imprint, &secret)?);
        tokens.push((imprint, facts));
    }
    match tokens.is_empty() {
        true => Err(Failure::named(name, "holds no token")),
        false => Ok((tokens, sealed)),
    }
}
