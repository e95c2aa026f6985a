//! Lists of leaks: filtered, sorted, a page at a time.

use stanch::leak::{Act, LeakId, Mode, SourceKind, Status, TenantId, Time, User};
use stanch::risk::Level;

use crate::access;
use crate::database::Database;
use crate::error::StoreError;
use crate::project::{level_number, level_of, patch_of, status_number, status_of};
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
            let mut query = Query::new(database, filter, &tenants);
            let conditions = query.conditions();
            let total = |database: &mut Database, values: &[Value]| {
                let sql = format!("SELECT count(*) FROM leak WHERE {conditions}");
                let row = database.row(&sql, values)?;
                Ok::<_, StoreError>(row.map(|mut row| row.int()).transpose()?.unwrap_or(0))
            };
            let counted = match query.is_costly {
                true => None,
                false => Some(total(database, &query.values)?),
            };
            let values = query.values.clone();
            let limit = query.value((page.limit.min(Page::MOST) as i64).into());
            let offset = query.value(page.offset.into());
            let order = sort.order();
            // The page first, by what is sorted by alone; then the rest of its rows. What takes long to find
            // is found once, and counted on the way.
            let how = if filter.text.is_some() { database.scanning() } else { "" };
            let found = format!("SELECT {} FROM leak {how} WHERE {conditions}", sort.columns());
            let part = format!("ORDER BY {order} LIMIT ?{limit} OFFSET ?{offset}");
            let sql = match counted {
                Some(_) => format!(
                    "SELECT {COLUMNS}, 0 FROM leak WHERE id IN \
                     (SELECT id FROM ({found} {part}) AS page) ORDER BY {order}"
                ),
                None => format!(
                    "WITH found AS MATERIALIZED ({found}) \
                     SELECT {COLUMNS}, (SELECT count(*) FROM found) FROM leak WHERE id IN \
                     (SELECT id FROM (SELECT * FROM found {part}) AS page) ORDER BY {order}"
                ),
            };
            let rows = database.query(&sql, &query.values)?;
            let mut found = 0;
            let mut leaks = Vec::with_capacity(rows.len());
            for row in rows {
                let mut row = Columns::of(row);
                leaks.push(summary(&mut row)?);
                found = row.int()?;
            }
            let total = match counted {
                Some(total) => total,
                // A page behind the end has nothing to tell how many there are.
                None if leaks.is_empty() && (page.offset > 0 || page.limit == 0) => {
                    total(database, &values)?
                }
                None => found,
            };
            Ok(List { total: total as u64, leaks })
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

    fn columns(self) -> String {
        self.keys().iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ")
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

/// Conditions and their values.
struct Query {
    conditions: Vec<String>,
    values: Vec<Value>,
    /// Whether more than a look at an index is needed for each leak.
    is_costly: bool,
}

impl Query {
    fn new(database: &Database, filter: &Filter, tenants: &[TenantId]) -> Query {
        let mut query = Query { conditions: Vec::new(), values: Vec::new(), is_costly: false };
        query.among("tenant", tenants.iter().map(|tenant| tenant.0.as_str().into()));
        if !filter.statuses.is_empty() {
            query.among("status", filter.statuses.iter().map(|s| status_number(*s).into()));
        }
        if !filter.levels.is_empty() {
            query.among("level", filter.levels.iter().map(|level| level_number(*level).into()));
        }
        if let Some(critical) = filter.critical {
            query.among("critical", [Value::from(critical)]);
        }
        if let Some(patch) = filter.patch {
            query.among("patch", [crate::project::patch_number(patch).into()]);
        }
        if let Some(class) = &filter.class {
            let at = query.value(class.as_str().into());
            query.with("token", &format!("class = ?{at}"));
        }
        if let Some(kind) = filter.kind {
            let at = query.value(kind.as_str().into());
            query.with("source", &format!("kind = ?{at}"));
        }
        if let Some(source) = &filter.source {
            let at = query.value(source.to_lowercase().into());
            query.with("source", &database.holds("words", at));
        }
        if let Some(target) = &filter.target {
            let at = query.value(target.to_lowercase().into());
            query.add_costly(database.holds("target_key", at));
        }
        if let Some(text) = &filter.text {
            let at = query.value(text.to_lowercase().into());
            query.add_costly(database.holds("words", at));
        }
        query
    }

    fn value(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len()
    }

    fn add_costly(&mut self, condition: String) {
        self.conditions.push(condition);
        self.is_costly = true;
    }

    /// Leaks that `table` has a row of for which `holds`.
    ///
    /// The first such condition collects them all. Each further one is asked of those that are left,
    /// which are few: to collect again would be most of the work.
    fn with(&mut self, table: &str, holds: &str) {
        self.add_costly(match self.is_costly {
            false => format!("id IN (SELECT leak FROM {table} WHERE {holds})"),
            true => {
                format!("EXISTS (SELECT 1 FROM {table} WHERE {table}.leak = leak.id AND {holds})")
            }
        });
    }

    fn among(&mut self, column: &str, values: impl IntoIterator<Item = Value>) {
        let marks: Vec<String> =
            values.into_iter().map(|value| format!("?{}", self.value(value))).collect();
        self.conditions.push(format!("{column} IN ({})", marks.join(", ")));
    }

    fn conditions(&self) -> String {
        self.conditions.join(" AND ")
    }
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
