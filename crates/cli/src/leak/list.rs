//! `stanch leak list`: which leaks there are.

use std::io::{IsTerminal as _, Write};

use anstyle::Style;
use clap::{Args, ValueEnum};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};
use serde_json::{Value, json};
use stanch::leak::{Mode, SourceKind, Status};
use stanch::risk::Level;
use stanch_store::{Filter, Key, List, Page, Sort, Summary};

use crate::desk::{self, Desk, one_of};
use crate::outcome::{Failure, Outcome, counted};
use crate::palette::{self, ASIDE, GOOD, Painted};

/// How many leaks a table has at most, where nothing else is said.
const ROWS: u64 = 50;

/// Lists leaks: opened ones first, the worst first
#[derive(Debug, Args)]
#[command(after_help = "\
What is asked for must all hold; of options that are given more than once, one must. Texts are found \
anywhere, in any letter case.

Examples:
  stanch leak list
  stanch leak list --level high --patch none
  stanch leak list --source github.com --class 'AWS secret access key'
  stanch leak list --json | jq 'select(.attempts > 0) | .id'

Exit status: 0 no opened leak among those that are meant, 1 there are some, 2 an error, 4 to 9 as stanch \
leak --help says.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// With this status
    #[arg(long, value_enum)]
    status: Vec<StatusName>,
    /// With this level of risk
    #[arg(long, value_enum)]
    level: Vec<LevelName>,
    /// Critical ones only
    #[arg(long)]
    critical: bool,
    /// With this patch
    #[arg(long, value_enum)]
    patch: Option<PatchName>,
    /// With a token of this class, as the list shows it
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Found in a place of this kind
    #[arg(long, value_parser = one_of(&SourceKind::ALL, SourceKind::as_str))]
    kind: Option<SourceKind>,
    /// Found in a place with this in its name
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// With this in the name of whom they endanger
    #[arg(long, value_name = "TEXT")]
    target: Option<String>,
    /// With this in a class, provider, preview, source, target or note
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Sort by
    #[arg(long, value_enum, default_value_t = SortName::Status)]
    sort: SortName,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    /// How many at most [default: 50 in a table, else all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Leave out so many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StatusName {
    Opened,
    Closed,
    False,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelName {
    High,
    Medium,
    Low,
    Informational,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PatchName {
    Block,
    Monitor,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SortName {
    Status,
    Id,
    Score,
    Residual,
    FirstSeen,
    LastSeen,
    Attempts,
    Class,
    Source,
    Target,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    let who = arguments.desk.user();
    store.refresh(&who, desk::now())?;
    let filter = arguments.filter();
    let sort = Sort { key: arguments.sort.key(), reverse: arguments.reverse };
    let opened = Filter { statuses: vec![Status::Opened], ..filter.clone() };
    let asks_for_others = !filter.statuses.is_empty() && !filter.statuses.contains(&Status::Opened);
    let any_opened = !asks_for_others && store.list(&who, &opened, sort, Page::first(0))?.total > 0;
    let limit = arguments.limit.or((!arguments.json).then_some(ROWS)).unwrap_or(u64::MAX);
    let mut output = palette::output();
    if arguments.json {
        let mut offset = arguments.offset;
        let mut left = limit;
        while left > 0 {
            let page = Page { offset, limit: left.min(Page::MOST) };
            let list = store.list(&who, &filter, sort, page)?;
            if list.leaks.is_empty() {
                break;
            }
            for leak in &list.leaks {
                writeln!(output, "{}", object(leak))?;
            }
            offset += list.leaks.len() as u64;
            left -= list.leaks.len() as u64;
        }
    } else {
        let page = Page { offset: arguments.offset, limit };
        tell(&mut output, &store.list(&who, &filter, sort, page)?, arguments.offset)?;
    }
    output.flush()?;
    Ok(if any_opened { Outcome::Found } else { Outcome::Clean })
}

impl Arguments {
    fn filter(&self) -> Filter {
        Filter {
            tenant: self.desk.asked(),
            statuses: self.status.iter().map(|status| status.status()).collect(),
            levels: self.level.iter().map(|level| level.level()).collect(),
            critical: self.critical.then_some(true),
            patch: self.patch.map(PatchName::patch),
            class: self.class.clone(),
            kind: self.kind,
            source: self.source.clone(),
            target: self.target.clone(),
            text: self.text.clone(),
        }
    }
}

fn tell(output: &mut impl Write, list: &List, offset: u64) -> Result<(), Failure> {
    let shown = list.leaks.len() as u64;
    if list.total == 0 {
        writeln!(output, "{}", Painted(GOOD, "no leaks"))?;
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    // Where nobody sees it there is no width to fit into; a wide line is easier to search.
    if !std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.enforce_styling();
    let titles = [
        "leak",
        "status",
        "risk",
        "left",
        "patch",
        "token",
        "found in",
        "target",
        "tried",
        "last seen",
    ];
    table.set_header(titles.map(|title| Cell::new(title).fg(Color::Blue)));
    for leak in &list.leaks {
        table.add_row(row(leak));
    }
    writeln!(output, "{table}")?;
    let more = list.total.saturating_sub(offset + shown);
    let mut sum = counted(list.total, "leak");
    if more > 0 {
        sum.push_str(&format!(", {more} more: --offset {} shows them", offset + shown));
    }
    writeln!(output, "{}", Painted(ASIDE, sum))?;
    Ok(())
}

fn row(leak: &Summary) -> [Cell; 10] {
    let number = |number: u64| Cell::new(number).set_alignment(CellAlignment::Right);
    let many = |first: &str, count: u64| match count {
        0 | 1 => first.to_owned(),
        _ => format!("{first} +{}", count - 1),
    };
    let level = if leak.critical { "critical" } else { leak.level.as_str() };
    [
        number(leak.id.0),
        Cell::new(leak.status),
        Cell::new(format!("{:>3} {level}", leak.score)).fg(colour(leak)),
        number(u64::from(leak.residual)),
        match (leak.patch, leak.status) {
            (Some(Mode::Block), _) => Cell::new("block").fg(Color::Green),
            (Some(Mode::Monitor), _) => Cell::new("monitor").fg(Color::Yellow),
            (None, Status::Opened) => Cell::new("undecided"),
            (None, _) => Cell::new(""),
        },
        Cell::new(many(&leak.class, leak.tokens)),
        Cell::new(many(&leak.source, leak.sources)),
        Cell::new(&leak.target),
        number(leak.attempts),
        Cell::new(desk::told(leak.last_seen)),
    ]
}

fn colour(leak: &Summary) -> Color {
    match (leak.status, leak.level) {
        (Status::Closed | Status::False, _) => Color::DarkGrey,
        (Status::Opened, Level::High) => Color::Red,
        (Status::Opened, Level::Medium) => Color::Yellow,
        (Status::Opened, _) => Color::Reset,
    }
}

/// The style of a level of risk.
pub(super) fn style(level: Level) -> Style {
    match level {
        Level::High => palette::BAD,
        Level::Medium => palette::CARE,
        _ => ASIDE,
    }
}

/// A leak as a line of JSON.
fn object(leak: &Summary) -> Value {
    json!({
        "id": leak.id.0,
        "tenant": leak.tenant.0,
        "status": leak.status.to_string(),
        "patch": leak.patch.map(|mode| mode.to_string()),
        "score": leak.score,
        "residual": leak.residual,
        "level": leak.level.as_str(),
        "critical": leak.critical,
        "class": leak.class,
        "tokens": leak.tokens,
        "source": leak.source,
        "sources": leak.sources,
        "target": Some(&leak.target).filter(|target| !target.is_empty()),
        "attempts": leak.attempts,
        "places": leak.places,
        "first_seen": desk::told(leak.first_seen),
        "last_seen": desk::told(leak.last_seen),
    })
}

impl StatusName {
    fn status(self) -> Status {
        match self {
            StatusName::Opened => Status::Opened,
            StatusName::Closed => Status::Closed,
            StatusName::False => Status::False,
        }
    }
}

impl LevelName {
    fn level(self) -> Level {
        match self {
            LevelName::High => Level::High,
            LevelName::Medium => Level::Medium,
            LevelName::Low => Level::Low,
            LevelName::Informational => Level::Informational,
        }
    }
}

impl PatchName {
    fn patch(self) -> Option<Mode> {
        match self {
            PatchName::Block => Some(Mode::Block),
            PatchName::Monitor => Some(Mode::Monitor),
            PatchName::None => None,
        }
    }
}

impl SortName {
    fn key(self) -> Key {
        match self {
            SortName::Status => Key::Status,
            SortName::Id => Key::Id,
            SortName::Score => Key::Score,
            SortName::Residual => Key::Residual,
            SortName::FirstSeen => Key::FirstSeen,
            SortName::LastSeen => Key::LastSeen,
            SortName::Attempts => Key::Attempts,
            SortName::Class => Key::Class,
            SortName::Source => Key::Source,
            SortName::Target => Key::Target,
        }
    }
}
