//! Every command in the documentation, taken from its text and run.
//!
//! A page's commands run in one shell, in a folder that was prepared for the page ([`settings`]). A command that
//! nobody said anything about must end with 0 there; one on a page without a setting fails. What cannot run
//! here, another step takes from the same text ([`ELSEWHERE`]).

mod code;
pub mod pages;
mod postgres;
mod pull;
mod settings;
mod shell;
mod site;
mod spoken;
mod stage;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use crate::report::Report;
use crate::{command, workspace};
use pages::{Command, Page};
use settings::{How, Rule, SETTINGS};
use stage::Stage;

/// A block of a page, by what its first command begins with.
pub type Place = (&'static str, &'static str);

/// Builds the nginx module: `nginx::build`.
pub const NGINX_BUILD: Place = ("docs/nginx.md", "cargo build");
/// Builds the Envoy module: `envoy::build`.
pub const ENVOY_BUILD: Place = ("docs/envoy.md", "cargo build");
/// Install packages and use them: `clean_root`.
pub const INSTALL_NGINX: Place = ("docs/install.md", "apt-get install ./libnginx");
pub const INSTALL_COMMAND: Place = ("docs/install.md", "apt-get install ./stanch_");
/// Check the release folder, and link with it where it stands: `dist::checks`.
pub const CHECK_FOLDER: Place = ("docs/install.md", "sha256sum");
pub const LINK_FOLDER: Place = ("docs/install.md", "export PKG_CONFIG_PATH");
/// Puts the release folder into a system: `clean_root`.
pub const INSTALL_FOLDER: Place = ("docs/install.md", "cp -a");
/// Builds the command: `dist::folder`.
pub const COMMAND_BUILD: Place = ("docs/install.md", "cargo build --release");

const ELSEWHERE: &[Place] = &[
    NGINX_BUILD,
    ENVOY_BUILD,
    INSTALL_NGINX,
    INSTALL_COMMAND,
    CHECK_FOLDER,
    LINK_FOLDER,
    INSTALL_FOLDER,
    COMMAND_BUILD,
];

/// The commands of a block, for a shell that ends at the first one that fails.
pub fn script((page, beginning): Place) -> Result<String> {
    let commands = pages::block(page, beginning)?;
    Ok(commands.iter().map(|command| format!("{}\n", command.text)).collect())
}

/// Runs every command of every page.
pub fn run(report: &mut Report) {
    let mut ran = 0;
    report.step("documents: every command of every page", |report| {
        // As the tests before built it.
        command::cargo(&["build", "--workspace", "--bin", "stanch"]).capture()?;
        let pages = pages::all()?;
        for page in &pages {
            ran += page_of(report, page);
        }
        for (name, beginning) in ELSEWHERE {
            report.case(&format!("{name}: `{beginning} …` is there"), {
                pages::block(name, beginning).map(drop)
            });
        }
        report.case("every rule is about a command that is there", stale(&pages));
        Ok(())
    });
    println!("    {ran} commands were run");
    report.step("documents: commands in running text and synopses", |report| {
        spoken::run(report, &pages::all()?)
    });
    report.step("documents: code in C and C++", |report| code::run(report, &pages::all()?));
    report.step("documents: sets over https", pull::run);
}

/// Runs a page's commands; how many were run here.
fn page_of(report: &mut Report, page: &Page) -> usize {
    let mut stage = None;
    let mut ran = 0;
    for block in &page.blocks {
        let elsewhere = ELSEWHERE.iter().any(|(name, beginning)| {
            let first = block.commands.first().map(Command::name).unwrap_or_default();
            *name == page.name && first.starts_with(beginning)
        });
        if elsewhere {
            continue;
        }
        for command in &block.commands {
            let name = format!("{}:{}: {}", page.name, command.line, command.name());
            if let Some(outcome) = spoken::task(&command.name()) {
                report.case(&name, outcome);
                continue;
            }
            ran += 1;
            report.case(&name, one(&mut stage, page, command));
        }
    }
    ran
}

fn one(stage: &mut Option<Stage>, page: &Page, command: &Command) -> Result<()> {
    let setting = SETTINGS.iter().find(|setting| setting.page == page.name);
    let Some(setting) = setting else {
        anyhow::bail!("there is no setting for the commands of this page (settings.rs)")
    };
    let stage = match stage {
        Some(stage) => stage,
        None => {
            let mut new = Stage::new()?;
            (setting.prepare)(&mut new)?;
            stage.insert(new)
        }
    };
    let name = command.name();
    let usual = Rule::new(&name);
    let rule = setting.rules.iter().find(|rule| rule.command == name).unwrap_or(&usual);
    (rule.before)(stage)?;
    let text = stage.real(&command.text);
    let outcome = match rule.how {
        How::Typed => stage.shell.run(&text)?,
        How::Terminal => stage.on_terminal(&text)?,
        How::Hook => stage.as_hook(&text)?,
        How::Serves(words) => return stage.shell.serve(&text, words),
    };
    let all = outcome.all();
    ensure!(
        outcome.status == rule.status,
        "ended with {} instead of {}: {all}",
        outcome.status,
        rule.status
    );
    for words in rule.says {
        ensure!(all.contains(words), "does not say `{words}`: {all}");
    }
    if !command.prints.is_empty() {
        ensure!(outcome.out == command.prints, "the page has another output: {all}");
    }
    (rule.after)(stage, &outcome)
}

/// A rule about a command that no page has any more.
fn stale(pages: &[Page]) -> Result<()> {
    for setting in SETTINGS {
        let page = pages.iter().find(|page| page.name == setting.page);
        let commands = page.into_iter().flat_map(|page| &page.blocks).flat_map(|b| &b.commands);
        let names: BTreeSet<String> = commands.map(Command::name).collect();
        ensure!(!names.is_empty(), "{} has no commands", setting.page);
        for rule in setting.rules {
            ensure!(names.contains(rule.command), "{} has no `{}`", setting.page, rule.command);
        }
    }
    Ok(())
}

/// Where a page's files are in the workspace.
fn root() -> String {
    workspace::root().display().to_string()
}
