//! `stanch match`: asks a patch set about requests.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use stanch::patch::{Action, BodyState, Context, PatchSet, Trust, Verdict};
use stanch::secret::{ImprintKey, PublicKey};

use crate::input;
use crate::outcome::{Failure, Outcome, complain};
use crate::palette;
use crate::request::Request;

/// The largest request that is looked at. It is held in memory as a whole.
const LIMIT: u64 = 256 << 20;

/// Says what a patch set makes of requests
#[derive(Debug, Args)]
#[command(after_help = "\
Each file holds one raw HTTP/1.1 request, as it goes over the wire: request line, headers, an empty \
line, the body. Lines may end with LF alone. A chunked body is fed chunk by chunk, as it would \
come in. For each request one JSON object is printed. A file that holds no request is told on \
stderr; the others are matched nevertheless.

Patches may be about some hosts or clients only. The host is taken from the request, the client is \
not in there; what is not known counts as one that the patch is about.

Examples:
  stanch match --patches live.set --key stanch.key request.http
  printf 'GET /?t=%s HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' \"$TOKEN\" |
    stanch match --patches live.set --key stanch.key -
  stanch match --patches live.set --key stanch.key --public-key sign.key.pub \\
    --host api.example.com --client 203.0.113.9 request.http

Exit status: 0 all pass (or are only to be monitored), 1 something is to be blocked, 2 an error.")]
pub(crate) struct Arguments {
    /// The patch set
    #[arg(long, value_name = "SET")]
    patches: PathBuf,
    /// The key file that it was compiled with
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file of a public key that must have signed it; several while one takes the place of another
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// The host that the requests are for, whatever they say
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The address of the client that sends them
    #[arg(long, value_name = "ADDRESS")]
    client: Option<IpAddr>,
    /// Files with one request each; - for standard input
    #[arg(required = true, value_name = "REQUEST")]
    requests: Vec<PathBuf>,
}

/// A line of output. `docs/command.md` says what the fields mean.
#[derive(Serialize)]
struct Line<'v> {
    path: Cow<'v, str>,
    action: &'static str,
    leak: Option<u64>,
    part: Option<&'static str>,
    name: Option<String>,
    view: Option<String>,
    offset: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let key = ImprintKey::open(&arguments.key)?;
    let keys = arguments.public_key.iter().map(|path| PublicKey::open(path));
    let trust = Trust::signed_by(keys.collect::<Result<Vec<_>, _>>()?);
    let set = PatchSet::open_trusted(&arguments.patches, &key, &trust)?;
    let host = arguments.host.as_deref().map(str::as_bytes);
    let context = Context { host, client: arguments.client, ..Context::default() };
    let mut state = vec![0; set.state_len()];
    let mut output = palette::output();
    let mut outcome = Outcome::Clean;
    for path in &arguments.requests {
        let verdict = input::read(path, LIMIT).and_then(|bytes| {
            let request =
                Request::parse(&bytes).map_err(|error| Failure::named(input::name(path), error))?;
            Ok(request.verdict(&set, &mut state, &context)?)
        });
        match verdict {
            Ok(verdict) => {
                if verdict.action == Action::Block {
                    outcome = outcome.max(Outcome::Found);
                }
                serde_json::to_writer(&mut output, &Line::new(path, &verdict))
                    .map_err(io::Error::from)?;
                writeln!(output)?;
                if verdict.action != Action::Block && verdict.body != BodyState::Whole {
                    complain(&Failure::named(input::name(path), unread(verdict.body)));
                    outcome = Outcome::Failed;
                }
            }
            Err(failure) => {
                complain(&failure);
                outcome = Outcome::Failed;
            }
        }
    }
    output.flush()?;
    Ok(outcome)
}

/// Why not all of a body was looked at.
fn unread(body: BodyState) -> String {
    let why = match body {
        BodyState::Unsupported => "it has an encoding that is not undone",
        BodyState::Ratio | BodyState::Total => "it inflates to too much",
        _ => "it is not what its Content-Encoding says",
    };
    format!("the body was matched as it was sent only: {why}")
}

impl<'v> Line<'v> {
    fn new(path: &'v Path, verdict: &Verdict) -> Line<'v> {
        let hit = verdict.hit.as_ref();
        Line {
            path: path.to_string_lossy(),
            action: verdict.action.as_str(),
            leak: hit.map(|hit| hit.leak),
            part: hit.map(|hit| hit.part.as_str()),
            name: hit.filter(|hit| !hit.name.is_empty()).map(|hit| hit.name.to_string()),
            view: hit.map(|hit| hit.views.to_string()),
            offset: hit.map(|hit| hit.offset),
        }
    }
}
