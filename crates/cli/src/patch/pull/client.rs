//! Fetches over HTTP, within bounds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};
use zeroize::Zeroizing;

use super::address::Address;
use crate::outcome::{Failure, reason, shown};
use crate::time;

/// How many times the server may say that it is elsewhere.
const REDIRECTS: u32 = 3;

/// The longest ETag that is kept, in bytes.
const MAX_ETAG: usize = 256;

/// The longest token, in bytes.
const MAX_TOKEN: u64 = 4096;

/// What keeps its connection from one fetch to the next.
pub(super) struct Client {
    agent: Agent,
    limit: u64,
}

/// What a server answered.
pub(super) enum Answer {
    /// It still serves what it served when the ETag was told.
    Unchanged,
    /// What it serves now.
    Content { bytes: Vec<u8>, etag: Option<String> },
}

/// Why there is no newer set.
pub(super) enum Fault {
    /// Something here is wrong.
    Here(Failure),
    /// The server could not be reached, or its answer did not come to its end.
    Unanswered(String),
    /// It answered with something else, and maybe said when to ask again.
    Declined { why: String, retry_after: Option<Duration> },
    /// It answered with a set that is not taken.
    Refused(String),
}

impl Fault {
    pub(super) fn declined(why: impl Into<String>) -> Fault {
        Fault::Declined { why: why.into(), retry_after: None }
    }

    /// Its name in JSON.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Fault::Here(_) => "failed",
            Fault::Unanswered(_) => "unanswered",
            Fault::Declined { .. } => "declined",
            Fault::Refused(_) => "refused",
        }
    }

    pub(super) fn why(&self) -> String {
        match self {
            Fault::Here(failure) => failure.to_string(),
            Fault::Unanswered(why) | Fault::Declined { why, .. } | Fault::Refused(why) => {
                why.clone()
            }
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Fault::Declined { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl Client {
    /// A client for sets of at most `limit` bytes, each of which takes at most `timeout`.
    ///
    /// # Errors
    ///
    /// Certificates that somebody named cannot be read.
    pub(super) fn new(address: &Address, timeout: Duration, limit: u64) -> Result<Client, Failure> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Where they lead to is looked at here.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .user_agent(concat!("stanch/", env!("CARGO_PKG_VERSION")))
            // What is meant for this machine must not leave it.
            .proxy(if address.is_loopback() { None } else { Proxy::try_from_env() });
        let config = match address.is_secure() {
            true => config.tls_config(TlsConfig::builder().root_certs(roots()?).build()),
            false => config,
        };
        Ok(Client { agent: config.build().new_agent(), limit })
    }

    /// Asks for what is served at `address`, unless that has this ETag.
    pub(super) fn get(
        &self,
        address: &Address,
        token: Option<&HeaderValue>,
        etag: Option<&str>,
    ) -> Result<Answer, Fault> {
        let mut at = address.clone();
        for _ in 0..=REDIRECTS {
            let mut request = self.agent.get(at.uri());
            if let Some(token) = token {
                request = request.header(AUTHORIZATION, token);
            }
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            let mut response = request.call().map_err(unanswered)?;
            let status = response.status();
            match status {
                StatusCode::OK => {
                    let etag = text(response.headers(), ETAG).filter(|etag| is_etag(etag));
                    let etag = etag.map(str::to_owned);
                    let bytes = self.content(response.body_mut())?;
                    return Ok(Answer::Content { bytes, etag });
                }
                StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
                _ if status.is_redirection() => at = elsewhere(&at, response.headers())?,
                _ => return Err(declined(status, response.headers())),
            }
        }
        Err(Fault::declined(format!("led elsewhere more than {REDIRECTS} times")))
    }

    fn content(&self, body: &mut Body) -> Result<Vec<u8>, Fault> {
        let too_large = || {
            let limit = self.limit >> 20;
            Fault::declined(format!("answered with more than {limit} MiB (--limit)"))
        };
        let announced = body.content_length().unwrap_or(0);
        if announced > self.limit {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        // One byte more, so that too long an answer shows.
        let mut reader = body.as_reader().take(self.limit.saturating_add(1));
        match reader.read_to_end(&mut bytes) {
            Err(error) => Err(Fault::Unanswered(format!("broken off: {}", reason(&error)))),
            Ok(read) if read as u64 > self.limit => Err(too_large()),
            Ok(read) if (read as u64) < announced => {
                Err(Fault::Unanswered(format!("broken off: {read} of {announced} bytes came")))
            }
            Ok(_) => Ok(bytes),
        }
    }
}

/// The token in the file at `path`, as the header that it is sent in.
pub(super) fn token(path: &Path) -> Result<HeaderValue, Failure> {
    let refused = |why: &str| Failure::named(format_args!("token file {}", shown(path)), why);
    let unread = |error: io::Error| refused(&reason(&error));
    let file = File::open(path).map_err(unread)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = file.metadata().map_err(unread)?.permissions().mode() & 0o7777;
        if mode & 0o037 != 0 {
            return Err(refused(&format!(
                "mode {mode:04o} lets others read or write it; 0600, or 0640 for a group, is safe"
            )));
        }
    }
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_TOKEN as usize + 1));
    file.take(MAX_TOKEN + 1).read_to_end(&mut text).map_err(unread)?;
    let token = text.trim_ascii();
    if token.is_empty() || text.len() as u64 > MAX_TOKEN || !token.iter().all(u8::is_ascii_graphic)
    {
        return Err(refused("holds no token: one line of visible ASCII, at most 4,096 bytes"));
    }
    let line = Zeroizing::new([b"Bearer ", token].concat());
    let mut header = HeaderValue::from_bytes(&line).map_err(|_| refused("holds no token"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// What names other certificates than the system's.
const NAMED: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The certificates that the system trusts; Mozilla's where it has none. Where somebody named others, only those
/// count: who meant one authority must not be believed by all.
fn roots() -> Result<RootCerts, Failure> {
    let found = rustls_native_certs::load_native_certs();
    let named = NAMED.iter().find_map(|name| Some((*name, std::env::var_os(name)?)));
    match named {
        Some((name, value)) if found.certs.is_empty() => {
            let why = match found.errors.first() {
                Some(error) => error.to_string(),
                None => "holds no certificate".to_owned(),
            };
            Err(Failure::named(format_args!("{name} {}", shown(Path::new(&value))), why))
        }
        None if found.certs.is_empty() => Ok(RootCerts::WebPki),
        _ => {
            let owned = |certificate: &[u8]| Certificate::from_der(certificate).to_owned();
            let all = found.certs.iter().map(|certificate| owned(certificate)).collect();
            Ok(RootCerts::Specific(Arc::new(all)))
        }
    }
}

/// Where a redirect leads to: only to the same server, which gets the same token.
fn elsewhere(at: &Address, headers: &HeaderMap) -> Result<Address, Fault> {
    let location = text(headers, LOCATION).and_then(|location| at.redirected(location));
    match location {
        None => Err(Fault::declined("led elsewhere, and did not say where to")),
        Some(location) if location.is_same_origin(at) => Ok(location),
        Some(location) => Err(Fault::declined(format!(
            "led to another server, {}; if that is right, ask there",
            location.origin()
        ))),
    }
}

fn declined(status: StatusCode, headers: &HeaderMap) -> Fault {
    let retry_after = text(headers, RETRY_AFTER).and_then(|text| match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => time::until_http_date(text),
    });
    let mut why = format!("answered {}", status.as_u16());
    if let Some(words) = status.canonical_reason() {
        why.push_str(&format!(" {words}"));
    }
    if let Some(wait) = retry_after {
        why.push_str(&format!(", to be asked again in {} s", wait.as_secs()));
    }
    Fault::Declined { why, retry_after }
}

fn unanswered(error: ureq::Error) -> Fault {
    Fault::Unanswered(match error {
        ureq::Error::Io(error) => reason(&error),
        error => error.to_string(),
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether it is one that can be sent back as it is (RFC 9110, section 8.8.3).
fn is_etag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let opaque = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    text.len() <= MAX_ETAG
        && opaque.is_some_and(|tag| tag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_etags_are_kept() {
        for text in [r#""""#, r#""a-1""#, r#"W/"a-1""#] {
            assert!(is_etag(text), "{text}");
        }
        let long = format!("\"{}\"", "x".repeat(MAX_ETAG));
        for text in ["", "a", "\"", "\"a", "w/\"a\"", "\"a b\"", "\"a\"b\"", "\"a\nb\"", &long] {
            assert!(!is_etag(text), "{text}");
        }
    }
}
