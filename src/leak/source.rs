//! Where a leak was found, and whom it endangers.

use std::fmt;

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// The kind of place that a token was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum SourceKind {
    /// A file.
    File,
    /// A commit of a repository.
    Repository,
    /// A page, script or other answer of a web server.
    Page,
    /// A paste or gist.
    Paste,
    /// An object in a storage bucket.
    Bucket,
    /// A mobile or desktop app.
    App,
    /// A package or image of a registry.
    Package,
    /// Somebody reported it.
    Report,
    /// A request or answer that was sent without encryption.
    Traffic,
    /// Somewhere criminals sell what they took.
    Market,
}

/// Who can see a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Visibility {
    /// A few persons or machines.
    Private,
    /// All of an organisation.
    Internal,
    /// Everybody.
    Public,
}

/// Where exactly: enough for a person to open the place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Locator {
    /// A path or URL.
    pub place: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The commit that holds it.
    pub commit: Option<String>,
}

/// A place that a leak was found in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case", deny_unknown_fields))]
pub struct Source {
    /// The kind of place.
    pub kind: SourceKind,
    /// The place.
    pub locator: Locator,
    /// Who can see the place.
    pub visibility: Visibility,
}

/// Whom a leak endangers: a domain, an organisation, a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize))]
pub struct Target(pub String);

impl SourceKind {
    /// All kinds.
    pub const ALL: [SourceKind; 10] = [
        SourceKind::File,
        SourceKind::Repository,
        SourceKind::Page,
        SourceKind::Paste,
        SourceKind::Bucket,
        SourceKind::App,
        SourceKind::Package,
        SourceKind::Report,
        SourceKind::Traffic,
        SourceKind::Market,
    ];

    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::File => "file",
            SourceKind::Repository => "repository",
            SourceKind::Page => "page",
            SourceKind::Paste => "paste",
            SourceKind::Bucket => "bucket",
            SourceKind::App => "app",
            SourceKind::Package => "package",
            SourceKind::Report => "report",
            SourceKind::Traffic => "traffic",
            SourceKind::Market => "market",
        }
    }

    /// Who can see such a place, unless somebody knows better.
    pub fn usual_visibility(self) -> Visibility {
        match self {
            SourceKind::File | SourceKind::Report => Visibility::Private,
            SourceKind::Traffic => Visibility::Internal,
            SourceKind::Repository
            | SourceKind::Page
            | SourceKind::Paste
            | SourceKind::Bucket
            | SourceKind::App
            | SourceKind::Package
            | SourceKind::Market => Visibility::Public,
        }
    }
}

impl Visibility {
    /// `private`, `internal` or `public`.
    pub fn as_str(self) -> &'static str {
        match self {
            Visibility::Private => "private",
            Visibility::Internal => "internal",
            Visibility::Public => "public",
        }
    }
}

impl Source {
    /// A place of this kind, as visible as such places usually are.
    pub fn new(kind: SourceKind, place: impl Into<String>) -> Source {
        let locator = Locator { place: place.into(), line: None, commit: None };
        Source { kind, locator, visibility: kind.usual_visibility() }
    }

    /// A line of a file.
    pub fn file(path: impl Into<String>, line: u64) -> Source {
        Source::new(SourceKind::File, path).line(line)
    }

    /// A report by a person, who says where.
    pub fn report(place: impl Into<String>) -> Source {
        Source::new(SourceKind::Report, place)
    }

    /// With the line, from 1.
    pub fn line(mut self, line: u64) -> Source {
        self.locator.line = Some(line);
        self
    }

    /// With the commit that holds it.
    pub fn commit(mut self, commit: impl Into<String>) -> Source {
        self.locator.commit = Some(commit.into());
        self
    }

    /// With who can see it.
    pub fn visible(mut self, visibility: Visibility) -> Source {
        self.visibility = visibility;
        self
    }
}

/// `place:line@commit`, as far as known.
impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        match &self.commit {
            Some(commit) => write!(f, "@{commit}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.locator)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locators_are_what_a_person_types() {
        assert_eq!(Source::file("src/a.env", 7).to_string(), "file src/a.env:7");
        assert_eq!(Source::report("a phone call").to_string(), "report a phone call");
        let locator = Locator { place: "repo".into(), line: None, commit: Some("3f2a".into()) };
        assert_eq!(locator.to_string(), "repo@3f2a");
    }
}
