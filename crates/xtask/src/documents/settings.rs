//! What each page takes for granted, and how its commands end.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::postgres::Postgres;
use super::shell::Outcome;
use super::site::{Site, TOKEN};
use super::stage::Stage;
use super::{pages, root};
use crate::command::program;
use crate::nginx::config;
use crate::nginx::stand::{Directives, Stand};
use crate::proxy::client::exchange;
use crate::proxy::free_port;
use crate::proxy::message::Message;
use crate::{nginx, workspace};

/// A page with commands.
pub struct Setting {
    pub page: &'static str,
    /// Puts there what the page's first command finds.
    pub prepare: fn(&mut Stage) -> Result<()>,
    /// About commands that do more than end with 0.
    pub rules: &'static [Rule<'static>],
}

/// What is expected of a command, wherever it stands in its page.
pub struct Rule<'a> {
    /// As [`pages::Command::name`] has it.
    pub command: &'a str,
    pub how: How,
    pub status: i32,
    /// Words that it prints.
    pub says: &'static [&'static str],
    pub before: fn(&mut Stage) -> Result<()>,
    pub after: fn(&mut Stage, &Outcome) -> Result<()>,
}

/// How a command is run.
#[derive(Clone, Copy)]
pub enum How {
    Typed,
    /// It wants a terminal.
    Terminal,
    /// It is a script that git runs before a commit.
    Hook,
    /// It goes on for ever, and says these words.
    Serves(&'static str),
}

impl<'a> Rule<'a> {
    pub const fn new(command: &'a str) -> Rule<'a> {
        let (before, after) = (|_: &mut Stage| Ok(()), |_: &mut Stage, _: &Outcome| Ok(()));
        Rule { command, how: How::Typed, status: 0, says: &[], before, after }
    }

    const fn ends(mut self, status: i32) -> Rule<'a> {
        self.status = status;
        self
    }

    const fn says(mut self, words: &'static [&'static str]) -> Rule<'a> {
        self.says = words;
        self
    }

    const fn how(mut self, how: How) -> Rule<'a> {
        self.how = how;
        self
    }

    const fn before(mut self, before: fn(&mut Stage) -> Result<()>) -> Rule<'a> {
        self.before = before;
        self
    }

    const fn after(mut self, after: fn(&mut Stage, &Outcome) -> Result<()>) -> Rule<'a> {
        self.after = after;
        self
    }
}

/// A command whose findings make its status 1.
const fn finds(command: &str) -> Rule<'_> {
    Rule::new(command).ends(1)
}

pub const SETTINGS: &[Setting] = &[
    Setting {
        page: "README.md",
        prepare: repository,
        rules: &[
            finds("stanch scan .").says(&["slack-bot-token"]),
            finds("stanch scan --history").says(&["slack-bot-token"]),
            finds("stanch scan --staged").says(&["more.env"]),
            Rule::new("stanch rules check own-rules.toml").says(&["1 rule, 0 examples wrong"]),
            finds("stanch match --patches set --key stanch.key REQUEST").says(&["\"block\""]),
        ],
    },
    Setting {
        page: "docs/command.md",
        prepare: repository,
        rules: &[
            finds("stanch match --patches live.set --key stanch.key request.http")
                .says(&["\"block\""]),
            finds("exec stanch scan --staged").how(How::Hook).says(&["more.env"]),
            finds("stanch scan --register --seal operator.key.pub --key stanch.key deploy")
                .says(&["registered: 1 new leak"]),
            Rule::new("stanch leak unseal --identity operator.key 1").how(How::Terminal),
            Rule::new(
                "stanch patch pull https://sets.example.com/live.set -o live.set --public-key sign.key.pub --token-file token",
            )
            .before(serve_sets)
            .says(&["taken: serial 9"]),
            finds(
                "printf 'GET /?key=%s HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' \"$TOKEN\" | stanch match --patches live.set --key stanch.key -",
            ),
        ],
    },
    Setting {
        page: "docs/loop.md",
        prepare: tree,
        rules: &[
            finds("stanch scan --register --key stanch.key --target shop.example tree"),
            finds("stanch leak list"),
            Rule::new("stanch leak patch 1"),
            Rule::new("stanch attempts import /var/log/nginx/attempts.jsonl")
                .before(attempt)
                .says(&["1 new attempt, 1 new place"]),
        ],
    },
    Setting {
        page: "docs/operations.md",
        prepare: operator,
        rules: &[
            finds("stanch scan --register --key stanch.key --target shop.example tree"),
            finds("stanch leak list"),
            Rule::new(
                "stanch patch pull https://sets.example/live.set -o /etc/stanch/live.set --public-key /etc/stanch/sign.key.pub --token-file /etc/stanch/pull.token",
            )
            .before(publish)
            .says(&["taken: serial 1"]),
            Rule::new(
                "stanch patch pull https://sets.example/live.set -o /etc/stanch/live.set --public-key /etc/stanch/sign.key.pub --token-file /etc/stanch/pull.token --interval 30s",
            )
            .before(publish_anew)
            .how(How::Serves("taken: serial 2 in place of 1")),
            Rule::new("stanch attempts import /var/log/nginx/attempts.jsonl")
                .before(logged)
                .says(&["1 new attempt, 1 new place"]),
            finds("stanch policy apply --dry-run policy.toml"),
        ],
    },
    Setting {
        page: "docs/nginx.md",
        prepare: node,
        rules: &[Rule::new("nginx -t").says(&["test is successful"])],
    },
    Setting {
        page: "docs/reports.md",
        prepare: report,
        rules: &[Rule::new(
            "python3 -c 'import hashlib, json, sys snapshot = json.load(sys.stdin)[\"snapshot\"] text = json.dumps(snapshot, sort_keys=True, separators=(\",\", \":\"), ensure_ascii=False) print(\"sha256:\" + hashlib.sha256(text.encode()).hexdigest())' < report.json",
        )
        .after(is_the_digest)],
    },
    Setting { page: "docs/store.md", prepare: database, rules: &[] },
    Setting {
        page: "docs/install.md",
        prepare: sources,
        rules: &[],
    },
    Setting {
        page: "examples/c/README.md",
        prepare: checker,
        rules: &[Rule::new(
            "./check -t '/items?page=2' -H 'Authorization: Bearer …' -b body.json SET KEY",
        )
        .says(&["pass"])],
    },
];

/// A request with a token, as it goes over the wire.
fn request(token: &str) -> String {
    format!("GET /user HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer {token}\r\n\r\n")
}

/// A git repository with the sample in its history, one token more staged, and what the pages name besides.
fn repository(stage: &mut Stage) -> Result<()> {
    // Built as it is, without another optimised build; `dist::folder` runs the command as it stands.
    stage.replace("cargo run --release --", "stanch");
    stage.sample("")?;
    let token = stage.token(".", "slack-bot-token")?;
    stage.does(&[
        "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=ann GIT_AUTHOR_EMAIL=ann@shop.example",
        "export GIT_COMMITTER_NAME=ann GIT_COMMITTER_EMAIL=ann@shop.example",
        "git init --quiet . && git add . && git commit --quiet --message first",
    ])?;
    stage.write("more.env", format!("TOKEN={token}\n"))?;
    stage.does(&["git add more.env", &format!("export TOKEN={token}")])?;
    for name in ["TOKENS", "tokens.txt"] {
        stage.write(name, format!("{token}\n"))?;
    }
    for name in ["REQUEST", "request.http"] {
        stage.write(name, request(&token))?;
    }
    stage.write("own-rules.toml", OWN_RULES)
}

const OWN_RULES: &str = r#"
[[rule]]
id = "acme-key"
provider = "Acme"
class = "Acme API key"
privilege = "write"
consequence = "breach"
confidence = "high"
source = "https://acme.example/docs/keys"
shapes = [{ prefixes = ["acme_"], parts = [{ alphabet = "base62", length = 16 }] }]
positives = ["key: «acme_q8Zr2LmX0vTc5NbW»", "ACME_KEY=«acme_7Kd0PzY4sHt9GaUe»"]
negatives = ["acme_q8Zr2LmX0vTc5Nb", "acme-q8Zr2LmX0vTc5NbW"]
"#;

/// A server of sets with the next one.
fn serve_sets(stage: &mut Stage) -> Result<()> {
    let site = start_site(stage, "https://sets.example.com")?;
    stage.write("token", TOKEN)?;
    stage.does(&[&format!(
        "stanch patch compile --key stanch.key --sign sign.key --serial 9 -o {site} tokens.txt"
    )])
}

/// Starts a server of sets in the place of this one; the file that it serves.
fn start_site(stage: &mut Stage, url: &str) -> Result<String> {
    let site = Site::start("localhost")?;
    stage.replace(url, site.url("localhost"));
    // `serve` has a shell of its own.
    let authority = site.authority().display().to_string();
    stage.shell.set("SSL_CERT_FILE", &authority)?;
    let served = site.served("live.set").display().to_string();
    stage.site = Some(site);
    Ok(served)
}

fn tree(stage: &mut Stage) -> Result<()> {
    let host = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
    stage.replace("edge-1", host);
    stage.replace_folders(&["/var/log/nginx", "/etc/nginx"])?;
    stage.sample("tree")
}

/// nginx with the page's own configuration refuses a request.
fn attempt(stage: &mut Stage) -> Result<()> {
    let page = pages::read("docs/loop.md")?;
    let block = page.blocks.iter().find(|block| block.language == "nginx");
    let block = block.context("docs/loop.md has no configuration of nginx")?.text.replace('…', "");
    let (http, server) = block.split_once("server {").context("it has no server")?;
    let server = server.trim_end().strip_suffix('}').context("its server has no end")?;
    fs::create_dir_all(stage.path("stand"))?;
    stage.does(&["cp live.set stanch.key etc/nginx/"])?;
    let token = stage.token("tree", "slack-bot-token")?;
    let stand = Stand::start(
        &stage.path("stand"),
        &nginx::module()?,
        Directives { http: &stage.real(http), server: &stage.real(server) },
    )?;
    let message = Message::get("/orders").header("Authorization", format!("Bearer {token}"));
    let status = exchange(stand.port, "page", &message)?.status;
    ensure!(status == 403, "answered {status}");
    stand.stop().map(drop)
}

/// Where leaks are registered, before the page's first command.
fn operator(stage: &mut Stage) -> Result<()> {
    stage.replace_folders(&["/etc/stanch", "/var/log/nginx"])?;
    stage.sample("tree")?;
    stage.does(&[
        "stanch key new stanch.key",
        "stanch key new --sign sign.key",
        "stanch tenant enable",
        "stanch scan --register --key stanch.key --target shop.example tree",
        "stanch node enrol edge-0",
        "cp sign.key.pub etc/stanch/",
    ])?;
    stage.write("policy.toml", "name = \"shop\"\n[[rule]]\nname = \"all\"\ndecide = \"monitor\"\nlevel = \"low\"\nanyway = true\n")?;
    stage.write("etc/stanch/pull.token", TOKEN)
}

/// The set goes where nodes fetch it.
fn publish(stage: &mut Stage) -> Result<()> {
    let site = start_site(stage, "https://sets.example")?;
    stage.does(&[&format!("cp live.set {site}")])
}

fn publish_anew(stage: &mut Stage) -> Result<()> {
    let served = stage.site.as_ref().context("nothing is served")?.served("live.set");
    stage.does(&[&format!(
        "stanch patch build --key stanch.key --sign sign.key -o {0} && touch --date=@1 {0}",
        served.display()
    )])
}

/// A node has logged an attempt with the token of leak 2.
fn logged(stage: &mut Stage) -> Result<()> {
    stage.write("var/log/nginx/attempts.jsonl", "{\"type\":\"vpatch\",\"time\":\"2026-11-23T16:12:53.481Z\",\"node\":\"edge-1\",\"client\":\"203.0.113.7\",\"host\":\"api.example.com\",\"method\":\"GET\",\"path\":\"/v1/orders\",\"part\":\"header\",\"name\":\"Authorization\",\"view\":\"raw\",\"action\":\"monitor\",\"leak\":2}\n")
}

/// A machine with nginx as Debian installs it, the module as it was built, key and set.
fn node(stage: &mut Stage) -> Result<()> {
    stage.replace_folders(&["/usr/lib/nginx", "/etc/nginx"])?;
    for folder in ["usr/lib/nginx/modules", "etc/nginx/modules-enabled", "usr/share/nginx", "objs"]
    {
        fs::create_dir_all(stage.path(folder))?;
    }
    let modules = stage.path("usr/share/nginx/modules");
    std::os::unix::fs::symlink(stage.path("usr/lib/nginx/modules"), modules)?;
    fs::copy(nginx::module()?, stage.path("objs/ngx_http_stanch_module.so"))?;
    stage.write("tokens", "tst_9Xc4Vb7Nm2Qw5Er8Ty1Ui3Op6As0Df\n")?;
    stage.does(&[
        "stanch key new stanch.key",
        "stanch patch compile --key stanch.key -o live.set tokens",
    ])?;
    let port = free_port()?;
    let folder = stage.path("");
    let here = folder.display();
    stage.write(
        "etc/nginx/nginx.conf",
        format!(
            "include modules-enabled/*.conf;
error_log {here}/error.log;
pid {here}/nginx.pid;
events {{ }}
http {{
{temporary}
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        stanch monitor;
        stanch_patches stanch/patches;
        stanch_key stanch/key;
    }}
}}
",
            temporary = config::temporary_files(&folder),
        ),
    )?;
    stage.replace(
        "nginx -t",
        format!(
            "nginx -t -e {here}/early.log -p {here}/usr/share/nginx -c {here}/etc/nginx/nginx.conf"
        ),
    );
    // Who is not root may give files to a group of his own only.
    let group = program("id").args(&["-gn"]).capture()?.stdout;
    stage.replace("www-data", String::from_utf8(group)?.trim());
    Ok(())
}

fn report(stage: &mut Stage) -> Result<()> {
    stage.sample("tree")?;
    stage.does(&[
        "stanch key new stanch.key",
        "stanch tenant enable",
        "stanch scan --register --key stanch.key tree",
        "stanch report technical --format json -o report.json",
    ])
}

/// What the page computes is what the command says.
fn is_the_digest(stage: &mut Stage, outcome: &Outcome) -> Result<()> {
    let verified = stage.shell.run("stanch report verify --json report.json")?;
    let verified: Value = serde_json::from_str(&verified.out)?;
    let digest = outcome.out.trim();
    ensure!(verified["digest"] == digest, "{digest} is not that of {verified}");
    Ok(())
}

/// A database server whose administrator types.
fn database(stage: &mut Stage) -> Result<()> {
    let postgres = Postgres::start()?;
    stage.shell.set("PGHOST", &postgres.host())?;
    stage.shell.set("PGUSER", "postgres")?;
    stage.postgres = Some(postgres);
    Ok(())
}

/// The project's folder, where Cargo has built everything already.
fn sources(stage: &mut Stage) -> Result<()> {
    stage.replace("cargo build", format!("cargo build --manifest-path {}/Cargo.toml", root()));
    Ok(())
}

fn checker(stage: &mut Stage) -> Result<()> {
    sources(stage)?;
    for folder in ["include", "examples"] {
        std::os::unix::fs::symlink(workspace::root().join(folder), stage.path(folder))?;
    }
    std::os::unix::fs::symlink(workspace::target(), stage.path("target"))?;
    stage.write("tokens", "tst_9Xc4Vb7Nm2Qw5Er8Ty1Ui3Op6As0Df\n")?;
    stage.write("body.json", "{\"items\": []}\n")?;
    stage.does(&["stanch key new KEY", "stanch patch compile --key KEY -o SET tokens"])
}
