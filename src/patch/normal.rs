//! Hosts and paths in one form, so that a scope on them cannot be got round by writing them
//! differently.
//!
//! A scope narrows what is refused, so a client that carries a leaked token will try to look as if
//! it went elsewhere. What servers are known to read differently is therefore not read at all: it
//! counts as unknown, and a condition on something unknown holds.

/// Writes the host of `authority` (a `Host` header, or what stands between `//` and the path) into
/// `room`: in lower case, without a port and without a dot at the end. `None` if it is empty, too long,
/// or holds a character that no host has.
pub(super) fn host(authority: &[u8], room: &mut [u8]) -> Option<usize> {
    let authority = authority.trim_ascii();
    let (host, port) = match authority.first()? {
        b'[' => authority.split_at(authority.iter().position(|byte| *byte == b']')? + 1),
        _ => {
            let colon = authority.iter().position(|byte| *byte == b':');
            authority.split_at(colon.unwrap_or(authority.len()))
        }
    };
    let is_port = port.is_empty() || port[0] == b':' && port[1..].iter().all(u8::is_ascii_digit);
    let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    let allowed = match inner {
        Some(inner) => {
            !inner.is_empty() && inner.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b))
        }
        None => host.iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b)),
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    let room = room.get_mut(..host.len()).filter(|_| is_port && allowed && !host.is_empty())?;
    room.copy_from_slice(host);
    room.make_ascii_lowercase();
    Some(host.len())
}

/// Takes the target of a request apart into the authority, if it is in absolute form, and the path
/// with what is behind it. `None` if it is neither in origin nor in absolute form (RFC 9112, section
/// 3.2).
pub(super) fn target(target: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    if target.starts_with(b"/") {
        return Some((None, target));
    }
    let scheme =
        target.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))?;
    let rest = target[scheme..].strip_prefix(b"://").filter(|_| scheme > 0)?;
    let end = rest.iter().position(|byte| b"/?#\\".contains(byte)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((Some(authority), if path.is_empty() { b"/" } else { path }))
}

/// Writes the path at the start of `text` (up to a `?`) into `room`, as much of it as fits, and says
/// how much that is.
///
/// Its form: percent escapes undone once, letters of ASCII in lower case, parameters of segments
/// (`;…`) and empty segments left out, no slash at the end; so the path `/` is empty. `None` if servers
/// could read it differently: it does not start with `/`, or has dot segments, a backslash, a `#`, a
/// control character, an escape that is none, or an escaped slash, backslash or percent sign.
pub(super) fn path(text: &[u8], room: &mut [u8]) -> Option<usize> {
    if text.first() != Some(&b'/') {
        return None;
    }
    let (mut put, mut at) = (0, 0);
    let mut segment = Segment::default();
    while let Some(byte) = text.get(at).copied().filter(|byte| *byte != b'?') {
        at += 1;
        let byte = match byte {
            b'/' => {
                segment.end()?;
                continue;
            }
            b'%' => {
                let byte = hexadecimal(*text.get(at)?)? << 4 | hexadecimal(*text.get(at + 1)?)?;
                at += 2;
                match byte {
                    b'/' | b'%' => return None,
                    byte => byte,
                }
            }
            byte => byte,
        };
        if byte.is_ascii_control() || byte == b'\\' || byte == b'#' {
            return None;
        }
        if segment.takes(byte) {
            if segment.len == 1 {
                put_at(room, &mut put, b'/');
            }
            put_at(room, &mut put, byte.to_ascii_lowercase());
        }
    }
    segment.end()?;
    Some(put)
}

/// A segment of a path that is being read.
#[derive(Default)]
struct Segment {
    len: usize,
    /// Whether it consists of dots so far.
    has_other: bool,
    has_parameters: bool,
}

impl Segment {
    /// Whether `byte` belongs to what counts of the segment.
    fn takes(&mut self, byte: u8) -> bool {
        self.has_parameters |= byte == b';';
        if !self.has_parameters {
            self.len += 1;
            self.has_other |= byte != b'.';
        }
        !self.has_parameters
    }

    /// Ends it and begins the next; `None` if it was a dot segment.
    fn end(&mut self) -> Option<()> {
        let segment = std::mem::take(self);
        (segment.has_other || !matches!(segment.len, 1 | 2)).then_some(())
    }
}

fn put_at(room: &mut [u8], at: &mut usize, byte: u8) {
    if let Some(place) = room.get_mut(*at) {
        *place = byte;
        *at += 1;
    }
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_form() {
        let cases = [
            ("Example.COM", Some("example.com")),
            ("example.com:443", Some("example.com")),
            (" example.com.:8080 ", Some("example.com")),
            ("example.com:", Some("example.com")),
            ("[2001:DB8::1]:80", Some("[2001:db8::1]")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("", None),
            (".", None),
            (":80", None),
            ("a:80:90", None),
            ("a:http", None),
            ("user@example.com", None),
            ("ex ample.com", None),
            ("ex%61mple.com", None),
            ("a,b", None),
            ("[::1", None),
            ("[]", None),
            ("[::1]x", None),
        ];
        for (text, expected) in cases {
            let mut room = [0; 64];
            let host = host(text.as_bytes(), &mut room).map(|len| room[..len].to_vec());
            assert_eq!(host.as_deref(), expected.map(str::as_bytes), "{text:?}");
        }
        assert_eq!(host(&[b'a'; 65], &mut [0; 64]), None);
    }

    #[test]
    fn targets_come_apart() {
        let cases = [
            ("/a?b", Some((None, "/a?b"))),
            ("//a/b", Some((None, "//a/b"))),
            ("http://h:1/a?b", Some((Some("h:1"), "/a?b"))),
            ("HTTPS://h", Some((Some("h"), "/"))),
            ("http://u@h/", Some((Some("u@h"), "/"))),
            ("http://h?b", Some((Some("h"), "?b"))),
            ("http:/h/a", None),
            ("://h/a", None),
            ("h:443", None),
            ("*", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|(authority, path): (Option<&str>, &str)| {
                (authority.map(str::as_bytes), path.as_bytes())
            });
            assert_eq!(target(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn paths_have_one_form_or_none() {
        let cases = [
            ("/", Some("")),
            ("/v1", Some("/v1")),
            ("/V1/", Some("/v1")),
            ("///v1//x?/../", Some("/v1/x")),
            ("/%76%31/x%20y", Some("/v1/x y")),
            ("/v1;a=b/x;c", Some("/v1/x")),
            ("/;a/v1", Some("/v1")),
            ("/v1/...", Some("/v1/...")),
            ("/v1/.well-known", Some("/v1/.well-known")),
            ("/v1/..", None),
            ("/./v1", None),
            ("/%2e%2E/v1", None),
            ("/..;x/v1", None),
            ("/a%2Fb", None),
            ("/a%5cb", None),
            ("/a\\b", None),
            ("/%2576", None),
            ("/%", None),
            ("/%7", None),
            ("/%u0076", None),
            ("/a%00", None),
            ("/a#b", None),
            ("v1", None),
            ("?b", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let mut room = [0; 64];
            let path = path(text.as_bytes(), &mut room).map(|len| room[..len].to_vec());
            assert_eq!(path.as_deref(), expected.map(str::as_bytes), "{text:?}");
        }
        // What does not fit is read nevertheless.
        let mut room = [0; 8];
        assert_eq!(path(b"/abcdefghijk/l", &mut room), Some(8));
        assert_eq!(&room, b"/abcdefg");
        assert_eq!(path(b"/abcdefghijk/../l", &mut room), None);
    }
}
