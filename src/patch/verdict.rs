//! What was found in a request, and what to do about it.

use std::fmt;

use super::inflate::BodyState;

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

/// A way of reading a request. `docs/views.md` says what each undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum View {
    /// As it stands.
    Raw = 1,
    /// Percent escapes (RFC 3986, section 2.1).
    Percent = 2,
    /// Backslash escapes of JSON (RFC 8259, section 7) and ECMAScript.
    Json = 4,
    /// Character references of XML and HTML.
    Entity = 8,
    /// Base64 in both alphabets (RFC 4648).
    Base64 = 16,
    /// The credentials of HTTP Basic authentication, in base64 (RFC 7617).
    Basic = 32,
    /// UTF-16 in either byte order.
    Utf16 = 64,
    /// Quoted-printable (RFC 2045, section 6.7).
    Quoted = 128,
    /// The other letter case, for tokens of hexadecimal digits.
    Case = 256,
    /// `+` for a space, as in forms.
    Plus = 512,
    /// The content encoding `gzip` (RFC 1952).
    Gzip = 1024,
    /// The content encoding `deflate` (RFC 1950 and 1951).
    Deflate = 2048,
}

/// A set of views: those that a scan looks at, or those that had to be undone for a token to show.
///
/// `Display` joins their names: `percent+base64`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Views(u32);

/// The outcome of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// The token behind the action; `None` exactly if the action is [`Action::Pass`].
    pub hit: Option<Hit>,
    /// Whether all of the body was looked at without its content encoding. Known for sure when the
    /// scan is finished.
    pub body: BodyState,
}

/// Where a leaked token stood in a request. Never the token itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hit {
    /// The leak that the token belongs to.
    pub leak: u64,
    /// The part of the request.
    pub part: Part,
    /// What had to be undone for it to show; [`Views::RAW`] if nothing.
    pub views: Views,
    /// Where it starts, encoded as it is: the byte, counted from the start of the target, of the
    /// header's value, or of the body (without its content encoding).
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
    /// Every view.
    pub const EACH: [View; 12] = [
        View::Raw,
        View::Percent,
        View::Json,
        View::Entity,
        View::Base64,
        View::Basic,
        View::Utf16,
        View::Quoted,
        View::Case,
        View::Plus,
        View::Gzip,
        View::Deflate,
    ];

    /// The view's name, the variant's in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            View::Raw => "raw",
            View::Percent => "percent",
            View::Json => "json",
            View::Entity => "entity",
            View::Base64 => "base64",
            View::Basic => "basic",
            View::Utf16 => "utf16",
            View::Quoted => "quoted",
            View::Case => "case",
            View::Plus => "plus",
            View::Gzip => "gzip",
            View::Deflate => "deflate",
        }
    }
}

impl Views {
    /// Every view.
    pub const ALL: Views = Views(0xfff);

    /// The request as it stands, and no more. It is looked at in any case.
    pub const RAW: Views = Views(View::Raw as u32);

    pub(super) const NONE: Views = Views(0);

    /// These views and `view`.
    #[must_use]
    pub const fn with(self, view: View) -> Views {
        Views(self.0 | view as u32)
    }

    /// These views and `others`.
    #[must_use]
    pub const fn union(self, others: Views) -> Views {
        Views(self.0 | others.0)
    }

    /// Whether `view` is one of these.
    pub const fn contains(self, view: View) -> bool {
        self.0 & view as u32 != 0
    }

    /// The views with these bits, as [`bits`](Views::bits) has them. Bits of no view do not count.
    pub const fn from_bits(bits: u32) -> Views {
        Views(bits & Views::ALL.0)
    }

    /// A bit for each view, its number as a [`View`].
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = View> {
        View::EACH.into_iter().filter(move |view| self.contains(*view))
    }
}

impl From<View> for Views {
    fn from(view: View) -> Views {
        Views::NONE.with(view)
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

impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, view) in self.iter().enumerate() {
            if number > 0 {
                f.write_str("+")?;
            }
            f.write_str(view.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Views({self})")
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
