//! Counters in shared memory, and the page that shows them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};

use super::exposition::Exposition;
use super::front::Front;
use super::stand::Directives;
use crate::proxy::client::{Client, Response};
use crate::proxy::load;
use crate::proxy::material::{BLOCKED_LEAK, MONITORED_LEAK, Material};
use crate::proxy::message::Message;
use crate::report::Report;

/// What is waited for a worker to count, which it does after the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients that count at the same time, and what each of them sends.
const CLIENTS: usize = 4;
const EACH: usize = 250;

/// More leaks than the smallest zone has places for.
const LEAKS: u64 = 900;

pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let mut desk = Desk::new(module)?;
    report.case("the page, before anything was counted", desk.empty());
    report.case("how it is asked for", desk.methods());
    report.case("requests by what became of them", desk.actions());
    report.case("hits by leak", desk.hits());
    report.case("what is said of sets", desk.sets());
    report.case("two workers count together", desk.together());
    report.case("a reload keeps what was counted", desk.reload());
    report.case("a zone of another size begins anew", desk.resize());
    report.case("more leaks than there is room for", desk.full());
    desk.front.stand.stop()?;
    Ok(())
}

/// Reads the page of a server, once.
pub fn page(port: u16) -> Result<Exposition> {
    let response = ask(port, "GET")?;
    ensure!(response.status == 200, "answered {}", response.status);
    let wanted = "text/plain; version=0.0.4";
    ensure!(response.content_type == wanted, "the type is {}", response.content_type);
    Exposition::parse(&String::from_utf8(response.body)?)
}

/// Reads the page until it is as it should be.
pub fn wait_for(port: u16, check: impl Fn(&Exposition) -> Result<()>) -> Result<Exposition> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = page(port)?;
        match check(&page) {
            Ok(()) => return Ok(page),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Whether a sample is what it should be.
pub fn expect(page: &Exposition, name: &str, labels: &[(&str, &str)], value: f64) -> Result<()> {
    let found = page.value(name, labels);
    ensure!(found == Some(value), "{name}{labels:?} is {found:?} instead of {value}");
    Ok(())
}

fn ask(port: u16, method: &str) -> Result<Response> {
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    let request = format!("{method} /metrics HTTP/1.1\r\nHost: t\r\n{length}\r\n");
    let mut client = Client::connect(port)?;
    if method != "HEAD" {
        return client.ask(request.as_bytes());
    }
    client.send(request.as_bytes())?;
    let status = client.status_of_head()?;
    Ok(Response { status, body: Vec::new(), content_type: String::new(), keeps_alive: true })
}

/// An nginx with sets of its own, and what was counted by it so far.
struct Desk {
    front: Front,
    /// In the set `many`, one for each leak from 1 on.
    many: Vec<String>,
    expected: BTreeMap<&'static str, usize>,
}

/// A file name with all that labels escape, as it is and as nginx's configuration has it.
const ODD: (&str, &str) = ("an \"odd\" \\ name", "'an \"odd\" \\\\ name'");

impl Desk {
    fn new(module: &Path) -> Result<Desk> {
        let material = Material::create()?;
        let many = material.save_many("many", LEAKS)?;
        std::fs::copy(material.patches(), material.folder().join(ODD.0))?;
        let directives = Directives { http: &http("64k"), server: &server() };
        let front = Front::start(module, material, directives)?;
        Ok(Desk { front, many, expected: BTreeMap::new() })
    }

    fn resize_to(&mut self, zone: &str) -> Result<()> {
        self.front.reload(Directives { http: &http(zone), server: &server() })
    }

    fn empty(&self) -> Result<()> {
        let page = page(self.front.stand.port)?;
        for action in ["pass", "monitor", "block", "failed"] {
            expect(&page, "stanch_requests_total", &[("action", action)], 0.0)?;
        }
        for reason in ["damaged", "ratio", "total", "unsupported"] {
            expect(&page, "stanch_unreadable_bodies_total", &[("reason", reason)], 0.0)?;
        }
        let leaks = page.values_of("stanch_hits_total", "leak");
        ensure!(leaks.is_empty(), "hits of {leaks:?}");
        // All of the workspace has one version.
        let version = env!("CARGO_PKG_VERSION");
        expect(&page, "stanch_build_info", &[("version", version)], 1.0)
    }

    fn methods(&self) -> Result<()> {
        for (method, status) in [("HEAD", 200), ("POST", 405), ("DELETE", 405)] {
            let answered = ask(self.front.stand.port, method)?.status;
            ensure!(answered == status, "{method} is answered {answered} instead of {status}");
        }
        Ok(())
    }

    /// Sends requests, and counts what should become of them.
    fn send(&mut self, messages: &[(&'static str, usize, Message)]) -> Result<()> {
        for (action, count, message) in messages {
            let mut client = Client::connect(self.front.stand.port)?;
            for _ in 0..*count {
                let outcome = client.exchange("load", message)?;
                let refused = matches!(*action, "block" | "failed");
                ensure!((outcome.status != 200) == refused, "{action}: {}", outcome.status);
                *self.expected.entry(action).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Exactly these requests were counted.
    fn counted(&self) -> Result<Exposition> {
        wait_for(self.front.stand.port, |page| {
            for (action, count) in &self.expected {
                expect(page, "stanch_requests_total", &[("action", action)], *count as f64)?;
            }
            let all: usize = self.expected.values().sum();
            let sum = page.sum("stanch_requests_total");
            ensure!(sum == all as f64, "{sum} requests instead of {all}");
            Ok(())
        })
    }

    fn actions(&mut self) -> Result<()> {
        let Material { blocked, monitored, clean, .. } = &self.front.material;
        let keyed = |token: &str| Message::get("/").header("X-Key", token);
        let encoded = |encoding: &str| {
            Message::post("/", "no gzip at all").header("Content-Encoding", encoding)
        };
        let messages = [
            ("pass", 5, keyed(clean)),
            ("block", 3, keyed(blocked)),
            ("block", 2, Message::post("/", blocked.as_str())),
            ("monitor", 4, keyed(monitored)),
            ("monitor", 6, keyed(blocked).at("/monitor/")),
            ("failed", 1, Message::post("/short/", vec![b'x'; 100])),
            ("pass", 2, encoded("gzip")),
            ("pass", 1, encoded("zstd")),
            // Not scanned, and not counted.
            ("off", 3, keyed(blocked).at("/off/")),
            // Neither is one that is answered before it could be.
            ("off", 2, keyed(clean).at("/generation")),
        ];
        self.send(&messages)?;
        self.expected.remove("off");
        let page = self.counted()?;
        for (reason, count) in [("damaged", 2), ("unsupported", 1), ("ratio", 0), ("total", 0)] {
            let labels = [("reason", reason)];
            expect(&page, "stanch_unreadable_bodies_total", &labels, f64::from(count))?;
        }
        Ok(())
    }

    fn hits(&mut self) -> Result<()> {
        let page = self.counted()?;
        let (blocked, monitored) = (BLOCKED_LEAK.to_string(), MONITORED_LEAK.to_string());
        for (leak, action, count) in [
            (&blocked, "block", 5.0),
            (&blocked, "monitor", 6.0),
            (&monitored, "block", 0.0),
            (&monitored, "monitor", 4.0),
        ] {
            let labels = [("leak", leak.as_str()), ("action", action)];
            expect(&page, "stanch_hits_total", &labels, count)?;
        }
        let leaks = page.values_of("stanch_hits_total", "leak");
        ensure!(leaks.len() == 2, "hits of {leaks:?}");
        Ok(())
    }

    fn sets(&mut self) -> Result<()> {
        let page = page(self.front.stand.port)?;
        let path = |name: &str| self.front.material.folder().join(name).display().to_string();
        let (patches, other, odd) = (path("patches"), path("other"), path(ODD.0));
        // The location with another key to trust has a set of its own, of the same path.
        let again = format!("{patches}#2");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
        for (set, tokens, leaks) in
            [(&patches, 3.0, 3.0), (&again, 3.0, 3.0), (&other, 1.0, 1.0), (&odd, 3.0, 3.0)]
        {
            let labels = [("set", set.as_str())];
            expect(&page, "stanch_set_serial", &labels, 1.0)?;
            expect(&page, "stanch_set_tokens", &labels, tokens)?;
            expect(&page, "stanch_set_leaks", &labels, leaks)?;
            expect(&page, "stanch_set_swaps_total", &labels, 0.0)?;
            expect(&page, "stanch_set_refusals_total", &labels, 0.0)?;
            let created = page
                .value("stanch_set_created_timestamp_seconds", &labels)
                .context("no time of creation")?;
            ensure!((now - created).abs() < 600.0, "created at {created}, and it is {now}");
            let file = set.strip_suffix("#2").unwrap_or(set);
            let length = std::fs::metadata(file)?.len() as f64;
            expect(&page, "stanch_set_bytes", &labels, length)?;
        }
        let expiring = page.values_of("stanch_set_expires_timestamp_seconds", "set");
        ensure!(expiring.is_empty(), "{expiring:?} are said to expire");
        Ok(())
    }

    fn together(&mut self) -> Result<()> {
        let message = Message::get("/").header("X-Key", &self.front.material.blocked);
        load::at_once(self.front.stand.port, CLIENTS, EACH, &message, 403)?;
        *self.expected.entry("block").or_default() += CLIENTS * EACH;
        let page = self.counted()?;
        let labels = [("leak", &*BLOCKED_LEAK.to_string()), ("action", "block")];
        expect(&page, "stanch_hits_total", &labels, (5 + CLIENTS * EACH) as f64)
    }

    fn reload(&mut self) -> Result<()> {
        let before = self.counted()?;
        self.resize_to("64k")?;
        let after = self.counted()?;
        let hits = |page: &Exposition| page.sum("stanch_hits_total");
        ensure!(
            hits(&before) == hits(&after),
            "{} hits instead of {}",
            hits(&after),
            hits(&before)
        );
        let message = Message::get("/").header("X-Key", &self.front.material.monitored);
        self.send(&[("monitor", 3, message)])?;
        let page = self.counted()?;
        let labels = [("leak", &*MONITORED_LEAK.to_string()), ("action", "monitor")];
        expect(&page, "stanch_hits_total", &labels, 7.0)
    }

    fn resize(&mut self) -> Result<()> {
        self.resize_to("32k")?;
        self.expected.clear();
        let page = self.counted()?;
        ensure!(page.sum("stanch_hits_total") == 0.0, "hits were kept");
        Ok(())
    }

    fn full(&mut self) -> Result<()> {
        let mut client = Client::connect(self.front.stand.port)?;
        for round in 0..2 {
            for (i, token) in self.many.iter().enumerate() {
                let message = Message::get("/many/").header("X-Key", token);
                let outcome = client.exchange("load", &message)?;
                ensure!(outcome.status == 403, "{round}, {i}: {}", outcome.status);
            }
        }
        *self.expected.entry("block").or_default() += 2 * self.many.len();
        let page = self.counted()?;
        let sum = page.sum("stanch_hits_total");
        ensure!(sum == 2.0 * LEAKS as f64, "{sum} hits in all");
        let leaks = page.values_of("stanch_hits_total", "leak");
        ensure!(leaks.contains("other"), "all {} leaks have a place", leaks.len());
        let own = leaks.len() - 1;
        println!("      of {LEAKS} leaks, {own} have a place of their own in 32k");
        for leak in leaks.iter().filter(|leak| **leak != "other") {
            expect(&page, "stanch_hits_total", &[("leak", leak), ("action", "block")], 2.0)?;
        }
        let other = 2 * (self.many.len() - own);
        let labels = [("leak", "other"), ("action", "block")];
        expect(&page, "stanch_hits_total", &labels, other as f64)
    }
}

/// The directives of `http`.
fn http(zone: &str) -> String {
    format!("    access_log off;\n    stanch_zone {zone};")
}

/// The directives of the server.
fn server() -> String {
    format!(
        "        location /off/ {{ stanch off; proxy_pass http://behind; }}
        location /monitor/ {{ stanch monitor; proxy_pass http://behind; }}
        location /short/ {{ stanch_body_limit 10; proxy_pass http://behind; }}
        location /serial/ {{ stanch_min_serial 1; proxy_pass http://behind; }}
        location /other/ {{ stanch_patches other; proxy_pass http://behind; }}
        location /many/ {{ stanch_patches many; proxy_pass http://behind; }}
        location /odd/ {{ stanch_patches {odd}; proxy_pass http://behind; }}
        server_name t;",
        odd = ODD.1,
    )
}
