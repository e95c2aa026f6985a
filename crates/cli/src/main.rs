//! The `stanch` command.

mod command;
mod demo;
mod input;
mod key;
mod match_requests;
mod outcome;
mod palette;
mod patch;
mod request;
mod rules;
mod scan;
mod shell;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    command::Command::parse().run().into()
}
