//! The technical report: every leak with all that is known of it.

use super::escape::{code, plain};
use super::{push, table};
use crate::snapshot::{Leak, Place, Snapshot, Source, Step, Token};
use crate::words;

pub(super) fn body(text: &mut String, snapshot: &Snapshot) {
    push(text, format_args!("## Open leaks\n"));
    for leak in snapshot.open() {
        dossier(text, snapshot, leak);
    }
    let settled: Vec<&Leak> = snapshot.leaks.iter().filter(|leak| !leak.is_open()).collect();
    if settled.is_empty() {
        return;
    }
    push(text, format_args!("## Settled leaks\n"));
    let row = |leak: &&Leak| {
        vec![
            leak.id.to_string(),
            plain(&leak.in_words()),
            leak.status.label().to_owned(),
            words::date(leak.status_since),
            leak.score.to_string(),
            leak.sources.first().map_or(String::new(), |source| code(&source.locator())),
        ]
    };
    let head = ["Leak", "What", "Status", "Since", "Score", "First place"];
    table(text, &head, settled.iter().map(row));
}

/// The score, and what is left of it under a patch.
pub(super) fn score(leak: &Leak) -> String {
    let level = if leak.critical { "critical" } else { leak.level.as_str() };
    match leak.residual == leak.score {
        true => format!("{} {level}", leak.score),
        false => format!("{} {level}, {} under its patch", leak.score, leak.residual),
    }
}

fn dossier(text: &mut String, snapshot: &Snapshot, leak: &Leak) {
    push(text, format_args!("### Leak {}: {}\n", leak.id, plain(&leak.in_words())));
    push(
        text,
        format_args!(
            "Score {}. {}: a stranger can {}. Exposed {}. {}. First seen {}, last seen {}. {}\n",
            score(leak),
            leak.consequence.label(),
            words::harm(leak.consequence),
            leak.channel.label(),
            words::protection(leak, snapshot.nodes),
            words::moment(leak.first_seen),
            words::moment(leak.last_seen),
            words::count(leak.history, "entry in its history.", "entries in its history."),
        ),
    );
    let token = |token: &Token| {
        vec![
            plain(&token.class),
            code(&token.preview),
            plain(&token.provider),
            plain(&words::spoken(&token.privilege)),
            plain(&token.environment),
            plain(&token.validity),
            plain(&words::spoken(&token.rotation)),
            plain(&token.confidence),
        ]
    };
    let head = [
        "Token",
        "Preview",
        "Provider",
        "Privilege",
        "Environment",
        "Validity",
        "Rotation",
        "Confidence",
    ];
    table(text, &head, leak.tokens.iter().map(token));
    let source = |source: &Source| {
        vec![
            plain(&words::title(&source.kind)),
            code(&source.locator()),
            source.channel.label().to_owned(),
        ]
    };
    table(text, &["Found in", "Place", "Exposure"], leak.sources.iter().map(source));
    explanation(text, leak);
    attempts(text, leak);
    if !leak.places.is_empty() {
        let place = |place: &Place| {
            let (place, part) = (place.request(), place.inside());
            (code(&place), plain(&part))
        };
        let row = |one: &Place| {
            let (request, part) = place(one);
            let client = one.client.as_deref().map_or(String::new(), code);
            vec![request, part, client, if one.done { "yes" } else { "no" }.to_owned()]
        };
        let head = ["Place of use", "Part", "Client", "Ticked off"];
        table(text, &head, leak.places.iter().map(row));
    }
    for step in &leak.checklist {
        push(
            text,
            format_args!(
                "- [{}] {}{}",
                if step.done { 'x' } else { ' ' },
                plain(&step.text),
                link(step)
            ),
        );
    }
    text.push('\n');
}

fn explanation(text: &mut String, leak: &Leak) {
    let explanation = &leak.explanation;
    let mut rows: Vec<Vec<String>> = explanation
        .terms
        .iter()
        .map(|term| vec![plain(&term.factor), plain(&term.value), format!("+{}", term.points)])
        .collect();
    rows.push(vec!["Sum".to_owned(), String::new(), explanation.sum().to_string()]);
    for (name, bound) in [("At least", &explanation.floor), ("At most", &explanation.cap)] {
        if let Some(bound) = bound {
            rows.push(vec![name.to_owned(), plain(&bound.reason), bound.points.to_string()]);
        }
    }
    rows.push(vec!["**Score**".to_owned(), String::new(), format!("**{}**", leak.score)]);
    table(text, &["Factor", "Here", "Points"], rows);
}

fn attempts(text: &mut String, leak: &Leak) {
    let attempts = &leak.attempts;
    if attempts.count == 0 {
        return push(text, format_args!("No attempt to use it was seen.\n"));
    }
    let last =
        attempts.last.map_or(String::new(), |at| format!(", the last one {}", words::moment(at)));
    let count = words::count(attempts.count, "attempt", "attempts");
    push(
        text,
        format_args!("{count} to use it, {} accepted{last}.\n", words::grouped(attempts.accepted)),
    );
}

/// The page of a step, as text: links in a report come from outside.
fn link(step: &Step) -> String {
    step.link.as_deref().map_or(String::new(), |link| format!(" ({})", plain(link)))
}

impl Source {
    /// `place:line@commit`, as far as known.
    pub(crate) fn locator(&self) -> String {
        let mut text = self.place.clone();
        if let Some(line) = self.line {
            text.push_str(&format!(":{line}"));
        }
        if let Some(commit) = &self.commit {
            text.push_str(&format!("@{commit}"));
        }
        text
    }
}

impl Place {
    /// `GET api.example.com/v1/users`.
    pub(crate) fn request(&self) -> String {
        let method = self.method.as_ref().map_or(String::new(), |method| format!("{method} "));
        format!("{method}{}{}", self.host, self.path)
    }

    /// `header authorization`.
    pub(crate) fn inside(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.part),
            None => self.part.clone(),
        }
    }
}
