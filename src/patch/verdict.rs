//! What was found in a request, and what to do about it.

use std::fmt;

/// What the host is to do with a request. Ordered: a request gets the strongest action of all
/// tokens in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Action {
    /// Let it pass: it carries no token of the set.
    #[default]
    Pass = 0,
    /// Let it pass, and record it.
    Monitor = 1,
    /// Refuse it.
    Block = 2,
}

/// The part of a request in which a token stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Part {
    /// The target's path.
    Path = 1,
    /// The target's query.
    Query = 2,
    /// A header's value.
    Header = 3,
    /// A cookie.
    Cookie = 4,
    /// The body.
    Body = 5,
}

/// How the request had to be read for the token to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum View {
    /// As it stands.
    Raw = 1,
    /// With percent escapes undone once (RFC 3986, section 2.1).
    Percent = 2,
    /// The credentials of HTTP Basic authentication, with base64 undone (RFC 7617).
    Basic = 3,
}

/// The views that a scan looks at. All of them, unless a host knows that what is behind it undoes no
/// encoding and would rather have the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Views(u32);

/// The outcome of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// The token behind the action; `None` exactly if the action is [`Action::Pass`].
    pub hit: Option<Hit>,
}

/// Where a leaked token stood in a request. Never the token itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit {
    /// The leak that the token belongs to.
    pub leak: u64,
    /// The part of the request.
    pub part: Part,
    /// The view that showed it.
    pub view: View,
    /// The token's first byte, counted in the text of the view: from the start of the target, of
    /// the header's value, of the body, or of what was decoded from it.
    pub offset: u64,
    /// The name of the header, cookie or query parameter; empty where there is none, or where the
    /// token stands in the name itself.
    pub name: Name,
}

/// The name of a header, cookie or parameter, cut off after [`Name::MAX`] bytes.
///
/// It comes from the client: treat it as hostile text. `Display` and `Debug` escape what is not
/// printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Name {
    bytes: [u8; Name::MAX],
    len: u8,
}

impl Action {
    /// The action's name: `pass`, `monitor` or `block`.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Pass => "pass",
            Action::Monitor => "monitor",
            Action::Block => "block",
        }
    }
}

impl Part {
    /// The part's name: `path`, `query`, `header`, `cookie` or `body`.
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Path => "path",
            Part::Query => "query",
            Part::Header => "header",
            Part::Cookie => "cookie",
            Part::Body => "body",
        }
    }
}

impl View {
    /// The view's name: `raw`, `percent` or `basic`.
    pub fn as_str(self) -> &'static str {
        match self {
            View::Raw => "raw",
            View::Percent => "percent",
            View::Basic => "basic",
        }
    }
}

impl Views {
    /// Every view.
    pub const ALL: Views = Views::RAW.with(View::Percent).with(View::Basic);

    /// The request as it stands, and no more. It is looked at in any case.
    pub const RAW: Views = Views(1 << View::Raw as u32);

    /// These views and `view`.
    #[must_use]
    pub const fn with(self, view: View) -> Views {
        Views(self.0 | 1 << view as u32)
    }

    /// Whether `view` is one of these.
    pub const fn contains(self, view: View) -> bool {
        self.0 & 1 << view as u32 != 0
    }
}

impl Default for Views {
    fn default() -> Views {
        Views::ALL
    }
}

impl Name {
    /// How many bytes of a name are kept.
    pub const MAX: usize = 64;

    /// No name.
    pub const EMPTY: Name = Name { bytes: [0; Name::MAX], len: 0 };

    /// The name `bytes`, cut off after [`Name::MAX`].
    pub fn new(bytes: &[u8]) -> Name {
        let len = bytes.len().min(Name::MAX);
        let mut name = Name::EMPTY;
        name.bytes[..len].copy_from_slice(&bytes[..len]);
        name.len = len as u8;
        name
    }

    /// The bytes of the name, as the client sent them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
