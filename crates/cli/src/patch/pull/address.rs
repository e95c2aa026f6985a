//! Where a set is served.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;
use ureq::http::uri::Scheme;

/// An absolute `http` or `https` address. Shown without its query, which may hold a secret.
#[derive(Clone, Debug)]
pub(super) struct Address {
    uri: Uri,
    /// In lower case, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    secure: bool,
}

impl Address {
    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether it is on this machine: `localhost` or an address that is looped back.
    pub(super) fn is_loopback(&self) -> bool {
        let is_looped_back = |address: IpAddr| address.is_loopback();
        self.host == "localhost" || self.host.parse().is_ok_and(is_looped_back)
    }

    /// Where a `Location` in the answer from here leads to; `None` if that is not an address.
    pub(super) fn redirected(&self, location: &str) -> Option<Address> {
        let scheme = if self.secure { "https" } else { "http" };
        let authority = self.uri.authority()?;
        let path = self.uri.path();
        let folder = &path[..=path.rfind('/')?];
        let location = location.split('#').next()?;
        let absolute = if location.contains("://") && !location.starts_with(['/', '?', '.']) {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{scheme}://{rest}")
        } else if location.starts_with('/') {
            format!("{scheme}://{authority}{location}")
        } else if location.starts_with('?') {
            format!("{scheme}://{authority}{path}{location}")
        } else {
            format!("{scheme}://{authority}{folder}{location}")
        };
        absolute.parse().ok()
    }

    /// Whether the same server answers there, over the same kind of connection.
    pub(super) fn is_same_origin(&self, other: &Address) -> bool {
        (self.secure, self.port, &self.host) == (other.secure, other.port, &other.host)
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{scheme}://{authority}")
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        // The text is not repeated: it may hold a secret.
        let uri: Uri = text.parse().map_err(|_| "no address of a set".to_owned())?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err("it must begin with https:// or http://".to_owned()),
        };
        let authority = uri.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("it holds a name or password: use --token-file".to_owned());
        }
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return Err("it names no host".to_owned());
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            _ => authority.port_u16().ok_or("its port is none")?,
        };
        Ok(Address { host, port, secure, uri })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for text in [
            "",
            "set",
            "/set",
            "sets.example.com/live",
            "ftp://a/b",
            "https://",
            "https:///x",
            "https://user:hunter2secret@a/b",
            "https://a:99999/",
            "https://a:x/",
            "https://a b/",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn a_query_is_not_shown() {
        assert_eq!(address("https://a.example/s?sig=x").to_string(), "https://a.example/s");
        assert_eq!(address("http://[::1]:8080").to_string(), "http://[::1]:8080/");
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for (host, is_here) in [
            ("localhost", true),
            ("LOCALHOST:80", true),
            ("127.0.0.1", true),
            ("127.9.9.9:1", true),
            ("[::1]:8080", true),
            ("10.0.0.1", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com", false),
            ("0.0.0.0", false),
            ("[::2]", false),
        ] {
            assert_eq!(address(&format!("http://{host}/s")).is_loopback(), is_here, "{host}");
        }
    }

    #[test]
    fn redirects_lead_where_they_say() {
        let from = address("https://a.example/sets/live?x=1");
        for (location, to, is_same) in [
            ("/new", "https://a.example/new", true),
            ("new?y=2", "https://a.example/sets/new", true),
            ("?y=2", "https://a.example/sets/live", true),
            ("https://A.example:443/new#part", "https://A.example:443/new", true),
            ("//a.example/new", "https://a.example/new", true),
            ("//b.example/new", "https://b.example/new", false),
            ("http://a.example/new", "http://a.example/new", false),
            ("https://a.example:8443/new", "https://a.example:8443/new", false),
            ("https://a.example.evil.example/", "https://a.example.evil.example/", false),
            ("/new?to=https://b.example/", "https://a.example/new", true),
        ] {
            let found = from.redirected(location).unwrap();
            assert_eq!(found.to_string(), to, "{location}");
            assert_eq!(from.is_same_origin(&found), is_same, "{location}");
        }
        for location in ["https://", "https://user:pw@a.example/", "ftp://a.example/x"] {
            assert!(from.redirected(location).is_none(), "{location}");
        }
    }
}
