//! The pages' code in C and C++, compiled with every warning an error.
//!
//! What a page leaves to its reader (where a path comes from, what happens to a refused request) stands in
//! `preamble.h`. A snippet goes on where the one before it in its page has ended.

use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::pages::Page;
use crate::command::program;
use crate::report::Report;
use crate::workspace;

const LANGUAGES: &[(&str, &str, &[&str])] =
    &[("c", "gcc", &["-std=c11", "-xc"]), ("cpp", "g++", &["-std=c++17", "-xc++"])];

/// What every page of an embedded library has to tell of.
const GUIDE: &str = "docs/embedding.md";
const TOPICS: &[&str] = &["Ownership", "Threads", "Forks", "Signals", "Errors"];

pub fn run(report: &mut Report, pages: &[Page]) -> Result<()> {
    let mut compiled = 0;
    for page in pages {
        for (language, compiler, options) in LANGUAGES {
            let blocks = page.blocks.iter().filter(|block| block.language == *language);
            let blocks: Vec<_> = blocks.collect();
            if blocks.is_empty() {
                continue;
            }
            compiled += blocks.len();
            let mut text = String::from("#include \"preamble.h\"\n");
            let mut body = String::new();
            for block in &blocks {
                let _ = writeln!(body, "#line {} \"{}\"", block.line, page.name);
                for line in block.text.lines() {
                    // An include cannot stand in a function; its line stays, so that numbers are right.
                    let include = line.starts_with("#include");
                    let to = if include { &mut text } else { &mut body };
                    let _ = writeln!(to, "{line}");
                    if include {
                        body.push('\n');
                    }
                }
            }
            let _ = writeln!(text, "void page(void)\n{{\n{body}}}");
            report.case(
                &format!("{}: {} blocks of {language}", page.name, blocks.len()),
                compile(compiler, options, &text),
            );
        }
    }
    ensure!(compiled > 0, "no page has code in C");
    report.case("the C guide covers its topics", {
        let guide = std::fs::read_to_string(workspace::root().join(GUIDE))?;
        let missing: Vec<_> =
            TOPICS.iter().filter(|topic| !guide.contains(&format!("\n**{topic}.**"))).collect();
        if missing.is_empty() { Ok(()) } else { Err(anyhow::anyhow!("not {missing:?}")) }
    });
    Ok(())
}

fn compile(compiler: &str, options: &[&str], text: &str) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("stanch-code-").tempdir()?;
    std::fs::write(folder.path().join("page"), text)?;
    program(compiler)
        .args(options)
        // A snippet may declare what only its reader's code uses.
        .args(&["-Wall", "-Wextra", "-Werror", "-Wno-unused", "-fsyntax-only", "-I"])
        .arg(workspace::root().join("include"))
        .arg("-I")
        .arg(workspace::root().join("crates/xtask/src/documents"))
        .arg("page")
        .folder(folder.path())
        .capture()?;
    Ok(())
}
