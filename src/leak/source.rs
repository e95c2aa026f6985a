//! Where a leak was found, and whom it endangers.

use std::fmt;

/// The kind of place that a token was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
}

/// Where exactly: enough for a person to open the place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locator {
    /// A path or URL.
    pub place: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The commit that holds it.
    pub commit: Option<String>,
}

/// A place that a leak was found in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The kind of place.
    pub kind: SourceKind,
    /// The place.
    pub locator: Locator,
}

/// Whom a leak endangers: a domain, an organisation, a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target(pub String);

impl SourceKind {
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
        }
    }
}

impl Source {
    /// A line of a file.
    pub fn file(path: impl Into<String>, line: u64) -> Source {
        let locator = Locator { place: path.into(), line: Some(line), commit: None };
        Source { kind: SourceKind::File, locator }
    }

    /// A report by a person, who says where.
    pub fn report(place: impl Into<String>) -> Source {
        let locator = Locator { place: place.into(), line: None, commit: None };
        Source { kind: SourceKind::Report, locator }
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
