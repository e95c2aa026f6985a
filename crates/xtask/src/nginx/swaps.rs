//! Sets that are swapped when their file changes, without a reload.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::exposition::Exposition;
use super::front::Front;
use super::metrics;
use super::reload::EXPECTED_EMERGENCY;
use super::stand::Directives;
use crate::clock;
use crate::proxy::client::{Client, exchange};
use crate::proxy::load;
use crate::proxy::material::{FLIPPING_LEAK, Material, Untaken};
use crate::proxy::message::{Message, filler_with};
use crate::proxy::reload::UNTAKEN;
use crate::report::Report;

/// How often the set is swapped under load, each time in every worker.
const SWAPS: usize = 6;
const WORKERS: f64 = 2.0;

/// Some looks at the file, which is looked at once a second.
const LOOKS: Duration = Duration::from_millis(1600);

/// The directives of `http`: a load needs no access log.
const QUIET: &str = "    access_log off;";

pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let mut desk = Desk::new(module)?;
    report.case("under load, in every worker", desk.under_load());
    report.case("a request that began under the old set ends under it", desk.in_flight());
    report.case("a set with much longer tokens", desk.longer());
    report.case("without access to the key file", desk.keyless());
    for (name, reason, complaint) in UNTAKEN {
        report.case(&format!("{name} is refused"), desk.untaken(reason, complaint));
    }
    report.case("half of a set is refused", desk.half());
    report.case("a set that is gone, and comes back", desk.gone());
    report.case("a reload does not go back behind what workers took", desk.no_way_back());
    report.case("a set that expires goes on serving", desk.expiring());
    report.case("a set that workers may not read", desk.unreadable());
    report.case("`stanch_watch off`: only a reload takes a set", desk.unwatched());
    let log = desk.front.stand.stop()?;
    report.case("no crash or alert in the error log", clean(&log));
    report.case("no token in the error log", desk.front.material.check_absent(&log));
    Ok(())
}

/// An nginx with a set of its own.
struct Desk {
    front: Front,
}

impl Desk {
    fn new(module: &Path) -> Result<Desk> {
        let directives = Directives { http: QUIET, server: "" };
        Ok(Desk { front: Front::start(module, Material::create()?, directives)? })
    }

    fn page(&self) -> Result<Exposition> {
        metrics::page(self.front.stand.port)
    }

    /// What was counted of the set so far.
    fn count(&self, name: &str) -> Result<f64> {
        let path = self.front.material.patches().display().to_string();
        self.page()?.value(name, &[("set", &path)]).with_context(|| format!("no {name}"))
    }

    /// Waits until every worker has counted once more, and no more than that.
    fn each_worker(&self, name: &str, before: f64) -> Result<()> {
        let path = self.front.material.patches().display().to_string();
        let expected = before + WORKERS;
        metrics::wait_for(self.front.stand.port, |page| {
            metrics::expect(page, name, &[("set", &path)], expected)
        })?;
        Ok(())
    }

    /// Does something to the set's file, and waits until every worker has taken the new one.
    fn swap(&self, change: impl FnOnce(&Material) -> Result<()>) -> Result<()> {
        let before = self.count("stanch_set_swaps_total")?;
        change(&self.front.material)?;
        self.each_worker("stanch_set_swaps_total", before)?;
        let path = self.front.material.patches().display().to_string();
        metrics::expect(&self.page()?, "stanch_set_refused", &[("set", &path)], 0.0)
    }

    /// What a request with a token is answered, whichever worker gets it.
    fn answers(&self, token: &str, status: u16) -> Result<()> {
        let message = Message::get("/").header("X-Key", token);
        for i in 0..20 {
            let outcome = exchange(self.front.stand.port, "load", &message)?;
            ensure!(outcome.status == status, "{i}: {} instead of {status}", outcome.status);
        }
        Ok(())
    }

    fn under_load(&self) -> Result<()> {
        let material = &self.front.material;
        load::during(self.front.stand.port, material, |changed| {
            // From the first swap on the flipping token may pass or not.
            changed.store(true, Ordering::SeqCst);
            for i in 0..SWAPS {
                let with_flipping = i % 2 == 1;
                self.swap(|material| material.save_patches(with_flipping))?;
                self.answers(&material.flipping, if with_flipping { 403 } else { 200 })?;
            }
            Ok(())
        })?;

        let log = self.front.stand.error_log()?;
        let told = log.lines().filter(|line| {
            line.contains("[notice]")
                && line.contains("patches: serial")
                && line.ends_with("is in use")
        });
        let told = told.count();
        ensure!(told == SWAPS * WORKERS as usize, "the error log tells of {told} swaps");
        let page = self.page()?;
        let path = material.patches().display().to_string();
        let serial = page.value("stanch_set_serial", &[("set", &path)]);
        ensure!(serial == Some(SWAPS as f64 + 1.0), "the serial number is {serial:?}");
        Ok(())
    }

    /// The body, with the token that the new set does not know, ends long after the swap.
    fn in_flight(&self) -> Result<()> {
        let token = &self.front.material.flipping;
        self.answers(token, 403)?;
        let message = Message::post("/", filler_with(10_000, 9_000, token));
        let mut slow = Vec::new();
        for i in 0..8 {
            let mut client = Client::connect(self.front.stand.port)?;
            client.send(&message.head(&format!("in-flight-{i}")))?;
            client.send(&message.body()[..5_000])?;
            slow.push(client);
        }
        self.swap(|material| material.save_patches(false))?;
        self.answers(token, 200)?;
        for (i, client) in slow.iter_mut().enumerate() {
            client.send(&message.body()[5_000..])?;
            let status = client.response()?.status;
            ensure!(status == 403, "{i}: answered {status}");
        }
        Ok(())
    }

    /// A scan under the new set needs ten times the memory of one under the old.
    fn longer(&self) -> Result<()> {
        let mut long = String::new();
        self.swap(|material| {
            long = material.save_with_long_token()?;
            Ok(())
        })?;
        self.answers(&long, 403)?;
        self.answers(&self.front.material.blocked, 403)?;
        self.answers(&self.front.material.clean, 200)?;
        self.swap(|material| material.save_patches(false))
    }

    /// Workers have given up the right to read the key before they look for a new set.
    fn keyless(&self) -> Result<()> {
        let [key, away] = ["key", "key.away"].map(|name| self.front.material.folder().join(name));
        std::fs::rename(&key, &away)?;
        let swapped = self.swap(|material| material.save_patches(true));
        std::fs::rename(&away, &key)?;
        swapped?;
        self.answers(&self.front.material.flipping, 403)?;
        self.swap(|material| material.save_patches(false))
    }

    /// Puts something in the file's place that is not to be taken: each worker says so once, and goes on with
    /// what it has, in which the flipping token is not.
    fn refuses(&self, complaint: &str, change: impl FnOnce(&Material) -> Result<()>) -> Result<()> {
        let said = |log: &str| {
            let warned = |line: &&str| line.contains("[warn]") && line.contains(complaint);
            log.lines().filter(warned).count()
        };
        let log_before = said(&self.front.stand.error_log()?);
        let [swaps, refusals] = ["stanch_set_swaps_total", "stanch_set_refusals_total"];
        let (swaps_before, refusals_before) = (self.count(swaps)?, self.count(refusals)?);
        change(&self.front.material)?;
        self.each_worker(refusals, refusals_before)?;
        // It is not told again, however often the file is looked at.
        std::thread::sleep(LOOKS);
        let (swaps_after, refusals_after) = (self.count(swaps)?, self.count(refusals)?);
        ensure!(swaps_before == swaps_after, "it was taken");
        ensure!(refusals_before + WORKERS == refusals_after, "{refusals_after} refusals");
        metrics::wait_for(self.front.stand.port, |page| {
            let path = self.front.material.patches().display().to_string();
            metrics::expect(page, "stanch_set_refused", &[("set", &path)], 1.0)
        })?;
        let told = said(&self.front.stand.error_log()?) - log_before;
        ensure!(told == WORKERS as usize, "`{complaint}` was logged {told} times");
        self.still_serves()
    }

    fn still_serves(&self) -> Result<()> {
        self.answers(&self.front.material.blocked, 403)?;
        self.answers(&self.front.material.clean, 200)?;
        self.answers(&self.front.material.flipping, 200)
    }

    fn untaken(&self, reason: Untaken, complaint: &str) -> Result<()> {
        self.refuses(complaint, |material| material.save_untaken("patches", reason))
    }

    fn half(&self) -> Result<()> {
        self.swap(|material| material.save_patches(false))?;
        let good = std::fs::read(self.front.material.patches())?;
        self.refuses("truncated", |material| material.replace("patches", &good[..good.len() / 2]))?;
        self.swap(|material| material.save_patches(false))
    }

    fn gone(&self) -> Result<()> {
        self.refuses("o such file", |material| Ok(std::fs::remove_file(material.patches())?))?;
        self.swap(|material| material.save_patches(false))
    }

    /// What the master has open is the set that nginx started with; the workers are far ahead.
    fn no_way_back(&mut self) -> Result<()> {
        self.refuses("is older than", |material| material.save_untaken("patches", Untaken::Older))?;
        let emergencies = |log: &str| {
            let line = |line: &&str| line.contains("[emerg]") && line.contains("is older than");
            log.lines().filter(line).count()
        };
        let before = emergencies(&self.front.stand.error_log()?);
        self.front.stand.signal(Signal::HUP)?;
        std::thread::sleep(LOOKS);
        let after = emergencies(&self.front.stand.error_log()?);
        ensure!(after == before + 1, "the reload was not refused");
        self.still_serves()?;
        self.swap(|material| material.save_patches(false))
    }

    fn expiring(&self) -> Result<()> {
        let mut expires = 0;
        self.swap(|material| {
            expires = material.save_patches_expiring(false)?;
            Ok(())
        })?;
        let path = self.front.material.patches().display().to_string();
        let labels = [("set", path.as_str())];
        metrics::expect(
            &self.page()?,
            "stanch_set_expires_timestamp_seconds",
            &labels,
            expires as f64,
        )?;
        clock::wait_for(expires);
        std::thread::sleep(LOOKS);
        self.still_serves()?;
        self.swap(|material| material.save_patches(false))
    }

    fn unreadable(&mut self) -> Result<()> {
        let is_root = rustix::process::geteuid().is_root();
        if is_root {
            // Workers of another user, who may enter the folder and read what is in it so far.
            let mode = |mode| std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(self.front.material.folder(), mode(0o755))?;
            self.front.stand.run_workers_as("daemon");
            self.front.reload(Directives { http: QUIET, server: "" })?;
            let log = self.front.stand.error_log()?;
            let told = log.matches("patches\": a new set is only taken by a reload").count();
            ensure!(told == 1, "that workers cannot read the set was logged {told} times");
        }
        let forbid = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        };
        // Nobody may read it, but root may read everything.
        self.refuses("ermission denied", |material| {
            let next = material.folder().join("patches.next");
            material.save_next_as("patches.next")?;
            forbid(&next, if is_root { 0o600 } else { 0 })?;
            Ok(std::fs::rename(next, material.patches())?)
        })?;
        // Once they may, they do so without being told, and whoever saves the next one leaves them the right.
        self.swap(|material| Ok(forbid(&material.patches(), 0o644)?))?;
        self.swap(|material| material.save_patches(false))?;
        self.still_serves()
    }

    fn unwatched(&mut self) -> Result<()> {
        let http = format!("{QUIET} stanch_watch off;");
        let directives = Directives { http: &http, server: "" };
        self.front.reload(directives)?;
        let before = self.count("stanch_set_swaps_total")?;
        self.front.material.save_patches(true)?;
        std::thread::sleep(LOOKS);
        ensure!(self.count("stanch_set_swaps_total")? == before, "it was taken");
        self.still_serves()?;
        self.front.reload(directives)?;
        self.answers(&self.front.material.flipping, 403)?;
        let message = Message::get("/").header("X-Key", &self.front.material.flipping);
        exchange(self.front.stand.port, "unwatched", &message)?;
        let hits = self.page()?;
        let labels = [("leak", &*FLIPPING_LEAK.to_string()), ("action", "block")];
        ensure!(hits.value("stanch_hits_total", &labels).is_some(), "nothing was counted");
        Ok(())
    }
}

fn clean(log: &str) -> Result<()> {
    let marks = ["[alert]", "[crit]", "[error]", "exited on signal", "exited with code 2"];
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| {
            let expected = line.contains(EXPECTED_EMERGENCY);
            marks.iter().any(|mark| line.contains(mark)) || (line.contains("[emerg]") && !expected)
        })
        .collect();
    ensure!(bad.is_empty(), "{}", bad.join("\n"));
    Ok(())
}
