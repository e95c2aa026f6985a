//! What the command understands.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::attempts::AttemptsVerb;
use crate::leak::LeakVerb;
use crate::node::NodeVerb;
use crate::outcome::{Outcome, complain};
use crate::policy::PolicyVerb;
use crate::report::ReportVerb;
use crate::rules::RulesVerb;
use crate::tenant::TenantVerb;
use crate::{
    attempts, demo, key, leak, match_requests, node, patch, policy, report, rules, scan, shell,
    tenant,
};

/// Finds leaked API tokens and stops their use.
#[derive(Debug, Parser)]
#[command(
    name = "stanch",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
The trip from a leaked token to a refused request:
  stanch demo                                          see it on a sample
  stanch scan .                                        find tokens in a source tree
  stanch key new stanch.key                            make the installation's key, once
  stanch patch compile --key stanch.key -o live.set tokens.txt
                                                       compile the leaked tokens into a patch set
  stanch match --patches live.set --key stanch.key request.http
                                                       ask what the set says of a request

Exit status: 0 clean, 1 something was found or is to be blocked, 2 an error, told on stderr."
)]
pub(crate) struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Scan(scan::Arguments),
    /// Lists the detector's rules, and proves those of a file
    #[command(subcommand)]
    Rules(RulesVerb),
    /// Makes and names keys
    #[command(subcommand)]
    Key(KeyVerb),
    /// Builds, compiles, inspects, verifies and fetches patch sets
    #[command(subcommand)]
    Patch(PatchVerb),
    Match(match_requests::Arguments),
    #[command(subcommand)]
    Leak(LeakVerb),
    #[command(subcommand)]
    Policy(PolicyVerb),
    #[command(subcommand)]
    Attempts(AttemptsVerb),
    #[command(subcommand)]
    Tenant(TenantVerb),
    #[command(subcommand)]
    Node(NodeVerb),
    #[command(subcommand)]
    Report(ReportVerb),
    /// Shows the whole trip on a sample: scan, register, decide, compile, match
    #[command(after_help = "\
The sample is a small shop with leaked tokens (all invented), in a temporary folder that is removed \
afterwards. Nothing leaves the machine.

Exit status: 0 every outcome is the expected one, 1 one is not, 2 an error.")]
    Demo,
    /// Prints what completes the command's arguments in a shell
    #[command(after_help = "\
Examples:
  stanch completions bash > /etc/bash_completion.d/stanch
  stanch completions zsh > \"${fpath[1]}/_stanch\"
  stanch completions fish > ~/.config/fish/completions/stanch.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Prints the manual page, or writes those of all subcommands to a folder
    #[command(after_help = "\
Examples:
  stanch manual | man -l -
  stanch manual --folder /usr/local/share/man/man1")]
    Manual {
        /// Write a page for each subcommand here
        #[arg(long, value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
enum KeyVerb {
    /// Makes a new key and writes it to a new file that only its owner can read
    #[command(after_help = "\
An installation has one imprint key. It turns tokens into imprints; without it a patch set says \
nothing of the tokens behind it, and matches nothing. Nodes need it; keep it apart from the sets.

With --sign the key signs patch sets instead. It stays where sets are compiled; nodes get the public \
key, which is written to FILE.pub, and then take no other sets.

With --seal it is an operator's pair, as age-keygen makes it: whoever scans gets the public key, which is \
written to FILE.pub, and seals with it what it registers; FILE opens that again, and stays with the operator.

An existing file is never overwritten.

Examples:
  stanch key new stanch.key
  stanch key new --sign sign.key
  stanch key new --seal operator.key")]
    New {
        /// Make a key that signs patch sets, and its public key in FILE.pub
        #[arg(long)]
        sign: bool,
        /// Make a pair that tokens are sealed to and opened with, the public key in FILE.pub
        #[arg(long, conflicts_with = "sign")]
        seal: bool,
        /// The file to make
        file: PathBuf,
    },
    /// Prints which key a file holds, as sets name it, and nothing of the key itself
    Id {
        /// The key file
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum PatchVerb {
    Build(patch::BuildArguments),
    Compile(patch::CompileArguments),
    Inspect(patch::InspectArguments),
    Pull(patch::PullArguments),
    Verify(patch::VerifyArguments),
}

impl Command {
    /// Does what was asked. Everything that went wrong has been told on stderr afterwards.
    pub(crate) fn run(&self) -> Outcome {
        let outcome = match &self.verb {
            Verb::Scan(arguments) => scan::run(arguments),
            Verb::Rules(verb) => rules::run(verb),
            Verb::Key(KeyVerb::New { file, sign: true, .. }) => key::new_signing(file),
            Verb::Key(KeyVerb::New { file, seal: true, .. }) => key::new_sealing(file),
            Verb::Key(KeyVerb::New { file, .. }) => key::new(file),
            Verb::Key(KeyVerb::Id { file }) => key::id(file),
            Verb::Patch(PatchVerb::Build(arguments)) => patch::build(arguments),
            Verb::Patch(PatchVerb::Compile(arguments)) => patch::compile(arguments),
            Verb::Patch(PatchVerb::Inspect(arguments)) => patch::inspect(arguments),
            Verb::Patch(PatchVerb::Pull(arguments)) => patch::pull(arguments),
            Verb::Patch(PatchVerb::Verify(arguments)) => patch::verify(arguments),
            Verb::Match(arguments) => match_requests::run(arguments),
            Verb::Leak(verb) => leak::run(verb),
            Verb::Policy(verb) => policy::run(verb),
            Verb::Attempts(verb) => attempts::run(verb),
            Verb::Tenant(verb) => tenant::run(verb),
            Verb::Node(verb) => node::run(verb),
            Verb::Report(verb) => report::run(verb),
            Verb::Demo => demo::run(),
            Verb::Completions { shell } => shell::completions(*shell),
            Verb::Manual { folder } => shell::manual(folder.as_deref()),
        };
        outcome.unwrap_or_else(|failure| {
            if !failure.is_closed_output() {
                complain(&failure);
            }
            failure.outcome()
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Command::command().debug_assert();
    }
}
