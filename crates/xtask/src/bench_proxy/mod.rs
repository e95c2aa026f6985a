//! What stanch costs in a proxy, beside what else is used there: `cargo xtask bench-proxy`.
//!
//! All contenders run at the same time and have their turns round by round, so that whatever else the machine
//! does hits all of them; what a module adds is the median of its differences to the plain proxy of the
//! same round.

mod envoy;
mod load;
mod nginx;
mod process;
mod site;
mod table;
mod traffic;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stanch::patch::{Patch, PatchSetBuilder};
use stanch::secret::{ImprintKey, Secret};

use crate::packages::{self, Package};
use crate::proxy::free_port;
use crate::{envoy as envoy_module, nginx as nginx_module};
use load::Load;
use process::Memory;
use site::{Configuration, Reload, Site};
use traffic::Traffic;

/// What the task needs beside what the tests need.
const PACKAGES: &[Package] = &[
    Package { name: "nginx", file: "sbin/nginx" },
    Package { name: "nginx-dev", file: "share/nginx/src/conf_flags" },
    Package {
        name: "libnginx-mod-http-modsecurity",
        file: "lib/nginx/modules/ngx_http_modsecurity_module.so",
    },
];

/// How many tokens the sets have, and the one that is compared with other means.
const SIZES: [usize; 3] = [1_000, COMPARED, 1_000_000];
const COMPARED: usize = 10_000;

/// How many tokens of its set a contender must refuse before it is measured.
const PROVEN: usize = 24;

/// How many requests each contender gets in a round: what takes it a few dozen milliseconds, so that some
/// rounds of a busy machine are not interrupted.
const NGINX_REQUESTS: usize = 2_048;
const ENVOY_REQUESTS: usize = 512;
const MODSECURITY_REQUESTS: usize = 256;

/// How many rounds of requests a contender gets before it is loaded anew.
const LOAD_BEFORE_RELOAD: usize = 4;

/// How long a run is.
struct Plan {
    rounds: usize,
    /// How often a configuration is loaded anew, with each file.
    reloads: usize,
}

/// A contender, and what was measured of it.
struct Contender {
    site: Site,
    /// Its connections, from when measuring begins: nginx waits a minute for the first request of one.
    load: Option<Load>,
    /// Which contender it is compared with: its own number for one that has nothing added.
    base: usize,
    /// Which one does all that it does but looking at requests, if there is such a one.
    reader: Option<usize>,
    /// How many requests it gets in a round.
    requests: usize,
    /// For each kind of request, a figure for each round.
    samples: Vec<Samples>,
    memory: Memory,
    /// With the file that is there, and with another one in its place.
    reloads: [Vec<Reload>; 2],
}

#[derive(Default)]
struct Samples {
    /// Nanoseconds on the processor for each request.
    cpu: Vec<f64>,
    /// Of the time that it took to be answered, in nanoseconds.
    p99: Vec<f64>,
}

/// Measures, prints the table and writes `target/bench/proxy.json`.
pub fn run(quick: bool) -> Result<()> {
    packages::install_missing(PACKAGES)?;
    let plan = match quick {
        true => Plan { rounds: 11, reloads: 1 },
        false => Plan { rounds: 121, reloads: 5 },
    };
    let folder = tempfile::Builder::new().prefix("stanch-bench-").tempdir()?;
    println!("tokens and sets");
    let tokens = traffic::tokens(SIZES[SIZES.len() - 1]);
    let mut contenders = start(folder.path(), &tokens)?;
    let kinds = traffic::kinds();

    // The load has a processor of its own where there are two.
    let last = std::thread::available_parallelism()?.get() - 1;
    process::pin(None, last)?;
    for contender in &mut contenders {
        process::pin(Some(contender.site.worker()?), 0)?;
        contender.load = Some(Load::connect(contender.site.port)?);
        contender.samples = kinds.iter().map(|_| Samples::default()).collect();
    }

    let start = Instant::now();
    let mut latencies = Vec::new();
    // The first round warms up, and does not count.
    for round in 0..=plan.rounds {
        for (kind, traffic) in kinds.iter().enumerate() {
            for turn in 0..contenders.len() {
                // Every other round goes backwards.
                let turn = if round % 2 == 0 { turn } else { contenders.len() - 1 - turn };
                let contender = &mut contenders[turn];
                let worker = contender.site.worker()?;
                latencies.clear();
                let before = process::nanoseconds(worker)?;
                if let Some(load) = &mut contender.load {
                    load.run(&traffic.requests, contender.requests, &mut latencies)
                        .with_context(|| contender.site.name.clone())?;
                }
                let spent = process::nanoseconds(worker)? - before;
                if round == 0 {
                    continue;
                }
                latencies.sort_unstable();
                let samples = &mut contender.samples[kind];
                samples.cpu.push(spent as f64 / latencies.len() as f64);
                samples.p99.push(f64::from(latencies[latencies.len() * 99 / 100]));
            }
        }
        if round == 1 {
            println!("{} rounds, {:.1} s each", plan.rounds, start.elapsed().as_secs_f64() / 2.0);
        }
    }

    for contender in &mut contenders {
        contender.memory = contender.site.memory()?;
        contender.load = None;
    }
    println!("reloads");
    let contenders = contenders.into_iter().map(|contender| reload(contender, &kinds, &plan));
    table::show(&contenders.collect::<Result<Vec<_>>>()?, &kinds, plan.rounds)
}

/// Starts every contender and lets it prove its answers.
fn start(folder: &Path, tokens: &[String]) -> Result<Vec<Contender>> {
    let key_file = folder.join("key");
    let key = ImprintKey::create(&key_file)?;
    let list = folder.join("tokens.txt");
    std::fs::write(&list, tokens[..COMPARED].join("\n") + "\n")?;

    let module = nginx_module::build::module()?;
    let (envoy_program, envoy_module) =
        (envoy_module::build::envoy()?, envoy_module::build::module()?);

    let mut contenders: Vec<Contender> = Vec::new();
    let mut add = |name: String,
                   (base, reader): (Option<usize>, Option<usize>),
                   requests: usize,
                   held: usize,
                   configure: &mut dyn FnMut(&Path) -> Result<Box<dyn Configuration>>|
     -> Result<usize> {
        let place = folder.join(contenders.len().to_string());
        std::fs::create_dir(&place)?;
        let configuration = configure(&place)?;
        let set = Some(place.join("patches")).filter(|set| set.exists());
        let site = Site::start(name, place, free_port()?, set, configuration)?;
        prove(&site, &tokens[..held]).with_context(|| site.name.clone())?;
        println!("  {}", site.name);
        contenders.push(Contender {
            site,
            load: None,
            base: base.unwrap_or(contenders.len()),
            reader,
            requests,
            samples: Vec::new(),
            memory: Memory::default(),
            reloads: [Vec::new(), Vec::new()],
        });
        Ok(contenders.len() - 1)
    };

    let nginx = add("nginx".into(), (None, None), NGINX_REQUESTS, 0, &mut |_| {
        Ok(Box::new(nginx::Nginx::plain()))
    })?;
    // Itself once more: what this shows as added is nothing but the measurement's own error.
    add("nginx, again".into(), (Some(nginx), None), NGINX_REQUESTS, 0, &mut |_| {
        Ok(Box::new(nginx::Nginx::plain()))
    })?;
    let name = "nginx that reads bodies".into();
    let reader = add(name, (Some(nginx), None), NGINX_REQUESTS, 0, &mut |_| {
        Ok(Box::new(nginx::Nginx::reader()?))
    })?;
    for size in SIZES {
        let name = format!("nginx + stanch, {size} tokens");
        add(name, (Some(nginx), Some(reader)), NGINX_REQUESTS, size, &mut |place| {
            let set = save(&key, &tokens[..size], place)?;
            Ok(Box::new(nginx::Nginx::stanch(&module, &set, &key_file)))
        })?;
    }
    let name = format!("nginx + ModSecurity, {COMPARED} tokens");
    add(name, (Some(nginx), Some(reader)), MODSECURITY_REQUESTS, COMPARED, &mut |place| {
        Ok(Box::new(nginx::Nginx::modsecurity(place, &list)?))
    })?;
    let plain = add("Envoy".into(), (None, None), ENVOY_REQUESTS, 0, &mut |_| {
        Ok(Box::new(envoy::Envoy::plain(&envoy_program)))
    })?;
    let name = format!("Envoy + stanch, {COMPARED} tokens");
    add(name, (Some(plain), None), ENVOY_REQUESTS, COMPARED, &mut |place| {
        let set = save(&key, &tokens[..COMPARED], place)?;
        Ok(Box::new(envoy::Envoy::stanch(&envoy_program, &envoy_module, &set, &key_file)))
    })?;
    let name = format!("Envoy + Lua look-up, {COMPARED} tokens");
    add(name, (Some(plain), None), ENVOY_REQUESTS, COMPARED, &mut |_| {
        Ok(Box::new(envoy::Envoy::lua(&envoy_program, &list)))
    })?;
    Ok(contenders)
}

/// Compiles a set into a contender's folder.
fn save(key: &ImprintKey, tokens: &[String], place: &Path) -> Result<PathBuf> {
    let mut builder = PatchSetBuilder::new(key).serial(1);
    for (token, leak) in tokens.iter().zip(1..) {
        builder.add(&key.imprint(&Secret::new("bench", token.as_bytes()))?, Patch::block(leak))?;
    }
    let set = place.join("patches");
    builder.build()?.save(&set)?;
    Ok(set)
}

/// Clean requests pass, and those with one of its tokens are refused; a plain proxy refuses none.
fn prove(site: &Site, tokens: &[String]) -> Result<()> {
    for traffic in traffic::kinds() {
        for request in traffic.requests.iter().step_by(traffic.requests.len() / 16) {
            let status = load::ask(site.port, request)?;
            ensure!(status == load::PASSED, "a clean {} was answered with {status}", traffic.name);
        }
    }
    // Forms of tokens take turns: the step must not be one of their number.
    let step = (tokens.len() / PROVEN) | 1;
    for token in tokens.iter().step_by(step.max(1)) {
        for request in traffic::leaking(token) {
            let status = load::ask(site.port, &request)?;
            ensure!(status == load::REFUSED, "a token was answered with {status}");
        }
    }
    if tokens.is_empty() {
        for request in traffic::leaking("sk_live_of0nobodyin0particular00") {
            ensure!(
                load::ask(site.port, &request)? == load::PASSED,
                "it refuses what it does not know"
            );
        }
    }
    Ok(())
}

/// Reloads with the files that are there, then with a copy of the set in its place. Before each reload there is
/// some load: a worker that has just started has little of its set in memory.
fn reload(mut contender: Contender, kinds: &[Traffic], plan: &Plan) -> Result<Contender> {
    for anew in [false, true] {
        for _ in 0..plan.reloads {
            if let (true, Some(set)) = (anew, &contender.site.set) {
                let copy = set.with_extension("new");
                std::fs::copy(set, &copy)?;
                std::fs::rename(&copy, set)?;
            }
            let mut load = Load::connect(contender.site.port)?;
            for traffic in kinds {
                let requests = contender.requests * LOAD_BEFORE_RELOAD;
                load.run(&traffic.requests, requests, &mut Vec::new())
                    .with_context(|| contender.site.name.clone())?;
            }
            drop(load);
            let reload = contender.site.reload().with_context(|| contender.site.name.clone())?;
            contender.reloads[usize::from(anew)].push(reload);
            std::thread::sleep(Duration::from_millis(200));
        }
    }
    Ok(contender)
}
