//! `stanch attempts`: requests that carried leaked tokens, as nodes log them.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use stanch::leak::{LeakId, Mode, Time};
use stanch_store::{Attempt, Imported, Logged};

use crate::desk::{Desk, leak_id, told};
use crate::input;
use crate::outcome::{Failure, Outcome, complain, counted};
use crate::palette;

/// The most bytes of a log.
const LIMIT: u64 = 256 << 20;

/// Lines that are taken in at once.
const BATCH: usize = 10_000;

/// The type of an attempt, among other lines of a log.
const TYPE: &str = "vpatch";

/// Takes in and lists attempts to use leaked tokens
#[derive(Debug, Subcommand)]
pub(crate) enum AttemptsVerb {
    Import(Import),
    List(List),
}

/// Takes in what nodes logged: it raises the risk of leaks, and tells where their tokens are used
#[derive(Debug, Args)]
#[command(after_help = "\
A log holds a JSON object a line, as the nginx module writes it for $stanch_attempt. Lines of another type \
are passed over. The same line counts once, however often it is taken in, so that a log may be taken in \
again when it has grown. A line that is no attempt is told, and the others are taken in.

Example:
  stanch attempts import /var/log/nginx/attempts.jsonl

Exit status: 0 taken in, 2 a line could not be used or another error, 4 to 9 as stanch leak --help says.")]
pub(crate) struct Import {
    #[command(flatten)]
    desk: Desk,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The logs; - for standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<PathBuf>,
}

/// Lists the attempts to use the tokens of a leak, the last ones first
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    desk: Desk,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// The leak's number
    #[arg(value_parser = leak_id, value_name = "LEAK")]
    leak: LeakId,
}

/// A line of a log. `docs/nginx.md` says what the fields mean.
#[derive(Deserialize)]
struct Line {
    time: Timestamp,
    #[serde(default)]
    node: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    host: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    path: String,
    part: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    view: String,
    action: Action,
    leak: u64,
    #[serde(default)]
    left_out: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Block,
    Monitor,
}

/// What a line is before it is known to be an attempt.
#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

/// Runs the command.
pub(crate) fn run(verb: &AttemptsVerb) -> Result<Outcome, Failure> {
    match verb {
        AttemptsVerb::Import(arguments) => import(arguments),
        AttemptsVerb::List(arguments) => list(arguments),
    }
}

fn import(arguments: &Import) -> Result<Outcome, Failure> {
    let (store, by) = (arguments.desk.open()?, arguments.desk.by()?);
    let mut outcome = Outcome::Clean;
    let mut sum = Imported::default();
    for path in &arguments.logs {
        let text = input::read(path, LIMIT)?;
        let mut batch = Vec::new();
        let mut take_in = |batch: &mut Vec<Logged>| -> Result<(), Failure> {
            let imported = store.import_attempts(&by, batch)?;
            sum.new += imported.new;
            sum.known += imported.known;
            sum.strange += imported.strange;
            sum.unpatched += imported.unpatched;
            sum.places += imported.places;
            sum.left_out = sum.left_out.saturating_add(imported.left_out);
            batch.clear();
            Ok(())
        };
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            match logged(line) {
                Ok(None) => {}
                Ok(Some(logged)) => batch.push(logged),
                Err(why) => {
                    let what = format!("{}:{}", input::name(path), number + 1);
                    complain(&Failure::named(what, why));
                    outcome = Outcome::Failed;
                }
            }
            if batch.len() == BATCH {
                take_in(&mut batch)?;
            }
        }
        take_in(&mut batch)?;
    }
    let mut output = palette::output();
    let Imported { new, known, strange, unpatched, places, left_out } = sum;
    if arguments.json {
        let object = json!({
            "new": new, "places": places, "known": known, "strange": strange, "unpatched": unpatched,
            "left_out": left_out,
        });
        writeln!(output, "{object}")?;
        output.flush()?;
        return Ok(outcome);
    }
    let places = counted(places, "new place");
    write!(output, "{}, {places} of use", counted(new, "new attempt"))?;
    for (count, what) in [
        (known, "known already"),
        (strange, "about leaks that are not here"),
        (unpatched, "about leaks that never had a patch"),
        (left_out, "more that the nodes counted and did not log"),
    ] {
        if count > 0 {
            write!(output, ", {count} {what}")?;
        }
    }
    writeln!(output)?;
    output.flush()?;
    Ok(outcome)
}

/// The attempt that a line tells of, if it is about one. The reason why it cannot be used shows nothing of
/// it.
fn logged(line: &[u8]) -> Result<Option<Logged>, String> {
    let line = String::from_utf8_lossy(line);
    let line = line.trim();
    if line.is_empty() {
        return Ok(None);
    }
    let typed: Typed =
        serde_json::from_str(line).map_err(|_| "no JSON object with a type".to_owned())?;
    if typed.kind != TYPE {
        return Ok(None);
    }
    let Line { time, node, client, host, method, path, part, name, view, action, leak, left_out } =
        serde_json::from_str(line).map_err(|error| {
            format!("column {}: a field is missing or of the wrong kind", error.column())
        })?;
    let action = match action {
        Action::Block => Mode::Block,
        Action::Monitor => Mode::Monitor,
    };
    let node = if node.is_empty() { "unknown".to_owned() } else { node };
    let attempt = Attempt {
        leak: LeakId(leak),
        at: Time(time.as_second()),
        node,
        client,
        host,
        method,
        path,
        part,
        name,
        view,
        action,
    };
    // What a monitored request came to is not in the log: nobody may call it accepted.
    Ok(Some(Logged { line: line.to_owned(), attempt, accepted: false, left_out }))
}

fn list(arguments: &List) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    let attempts = store.attempts(&arguments.desk.user(), arguments.leak, arguments.limit)?;
    let mut output = palette::output();
    for attempt in &attempts {
        match arguments.json {
            true => writeln!(output, "{}", object(attempt))?,
            false => writeln!(output, "{}", told_of(attempt))?,
        }
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

/// An attempt as a line for people.
pub(crate) fn told_of(attempt: &Attempt) -> String {
    let Attempt { at, node, client, host, method, path, part, name, view, action, .. } = attempt;
    let name = if name.is_empty() { String::new() } else { format!(" {name}") };
    format!(
        "{}  {action:<7}  {method} {host}{path} ({part}{name}, {view}) from {client} at {node}",
        told(*at)
    )
}

/// An attempt as a line of JSON, as logs have it.
pub(crate) fn object(attempt: &Attempt) -> Value {
    json!({
        "type": TYPE,
        "time": told(attempt.at),
        "node": attempt.node,
        "client": attempt.client,
        "host": attempt.host,
        "method": attempt.method,
        "path": attempt.path,
        "part": attempt.part,
        "name": attempt.name,
        "view": attempt.view,
        "action": attempt.action.to_string(),
        "leak": attempt.leak.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_cannot_be_used_show_nothing() {
        let line = r#"{"type":"vpatch","time":"2026-11-23T16:12:53+00:00","node":"e","part":"body","action":"block","leak":7}"#;
        let attempt = logged(line.as_bytes()).unwrap().unwrap().attempt;
        assert_eq!((attempt.leak, attempt.at), (LeakId(7), Time(1_795_450_373)));
        for passed_over in ["", "  \r", r#"{"type":"access","secret":1}"#] {
            assert!(logged(passed_over.as_bytes()).unwrap().is_none());
        }
        let wrong = [
            line.replace("vpatch\",", "vpatch\" "),
            line.replace("block", "s3cret"),
            line.replace(":7}", ":\"s3cret\"}"),
            line.replace("2026-11-23", "s3cret"),
            "s3cret".into(),
        ];
        for line in wrong {
            let why = logged(line.as_bytes()).err().unwrap();
            assert!(!why.contains("s3cret"), "{why}");
        }
    }
}
