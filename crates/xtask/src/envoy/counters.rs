//! What Envoy counts, and what it writes to its access logs.

use anyhow::{Result, ensure};

use super::Bench;
use crate::encoded;
use crate::proxy::Proxy as _;
use crate::proxy::client::exchange;
use crate::proxy::material::{BLOCKED_LEAK, MONITORED_LEAK};
use crate::proxy::message::Message;
use crate::report::Report;

const PREFIX: &str = "dynamicmodulescustom.stanch_";

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    report.case("each request is counted as what it was", counted(bench));
    report.case("the counters survive a reload", survive(bench));
    report.case("logs are opened anew on a signal", reopened(bench));
    Ok(())
}

/// Each kind of request, and the counters that it moves by one.
fn counted(bench: &Bench) -> Result<()> {
    let (on, monitor) = (bench.server.ports.on, bench.server.ports.monitor);
    let material = &bench.material;
    let (blocked, monitored) = (&material.blocked, &material.monitored);
    let block_hit = format!("hits.action.block.leak.{BLOCKED_LEAK}");
    let damaged = encoded::gzip(material.clean.as_bytes())?;
    let damaged =
        || Message::post("/", &damaged[..damaged.len() - 9]).header("Content-Encoding", "gzip");
    let large = material.clean.repeat(2_000);
    for (name, port, message, moved) in [
        ("pass", on, Message::get("/"), vec!["scanned"]),
        ("off", on, Message::get("/off/"), vec![]),
        (
            "block",
            on,
            Message::get("/").header("X-Key", blocked),
            vec!["scanned", "blocked", &block_hit],
        ),
        (
            "monitored patch",
            on,
            Message::get("/").header("X-Key", monitored),
            vec!["scanned", "monitored", &format!("hits.action.monitor.leak.{MONITORED_LEAK}")],
        ),
        (
            "monitor mode",
            monitor,
            Message::get("/").header("X-Key", blocked),
            vec!["scanned", "monitored", &format!("hits.action.monitor.leak.{BLOCKED_LEAK}")],
        ),
        ("unreadable", on, damaged(), vec!["scanned", "unreadable"]),
        (
            "unreadable and refused",
            on,
            damaged().at("/block-unreadable/"),
            vec!["scanned", "unreadable", "failed"],
        ),
        ("failed", on, Message::post("/limit-closed/", large), vec!["scanned", "failed"]),
    ] {
        let before = bench.server.stats()?;
        let case = format!("counted-{}", name.replace(' ', "-"));
        let outcome = exchange(port, &case, &message)?;
        bench.access_line(&outcome.case)?;
        let after = bench.server.stats()?;
        for line in after.lines().filter(|line| line.starts_with(PREFIX)) {
            let Some((counter, count)) = line[PREFIX.len()..].split_once(": ") else { continue };
            let was = before
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{PREFIX}{counter}: ")))
                .unwrap_or("0");
            let by = count.parse::<u64>()? - was.parse::<u64>()?;
            let expected = u64::from(moved.contains(&counter));
            ensure!(by == expected, "{name}: {counter} moved by {by} instead of {expected}");
        }
        for counter in &moved {
            let line = format!("{PREFIX}{counter}: ");
            ensure!(after.contains(&line), "{name}: there is no counter {counter}");
        }
    }
    Ok(())
}

fn survive(bench: &mut Bench) -> Result<()> {
    let names = ["scanned", "blocked", "monitored", "failed", "unreadable", "refusals"];
    let read = |bench: &Bench| -> Result<Vec<u64>> {
        names.iter().map(|name| bench.server.counter(&format!("{PREFIX}{name}"))).collect()
    };
    let before = read(bench)?;
    let reloads = bench.server.counter(&format!("{PREFIX}reloads"))?;
    ensure!(before.iter().all(|count| *count > 0), "something was never counted: {before:?}");
    bench.server.reload()?;
    let after = read(bench)?;
    ensure!(before.iter().zip(&after).all(|(was, is)| is >= was), "{before:?} became {after:?}");
    let now = bench.server.counter(&format!("{PREFIX}reloads"))?;
    // One for each of the three listeners that were exchanged.
    ensure!(now == reloads + 3, "{reloads} reloads became {now}");
    Ok(())
}

/// The way that a file is rotated: renamed, then a signal.
fn reopened(bench: &Bench) -> Result<()> {
    let folder = bench.material.folder();
    let (log, old) = (folder.join("access.log"), folder.join("access.log.1"));
    std::fs::rename(&log, &old)?;
    bench.server.reopen_logs()?;
    let message = Message::get("/").header("X-Key", &bench.material.blocked);
    let mut written = false;
    for i in 0..100 {
        exchange(bench.server.ports.on, &format!("reopened-{i}"), &message)?;
        written = std::fs::read_to_string(&log).is_ok_and(|text| text.contains("reopened-"));
        if written {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    ensure!(written, "nothing was written to a new file");
    // What follows looks for its lines in one file.
    let text = std::fs::read_to_string(&old)? + &std::fs::read_to_string(&log)?;
    std::fs::write(&log, text)?;
    bench.server.reopen_logs()?;
    Ok(())
}
