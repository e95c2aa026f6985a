//! `stanch leak place`: where a leak's tokens are used.

use std::io::Write;

use clap::Args;
use serde_json::json;
use stanch::leak::{LeakId, Place};
use stanch_store::StoreError;

use crate::desk::{Desk, leak_id, told};
use crate::outcome::{Failure, Outcome};
use crate::palette::{self, ASIDE, Painted};

/// Lists the places where a leak's tokens are used, and ticks them off
#[derive(Debug, Args)]
#[command(after_help = "\
A place is ticked off when whoever asks there has the new token. If the old one is seen there again, the \
tick is gone.

Examples:
  stanch leak place 7
  stanch leak place 7 --tick 1 --tick 3")]
pub(crate) struct Arguments {
    #[command(flatten)]
    desk: Desk,
    /// Tick off the place with this number
    #[arg(long, value_name = "N")]
    tick: Vec<usize>,
    /// Take a tick back
    #[arg(long, value_name = "N")]
    untick: Vec<usize>,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// The leak's number
    #[arg(value_parser = leak_id, value_name = "LEAK")]
    leak: LeakId,
}

/// Runs the command.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let store = arguments.desk.open()?;
    let mut leak = store.leak(&arguments.desk.user(), arguments.leak)?;
    let places: Vec<Place> = leak.places().map(|usage| usage.place.clone()).collect();
    let ticks = arguments.tick.iter().map(|number| (*number, true));
    for (number, ticked) in ticks.chain(arguments.untick.iter().map(|number| (*number, false))) {
        let place = number.checked_sub(1).and_then(|index| places.get(index));
        let place = place.ok_or_else(|| {
            StoreError::Unknown(format!("leak {}: there is no place {number}", arguments.leak))
        })?;
        leak = store.tick(&arguments.desk.by()?, arguments.leak, place, ticked)?;
    }
    let mut output = palette::output();
    for (index, usage) in leak.places().enumerate() {
        if arguments.json {
            let Place { host, method, path, part, name, client } = usage.place;
            let object = json!({
                "number": index + 1, "host": host, "method": method, "path": path, "part": part,
                "name": name, "client": client, "ticked": usage.ticked,
                "first_seen": told(usage.first), "last_seen": told(usage.last),
            });
            writeln!(output, "{object}")?;
            continue;
        }
        let mark = if usage.ticked { "✓" } else { " " };
        let last = Painted(ASIDE, format!("last {}", told(usage.last)));
        writeln!(output, "{mark} {:>3}  {}  {last}", index + 1, usage.place)?;
    }
    output.flush()?;
    Ok(Outcome::Clean)
}
