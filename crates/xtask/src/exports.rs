//! The names of the C interface: what the source exports, what the header declares, and what the
//! shared object offers must be the same set.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::command::program;
use crate::library;
use crate::workspace;

type Names = BTreeSet<String>;

pub fn check() -> Result<()> {
    let library = library::build()?;
    let mut source = Names::new();
    for file in workspace::rust_files(&workspace::root().join("src/ffi"))? {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        source.extend(exported_by_source(&text));
    }
    let header = std::fs::read_to_string(workspace::root().join("include/stanch.h"))
        .context("include/stanch.h")?;
    let strangers = strangers_in_header(&header);
    let declared = declarations(&header);
    let twice = twice(&declared).map(|name| format!("include/stanch.h declares {name} twice"));
    let header: Names = declared.iter().cloned().collect();
    let shared: Names = dynamic_symbols(&library.shared)?.into_iter().collect();

    if source.is_empty() {
        bail!("src/ffi exports no function");
    }
    let mut complaints = strangers;
    complaints.extend(twice);
    complaints.extend(differences("src/ffi", &source, "include/stanch.h", &header));
    complaints.extend(differences("src/ffi", &source, "libstanch.so", &shared));
    if !complaints.is_empty() {
        bail!("{}", complaints.join("; "));
    }
    println!("    {} functions", source.len());
    Ok(())
}

/// The names that a shared object defines for others.
pub fn dynamic_symbols(file: &Path) -> Result<Vec<String>> {
    let output =
        program("nm").args(&["-D", "--defined-only", "--format=posix"]).arg(file).capture()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// The functions under `#[unsafe(no_mangle)]`. Those of test builds (`#[cfg(...)]`) are not part
/// of the interface.
fn exported_by_source(text: &str) -> Names {
    let mut names = Names::new();
    let (mut exported, mut conditional) = (false, false);
    for line in text.lines().map(str::trim) {
        if line.contains("#[unsafe(no_mangle)]") {
            exported = true;
        }
        if line.starts_with("#[cfg(") {
            conditional = true;
        }
        if let Some(name) = function_name(line) {
            if exported && !conditional {
                names.insert(name.to_owned());
            }
            (exported, conditional) = (false, false);
        } else if line.ends_with('}') || line.ends_with(';') {
            conditional = false;
        }
    }
    names
}

fn function_name(line: &str) -> Option<&str> {
    let line = line.split_once("extern \"C\" fn ")?.1;
    Some(line.split('(').next()?.trim())
}

/// The functions that a header declares: `stanch_…(` outside comments. A function pointer's
/// `(*stanch_…)(` is a type and does not count.
fn declarations(text: &str) -> Vec<String> {
    let text = without_c_comments(text);
    let mut names = Vec::new();
    for (at, _) in text.match_indices("stanch_") {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let rest = &text[at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        if !before.is_ascii_alphanumeric() && before != '_' && rest[end..].starts_with('(') {
            names.push(rest[..end].to_owned());
        }
    }
    names
}

/// Those of `names` that come a second time.
fn twice(names: &[String]) -> impl Iterator<Item = &String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(move |name| !seen.insert(*name))
}

/// The names that a header puts into its user's program and that are not marked as the library's.
fn strangers_in_header(text: &str) -> Vec<String> {
    let text = without_c_comments(text);
    let defined = text.lines().filter_map(|line| line.strip_prefix("#define "));
    let types = text.lines().filter_map(|line| {
        line.strip_prefix("} ")
            .or_else(|| line.strip_prefix("typedef struct "))
            .filter(|line| line.ends_with(';'))
    });
    let bad = |line: &str, prefix: &str| {
        let name = line.split([' ', ';']).next().unwrap_or(line);
        (!name.starts_with(prefix))
            .then(|| format!("include/stanch.h: `{name}` is not named {prefix}…"))
    };
    let mut found: Vec<String> = defined.filter_map(|line| bad(line, "STANCH_")).collect();
    found.extend(types.filter_map(|line| bad(line, "stanch_")));
    found
}

fn without_c_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("/*") {
        code.push_str(&rest[..start]);
        rest = rest[start..].find("*/").map_or("", |end| &rest[start + end + 2..]);
    }
    code.push_str(rest);
    code
}

fn differences(a_name: &str, a: &Names, b_name: &str, b: &Names) -> Vec<String> {
    let only = |name: &str, names: &Names, other: &Names| {
        let extra: Vec<&str> = names.difference(other).map(String::as_str).collect();
        (!extra.is_empty()).then(|| format!("only in {name}: {}", extra.join(", ")))
    };
    [only(a_name, a, b), only(b_name, b, a)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Names {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn source_exports_are_those_under_no_mangle() {
        let text = r#"
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn stanch_set_free(set: *mut Set) {}
            extern "C" fn stanch_helper() {}
            #[cfg(feature = "x")]
            #[unsafe(no_mangle)]
            pub extern "C" fn stanch_test_panic() {}
            #[unsafe(no_mangle)]
            pub extern "C" fn stanch_version() -> *const c_char {}
        "#;
        assert_eq!(exported_by_source(text), names(&["stanch_set_free", "stanch_version"]));
    }

    #[test]
    fn header_declarations_leave_out_comments_and_types() {
        let text = "/* stanch_old(); */ typedef int (*stanch_finding_fn)(void *);\n\
                    int32_t stanch_set_open(stanch_slice path,\n stanch_set **out);";
        assert_eq!(declarations(text), ["stanch_set_open"]);
    }

    #[test]
    fn a_second_declaration_is_noticed() {
        let declared =
            declarations("void stanch_a(void); void stanch_b(void); void stanch_a(void);");
        assert_eq!(twice(&declared).collect::<Vec<_>>(), ["stanch_a"]);
    }

    #[test]
    fn names_without_the_prefix_are_strangers() {
        let text = "#define STANCH_OK 0\n#define LIMIT 1\ntypedef struct stanch_set stanch_set;\n\
                    typedef struct {\n  int a;\n} pair;\n";
        let found = strangers_in_header(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("LIMIT") && found[1].contains("pair"));
    }

    #[test]
    fn differences_name_both_sides() {
        let found = differences("a", &names(&["x", "y"]), "b", &names(&["y", "z"]));
        assert_eq!(found, ["only in a: x", "only in b: z"]);
        assert!(differences("a", &names(&["x"]), "b", &names(&["x"])).is_empty());
    }
}
