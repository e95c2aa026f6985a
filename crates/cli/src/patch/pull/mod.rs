//! `stanch patch pull`: fetches a patch set for a node.

mod address;
mod client;
mod held;
mod pace;

use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use stanch::patch::{self, FormatError, PatchSet, SetInfo, Trust};
use stanch::secret::{ImprintKey, PublicKey};

use self::address::Address;
use self::client::{Answer, Client, Fault};
use self::held::Held;
use self::pace::Pace;
use crate::outcome::{Failure, Outcome, complain, shown};
use crate::{palette, time};

/// Fetches a patch set, and puts it in the place of the one that is there
#[derive(Debug, Args)]
#[command(after_help = "\
For cron and sidecars, where a node and whoever compiles sets do not share a file system. What comes \
is checked as a node checks it, and must be newer than the set that is there; only then it is renamed \
into its place. Whatever goes wrong, the set that is there stays. The server's ETag is kept in SET.etag, \
so that a set that did not change is not sent again.

Without --public-key, a set is checked for damage, expiry and its number only: whoever can answer in \
the server's place decides what is blocked.

Examples:
  stanch patch pull https://sets.example.com/live.set -o live.set --public-key sign.key.pub
  stanch patch pull https://sets.example.com/live.set -o live.set --public-key sign.key.pub \\
    --token-file /run/secrets/token --interval 30s

Exit status: 0 the newest set is there, whether it had to be fetched or not; 2 an error here; 10 no \
answer; 11 an answer without a set; 12 a set that is refused.")]
pub(crate) struct PullArguments {
    /// Where the set is served: https://…, or http://… on this machine
    #[arg(value_name = "URL")]
    address: Address,
    /// The patch set to replace, or to make
    #[arg(short, long, value_name = "SET")]
    output: PathBuf,
    /// The file of a public key that may have signed it; several while one takes the place of another
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// The key file of the installation: the set must have been compiled with this key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The file of a token that the server asks for (Authorization: Bearer); others must not be able to read it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Let http://… name another machine: anybody on the way can read the token and change what comes
    #[arg(long)]
    insecure_http: bool,
    /// Go on for ever, with this much time in between
    #[arg(long, value_name = "TIME", value_parser = time::parse_duration)]
    interval: Option<Duration>,
    /// How long one fetch may take in all
    #[arg(long, value_name = "TIME", value_parser = time::parse_duration, default_value = "60s")]
    timeout: Duration,
    /// The largest set that is fetched, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=4096), default_value_t = 256)]
    limit: u64,
    /// Print one JSON object for each fetch
    #[arg(long)]
    json: bool,
}

/// What fetches are made with.
struct Puller<'a> {
    arguments: &'a PullArguments,
    client: Client,
    keys: Vec<PublicKey>,
    key: Option<ImprintKey>,
}

/// What a fetch came to, if nothing was wrong.
enum Pulled {
    /// A newer set is there now.
    Taken { info: SetInfo, before: Option<u64> },
    /// The set that was there is the one that is served.
    Unchanged(SetInfo),
}

/// A fetch as it is told with `--json`.
#[derive(Serialize)]
struct Told<'a> {
    set: String,
    result: &'a str,
    serial: Option<u64>,
    before: Option<u64>,
    tokens: Option<u64>,
    bytes: Option<u64>,
    expires: Option<String>,
    signer: Option<String>,
    retry_after: Option<u64>,
    error: Option<String>,
}

/// Runs the command.
pub(crate) fn pull(arguments: &PullArguments) -> Result<Outcome, Failure> {
    let address = &arguments.address;
    if !(address.is_secure() || address.is_loopback() || arguments.insecure_http) {
        let why =
            "http to another machine is neither private nor safe: use https, or --insecure-http";
        return Err(Failure::named(address, why));
    }
    let keys = arguments.public_key.iter().map(|path| PublicKey::open(path));
    let puller = Puller {
        arguments,
        client: Client::new(address, arguments.timeout, arguments.limit << 20)?,
        keys: keys.collect::<Result<_, _>>()?,
        key: arguments.key.as_deref().map(ImprintKey::open).transpose()?,
    };
    if puller.keys.is_empty() {
        complain(&format_args!(
            "{}: warning: without --public-key nobody knows who made the set; it is checked for damage, \
             expiry and its number only",
            shown(&arguments.output)
        ));
    }
    match arguments.interval {
        None => puller.once(),
        Some(interval) => puller.forever(interval),
    }
}

impl Puller<'_> {
    fn once(&self) -> Result<Outcome, Failure> {
        let pulled = self.pull();
        self.tell(&pulled, true)?;
        match pulled {
            Ok(_) => Ok(Outcome::Clean),
            Err(fault) => Err(self.failure(fault)),
        }
    }

    /// Ends only where nobody reads the output any more.
    fn forever(&self, interval: Duration) -> Result<Outcome, Failure> {
        let mut pace = Pace::new(interval);
        loop {
            let pulled = self.pull();
            // A line every half minute that says that nothing happened is no news.
            self.tell(&pulled, matches!(pulled, Ok(Pulled::Taken { .. })))?;
            let wait = match pulled {
                Ok(_) => pace.after_success(),
                Err(fault) => {
                    let retry_after = fault.retry_after();
                    complain(&self.failure(fault));
                    pace.after_failure(retry_after)
                }
            };
            thread::sleep(wait);
        }
    }

    /// One fetch.
    fn pull(&self) -> Result<Pulled, Fault> {
        let PullArguments { address, output, token_file, .. } = self.arguments;
        let trust = Trust::signed_by(self.keys.iter().copied());
        // Read anew each time: tokens are replaced, too.
        let token = token_file.as_deref().map(client::token).transpose().map_err(Fault::Here)?;
        let held = Held::look(output, address, &trust, self.key.as_ref()).map_err(Fault::Here)?;
        let answer = self.client.get(address, token.as_ref(), held.etag.as_deref())?;
        let Answer::Content { bytes, etag } = answer else {
            return match held.info {
                Some(info) if held.etag.is_some() => Ok(Pulled::Unchanged(info)),
                _ => Err(Fault::declined("answered 304, not changed, and was not asked for that")),
            };
        };
        let trust = match &held.info {
            Some(info) => trust.following(info),
            None => trust,
        };
        let info = self.check(&bytes, &trust).map_err(|error| Fault::Refused(error.to_string()))?;
        let before = held.info.as_ref().map(|info| info.serial);
        let is_same = held.info.as_ref().is_some_and(|held| held::is_same(held, &info));
        if !is_same {
            patch::put(output, &bytes).map_err(|error| Fault::Here(error.into()))?;
        }
        held::remember(output, address, &info, etag.as_deref()).map_err(Fault::Here)?;
        Ok(if is_same { Pulled::Unchanged(info) } else { Pulled::Taken { info, before } })
    }

    fn check(&self, bytes: &[u8], trust: &Trust) -> Result<SetInfo, FormatError> {
        match &self.key {
            Some(key) => Ok(PatchSet::from_bytes_trusted(bytes, key, trust)?.info()),
            None => SetInfo::verify_bytes(bytes, trust),
        }
    }

    /// Tells what came of a fetch: as JSON each time, in words where `is_news`. What went wrong is told
    /// on stderr besides.
    fn tell(&self, pulled: &Result<Pulled, Fault>, is_news: bool) -> Result<(), Failure> {
        let set = shown(&self.arguments.output);
        let mut output = palette::output();
        if self.arguments.json {
            let line =
                serde_json::to_string(&Told::of(set, pulled)).map_err(std::io::Error::from)?;
            writeln!(output, "{line}")?;
        } else if is_news {
            match pulled {
                Ok(Pulled::Taken { info, before }) => {
                    write!(output, "{set}: taken: serial {}", info.serial)?;
                    if let Some(before) = before {
                        write!(output, " in place of {before}")?;
                    }
                    writeln!(output, "{}", described(info))?;
                }
                Ok(Pulled::Unchanged(info)) => {
                    writeln!(
                        output,
                        "{set}: nothing new: serial {}{}",
                        info.serial,
                        described(info)
                    )?;
                }
                Err(_) => {}
            }
        }
        Ok(output.flush()?)
    }

    fn failure(&self, fault: Fault) -> Failure {
        let ended = |why, outcome| Failure::Ended {
            what: self.arguments.address.to_string(),
            why,
            outcome,
        };
        match fault {
            Fault::Here(failure) => failure,
            Fault::Unanswered(why) => ended(format!("no answer: {why}"), Outcome::Unanswered),
            Fault::Declined { why, .. } => ended(why, Outcome::Declined),
            Fault::Refused(why) => ended(
                format!(
                    "the set that came is refused: {why}; {} stays",
                    shown(&self.arguments.output)
                ),
                Outcome::Untrusted,
            ),
        }
    }
}

impl Told<'_> {
    fn of(set: String, pulled: &Result<Pulled, Fault>) -> Told<'static> {
        let (result, info, before) = match pulled {
            Ok(Pulled::Taken { info, before }) => ("taken", Some(info), *before),
            Ok(Pulled::Unchanged(info)) => ("unchanged", Some(info), Some(info.serial)),
            Err(fault) => (fault.name(), None, None),
        };
        let fault = pulled.as_ref().err();
        Told {
            set,
            result,
            serial: info.map(|info| info.serial),
            before,
            tokens: info.map(|info| info.tokens),
            bytes: info.map(|info| info.bytes),
            expires: info.and_then(|info| info.expires).map(time::told),
            signer: info.and_then(|info| info.signer.as_ref()).map(|key| key.id().to_string()),
            retry_after: fault.and_then(Fault::retry_after).map(|wait| wait.as_secs()),
            error: fault.map(Fault::why),
        }
    }
}

/// What else is worth a word of a set.
fn described(info: &SetInfo) -> String {
    let signer = match &info.signer {
        Some(signer) => format!(", signed with key {}", signer.id()),
        None => ", not signed".to_owned(),
    };
    match info.expires {
        Some(expires) => format!("{signer}, expires {}", time::told(expires)),
        None => signer,
    }
}
