//! `stanch node`: the nodes that apply patches.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::desk::Desk;
use crate::outcome::{Failure, Outcome, counted};
use crate::palette;

/// Enrols and removes the nodes that apply patches
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Without a node nothing can be patched: stanch then detects only. What a patch protects is known when \
every enrolled node has confirmed it.")]
pub(crate) enum NodeVerb {
    /// Enrols nodes, by the names that their logs give
    Enrol(Names),
    /// Removes nodes
    Remove(Names),
    /// Lists the nodes
    List(List),
    /// Writes down that nodes run the set that was built last: they apply every patch that is decided
    Confirm(Names),
}

#[derive(Debug, Args)]
pub(crate) struct Names {
    #[command(flatten)]
    desk: Desk,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// The nodes
    #[arg(required = true, value_name = "NODE")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    desk: Desk,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(verb: &NodeVerb) -> Result<Outcome, Failure> {
    match verb {
        NodeVerb::Enrol(names) => enrol(names),
        NodeVerb::Remove(names) => remove(names),
        NodeVerb::List(arguments) => list(arguments),
        NodeVerb::Confirm(names) => confirm(names),
    }
}

fn enrol(Names { desk, json, names }: &Names) -> Result<Outcome, Failure> {
    desk.open()?.enrol(&desk.by()?, &desk.tenant(), names)?;
    tell(names, *json, "enrolled")
}

fn remove(Names { desk, json, names }: &Names) -> Result<Outcome, Failure> {
    let (store, by) = (desk.open()?, desk.by()?);
    for name in names {
        store.remove_node(&by, &desk.tenant(), name)?;
    }
    tell(names, *json, "removed")
}

fn list(arguments: &List) -> Result<Outcome, Failure> {
    let desk = &arguments.desk;
    let mut output = palette::output();
    for name in desk.open()?.nodes(&desk.user(), &desk.tenant())? {
        match arguments.json {
            true => writeln!(output, "{}", json!({ "node": name }))?,
            false => writeln!(output, "{name}")?,
        }
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn confirm(Names { desk, json, names }: &Names) -> Result<Outcome, Failure> {
    let (store, by) = (desk.open()?, desk.by()?);
    let patches = store.patches(&by.who, Some(&desk.tenant()))?;
    let confirmed: Vec<_> = patches.iter().map(|patched| (patched.leak, patched.mode)).collect();
    for name in names {
        store.acknowledge(&by, name, &confirmed)?;
    }
    tell(
        names,
        *json,
        &format!("confirmed the patches of {}", counted(confirmed.len() as u64, "leak")),
    )
}

fn tell(names: &[String], as_json: bool, what: &str) -> Result<Outcome, Failure> {
    let mut output = palette::output();
    for name in names {
        match as_json {
            true => writeln!(output, "{}", json!({ "node": name, "done": what }))?,
            false => writeln!(output, "{name}: {what}")?,
        }
    }
    output.flush()?;
    Ok(Outcome::Clean)
}
