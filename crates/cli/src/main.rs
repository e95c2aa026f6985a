//! The `stanch` command.

mod attempts;
mod command;
mod demo;
mod desk;
mod input;
mod key;
mod leak;
mod match_requests;
mod node;
mod outcome;
mod palette;
mod patch;
mod policy;
mod report;
mod request;
mod rules;
mod scan;
mod seal;
mod shell;
mod tenant;
mod time;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    command::Command::parse().run().into()
}
