//! Lists of leaks: filtered, sorted, a page at a time.

use std::collections::HashMap;

use stanch::leak::{Act, LeakId, Mode, SourceKind, Status, TenantId, Time, User};
use stanch::risk::Level;

use crate::access;
use crate::database::Database;
use crate::error::StoreError;
use crate::project::{self, level_of, patch_of, status_of};
use crate::store::Store;
use crate::value::{Columns, Value};

/// Which leaks to list. What is left empty is not asked for; what is there must all hold. Texts are found anywhere, in
/// any letter case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this tenant. Otherwise of each that the user may see.
    pub tenant: Option<TenantId>,
    /// With one of these.
    pub statuses: Vec<Status>,
    /// With one of these.
    pub levels: Vec<Level>,
    /// Whether they are critical.
    pub critical: Option<bool>,
    /// With this patch, or with none.
    pub patch: Option<Option<Mode>>,
    /// With a token of exactly this class.
    pub class: Option<String>,
    /// Found in a place of this kind.
    pub kind: Option<SourceKind>,
    /// Found in a place that this stands in.
    pub source: Option<String>,
    /// With a target that this stands in.
    pub target: Option<String>,
    /// With this in a class, provider, preview, source, target or note.
    pub text: Option<String>,
}

/// By what to sort. Leaks that are alike in it follow each other by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// Opened first, in each status the highest score first.
    #[default]
    Status,
    /// By number.
    Id,
    /// By score.
    Score,
    /// By what is left of the score.
    Residual,
    /// By when they were found first.
    FirstSeen,
    /// By when they were found last.
    LastSeen,
    /// By how often somebody tried to use one.
    Attempts,
    /// By class.
    Class,
    /// By source.
    Source,
    /// By target.
    Target,
}

/// A key, and which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    /// The key.
    pub key: Key,
    /// Whether the end comes first that does not usually: the least score, the oldest, the last letter.
    pub reverse: bool,
}

/// Which part of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many to leave out.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// How many there are, on all pages.
    pub total: u64,
    /// Those of the page.
    pub leaks: Vec<Summary>,
}

/// A leak in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its number.
    pub id: LeakId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its status.
    pub status: Status,
    /// Its patch.
    pub patch: Option<Mode>,
    /// Its score, 0 to 100, as it was rated last.
    pub score: u8,
    /// What is left of the score where the patch protects.
    pub residual: u8,
    /// The level of the score.
    pub level: Level,
    /// Whether the score is critical.
    pub critical: bool,
    /// When it was found first.
    pub first_seen: Time,
    /// When it was found last.
    pub last_seen: Time,
    /// How often somebody tried to use it.
    pub attempts: u64,
    /// How many tokens it has.
    pub tokens: u64,
    /// In how many places it was found.
    pub sources: u64,
    /// In how many places it is used.
    pub places: u64,
    /// The class of its first token.
    pub class: String,
    /// Where it was found first.
    pub source: String,
    /// Whom it endangers; empty if nobody knows.
    pub target: String,
}

impl Page {
    /// The most leaks of a page.
    pub const MOST: u64 = 10_000;

    /// The first so many.
    pub fn first(limit: u64) -> Page {
        Page { offset: 0, limit }
    }
}

impl Store {
    /// The leaks that `filter` describes, of the tenants that the user may see.
    ///
    /// Scores are as they were rated last: [`Store::refresh`] rates those anew of which they change with the
    /// time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Denied`] if the user may see none, or not the tenant that is asked for.
    pub fn list(
        &self,
        who: &User,
        filter: &Filter,
        sort: Sort,
        page: Page,
    ) -> Result<List, StoreError> {
        self.read(|database| {
            let tenants = access::tenants(database, who, Act::View, filter.tenant.as_ref())?;
            let query = Query::new(filter, tenants);
            let Some(texts) = Texts::of(database, filter) else {
                return query.list(database, sort, page);
            };
            // All in order, by a walk through the index; of these, those that hold the texts.
            let (sql, values) = query.ordered(sort);
            let mut found = database.numbers(&sql, &values)?;
            let among = texts.search(database, &found)?;
            found.retain(|id| among.binary_search(id).is_ok());
            let limit = page.limit.min(Page::MOST);
            let ids: Vec<i64> = found
                .iter()
                .skip(usize::try_from(page.offset).unwrap_or(usize::MAX))
                .take(limit as usize)
                .copied()
                .collect();
            Ok(List { total: found.len() as u64, leaks: summaries(database, &ids)? })
        })
    }
}

impl Sort {
    /// By this key, its usual end first.
    pub fn by(key: Key) -> Sort {
        Sort { key, reverse: false }
    }

    fn order(self) -> String {
        let columns = self.keys().iter().map(|(column, falls)| match falls ^ self.reverse {
            true => format!("{column} DESC"),
            false => (*column).to_owned(),
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    /// The columns, and whether each of them falls.
    fn keys(self) -> &'static [(&'static str, bool)] {
        match self.key {
            Key::Status => &[("status", false), ("score", true), ("id", false)],
            Key::Id => &[("id", false)],
            Key::Score => &[("score", true), ("id", false)],
            Key::Residual => &[("residual", true), ("id", false)],
            Key::FirstSeen => &[("first_seen", true), ("id", false)],
            Key::LastSeen => &[("last_seen", true), ("id", false)],
            Key::Attempts => &[("attempts", true), ("id", false)],
            Key::Class => &[("class", false), ("id", false)],
            Key::Source => &[("source", false), ("id", false)],
            Key::Target => &[("target_key", false), ("id", false)],
        }
    }
}

const COLUMNS: &str = "id, tenant, status, patch, score, residual, level, critical, first_seen, \
                       last_seen, attempts, tokens, sources, places, class, source, target";

/// What an index can tell of each leak: whose it is, and everything that is asked for but texts.
struct Query {
    tenants: Vec<TenantId>,
    /// Of each of these a leak has a bit.
    masks: Vec<i64>,
    class: Option<String>,
}

impl Query {
    fn new(filter: &Filter, tenants: Vec<TenantId>) -> Query {
        let any = |bits: i64| (bits != 0).then_some(bits);
        let all = |bits: &mut dyn Iterator<Item = i64>| any(bits.fold(0, |all, bit| all | bit));
        let masks = [
            all(&mut filter.statuses.iter().map(|status| project::status_mark(*status))),
            all(&mut filter.levels.iter().map(|level| project::level_mark(*level))),
            filter.critical.map(project::critical_mark),
            filter.patch.map(project::patch_mark),
            filter.kind.map(project::kind_mark),
        ];
        let masks = masks.into_iter().flatten().collect();
        Query { tenants, masks, class: filter.class.clone() }
    }

    /// A page and how many there are on all pages, from an index alone but for the rows of the page.
    fn list(&self, database: &mut Database, sort: Sort, page: Page) -> Result<List, StoreError> {
        let mut values = Vec::new();
        let all = self.conditions(&mut values);
        let index = database.reading("leak_number");
        let sql = format!("SELECT count(*) FROM leak {index} WHERE {all}");
        let row = database.row(&sql, &values)?;
        let total = row.map(|mut row| row.int()).transpose()?.unwrap_or(0) as u64;
        let (sql, mut values) = self.ordered(sort);
        let limit = value(&mut values, (page.limit.min(Page::MOST) as i64).into());
        let offset = value(&mut values, page.offset.into());
        let ids = database.numbers(&format!("{sql} LIMIT ?{limit} OFFSET ?{offset}"), &values)?;
        Ok(List { total, leaks: summaries(database, &ids)? })
    }

    /// The statement that gives the numbers of all of them in order: a walk through the index of that order.
    fn ordered(&self, sort: Sort) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        let conditions = self.conditions(&mut values);
        (format!("SELECT id FROM leak WHERE {conditions} ORDER BY {}", sort.order()), values)
    }

    fn conditions(&self, values: &mut Vec<Value>) -> String {
        let marks: Vec<String> = self
            .tenants
            .iter()
            .map(|tenant| format!("?{}", value(values, tenant.0.as_str().into())))
            .collect();
        let mut conditions = vec![format!("tenant IN ({})", marks.join(", "))];
        for mask in &self.masks {
            conditions.push(format!("(marks & ?{}) <> 0", value(values, (*mask).into())));
        }
        if let Some(class) = &self.class {
            let (hash, bit) = project::class_marks(class);
            let hash = value(values, hash.into());
            let bit = value(values, bit.into());
            let class = value(values, class.as_str().into());
            // Who has tokens of several classes is asked for them, if it may be.
            conditions.push(format!(
                "(class_key = ?{hash} OR (class_key < 0 AND (class_key & ?{bit}) <> 0 AND EXISTS \
                 (SELECT 1 FROM token WHERE token.leak = leak.id AND token.class = ?{class})))"
            ));
        }
        conditions.join(" AND ")
    }
}

/// So many leaks are asked one by one whether they hold a text; more than these are gone through from the first to
/// the last.
const FEW: usize = 5_000;

/// The texts that are asked for.
struct Texts {
    conditions: String,
    values: Vec<Value>,
}

impl Texts {
    fn of(database: &Database, filter: &Filter) -> Option<Texts> {
        let mut values = Vec::new();
        let mut conditions = Vec::new();
        let mut ask = |text: &Option<String>, column: &str, where_to: &str| {
            // What is empty stands everywhere.
            if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
                let at = value(&mut values, text.to_lowercase().into());
                conditions.push(format!("{} {where_to}", database.position(column, at)));
            }
        };
        ask(&filter.target, "target", "> 0");
        // Where it stands in a place at all, it stands there first: places come before all other words.
        ask(&filter.source, "words", "BETWEEN 1 AND ending");
        ask(&filter.text, "words", "> 0");
        let asked = !conditions.is_empty();
        asked.then(|| Texts { conditions: conditions.join(" AND "), values })
    }

    /// Of the leaks with these numbers, and perhaps of others, those that hold all texts, by number. All texts are looked
    /// for at once, in rows that hold nothing else.
    fn search(&self, database: &mut Database, leaks: &[i64]) -> Result<Vec<i64>, StoreError> {
        let sql = format!("SELECT leak FROM search WHERE {}", self.conditions);
        let mut found = match leaks.len() {
            0..=FEW => {
                let among: Vec<Value> = leaks.iter().map(|id| (*id).into()).collect();
                let rows =
                    database.query_in(&format!("{sql} AND leak"), &self.values, &among, "")?;
                let numbers = rows.into_iter().map(|row| Columns::of(row).int());
                numbers.collect::<Result<_, _>>()?
            }
            _ => database.numbers(&sql, &self.values)?,
        };
        found.sort_unstable();
        Ok(found)
    }
}

/// The leaks with these numbers, in the order of these.
fn summaries(database: &mut Database, ids: &[i64]) -> Result<Vec<Summary>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let among: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    let rows =
        database.query_in(&format!("SELECT {COLUMNS} FROM leak WHERE id"), &[], &among, "")?;
    let mut leaks = Vec::with_capacity(rows.len());
    for row in rows {
        leaks.push(summary(&mut Columns::of(row))?);
    }
    let at: HashMap<i64, usize> = ids.iter().zip(0..).map(|(id, at)| (*id, at)).collect();
    leaks.sort_by_key(|leak| at.get(&(leak.id.0 as i64)).copied());
    Ok(leaks)
}

/// Adds a value, and says its number.
fn value(values: &mut Vec<Value>, value: Value) -> usize {
    values.push(value);
    values.len()
}

fn summary(row: &mut Columns) -> Result<Summary, StoreError> {
    let small = |number: i64| number.clamp(0, 100) as u8;
    Ok(Summary {
        id: LeakId(row.int()? as u64),
        tenant: TenantId(row.text()?),
        status: status_of(row.int()?)?,
        patch: patch_of(row.int()?)?,
        score: small(row.int()?),
        residual: small(row.int()?),
        level: level_of(row.int()?)?,
        critical: row.int()? != 0,
        first_seen: Time(row.int()?),
        last_seen: Time(row.int()?),
        attempts: row.int()? as u64,
        tokens: row.int()? as u64,
        sources: row.int()? as u64,
        places: row.int()? as u64,
        class: row.text()?,
        source: row.text()?,
        target: row.text()?,
    })
}
