//! Processes of their own: the program `ledger-hand`, which writes to a ledger, acknowledges on its standard output
//! what was kept, and goes on until it is killed or has done enough.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use stanch::leak::LeakId;
use stanch_store::Store;

use crate::fixture::ann;

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
        let mut process = Command::new(hand())
            .args(["write", address, &first.to_string(), &count.to_string()])
            .args(shared.then_some("shared"))
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

/// The program, which `cargo test` builds beside the tests.
pub(crate) fn hand() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // The test is in `deps`.
    let hand = test.parent().unwrap().parent().unwrap().join("examples/ledger-hand");
    assert!(hand.exists(), "cargo build -p stanch-store --examples makes {}", hand.display());
    hand
}

fn parse(line: &str) -> Option<Kept> {
    let mut words = line.split(' ');
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
