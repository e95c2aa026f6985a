//! The workspace's tests: built by Cargo, run side by side.
//!
//! Cargo runs one test program after the other. Some of them wait for databases, browsers and killed
//! processes while the processor has nothing to do, so here as many run at a time as there are cores.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::command::{both, cargo, program};
use crate::report::Report;

/// Those that take longest, and so begin first.
const LONG: &[&str] = &["ledger", "report"];

/// Builds and runs the tests of the packages that `which` names, doc tests included.
pub fn run(report: &mut Report, which: &[&str]) {
    let mut programs = VecDeque::new();
    report.step("tests: build", |_| {
        programs = build(which)?;
        Ok(())
    });
    report.step("unit and property tests", |report| {
        ensure!(!programs.is_empty(), "there are none");
        let workers = thread::available_parallelism()?.get();
        side_by_side(programs, workers, |outcome| {
            println!("    {} ({:.1} s)", outcome.name, outcome.time.as_secs_f64());
            report.case(&outcome.name, outcome.result);
        });
        Ok(())
    });
    report.step("doc tests", |_| cargo(&["test", "--doc", "--no-fail-fast"]).args(which).show());
}

/// A test program.
struct Program {
    name: String,
    path: PathBuf,
    /// The folder of its package, where Cargo would start it.
    folder: PathBuf,
}

/// What became of one.
struct Outcome {
    name: String,
    time: Duration,
    result: Result<()>,
}

/// Builds the test programs.
fn build(which: &[&str]) -> Result<VecDeque<Program>> {
    let messages = cargo(&["test", "--no-run", "--message-format", "json-render-diagnostics"])
        .args(which)
        .answer()?;
    let mut programs: Vec<Program> = messages.lines().filter_map(built).collect();
    let rank = |program: &Program| {
        let long = LONG.iter().position(|name| program.name.ends_with(&format!("::{name}")));
        long.unwrap_or(LONG.len())
    };
    programs.sort_by_key(rank);
    Ok(programs.into())
}

/// The test program that a message of Cargo tells of.
fn built(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_test = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let path = message["executable"].as_str().filter(|_| is_test)?;
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let package = match folder == crate::workspace::root() {
        true => "stanch".into(),
        false => folder.file_name()?.to_string_lossy(),
    };
    let target = message["target"]["name"].as_str()?;
    Some(Program {
        name: format!("{package}::{target}"),
        path: path.into(),
        folder: folder.to_owned(),
    })
}

/// Runs them, so many at a time, and tells of each when it has ended.
fn side_by_side(programs: VecDeque<Program>, workers: usize, mut tell: impl FnMut(Outcome)) {
    let programs = Mutex::new(programs);
    let (ended, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..workers {
            let (ended, programs) = (ended.clone(), &programs);
            scope.spawn(move || {
                loop {
                    let next = programs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(program) = next else { return };
                    if ended.send(program.run()).is_err() {
                        return;
                    }
                }
            });
        }
        drop(ended);
        outcomes.into_iter().for_each(&mut tell);
    });
}

impl Program {
    fn run(self) -> Outcome {
        let began = Instant::now();
        let result = self.pass();
        Outcome { name: self.name, time: began.elapsed(), result }
    }

    fn pass(&self) -> Result<()> {
        let run = program(&self.path).folder(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        let output = run.output().with_context(|| self.path.display().to_string())?;
        let text = both(&output);
        ensure!(output.status.success(), "ended with {}:\n{text}", output.status);
        // A program in which no test is left would pass unseen.
        let counted = text.lines().any(|line| line.starts_with("test result: ok. "));
        ensure!(counted, "tells of no result:\n{text}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_program_is_known_by_cargos_message() {
        let message = |test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/w/crates/store/Cargo.toml",
                "target":{{"name":"ledger"}},"profile":{{"test":{test}}},"executable":"/t/ledger-1"}}"#
            )
        };
        let program = built(&message(true)).unwrap();
        assert_eq!(
            (program.name.as_str(), program.folder),
            ("store::ledger", "/w/crates/store".into())
        );
        assert!(built(&message(false)).is_none());
        assert!(built("   Compiling stanch").is_none());
    }
}
