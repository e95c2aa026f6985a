//! Lines of the node's log.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::HOST;
use http::request::Parts;
use stanch::attempt::{Attempt, Cap};
use stanch::patch::{Action, Hit};

use crate::Client;

/// Hands each attempt to a callback as a line of JSON without its end, but not more than 100 in a second:
/// an attack must not fill the disk. How many were left out, the next line says.
pub struct Log {
    node: String,
    cap: Cap,
    put: Box<Put>,
}

/// Takes a line.
type Put = dyn Fn(&[u8]) + Send + Sync;

impl Log {
    /// How many lines a second in the long run, and at once.
    pub const LINES: u32 = 100;

    /// A log of the node with this name. The callback is called by whoever handles a request: it must
    /// not wait.
    pub fn new(node: impl Into<String>, put: impl Fn(&[u8]) + Send + Sync + 'static) -> Log {
        Log { node: node.into(), cap: Cap::new(), put: Box::new(put) }
    }

    pub(crate) fn put(&self, parts: &Parts, path: &str, hit: &Hit, action: Action, now: u64) {
        let Some(left_out) = self.cap.take(now, Log::LINES, Log::LINES) else { return };
        let client = parts.extensions.get::<Client>().map(|client| client.0.to_string());
        let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
        let host = parts.headers.get(HOST).map(|host| host.as_bytes()).or(authority);
        let attempt = Attempt {
            time: now,
            node: self.node.as_bytes(),
            client: client.as_deref().unwrap_or_default().as_bytes(),
            host: host.unwrap_or_default(),
            method: parts.method.as_str().as_bytes(),
            path: path.as_bytes(),
            hit: *hit,
            action,
            left_out,
        };
        (self.put)(attempt.write(&mut [0; Attempt::LINE]));
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("node", &self.node)
            .field("cap", &self.cap)
            .finish_non_exhaustive()
    }
}

/// The time in milliseconds since 1970-01-01 UTC.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
