//! What the tables for lists hold of a leak. It follows from the leak alone.

use std::collections::HashSet;

use stanch::leak::{Leak, Mode, Status, Time};
use stanch::risk::{Level, Policy};

use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::rate;
use crate::schema::{LEAK, PLACE, SOURCE, TOKEN};
use crate::value::{Row, Value};

/// The rows of a leak.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) leak: Row,
    pub(crate) tokens: Vec<Row>,
    pub(crate) sources: Vec<Row>,
    pub(crate) places: Vec<Row>,
}

/// Rows of many leaks, to be put at once.
#[derive(Default)]
pub(crate) struct Rows {
    leaks: Vec<Row>,
    tokens: Vec<Row>,
    sources: Vec<Row>,
    places: Vec<Row>,
}

impl Projection {
    /// The rows of `leak`, rated at `now`.
    pub(crate) fn of(
        leak: &Leak,
        policy: &Policy,
        nodes: &[String],
        now: Time,
    ) -> Result<Projection, StoreError> {
        let rated = rate::rate(policy, leak, nodes, now)
            .ok_or_else(|| StoreError::Corrupted(format!("leak {} has no token", leak.id())))?;
        let sources = leak.sources();
        let source = sources.first().map(|seen| seen.source.to_string()).unwrap_or_default();
        let target = leak.target().map(|target| target.0.clone()).unwrap_or_default();
        let class = leak.tokens().first().map(|token| token.class().to_owned());
        let id = Value::from(leak.id().0);
        let score = rated.assessment.score;
        let row = vec![
            id.clone(),
            leak.tenant().0.as_str().into(),
            status_number(leak.status()).into(),
            patch_number(leak.patch()).into(),
            i64::from(score).into(),
            i64::from(rated.residual).into(),
            level_number(rated.assessment.level).into(),
            rated.assessment.critical.into(),
            leak.first_seen().0.into(),
            leak.last_seen().0.into(),
            leak.attempts().count.into(),
            (leak.tokens().len() as u64).into(),
            (sources.len() as u64).into(),
            (leak.places().len() as u64).into(),
            class.unwrap_or_default().into(),
            source.into(),
            target.as_str().into(),
            target.to_lowercase().into(),
            now.0.into(),
            rate::due(leak, now).map(|due| due.0).into(),
            words(leak).into(),
        ];
        let tokens = leak.tokens().iter().map(|token| {
            vec![
                leak.tenant().0.as_str().into(),
                token.imprint().digest().0[..].into(),
                id.clone(),
                token.class().into(),
                token.imprint().to_bytes().into(),
            ]
        });
        let sources = sources.iter().zip(1u64..).map(|(seen, number)| {
            let words = seen.source.locator.to_string().to_lowercase();
            vec![id.clone(), number.into(), seen.source.kind.as_str().into(), words.into()]
        });
        let places = leak.places().map(|usage| {
            let place = usage.place;
            vec![
                id.clone(),
                place.host.as_str().into(),
                place.method.as_deref().unwrap_or_default().into(),
                place.path.as_str().into(),
                place.part.as_str().into(),
                place.name.as_str().into(),
                place.client.as_deref().unwrap_or_default().into(),
                usage.ticked.into(),
            ]
        });
        Ok(Projection {
            leak: row,
            tokens: tokens.collect(),
            sources: sources.collect(),
            places: places.collect(),
        })
    }
}

impl Rows {
    /// Adds what is different in `after`.
    pub(crate) fn change(&mut self, before: Option<&Projection>, after: Projection) {
        let Some(before) = before else {
            self.leaks.push(after.leak);
            self.tokens.extend(after.tokens);
            self.sources.extend(after.sources);
            self.places.extend(after.places);
            return;
        };
        if before.leak != after.leak {
            self.leaks.push(after.leak);
        }
        let add = |rows: &mut Vec<Row>, before: &[Row], after: Vec<Row>| {
            if before != after {
                let known: HashSet<&Row> = before.iter().collect();
                rows.extend(after.into_iter().filter(|row| !known.contains(row)));
            }
        };
        add(&mut self.tokens, &before.tokens, after.tokens);
        add(&mut self.sources, &before.sources, after.sources);
        add(&mut self.places, &before.places, after.places);
    }

    /// Puts all of it into the tables.
    pub(crate) fn put(&self, database: &mut Database) -> Result<(), StoreError> {
        database.put(&LEAK, Conflict::Replace, &self.leaks)?;
        database.put(&TOKEN, Conflict::Replace, &self.tokens)?;
        database.put(&SOURCE, Conflict::Replace, &self.sources)?;
        database.put(&PLACE, Conflict::Replace, &self.places)
    }
}

/// What a search for text looks through, in lower case: classes, previews, sources, target, notes.
fn words(leak: &Leak) -> String {
    let mut words = Vec::new();
    for token in leak.tokens() {
        words.push(token.class().to_lowercase());
        words.push(token.facts().provider.to_lowercase());
        words.push(token.preview().to_string().to_lowercase());
    }
    words.extend(leak.sources().iter().map(|seen| seen.source.to_string().to_lowercase()));
    words.extend(leak.target().map(|target| target.0.to_lowercase()));
    words.extend(leak.notes().iter().map(|note| note.text.to_lowercase()));
    words.sort();
    words.dedup();
    words.join("\n")
}

pub(crate) fn status_number(status: Status) -> i64 {
    match status {
        Status::Opened => 0,
        Status::Closed => 1,
        Status::False => 2,
    }
}

pub(crate) fn status_of(number: i64) -> Result<Status, StoreError> {
    [Status::Opened, Status::Closed, Status::False]
        .into_iter()
        .find(|status| status_number(*status) == number)
        .ok_or_else(|| StoreError::Corrupted("a leak has a status that there is not".into()))
}

pub(crate) fn patch_number(patch: Option<Mode>) -> i64 {
    match patch {
        None => 0,
        Some(Mode::Monitor) => 1,
        Some(Mode::Block) => 2,
    }
}

pub(crate) fn patch_of(number: i64) -> Result<Option<Mode>, StoreError> {
    [None, Some(Mode::Monitor), Some(Mode::Block)]
        .into_iter()
        .find(|patch| patch_number(*patch) == number)
        .ok_or_else(|| StoreError::Corrupted("a leak has a patch that there is not".into()))
}

pub(crate) fn level_number(level: Level) -> i64 {
    match level {
        Level::Informational => 0,
        Level::Low => 1,
        Level::Medium => 2,
        Level::High => 3,
    }
}

pub(crate) fn level_of(number: i64) -> Result<Level, StoreError> {
    [Level::Informational, Level::Low, Level::Medium, Level::High]
        .into_iter()
        .find(|level| level_number(*level) == number)
        .ok_or_else(|| StoreError::Corrupted("a leak has a level that there is not".into()))
}
