//! `stanch patch build`: from what was decided to a patch set.

use std::io::Write;
use std::path::Path;

use clap::Args;
use serde_json::json;
use stanch::leak::Mode;
use stanch::patch::{BuildError, DEFAULT_FLOOR, Patch, Placement, SetInfo, Survey};
use stanch::secret::Imprint;
use stanch_store::Patched;

use super::output::Output;
use crate::desk::Desk;
use crate::outcome::{Failure, Outcome, complain, counted, shown};
use crate::{palette, time};

/// Writes the patch set of all leaks whose patch is decided
#[derive(Debug, Args)]
#[command(after_help = "\
Nodes do what the set says that they have loaded: build one after every decision. An existing set is \
replaced at once, never half. Where no patch is decided the set holds no token, and lets everything pass.

Examples:
  stanch patch build --key stanch.key -o live.set
  stanch patch build --key stanch.key --sign sign.key --expires 30d -o live.set

Exit status: 0 built, 2 an error, 4 to 9 as stanch leak --help says.")]
pub(crate) struct BuildArguments {
    #[command(flatten)]
    desk: Desk,
    #[command(flatten)]
    output: Output,
    /// Leave out tokens that cost a thief of set and key fewer than 2^BITS guesses, and say so
    #[arg(long, value_name = "BITS", default_value_t = DEFAULT_FLOOR)]
    floor: u32,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn build(arguments: &BuildArguments) -> Result<Outcome, Failure> {
    let output = arguments.output.open()?;
    let store = arguments.desk.open()?;
    arguments.desk.check_key(&store, &output.key, &arguments.output.key)?;
    let patches = store.patches(&arguments.desk.user(), arguments.desk.asked().as_ref())?;

    let tokens: Vec<(&Imprint, Patch)> = patches.iter().flat_map(tokens).collect();
    let mut survey = Survey::new(&output.key, tokens.len());
    tokens.iter().try_for_each(|(imprint, patch)| survey.see(imprint, patch.clone()))?;
    let placement = survey.finish()?.floor(arguments.floor);
    let (placement, left_out) = place(placement, &tokens)?;
    let set = output.write(placement)?;
    tell(output.path, &patches, &set.info(), arguments.json)?;
    Ok(if left_out { Outcome::Failed } else { Outcome::Clean })
}

/// The tokens of a leak, and what is to be done about them.
fn tokens(patched: &Patched) -> impl Iterator<Item = (&Imprint, Patch)> {
    let patch = match patched.mode {
        Mode::Block => Patch::block(patched.leak.0),
        Mode::Monitor => Patch::monitor(patched.leak.0),
    };
    patched.imprints.iter().map(move |imprint| (imprint, patch.clone()))
}

/// Finds the tokens their places; names the leaks whose tokens cannot be in a set, and says whether there
/// are any.
fn place<'k>(
    mut placement: Placement<'k>,
    tokens: &[(&Imprint, Patch)],
) -> Result<(Placement<'k>, bool), Failure> {
    let mut left_out = false;
    for (imprint, patch) in tokens {
        match placement.place(imprint, patch.clone()) {
            Ok(_) => {}
            Err(error @ BuildError::Recoverable { .. }) => {
                complain(&format_args!("{error}; this token was left out of the set"));
                left_out = true;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((placement, left_out))
}

fn tell(path: &Path, patches: &[Patched], set: &SetInfo, as_json: bool) -> Result<(), Failure> {
    let mut output = palette::output();
    let leaks = patches.len();
    let blocked = patches.iter().filter(|patched| patched.mode == Mode::Block).count();
    let SetInfo { tokens, serial, expires, .. } = set;
    if as_json {
        let object = json!({
            "path": path.to_string_lossy(), "leaks": leaks, "tokens": tokens, "blocked": blocked,
            "monitored": leaks - blocked, "serial": serial, "expires": expires.map(time::told),
        });
        writeln!(output, "{object}")?;
        output.flush()?;
        return Ok(());
    }
    write!(
        output,
        "{}: {} with {}, {blocked} blocked, {} monitored, serial {serial}",
        shown(path),
        counted(leaks as u64, "leak"),
        counted(*tokens, "token"),
        leaks - blocked,
    )?;
    if let Some(expires) = expires {
        write!(output, ", expires {}", time::told(*expires))?;
    }
    writeln!(output)?;
    output.flush()?;
    Ok(())
}
