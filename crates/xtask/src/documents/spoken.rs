//! Commands that running text speaks of, and synopses: what they name must be there.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};

use super::pages::Page;
use super::root;
use crate::command::{both, program};
use crate::report::Report;
use crate::workspace;

/// What is written the same way in the configuration of nginx.
const DIRECTIVES: &[&str] = &["stanch on", "stanch monitor", "stanch off"];

/// Looks at every `stanch …` between backticks, and at every synopsis, whether there is such a command with such
/// options; and at every task and benchmark.
pub fn run(report: &mut Report, pages: &[Page]) -> Result<()> {
    let mut manual = Manual::read()?;
    for page in pages {
        let mut texts: BTreeSet<String> = page.spans.iter().cloned().collect();
        texts.extend(
            page.blocks.iter().filter(|block| block.language.is_empty()).flat_map(synopses),
        );
        let wrong: Vec<String> = texts
            .iter()
            .filter(|text| !DIRECTIVES.iter().any(|directive| text.starts_with(directive)))
            .filter_map(|text| match text.strip_prefix("stanch ") {
                Some(words) => manual.knows(words).err(),
                None => task(text)?.err(),
            })
            .map(|error| format!("{error:#}"))
            .collect();
        let outcome =
            if wrong.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(wrong.join("; "))) };
        report.case(&page.name, outcome);
    }
    Ok(())
}

/// Whether there is such a task of this program, or such a benchmark: they take minutes, or are what runs here.
/// Nothing for a command that is none of these.
pub fn task(command: &str) -> Option<Result<()>> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["cargo", "xtask", task, ..] => {
            let there = crate::HELP.lines().any(|line| {
                line.strip_prefix("  ").is_some_and(|line| line.split(' ').next() == Some(task))
            });
            Some(there.then_some(()).with_context(|| format!("there is no task `{task}`")))
        }
        ["cargo", "bench", rest @ ..] => Some(bench(rest)),
        _ => None,
    }
}

fn bench(words: &[&str]) -> Result<()> {
    let after = |option: &str| {
        words.iter().position(|word| *word == option).and_then(|at| words.get(at + 1)).copied()
    };
    let name = after("--bench").context("it names no benchmark")?;
    let folder = match after("-p") {
        Some(package) => format!("crates/{}", package.trim_start_matches("stanch-")),
        None => ".".to_owned(),
    };
    let manifest = workspace::root().join(folder).join("Cargo.toml");
    let manifest: toml::Table = toml::from_str(&std::fs::read_to_string(manifest)?)?;
    let benches = manifest.get("bench").and_then(toml::Value::as_array);
    let there = benches
        .into_iter()
        .flatten()
        .any(|bench| bench.get("name").and_then(toml::Value::as_str) == Some(name));
    ensure!(there, "there is no benchmark `{name}`");
    Ok(())
}

/// The lines of a synopsis, each with those that go on.
fn synopses(block: &super::pages::Block) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in block.text.lines() {
        match found.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line),
            _ => found.push(line.to_owned()),
        }
    }
    found
}

/// What the command says of itself.
struct Manual {
    /// Subcommands, words joined by spaces.
    names: BTreeSet<String>,
    help: BTreeMap<String, String>,
}

impl Manual {
    fn read() -> Result<Manual> {
        let folder = tempfile::tempdir()?;
        stanch(&["manual", "--folder", &folder.path().display().to_string()])?;
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(folder.path())? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let name = file.trim_end_matches(".1").trim_start_matches("stanch");
            names.insert(name.trim_start_matches('-').replace('-', " "));
        }
        ensure!(names.contains("patch pull"), "the manual has no page for `patch pull`: {names:?}");
        Ok(Manual { names, help: BTreeMap::new() })
    }

    /// Whether there is a command of these words, with these options.
    fn knows(&mut self, text: &str) -> Result<()> {
        let words: Vec<&str> =
            text.split([' ', '[', ']', '|']).filter(|word| !word.is_empty()).collect();
        let mut name = String::new();
        for word in &words {
            let longer = format!("{name} {word}").trim_start().to_owned();
            if !self.names.contains(&longer) {
                break;
            }
            name = longer;
        }
        // `stanch -` and the like speak of no command.
        let is_word = |word: &&str| word.starts_with(|first: char| first.is_ascii_lowercase());
        ensure!(!name.is_empty() || !words.first().is_some_and(is_word), "no `stanch {text}`");
        let help = self.help(&name)?;
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let option = option.trim_end_matches(['…', ',', '.']);
            let there = help.split([' ', '\n', ',', '=', '[']).any(|word| word == option);
            if !there && option != "--" {
                bail!("`stanch {name}` has no {option} (`stanch {text}`)");
            }
        }
        Ok(())
    }

    fn help(&mut self, name: &str) -> Result<String> {
        if !self.help.contains_key(name) {
            let mut arguments: Vec<&str> = name.split_whitespace().collect();
            arguments.push("--help");
            self.help.insert(name.to_owned(), stanch(&arguments)?);
        }
        self.help.get(name).cloned().context("no help")
    }
}

fn stanch(arguments: &[&str]) -> Result<String> {
    let command = workspace::target().join("debug/stanch");
    Ok(both(&program(command).args(arguments).folder(root().as_ref()).capture()?))
}
