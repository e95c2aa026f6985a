//! The bill of materials: every crate that is in what is handed out, as a CycloneDX 1.5 document.
//!
//! Cargo knows all of it: `cargo metadata` which crates depend on which, `Cargo.lock` their checksums. The
//! document has no time in it, so that the same tree makes the same document.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::VERSION;
use crate::command::{both, cargo, program};
use crate::{library, workspace};

/// What the release is called among its parts.
const RELEASE: &str = "stanch-release";

/// The crates that the release begins with: the library and the command.
const FIRST: &[&str] = &["stanch", "stanch-cli"];

/// The document.
pub fn text() -> Result<String> {
    let host = library::host()?;
    let metadata = cargo(&["metadata", "--locked", "--format-version", "1", "--filter-platform"])
        .arg(host)
        .capture()?
        .stdout;
    let lock =
        std::fs::read_to_string(workspace::root().join("Cargo.lock")).context("Cargo.lock")?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = both(&program(rustc).arg("-vV").capture()?);
    let release = version.lines().find_map(|line| line.strip_prefix("release: "));
    let document = document(
        &serde_json::from_slice(&metadata)?,
        &checksums(&lock)?,
        release.context("rustc does not say its version")?,
    )?;
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Checksums by name and version. Crates of the workspace have none.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(toml::Value::as_array).context("no packages")?;
    let said = |package: &toml::Value, name: &str| {
        package.get(name).and_then(toml::Value::as_str).map(str::to_owned)
    };
    Ok(packages
        .iter()
        .filter_map(|package| {
            let name = (said(package, "name")?, said(package, "version")?);
            Some((name, said(package, "checksum")?))
        })
        .collect())
}

fn document(
    metadata: &Value,
    checksums: &BTreeMap<(String, String), String>,
    rust: &str,
) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> = entries(&metadata["packages"], "id");
    let nodes: BTreeMap<&str, &Value> = entries(&metadata["resolve"]["nodes"], "id");
    let named = |name: &str| {
        let found = packages.iter().find(|(_, p)| p["name"] == name && p["source"].is_null());
        found.map(|(id, _)| *id).with_context(|| format!("there is no crate {name}"))
    };
    let first: Vec<&str> = FIRST.iter().map(|name| named(name)).collect::<Result<_>>()?;

    let mut seen: BTreeSet<&str> = first.iter().copied().collect();
    let mut queue: VecDeque<&str> = first.iter().copied().collect();
    let (mut components, mut dependencies) = (vec![standard_library(rust)], vec![]);
    let mut of_release: Vec<String> = vec![standard_name(rust)];
    for id in first {
        of_release.push(url(packages[id])?);
    }
    dependencies.push(json!({ "ref": RELEASE, "dependsOn": of_release }));
    dependencies.push(json!({ "ref": standard_name(rust), "dependsOn": [] }));
    while let Some(id) = queue.pop_front() {
        let package = packages.get(id).with_context(|| format!("{id} is not described"))?;
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let mut on = BTreeSet::new();
        for dependency in shipped(node) {
            let package = packages.get(dependency).context("an unknown dependency")?;
            if is_macro(package) {
                continue;
            }
            on.insert(url(package)?);
            if seen.insert(dependency) {
                queue.push_back(dependency);
            }
        }
        components.push(component(package, checksums)?);
        dependencies.push(json!({ "ref": url(package)?, "dependsOn": on }));
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": RELEASE,
                "name": "stanch",
                "version": VERSION,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The dependencies that become part of a program: neither those of build scripts nor of tests.
fn shipped(node: &Value) -> impl Iterator<Item = &str> {
    let all = node["deps"].as_array().into_iter().flatten();
    all.filter(|dependency| {
        let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
        kinds.any(|kind| kind["kind"].is_null())
    })
    .filter_map(|dependency| dependency["pkg"].as_str())
}

/// A procedural macro runs in the compiler; neither it nor what it needs is in a program.
fn is_macro(package: &Value) -> bool {
    let targets = package["targets"].as_array().into_iter().flatten();
    let mut kinds = targets.filter_map(|target| target["kind"].as_array()).flatten();
    kinds.any(|kind| kind == "proc-macro")
}

fn component(package: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let (name, version) = (field(package, "name")?, field(package, "version")?);
    let program = package["targets"].as_array().into_iter().flatten().any(|target| {
        target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
            && package["source"].is_null()
    });
    let mut component = json!({
        "type": if program { "application" } else { "library" },
        "bom-ref": url(package)?,
        "name": name,
        "version": version,
        "scope": "required",
    });
    if let Some(licence) = package["license"].as_str() {
        // Older crates write a slash where SPDX has a word.
        let licence = licence.replace(" / ", "/").replace('/', " OR ");
        component["licenses"] = json!([{ "expression": licence }]);
    }
    if !package["source"].is_null() {
        let checksum = checksums
            .get(&(name.to_owned(), version.to_owned()))
            .with_context(|| format!("Cargo.lock has no checksum of {name} {version}"))?;
        component["purl"] = json!(url(package)?);
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    Ok(component)
}

fn standard_name(rust: &str) -> String {
    format!("rust-std@{rust}")
}

fn standard_library(rust: &str) -> Value {
    json!({
        "type": "library",
        "bom-ref": standard_name(rust),
        "name": "rust-std",
        "version": rust,
        "scope": "required",
        "licenses": [{ "expression": "MIT OR Apache-2.0" }],
    })
}

fn url(package: &Value) -> Result<String> {
    // A plus of a version stands for a blank in a URL.
    let version = field(package, "version")?.replace('+', "%2B");
    Ok(format!("pkg:cargo/{}@{version}", field(package, "name")?))
}

fn field<'a>(of: &'a Value, name: &str) -> Result<&'a str> {
    of[name].as_str().with_context(|| format!("no {name}"))
}

fn entries<'a>(list: &'a Value, key: &str) -> BTreeMap<&'a str, &'a Value> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|entry| Some((entry[key].as_str()?, entry))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        [[package]]
        name = "stanch"
        version = "1.0.0"
        [[package]]
        name = "used"
        version = "2.0.0+build"
        source = "registry"
        checksum = "abcd"
    "#;

    fn metadata() -> Value {
        let package = |name: &str, version: &str, source: Value, kind: &str| {
            json!({ "id": name, "name": name, "version": version, "source": source,
                    "license": "MIT/Apache-2.0", "targets": [{ "kind": [kind] }] })
        };
        let on = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        let registry = json!("registry");
        json!({
            "packages": [
                package("stanch", "1.0.0", Value::Null, "lib"),
                package("stanch-cli", "1.0.0", Value::Null, "bin"),
                package("used", "2.0.0+build", registry.clone(), "lib"),
                package("derive", "1.0.0", registry.clone(), "proc-macro"),
                package("tested-with", "1.0.0", registry, "lib"),
            ],
            "resolve": { "nodes": [
                { "id": "stanch", "deps": [
                    on("used", Value::Null), on("derive", Value::Null), on("tested-with", json!("dev"))
                ] },
                { "id": "stanch-cli", "deps": [on("stanch", Value::Null), on("used", json!("build"))] },
                { "id": "used", "deps": [] },
                { "id": "derive", "deps": [on("tested-with", Value::Null)] },
                { "id": "tested-with", "deps": [] },
            ] },
        })
    }

    #[test]
    fn what_is_shipped_is_listed_with_what_it_depends_on() {
        let bill = document(&metadata(), &checksums(LOCK).unwrap(), "1.0.0").unwrap();
        let components = entries(&bill["components"], "bom-ref");
        let used = "pkg:cargo/used@2.0.0%2Bbuild";
        let names: Vec<&str> = components.keys().copied().collect();
        assert_eq!(
            names,
            ["pkg:cargo/stanch-cli@1.0.0", "pkg:cargo/stanch@1.0.0", used, "rust-std@1.0.0"]
        );
        assert_eq!(components[used]["hashes"][0]["content"], "abcd");
        assert_eq!(components[used]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        let dependencies = entries(&bill["dependencies"], "ref");
        assert_eq!(dependencies["pkg:cargo/stanch@1.0.0"]["dependsOn"], json!([used]));
        assert_eq!(
            dependencies["pkg:cargo/stanch-cli@1.0.0"]["dependsOn"],
            json!(["pkg:cargo/stanch@1.0.0"])
        );
    }

    #[test]
    fn a_crate_without_a_checksum_is_an_error() {
        let error = document(&metadata(), &BTreeMap::new(), "1.0.0").unwrap_err();
        assert!(error.to_string().contains("used"), "{error}");
    }
}
