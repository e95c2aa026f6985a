//! What the tables for lists hold of a leak. It follows from the leak alone.

use std::collections::HashSet;

use stanch::leak::{Leak, Mode, SourceKind, Status, Time};
use stanch::risk::{Level, Policy};

use crate::database::{Conflict, Database};
use crate::error::StoreError;
use crate::rate;
use crate::schema::{LEAK, PLACE, SEARCH, TOKEN};
use crate::value::{Row, Value};

/// The rows of a leak.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    pub(crate) leak: Row,
    pub(crate) search: Row,
    pub(crate) tokens: Vec<Row>,
    pub(crate) places: Vec<Row>,
}

/// Rows of many leaks, to be put at once.
#[derive(Default)]
pub(crate) struct Rows {
    leaks: Vec<Row>,
    searches: Vec<Row>,
    tokens: Vec<Row>,
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
            marks(leak, rated.assessment.level, rated.assessment.critical).into(),
            class_key(leak.tokens().iter().map(|token| token.class())).into(),
        ];
        let (ending, words) = words(leak);
        let search = vec![id.clone(), ending.into(), target.to_lowercase().into(), words.into()];
        let tokens = leak.tokens().iter().map(|token| {
            vec![
                leak.tenant().0.as_str().into(),
                token.imprint().digest().0[..].into(),
                id.clone(),
                token.class().into(),
                token.imprint().to_bytes().into(),
            ]
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
        Ok(Projection { leak: row, search, tokens: tokens.collect(), places: places.collect() })
    }
}

impl Rows {
    /// Adds what is different in `after`.
    pub(crate) fn change(&mut self, before: Option<&Projection>, after: Projection) {
        let Some(before) = before else {
            self.leaks.push(after.leak);
            self.searches.push(after.search);
            self.tokens.extend(after.tokens);
            self.places.extend(after.places);
            return;
        };
        if before.leak != after.leak {
            self.leaks.push(after.leak);
        }
        if before.search != after.search {
            self.searches.push(after.search);
        }
        let add = |rows: &mut Vec<Row>, before: &[Row], after: Vec<Row>| {
            if before != after {
                let known: HashSet<&Row> = before.iter().collect();
                rows.extend(after.into_iter().filter(|row| !known.contains(row)));
            }
        };
        add(&mut self.tokens, &before.tokens, after.tokens);
        add(&mut self.places, &before.places, after.places);
    }

    /// Puts all of it into the tables.
    pub(crate) fn put(&self, database: &mut Database) -> Result<(), StoreError> {
        database.put(&LEAK, Conflict::Replace, &self.leaks)?;
        database.put(&SEARCH, Conflict::Replace, &self.searches)?;
        database.put(&TOKEN, Conflict::Replace, &self.tokens)?;
        database.put(&PLACE, Conflict::Replace, &self.places)
    }
}

/// What stands between two words: nobody types it.
const BETWEEN: char = '\u{1f}';

/// What a search for text looks through, in lower case: the places where it was found, up to the character that
/// is given, then classes, providers, previews, kinds of places, target, notes.
fn words(leak: &Leak) -> (u64, String) {
    let mut places: Vec<String> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    for token in leak.tokens() {
        words.push(token.class().to_lowercase());
        words.push(token.facts().provider.to_lowercase());
        words.push(token.preview().to_string().to_lowercase());
    }
    for seen in leak.sources() {
        places.push(seen.source.locator.to_string().to_lowercase());
        words.push(seen.source.kind.as_str().to_owned());
    }
    words.extend(leak.target().map(|target| target.0.to_lowercase()));
    words.extend(leak.notes().iter().map(|note| note.text.to_lowercase()));
    for words in [&mut places, &mut words] {
        words.sort();
        words.dedup();
    }
    let mut text = places.join(&BETWEEN.to_string());
    let ending = text.chars().count() as u64;
    for word in words {
        text.push(BETWEEN);
        text.push_str(&word);
    }
    (ending, text)
}

/// The bit of a status in the marks of a leak.
pub(crate) fn status_mark(status: Status) -> i64 {
    1 << status_number(status)
}

/// The bit of a level.
pub(crate) fn level_mark(level: Level) -> i64 {
    1 << (3 + level_number(level))
}

/// The bit of what is critical, or of what is not.
pub(crate) fn critical_mark(critical: bool) -> i64 {
    1 << (7 + i64::from(critical))
}

/// The bit of a patch, or of none.
pub(crate) fn patch_mark(patch: Option<Mode>) -> i64 {
    1 << (9 + patch_number(patch))
}

/// The bit of a kind of place.
pub(crate) fn kind_mark(kind: SourceKind) -> i64 {
    let number = SourceKind::ALL.iter().position(|known| *known == kind);
    number.map_or(0, |number| 1 << (12 + number))
}

fn marks(leak: &Leak, level: Level, critical: bool) -> i64 {
    let kinds = leak.sources().iter().fold(0, |marks, seen| marks | kind_mark(seen.source.kind));
    status_mark(leak.status())
        | level_mark(level)
        | critical_mark(critical)
        | patch_mark(leak.patch())
        | kinds
}

/// What a class is known by: its hash, and the bit of a leak that has tokens of several classes.
pub(crate) fn class_marks(class: &str) -> (i64, i64) {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(class.as_bytes()).as_bytes()[..8]);
    let hash = i64::from_le_bytes(bytes) & i64::MAX;
    (hash, 1 << (hash % 62))
}

fn class_key<'c>(classes: impl Iterator<Item = &'c str>) -> i64 {
    let mut classes: Vec<&str> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    match classes[..] {
        [class] => class_marks(class).0,
        _ => classes.iter().fold(i64::MIN, |key, class| key | class_marks(class).1),
    }
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
