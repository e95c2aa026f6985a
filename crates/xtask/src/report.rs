//! Headings, timing and the closing count of a task.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

/// What passed and what failed so far. Steps and the cases within them count alike.
pub struct Report {
    started: Instant,
    passed: usize,
    failed: Vec<String>,
    times: Vec<(String, Duration)>,
    current: String,
}

impl Report {
    pub fn new() -> Report {
        Report {
            started: Instant::now(),
            passed: 0,
            failed: Vec::new(),
            times: Vec::new(),
            current: String::new(),
        }
    }

    /// Runs a step under a heading. Its cases count one by one, the step itself once more.
    /// Returns whether the step and all of its cases passed.
    pub fn step(&mut self, name: &str, run: impl FnOnce(&mut Report) -> Result<()>) -> bool {
        println!("\n=== {name}");
        self.current = name.to_owned();
        let (began, failed_before) = (Instant::now(), self.failed.len());
        let outcome = run(self);
        let time = began.elapsed();
        match &outcome {
            Ok(()) if self.failed.len() == failed_before => {
                self.passed += 1;
                println!("    ok ({:.1} s)", time.as_secs_f64());
            }
            Ok(()) => println!("    FAILED ({:.1} s)", time.as_secs_f64()),
            Err(error) => {
                self.failed.push(format!("{name}: {error:#}"));
                println!("    FAILED ({:.1} s): {error:#}", time.as_secs_f64());
            }
        }
        self.times.push((name.to_owned(), time));
        self.failed.len() == failed_before
    }

    /// Counts one case of the current step.
    pub fn case(&mut self, name: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("    {name} ... ok");
            }
            Err(error) => {
                self.failed.push(format!("{}: {name}: {error:#}", self.current));
                println!("    {name} ... FAILED: {error:#}");
            }
        }
    }

    /// Prints the summary; its last line is `N passed, M failed`.
    pub fn close(self) -> ExitCode {
        println!("\n=== summary");
        for (name, time) in &self.times {
            println!("    {:>7.1} s  {name}", time.as_secs_f64());
        }
        println!("    {:>7.1} s  in all", self.started.elapsed().as_secs_f64());
        for failure in &self.failed {
            // All of it stands above, with its step.
            println!("    FAILED: {}", failure.lines().next().unwrap_or_default());
        }
        println!("{} passed, {} failed", self.passed, self.failed.len());
        if self.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
