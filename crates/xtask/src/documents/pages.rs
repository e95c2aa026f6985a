//! Markdown read as somebody reads it who types what stands there: commands, what they print, and code.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// Folders whose pages are read beside those of the root.
const FOLDERS: &[&str] = &["docs", "examples/c", "examples/envoy", "examples/nginx", "fuzz"];

/// What may stand behind the fence of a block that holds no command.
const LANGUAGES: &[&str] =
    &["", "c", "cpp", "json", "nginx", "python", "rust", "text", "toml", "yaml"];

/// Indented blocks that are no commands, by their page and how they begin.
const PLAIN: &[(&str, &str)] = &[
    ("docs/architecture.md", "text ──detect"),
    ("docs/detector.md", "[[rule]]"),
    ("docs/leaks.md", "Entry {"),
    ("docs/leaks.md", "patch (block or monitor)"),
    ("docs/leaks.md", "{\"leak\":"),
    ("docs/patch-set-format.md", "Dᵢ ="),
    ("docs/patch-set-format.md", "x = gram"),
    ("docs/risk.md", "let assessment"),
    ("docs/risk.md", "score ="),
    ("docs/risk.md", "privilege admin"),
    ("docs/risk.md", "P = min"),
    ("docs/risk.md", "[caps]"),
    ("docs/store.md", "Store::open"),
    ("docs/store.md", "postgres://"),
];

/// A page, taken apart.
pub struct Page {
    /// Its path from the root.
    pub name: String,
    pub blocks: Vec<Block>,
    /// What stands between backticks in running text.
    pub spans: Vec<String>,
}

/// A block of code.
pub struct Block {
    /// Its first line in the page, from 1.
    pub line: usize,
    pub language: String,
    pub text: String,
    /// What is to be typed, if it holds commands.
    pub commands: Vec<Command>,
}

/// A command, with all its lines.
#[derive(Clone)]
pub struct Command {
    pub line: usize,
    /// As it stands in the page.
    pub text: String,
    /// What the page says it prints; empty if it says nothing.
    pub prints: String,
}

impl Command {
    /// In one line, without comments: what it is known by.
    pub fn name(&self) -> String {
        let words = self.text.lines().map(without_comment).flat_map(str::split_whitespace);
        words.filter(|word| *word != "\\").collect::<Vec<_>>().join(" ")
    }
}

/// All pages that hold something for a reader to type.
pub fn all() -> Result<Vec<Page>> {
    let mut names = vec!["README.md".to_owned()];
    for folder in FOLDERS {
        for entry in std::fs::read_dir(workspace::root().join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                names.push(format!("{folder}/{file}"));
            }
        }
    }
    names.sort();
    names.iter().map(|name| read(name)).collect()
}

/// A page by its path from the root.
pub fn read(name: &str) -> Result<Page> {
    let text = std::fs::read_to_string(workspace::root().join(Path::new(name)))
        .with_context(|| name.to_owned())?;
    parse(name, &text)
}

/// The commands of the one block of a page whose first command begins so.
pub fn block(name: &str, beginning: &str) -> Result<Vec<Command>> {
    let page = read(name)?;
    let mut found = page.blocks.into_iter().filter(|block| {
        block.commands.first().is_some_and(|command| command.name().starts_with(beginning))
    });
    let block =
        found.next().with_context(|| format!("{name} has no block that begins `{beginning}`"))?;
    ensure!(found.next().is_none(), "{name} has two blocks that begin `{beginning}`");
    Ok(block.commands)
}

fn parse(name: &str, text: &str) -> Result<Page> {
    let mut page = Page { name: name.to_owned(), blocks: Vec::new(), spans: Vec::new() };
    let mut prose = String::new();
    let mut lines = text.lines().enumerate().peekable();
    let mut after_blank = true;
    while let Some((at, line)) = lines.next() {
        let indent = line.len() - line.trim_start().len();
        if let Some(language) = line.trim_start().strip_prefix("```") {
            let mut code = Vec::new();
            loop {
                let (_, line) = lines.next().with_context(|| format!("{name}: an open fence"))?;
                if line.trim_start().starts_with("```") {
                    break;
                }
                // What stands in a list is indented as the list is.
                code.push(line.get(indent..).unwrap_or_default());
            }
            let kind = match language {
                "sh" => Kind::Commands,
                other if LANGUAGES.contains(&other) => Kind::Other,
                other => bail!("{name}:{}: a block of `{other}`; commands are `sh`", at + 1),
            };
            page.blocks.push(block_of(name, at + 2, language, &code, kind)?);
            after_blank = false;
        } else if after_blank && line.starts_with("    ") {
            let mut code = vec![&line[4..]];
            while let Some((_, next)) =
                lines.next_if(|(_, next)| next.starts_with("    ") || next.is_empty())
            {
                code.push(next.get(4..).unwrap_or_default());
            }
            while code.last().is_some_and(|line| line.is_empty()) {
                code.pop();
            }
            let first = line.trim_start();
            let plain = PLAIN.iter().any(|(page, start)| *page == name && first.starts_with(start));
            let kind = if plain { Kind::Other } else { Kind::Commands };
            page.blocks.push(block_of(name, at + 1, "", &code, kind)?);
            after_blank = true;
        } else {
            after_blank = line.is_empty();
            prose.push_str(line);
            prose.push('\n');
        }
    }
    page.spans = spans(&prose);
    Ok(page)
}

enum Kind {
    Commands,
    Other,
}

fn block_of(name: &str, line: usize, language: &str, code: &[&str], kind: Kind) -> Result<Block> {
    let commands = match kind {
        Kind::Commands => commands(line, code).with_context(|| format!("{name}:{line}"))?,
        Kind::Other => Vec::new(),
    };
    Ok(Block { line, language: language.to_owned(), text: code.join("\n"), commands })
}

/// Takes a block of commands apart. A script is one command; with a prompt before commands, the other lines are
/// what they print.
fn commands(first: usize, code: &[&str]) -> Result<Vec<Command>> {
    if code.first().is_some_and(|line| line.starts_with("#!")) {
        return Ok(vec![Command { line: first, text: code.join("\n"), prints: String::new() }]);
    }
    let prompted = code.iter().any(|line| line.starts_with("$ "));
    let mut commands: Vec<Command> = Vec::new();
    let mut lines = code.iter().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = match (prompted, line.strip_prefix("$ ")) {
            (true, Some(typed)) => typed,
            (true, None) => {
                let command = commands.last_mut().context("output without a command")?;
                command.prints.push_str(line);
                command.prints.push('\n');
                continue;
            }
            (false, _) if without_comment(line).trim().is_empty() => continue,
            (false, _) => line,
        };
        let mut text = line.to_owned();
        while goes_on(&text) {
            let (_, next) = lines.next().context("a command that does not end")?;
            text.push('\n');
            text.push_str(next);
        }
        commands.push(Command { line: first + at, text, prints: String::new() });
    }
    Ok(commands)
}

/// Whether the next line belongs to it.
fn goes_on(text: &str) -> bool {
    let last = without_comment(text.lines().last().unwrap_or_default()).trim_end();
    let quotes = text.lines().map(|line| without_comment(line).matches('\'').count());
    let open_quote = !quotes.sum::<usize>().is_multiple_of(2);
    open_quote || last.ends_with(['\\', '|']) || last.ends_with("&&")
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.find(" # ").map_or(line, |at| &line[..at])
}

/// What stands between single backticks, lines joined.
fn spans(prose: &str) -> Vec<String> {
    let mut spans = Vec::new();
    for paragraph in prose.split("\n\n") {
        let parts: Vec<&str> = paragraph.split('`').collect();
        spans.extend(
            parts
                .iter()
                .skip(1)
                .step_by(2)
                .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")),
        );
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(page: &Page) -> Vec<String> {
        page.blocks.iter().flat_map(|block| &block.commands).map(Command::name).collect()
    }

    #[test]
    fn commands_are_found_wherever_they_stand() {
        let text = "Run `a b\nc`:\n\n    one --x # that's why\n    two |\n      three\n\n1. in a list\n   ```sh\n   \
                    four \\\n       -o 'a\n   b'\n   # alone\n   five\n   ```\n\n```json\nsix\n```\n";
        let page = parse("p.md", text).unwrap();
        assert_eq!(names(&page), ["one --x", "two | three", "four -o 'a b'", "five"]);
        assert_eq!(page.spans, ["a b c"]);
        let lines: Vec<usize> = page.blocks.iter().map(|block| block.line).collect();
        assert_eq!(lines, [4, 10, 18]);
    }

    #[test]
    fn what_follows_a_prompt_is_printed() {
        let page = parse("p.md", "```sh\n$ one |\n  two\nthree\n$ four\n```\n").unwrap();
        assert_eq!(names(&page), ["one | two", "four"]);
        assert_eq!(page.blocks[0].commands[0].prints, "three\n");
    }

    #[test]
    fn nothing_is_passed_over() {
        for text in ["```bash\none\n```\n", "```sh\none\n", "```sh\none |\n```\n"] {
            assert!(parse("p.md", text).is_err(), "{text}");
        }
        let script = parse("p.md", "```sh\n#!/bin/sh\none\n```\n").unwrap();
        assert_eq!(script.blocks[0].commands[0].text, "#!/bin/sh\none");
    }
}
