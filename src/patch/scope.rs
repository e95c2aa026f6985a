//! Where and when a patch acts.

use std::collections::BTreeSet;

use thiserror::Error;

use super::network::Network;
use super::normal;
use super::verdict::{Action, Part};

/// The longest host, host pattern or path prefix of a scope, in bytes.
pub(super) const MAX_NAME: usize = 255;

/// The longest method of a scope, in bytes.
pub(super) const MAX_METHOD: usize = 32;

/// Which requests a patch is about: all of them, less what the conditions here leave out. All
/// conditions must hold for the patch to act; one that was not set always holds.
///
/// A condition on something that was not told, or that servers could read differently, holds: what
/// is not known must not be a way round a patch. `docs/patch-set-format.md` says what counts as the
/// same host and path.
///
/// ```
/// use stanch::patch::{Part, Patch, Scope};
///
/// let scope = Scope::new()
///     .with_host("*.example.com")?
///     .with_method("POST")?
///     .with_path("/v1/payments")?
///     .with_part(Part::Header)
///     .except("10.0.0.0/8".parse()?);
/// let patch = Patch::block(7).with_scope(scope);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    pub(super) hosts: BTreeSet<String>,
    pub(super) methods: BTreeSet<String>,
    pub(super) paths: BTreeSet<String>,
    pub(super) parts: Parts,
    pub(super) networks: BTreeSet<Network>,
    pub(super) not_before: Option<u64>,
    pub(super) not_after: Option<u64>,
}

/// What a set asks for of a token: an action, and where and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Rule {
    /// [`Action::Block`] or [`Action::Monitor`].
    pub action: Action,
    /// Which requests it is about.
    pub scope: Scope,
}

/// Parts of a request, a bit each; none of them stands for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Parts(u16);

/// Why something cannot be a condition of a scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// It is no host.
    #[error(
        "{0:?} is no host: a name in ASCII without a port, or an IP address (IPv6 in brackets), or *. and a name"
    )]
    Host(String),
    /// It is no method.
    #[error("{0:?} is no method of at most {MAX_METHOD} letters, digits or dashes")]
    Method(String),
    /// It is no path.
    #[error(
        "{0:?} is no path prefix: it starts with /, has at most {MAX_NAME} bytes, and no query, dot segments, escaped slashes or control characters"
    )]
    Path(String),
}

impl Scope {
    /// Every request.
    pub fn new() -> Scope {
        Scope::default()
    }

    /// Also requests to this host: a name (`api.example.com`), an address (`192.0.2.1`,
    /// `[2001:db8::1]`), or a pattern for all names below one, but not that itself
    /// (`*.example.com`). Case and a dot at the end do not count.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Host`].
    pub fn with_host(mut self, host: &str) -> Result<Scope, ScopeError> {
        let error = || ScopeError::Host(host.to_owned());
        let (star, name) = host.strip_prefix("*.").map_or(("", host), |name| ("*.", name));
        let mut room = [0; MAX_NAME];
        let len = normal::host(name.as_bytes(), &mut room[star.len()..]).ok_or_else(error)?;
        room[..star.len()].copy_from_slice(star.as_bytes());
        let text = str::from_utf8(&room[..star.len() + len]).map_err(|_| error())?;
        let has_port = !name.trim_end_matches('.').eq_ignore_ascii_case(&text[star.len()..]);
        if has_port || !is_host(text) {
            return Err(error());
        }
        self.hosts.insert(text.to_owned());
        Ok(self)
    }

    /// Also requests with this method. Case does not count.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Method`].
    pub fn with_method(mut self, method: &str) -> Result<Scope, ScopeError> {
        let upper = method.to_ascii_uppercase();
        if !is_method(&upper) {
            return Err(ScopeError::Method(method.to_owned()));
        }
        self.methods.insert(upper);
        Ok(self)
    }

    /// Also requests to this path and to those below it: `/v1` stands for `/v1` and `/v1/x`, not for
    /// `/v10`.
    ///
    /// # Errors
    ///
    /// [`ScopeError::Path`].
    pub fn with_path(mut self, prefix: &str) -> Result<Scope, ScopeError> {
        let error = || ScopeError::Path(prefix.to_owned());
        let mut room = [0; MAX_NAME + 1];
        let len = normal::path(prefix.as_bytes(), &mut room).filter(|len| *len <= MAX_NAME);
        let text = str::from_utf8(&room[..len.ok_or_else(error)?]).map_err(|_| error())?;
        if prefix.contains('?') || !is_path(text) {
            return Err(error());
        }
        self.paths.insert(text.to_owned());
        Ok(self)
    }

    /// Also tokens in this part of a request.
    #[must_use]
    pub fn with_part(mut self, part: Part) -> Scope {
        self.parts.0 |= 1 << part as u16;
        self
    }

    /// Not requests from clients in this network.
    #[must_use]
    pub fn except(mut self, network: Network) -> Scope {
        self.networks.insert(network);
        self
    }

    /// Not before this time, in seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn not_before(mut self, time: u64) -> Scope {
        self.not_before = Some(time).filter(|time| *time > 0);
        self
    }

    /// Not after this time, in seconds since 1970-01-01 UTC; at that second, still.
    #[must_use]
    pub fn not_after(mut self, time: u64) -> Scope {
        self.not_after = Some(time).filter(|time| *time < u64::MAX);
        self
    }

    /// Whether it has no condition.
    pub fn is_everything(&self) -> bool {
        *self == Scope::default()
    }

    /// Its hosts and patterns of hosts; none stands for all.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// Its methods, in upper case; none stands for all.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }

    /// Its path prefixes, in lower case, with escapes undone and without a slash at the end: `/` is
    /// the empty one. None stands for all.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Its parts; none stands for all.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        PARTS.into_iter().filter(|part| self.parts.0 & 1 << *part as u16 != 0)
    }

    /// The networks whose clients are exempt.
    pub fn exceptions(&self) -> impl Iterator<Item = Network> {
        self.networks.iter().copied()
    }

    /// When it begins and when it ends, in seconds since 1970-01-01 UTC.
    pub fn times(&self) -> (Option<u64>, Option<u64>) {
        (self.not_before, self.not_after)
    }
}

/// Every part.
const PARTS: [Part; 5] = [Part::Path, Part::Query, Part::Header, Part::Cookie, Part::Body];

impl Parts {
    /// These parts, if there are such.
    pub(super) fn from_bits(bits: u16) -> Option<Parts> {
        let known = PARTS.iter().fold(0, |known, part| known | 1 << *part as u16);
        (bits & !known == 0).then_some(Parts(bits))
    }

    /// A bit for each.
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    /// Whether `part` is one of them; one that is not known may be.
    pub(super) fn admit(self, part: Option<Part>) -> bool {
        self.0 == 0 || part.is_none_or(|part| self.0 & 1 << part as u16 != 0)
    }
}

/// Whether `text` is a host or a pattern of hosts as a set holds it.
pub(super) fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let mut room = [0; MAX_NAME];
    text.len() <= MAX_NAME
        && normal::host(name.as_bytes(), &mut room)
            .is_some_and(|len| room[..len] == *name.as_bytes())
        && (name.len() == text.len() || !name.starts_with('['))
}

/// Whether `text` is a method as a set holds it.
pub(super) fn is_method(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=MAX_METHOD).contains(&text.len()) && text.bytes().all(allowed)
}

/// Whether `text` is a path prefix as a set holds it.
pub(super) fn is_path(text: &str) -> bool {
    let is_normal = text.is_empty() || text.starts_with('/');
    is_normal
        && text.len() <= MAX_NAME
        && !text.ends_with('/')
        && !text.contains("//")
        && !text.chars().any(char::is_control)
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_kept_in_one_form() {
        let scope = Scope::new()
            .with_host("API.Example.com.")
            .and_then(|scope| scope.with_host("*.Example.ORG"))
            .and_then(|scope| scope.with_host("[2001:DB8::1]"))
            .and_then(|scope| scope.with_method("post"))
            .and_then(|scope| scope.with_path("//V1/%70ay/"))
            .and_then(|scope| scope.with_path("/stra%C3%9fe"))
            .and_then(|scope| scope.with_path("/"))
            .unwrap();
        let hosts: Vec<&str> = scope.hosts().collect();
        assert_eq!(hosts, ["*.example.org", "[2001:db8::1]", "api.example.com"]);
        assert_eq!(scope.methods().collect::<Vec<_>>(), ["POST"]);
        assert_eq!(scope.paths().collect::<Vec<_>>(), ["", "/straße", "/v1/pay"]);
        assert!(!scope.is_everything() && Scope::new().not_before(0).is_everything());
        for part in PARTS {
            let scope = Scope::new().with_part(part);
            assert_eq!(scope.parts().collect::<Vec<_>>(), [part]);
            assert!(scope.parts.admit(Some(part)) && scope.parts.admit(None));
            assert_eq!(PARTS.iter().filter(|part| scope.parts.admit(Some(**part))).count(), 1);
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let long = "a".repeat(256);
        for host in [
            "",
            "*",
            "*.",
            "a b",
            "ex*mple.com",
            "a.*.com",
            "straße.de",
            "a:80",
            "u@a",
            "*.[::1]",
            &long,
        ] {
            assert_eq!(Scope::new().with_host(host), Err(ScopeError::Host(host.into())));
        }
        for method in ["", "GET POST", "G\tT", &long] {
            assert_eq!(Scope::new().with_method(method), Err(ScopeError::Method(method.into())));
        }
        let long = format!("/{long}");
        for path in [
            "", "v1", "/v1?x", "/v1#x", "/v1/../x", "/%2e/x", "/a%2fb", "/a\\b", "/%zz", "/a%00",
            &long,
        ] {
            assert_eq!(Scope::new().with_path(path), Err(ScopeError::Path(path.into())));
        }
    }
}
