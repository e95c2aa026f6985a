//! A process of its own that writes to a ledger, acknowledges on its standard output what was kept, and goes
//! on until it is killed or has done enough.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use stanch::leak::{Decision, LeakId};
use stanch_store::{Store, StoreError};

use crate::fixture::{ann, found};

/// Where the process is told what to do.
const ADDRESS: &str = "STANCH_TEST_LEDGER";
const FIRST: &str = "STANCH_TEST_FIRST";
const COUNT: &str = "STANCH_TEST_COUNT";
const SHARED: &str = "STANCH_TEST_SHARED";

/// A writer at work.
pub(crate) struct Writer {
    pub(crate) process: Child,
    output: BufReader<ChildStdout>,
    kept: Vec<Kept>,
}

/// What a writer was told that it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The token with this number belongs to that leak.
    Token(u64, LeakId),
    /// A note on a leak.
    Note(LeakId, String),
    /// A leak is closed.
    Closed(LeakId),
}

impl Writer {
    /// A writer that registers the tokens with `count` numbers from `first` on, and one in four that all writers share.
    pub(crate) fn start(address: &str, first: u64, count: u64, shared: bool) -> Writer {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "child::writer", "--nocapture", "--test-threads=1"])
            .env(ADDRESS, address)
            .env(FIRST, first.to_string())
            .env(COUNT, count.to_string())
            .env(SHARED, u64::from(shared).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Writer { process, output, kept: Vec::new() }
    }

    /// Waits until it has acknowledged something, or ended.
    pub(crate) fn begin(&mut self) {
        while self.kept.is_empty() && self.read() {}
    }

    /// Kills it, unless it has ended, and says what it acknowledged.
    pub(crate) fn kill(mut self) -> Vec<Kept> {
        let _ = self.process.kill();
        self.finish().0
    }

    /// What it acknowledged, how it ended, and what it complained of.
    pub(crate) fn finish(mut self) -> (Vec<Kept>, bool, String) {
        while self.read() {}
        let output = self.process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (self.kept, output.status.success(), said)
    }

    /// Reads the next line, if there is one.
    fn read(&mut self) -> bool {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).unwrap_or(0);
        // A line that was cut off is no acknowledgement.
        if line.ends_with('\n') {
            self.kept.extend(parse(line.trim_end()));
        }
        read > 0
    }
}

fn parse(line: &str) -> Option<Kept> {
    let mut words = line.split(' ');
    // The test harness may have begun the line.
    words.find(|word| *word == "kept")?;
    let kind = words.next()?;
    let mut number = || words.next()?.parse::<u64>().ok();
    match kind {
        "token" => Some(Kept::Token(number()?, LeakId(number()?))),
        "note" => Some(Kept::Note(LeakId(number()?), words.next()?.to_owned())),
        "closed" => Some(Kept::Closed(LeakId(number()?))),
        _ => None,
    }
}

/// Whether all of that is in the ledger. The tests read it as anybody would.
pub(crate) fn check(store: &Store, kept: &[Kept]) {
    for kept in kept {
        let id = match kept {
            Kept::Token(_, id) | Kept::Note(id, _) | Kept::Closed(id) => *id,
        };
        let leak = store.leak(&ann().who, id).unwrap_or_else(|error| panic!("{kept:?}: {error}"));
        let holds = match kept {
            Kept::Token(number, _) => {
                leak.holds(crate::fixture::token("github-pat", *number).digest())
            }
            Kept::Note(_, text) => leak.notes().iter().any(|note| note.text == *text),
            Kept::Closed(_) => leak.status() == stanch::leak::Status::Closed,
        };
        assert!(holds, "{kept:?} is lost");
    }
}

/// The number of the token that all writers share.
pub(crate) const COMMON: u64 = 1;

#[test]
#[ignore = "what other tests run as processes of their own"]
fn writer() {
    let told = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let (first, count, shared) = (told(FIRST), told(COUNT), told(SHARED) != 0);
    let store = Store::open(&std::env::var(ADDRESS).unwrap()).unwrap();
    for number in first..first + count {
        if let Err(error) = write(&store, number, shared) {
            panic!("the writer ends: {error}");
        }
    }
}

fn write(store: &Store, number: u64, shared: bool) -> Result<(), StoreError> {
    let mut batch = vec![found(&[number], &format!("{number}.env"))];
    if shared && number.is_multiple_of(4) {
        batch.push(found(&[COMMON], "shared.env"));
    }
    let done = store.register(&ann(), batch)?;
    let known = |index: usize| done.get(index).map(|r| r.new.unwrap_or_else(|| r.seen_again[0]));
    let id = known(0).unwrap();
    say(&format!("token {number} {id}"));
    if let Some(common) = known(1) {
        say(&format!("token {COMMON} {common}"));
    }
    match number % 3 {
        0 => {
            store.note(&ann(), id, &format!("note-{number}"))?;
            say(&format!("note {id} note-{number}"));
        }
        1 => {
            store.decide(&ann(), id, Decision::Close, false, None)?;
            say(&format!("closed {id}"));
        }
        _ => {}
    }
    Ok(())
}

/// One write each, so that a line is there as a whole or not at all.
fn say(kept: &str) {
    std::io::stdout().write_all(format!("kept {kept}\n").as_bytes()).unwrap();
}
