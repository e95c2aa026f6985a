//! `stanch leak show`: all that is known of one leak.

use std::fmt::Display;
use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};
use stanch::leak::{Circumstances, Event, Leak, LeakId, Step};
use stanch_store::{Attempt, Rated};

use super::list::style;
use crate::attempts;
use crate::desk::{self, Desk, leak_id, told};
use crate::outcome::{Failure, Outcome, counted};
use crate::palette::{self, ASIDE, Painted, TITLE};

/// How many attempts are shown.
const ATTEMPTS: u64 = 10;

/// Shows all that is known of one leak: its risk as a sum, where it was found and is used, what is to be
/// done
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The leak's number
    #[arg(value_parser = leak_id, value_name = "LEAK")]
    leak: LeakId,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    let who = arguments.desk.user();
    let (leak, rated) = store.rated(&who, arguments.leak, desk::now())?;
    let nodes = store.nodes(&who, leak.tenant())?;
    let checklist = leak.checklist(&Circumstances { nodes: &nodes, anyway: false });
    let tries = store.attempts(&who, leak.id(), ATTEMPTS)?;
    let mut output = palette::output();
    match arguments.json {
        true => writeln!(output, "{}", object(&leak, &rated, &checklist, &tries))?,
        false => tell(&mut output, &leak, &rated, &checklist, &tries)?,
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn tell(
    output: &mut impl Write,
    leak: &Leak,
    rated: &Rated,
    checklist: &[Step<'_>],
    tries: &[Attempt],
) -> io::Result<()> {
    let assessment = &rated.assessment;
    let level = if assessment.critical { "critical" } else { assessment.level.as_str() };
    let patch = leak.patch().map_or_else(|| "no patch".to_owned(), |mode| format!("patch: {mode}"));
    writeln!(
        output,
        "{}  {}  {}  {patch}",
        Painted(TITLE, format!("leak {}", leak.id())),
        leak.status(),
        Painted(style(assessment.level), format!("{} {level}", assessment.score)),
    )?;
    writeln!(output, "{}", Painted(ASIDE, assessment.explanation))?;
    if rated.residual < assessment.score {
        writeln!(
            output,
            "{}",
            Painted(ASIDE, format!("{} is left under the patch", rated.residual))
        )?;
    }
    if let Some(target) = leak.target() {
        writeln!(output, "endangers {target}")?;
    }

    section(
        output,
        "Tokens",
        leak.tokens().iter().map(|token| {
            let facts = token.facts();
            format!(
                "{}  {}  {} of {}, {}, {}",
                token.preview(),
                token.class(),
                facts.privilege.as_str(),
                facts.provider,
                facts.consequence.as_str(),
                token.validity().as_str(),
            )
        }),
    )?;
    section(
        output,
        "Found in",
        leak.sources().iter().map(|seen| {
            format!("{}  {}", seen.source, Painted(ASIDE, format!("last {}", told(seen.last))))
        }),
    )?;
    section(
        output,
        "Used at",
        leak.places().enumerate().map(|(n, usage)| {
            let mark = if usage.ticked { "✓" } else { " " };
            format!("{mark} {}  {}", n + 1, usage.place)
        }),
    )?;
    let tried = leak.attempts();
    let more = (tries.len() as u64) < tried.count;
    let more = more.then(|| format!("… {} in all, {} accepted", tried.count, tried.accepted));
    section(output, "Attempts", tries.iter().map(attempts::told_of).chain(more))?;
    section(output, "To do", checklist.iter().map(ToString::to_string))?;
    section(
        output,
        "History",
        leak.history()
            .iter()
            .map(|entry| format!("{}  {}  {}", told(entry.at), entry.by, happened(&entry.event))),
    )
}

fn section(
    output: &mut impl Write,
    title: &str,
    lines: impl IntoIterator<Item = impl Display>,
) -> io::Result<()> {
    let mut lines = lines.into_iter().peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    writeln!(output, "\n{}", Painted(TITLE, title))?;
    lines.try_for_each(|line| writeln!(output, "  {line}"))
}

/// An entry of the history in words.
fn happened(event: &Event) -> String {
    match event {
        Event::Registered { manual, source, tokens, .. } => {
            let how = if *manual { "registered by hand" } else { "registered" };
            format!("{how}: {} in {source}", counted(tokens.len() as u64, "token"))
        }
        Event::SeenAgain { source } => format!("seen again in {source}"),
        Event::TokenAdded { token: (imprint, _) } => {
            format!("{} {} added", imprint.class(), imprint.preview())
        }
        Event::Decided { decision, anyway, note } => {
            let anyway = if *anyway { ", anyway" } else { "" };
            let note = note.as_ref().map_or(String::new(), |note| format!(": {note}"));
            format!("decided: {decision}{anyway}{note}")
        }
        Event::Noted(note) => format!("note: {note}"),
        Event::PlaceSeen(place) => format!("used at {place}"),
        Event::PlaceTicked(place) => format!("ticked off: {place}"),
        Event::PlaceUnticked(place) => format!("no longer ticked off: {place}"),
        Event::Attempted { node, mode, count, accepted } => {
            let accepted = if *accepted { ", accepted" } else { "" };
            format!("{} seen by {node}, {mode}{accepted}", counted(*count, "attempt"))
        }
        Event::BreachSeen { corpus } => format!("found in breach data: {corpus}"),
        Event::Acknowledged { node, mode } => format!("{node} confirms: {mode}"),
        Event::Unsealed { recipient, .. } => {
            format!("a token unsealed with the key of {recipient}")
        }
        other => other.name().replace('-', " "),
    }
}

fn object(leak: &Leak, rated: &Rated, checklist: &[Step<'_>], tries: &[Attempt]) -> Value {
    let assessment = &rated.assessment;
    let terms = assessment.explanation.terms.iter();
    json!({
        "id": leak.id().0,
        "tenant": leak.tenant().0,
        "status": leak.status().to_string(),
        "patch": leak.patch().map(|mode| mode.to_string()),
        "score": assessment.score,
        "residual": rated.residual,
        "level": assessment.level.as_str(),
        "critical": assessment.critical,
        "explanation": {
            "terms": terms.map(|term| json!({ "factor": term.factor.to_string(), "points": term.points }))
                .collect::<Vec<_>>(),
            "sum": assessment.explanation.sum(),
            "floor": assessment.explanation.floor.map(|(floor, score)| json!({ "reason": floor.as_str(), "score": score })),
            "cap": assessment.explanation.cap.map(|(cap, score)| json!({ "reason": cap.as_str(), "score": score })),
        },
        "target": leak.target().map(|target| target.0.as_str()),
        "first_seen": told(leak.first_seen()),
        "last_seen": told(leak.last_seen()),
        "tokens": leak.tokens().iter().map(|token| json!({
            "class": token.class(),
            "preview": token.preview().to_string(),
            "rule": token.facts().rule,
            "provider": token.facts().provider,
            "privilege": token.facts().privilege.as_str(),
            "consequence": token.facts().consequence.as_str(),
            "validity": token.validity().as_str(),
            "revoke": token.facts().revoke,
        })).collect::<Vec<_>>(),
        "sources": leak.sources().iter().map(|seen| json!({
            "kind": seen.source.kind.as_str(),
            "place": seen.source.locator.to_string(),
            "last_seen": told(seen.last),
        })).collect::<Vec<_>>(),
        "places": leak.places().map(|usage| json!({
            "host": usage.place.host,
            "method": usage.place.method,
            "path": usage.place.path,
            "part": usage.place.part,
            "name": usage.place.name,
            "client": usage.place.client,
            "ticked": usage.ticked,
        })).collect::<Vec<_>>(),
        "attempts": {
            "count": leak.attempts().count,
            "accepted": leak.attempts().accepted,
            "last": tries.iter().map(attempts::object).collect::<Vec<_>>(),
        },
        "checklist": checklist.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "history": leak.history().iter().map(|entry| json!({
            "at": told(entry.at),
            "by": entry.by.to_string(),
            "what": happened(&entry.event),
        })).collect::<Vec<_>>(),
    })
}
