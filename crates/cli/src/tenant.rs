//! `stanch tenant`: whose leaks there are, and whether the module is on for them.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;
use stanch::leak::{Tenant, TenantId};

use crate::desk::Desk;
use crate::outcome::{Failure, Outcome};
use crate::palette;

/// Switches the module on and off for tenants
#[derive(Debug, Subcommand)]
pub(crate) enum TenantVerb {
    /// Switches the module on for a tenant, and makes the ledger if there is none
    Enable(Which),
    /// Switches the module off for a tenant; what is known of it stays
    Disable(Which),
    /// Lists the tenants that the role reaches
    List(List),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    desk: Desk,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The tenant [default: that of --tenant]
    #[arg(value_name = "NAME")]
    name: Option<String>,
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
pub(crate) fn run(verb: &TenantVerb) -> Result<Outcome, Failure> {
    match verb {
        TenantVerb::Enable(which) => switch(which, true),
        TenantVerb::Disable(which) => switch(which, false),
        TenantVerb::List(arguments) => list(arguments),
    }
}

fn switch(which: &Which, on: bool) -> Result<Outcome, Failure> {
    let store = if on { which.desk.open_or_make()? } else { which.desk.open()? };
    let tenant = which.name.clone().map_or_else(|| which.desk.tenant(), TenantId);
    store.switch(&which.desk.by()?, &tenant, on)?;
    let mut output = palette::output();
    tell(&mut output, &Tenant { id: tenant, enabled: on }, which.json)?;
    output.flush()?;
    Ok(Outcome::Clean)
}

fn list(arguments: &List) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    let mut output = palette::output();
    for tenant in store.tenants(&arguments.desk.user())? {
        tell(&mut output, &tenant, arguments.json)?;
    }
    output.flush()?;
    Ok(Outcome::Clean)
}

fn tell(output: &mut impl Write, tenant: &Tenant, as_json: bool) -> io::Result<()> {
    let Tenant { id, enabled } = tenant;
    if as_json {
        return writeln!(output, "{}", json!({ "tenant": id.0, "enabled": enabled }));
    }
    writeln!(output, "{}: {}", id.0, if *enabled { "enabled" } else { "disabled" })
}
