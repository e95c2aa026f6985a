//! The whole loop with the command and nginx: found, registered, decided, blocked, attempted, closed, reported.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::stand::{Directives, Stand};
use crate::command::{cargo, program};
use crate::proxy::PATIENCE;
use crate::proxy::client::exchange;
use crate::proxy::message::Message;
use crate::report::Report;
use crate::workspace;

/// The rule that finds the token that requests carry, and the file that it leaked in.
const RULE: &str = "slack-bot-token";
const FILE: &str = "tree/.env";

/// Goes once round the loop.
pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let desk = Desk::new(module)?;
    let found = desk.register()?;
    let before = desk.leak(&found.leak)?;
    report.case("a scan registers the sample's leaks", {
        expect(&before, &[("status", "opened".into()), ("patch", Value::Null)])
    });
    report.case("nothing is patched where no node is enrolled", desk.refuses(&found));

    desk.stanch(&["node", "enrol", &desk.node])?;
    desk.stanch(&["leak", "patch", &found.leak])?;
    desk.stanch(&["patch", "build", "--key", "key", "-o", "set"])?;
    let edge = Edge::start(&desk)?;
    report.case("nginx blocks the token", edge.answers(&found.token, 403));
    report.case("nginx lets other requests pass", edge.answers("nobody", 200));

    let told = desk.import()?;
    report.case("the attempt is taken in", holds(&told, "1 new attempt, 1 new place"));
    let again = desk.import()?;
    report.case("and counts once", holds(&again, "0 new attempts, 0 new places of use, 1 known"));
    let after = desk.leak(&found.leak)?;
    report.case("it raises the score", {
        let score = |leak: &Value| leak["score"].as_u64().unwrap_or(0);
        ensure_that(score(&after) > score(&before), || format!("{before} became {after}"))
    });
    report.case("it shows where the token is used", {
        let place = &after["places"][0];
        expect(place, &[("part", "header".into()), ("path", "/index.html".into())])
    });

    desk.stanch(&["leak", "close", "--note", "the token was replaced", &found.leak])?;
    desk.stanch(&["patch", "build", "--key", "key", "-o", "set"])?;
    report.case("nginx lets it pass once it is closed", edge.comes_to(&found.token, 200));
    report.case("the report tells of it, and is verified", desk.reports(&found.leak));
    report.case("no token is in what was written", desk.hides(&found.token));
    edge.stop()
}

/// A folder with an empty ledger, and the command in it.
struct Desk {
    folder: TempDir,
    command: PathBuf,
    module: PathBuf,
    /// What nginx calls this machine in its log.
    node: String,
}

/// A leak of the sample, and one of its tokens.
struct Found {
    leak: String,
    token: String,
}

impl Desk {
    fn new(module: &Path) -> Result<Desk> {
        // Of the whole workspace, as the tests before were: what they built is used again.
        cargo(&["build", "--workspace", "--bin", "stanch"]).capture()?;
        let folder = tempfile::Builder::new().prefix("stanch-whole-").tempdir()?;
        let sample = workspace::root().join("crates/cli/demo/tree");
        program("cp").arg("-r").arg(sample).arg(folder.path().join("tree")).capture()?;
        fs::create_dir(folder.path().join("www"))?;
        fs::write(folder.path().join("www/index.html"), "the page\n")?;
        let node = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let command = workspace::target().join("debug/stanch");
        let desk = Desk { folder, command, module: module.to_owned(), node };
        desk.stanch(&["key", "new", "key"])?;
        desk.stanch(&["tenant", "enable"])?;
        Ok(desk)
    }

    /// Runs the command, which must not fail; findings and opened leaks are no failure.
    fn stanch(&self, arguments: &[&str]) -> Result<String> {
        let (code, out, err) = self.try_stanch(arguments)?;
        ensure!(code <= 1, "stanch {}: ended with {code}: {err}", arguments.join(" "));
        Ok(out)
    }

    fn try_stanch(&self, arguments: &[&str]) -> Result<(i32, String, String)> {
        let output = program(&self.command)
            .args(arguments)
            .folder(self.folder.path())
            .env("STANCH_BY", "ann")
            .output()?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let code = output.status.code().context("the command was ended by a signal")?;
        Ok((code, text(output.stdout), text(output.stderr)))
    }

    fn register(&self) -> Result<Found> {
        self.stanch(&["scan", "--register", "--key", "key", "tree"])?;
        let listed = self.stanch(&["leak", "list", "--json", "--source", FILE])?;
        let leak: Value =
            serde_json::from_str(listed.lines().next().context("no leak is listed")?)?;
        let scanned = self.stanch(&["scan", "--format", "jsonl", "--show-secrets", "tree"])?;
        let lines = scanned.lines().map(serde_json::from_str::<Value>);
        let findings = lines.collect::<Result<Vec<_>, _>>()?;
        let finding = findings.iter().find(|finding| finding["rule"] == RULE);
        let token = finding.and_then(|finding| finding["secret"].as_str());
        Ok(Found {
            leak: leak["id"].to_string(),
            token: token.context("the sample holds no such token")?.to_owned(),
        })
    }

    fn leak(&self, leak: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.stanch(&["leak", "show", "--json", leak])?)?)
    }

    fn refuses(&self, found: &Found) -> Result<()> {
        let (code, _, err) = self.try_stanch(&["leak", "patch", &found.leak])?;
        ensure!(code == 5 && err.contains("no node is enrolled"), "ended with {code}: {err}");
        Ok(())
    }

    fn import(&self) -> Result<String> {
        self.stanch(&["attempts", "import", "attempts.jsonl"])
    }

    fn reports(&self, leak: &str) -> Result<()> {
        for (format, file) in [("json", "report.json"), ("html", "report.html")] {
            self.stanch(&["report", "technical", "--format", format, "-o", file])?;
            self.stanch(&["report", "verify", file])?;
        }
        let written: Value =
            serde_json::from_slice(&fs::read(self.folder.path().join("report.json"))?)?;
        let leaks = written["snapshot"]["leaks"].as_array().context("no leaks")?;
        let told = leaks.iter().find(|told| told["id"].as_u64() == leak.parse().ok());
        let told = told.context("the leak is not in the report")?;
        expect(told, &[("status", "closed".into()), ("patch", Value::Null)])?;
        ensure!(told["attempts"]["count"] == 1, "attempts: {}", told["attempts"]);
        Ok(())
    }

    /// No file that anything wrote holds the token: neither the ledger nor the set nor a log.
    fn hides(&self, token: &str) -> Result<()> {
        for entry in fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            if path.is_file() {
                let bytes = fs::read(&path)?;
                let shows = bytes.windows(token.len()).any(|part| part == token.as_bytes());
                ensure!(!shows, "{} holds the token", path.display());
            }
        }
        Ok(())
    }
}

/// nginx with the set that the command built.
struct Edge {
    stand: Stand,
}

impl Edge {
    fn start(desk: &Desk) -> Result<Edge> {
        let folder = desk.folder.path();
        let http = format!(
            "    log_format attempts escape=none '$stanch_attempt';
    access_log {folder}/attempts.jsonl attempts if=$stanch_attempt;
    stanch_patches set;
    stanch_key key;",
            folder = folder.display(),
        );
        let server = format!("        root {}/www;\n        stanch on;", folder.display());
        let directives = Directives { http: &http, server: &server };
        Ok(Edge { stand: Stand::start(folder, &desk.module, directives)? })
    }

    fn answers(&self, token: &str, status: u16) -> Result<()> {
        let answered = self.ask(token)?;
        ensure!(answered == status, "answered {answered} instead of {status}");
        Ok(())
    }

    fn ask(&self, token: &str) -> Result<u16> {
        let message =
            Message::get("/index.html?page=2").header("Authorization", format!("Bearer {token}"));
        Ok(exchange(self.stand.port, "whole", &message)?.status)
    }

    /// Nobody tells nginx that there is a new set.
    fn comes_to(&self, token: &str, status: u16) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.ask(token) {
                Ok(answered) if answered == status => return Ok(()),
                last => ensure!(Instant::now() < deadline, "never answered {status}: {last:?}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(self) -> Result<()> {
        self.stand.stop().map(drop)
    }
}

fn expect(found: &Value, members: &[(&str, Value)]) -> Result<()> {
    for (key, value) in members {
        ensure!(found[*key] == *value, "{key} is {} instead of {value}", found[*key]);
    }
    Ok(())
}

fn holds(text: &str, words: &str) -> Result<()> {
    ensure_that(text.contains(words), || text.to_owned())
}

fn ensure_that(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    ensure!(holds, "{}", what());
    Ok(())
}
