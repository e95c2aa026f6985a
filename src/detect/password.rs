//! Passwords: in a URL, in HTTP Basic credentials, assigned to a name that says so.
//!
//! A password has no form. What stands around it tells where it begins and ends, and how sure that
//! is; each look is bounded.

use std::ops::Range;

use super::rule::Confidence;
use super::{base64, name, value};

/// User information in a URL is no longer.
const LONGEST_USERINFO: usize = 320;
/// A password is no longer.
const LONGEST_PASSWORD: usize = 128;
/// A password is no shorter.
const SHORTEST_PASSWORD: usize = 4;
/// Base64 of user name and password is no longer.
const LONGEST_BASIC: usize = 512;
/// Bytes before a password in which the other fields of its connection string are looked for.
const LONGEST_CONNECTION: usize = 256;
/// How fields of connection strings are called that say where to connect to, or as whom: those of
/// ADO.NET, ODBC and OLE DB.
const CONNECTION_KEYS: [&str; 17] = [
    "server",
    "host",
    "data source",
    "datasource",
    "addr",
    "address",
    "network address",
    "endpoint",
    "dsn",
    "driver",
    "database",
    "initial catalog",
    "uid",
    "user",
    "user id",
    "username",
    "user name",
];
/// Bytes before a word that may belong to its name, and bytes behind it.
const NAME_REACH: usize = 48;

/// The password in the user information behind the `://` at `at`.
pub(super) fn in_url(text: &[u8], at: usize) -> Option<(Range<usize>, Confidence)> {
    text.get(at.checked_sub(1)?).filter(|b| b.is_ascii_alphanumeric())?;
    let start = at + 3;
    let window = &text[start..text.len().min(start + LONGEST_USERINFO)];
    let stop = window.iter().position(|b| b"@/\"'`<>\\|()?".contains(b) || *b <= b' ')?;
    let userinfo = &window[..stop];
    let colon = userinfo.iter().position(|b| *b == b':')?;
    let password = &userinfo[colon + 1..];
    let host = &window[stop + 1..];
    let real = window[stop] == b'@'
        && password.len() >= 3
        && host.first().is_some_and(|b| b.is_ascii_alphanumeric() || b"[%{$".contains(b))
        && !password.iter().any(|b| matches!(b, b'{' | b'}' | b'$' | b'*'))
        && !value::is_placeholder(password);
    let local =
        [&b"localhost"[..], b"127.0.0.1", b"example."].iter().any(|name| host.starts_with(name));
    let confidence = if local || password.len() < 6 { Confidence::Low } else { Confidence::Medium };
    real.then(|| (start + colon + 1..start + stop, confidence))
}

/// The Base64 of user name and password that begins at `at`.
pub(super) fn in_basic(text: &[u8], at: usize) -> Option<(Range<usize>, Confidence)> {
    let window = &text[at..text.len().min(at + LONGEST_BASIC)];
    let digits =
        window.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/')).count();
    let padding = window[digits..].iter().take(2).take_while(|b| **b == b'=').count();
    let token = &window[..digits + padding];
    if digits < 8 {
        return None;
    }
    let plain = base64::decode(token)?;
    let colon = plain.iter().position(|b| *b == b':')?;
    let printable = plain.iter().all(|b| (b' '..0x7f).contains(b));
    let password = &plain[colon + 1..];
    let real = printable && password.len() + colon >= 4 && !value::is_placeholder(&plain);
    let confidence =
        if value::is_placeholder(password) { Confidence::Low } else { Confidence::Medium };
    real.then(|| (at..at + token.len(), confidence))
}

/// The value assigned to the name that holds the word at `word`.
pub(super) fn assigned(text: &[u8], word: Range<usize>) -> Option<(Range<usize>, Confidence)> {
    let name_byte = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'_' | b'-' | b'.');
    let floor = word.start.saturating_sub(NAME_REACH);
    let start = word.start - text[floor..word.start].iter().rev().take_while(name_byte).count();
    let mut end = word.end.min(text.len());
    while end > word.start && !text[end - 1].is_ascii_alphanumeric() {
        end -= 1;
    }
    end += text[end..text.len().min(end + NAME_REACH)].iter().take_while(name_byte).count();
    let (range, quoted) = value_of(text, end)?;
    if !name::is_password(&text[start..end]) {
        return None;
    }
    let password = &text[range.clone()];
    if password.len() < SHORTEST_PASSWORD
        || password.iter().any(|b| *b <= b' ' || *b == 0x7f)
        || value::is_written(password)
        || value::is_placeholder(password)
        || value::is_uuid(password)
        || !quoted && (value::is_code(password) || is_variable(text, start, range.end))
    {
        return None;
    }
    let strong = quoted
        && password.len() >= 10
        && value::kinds(password) >= 3
        && value::changes(password) >= 3;
    Some((range, if strong { Confidence::Medium } else { Confidence::Low }))
}

/// Whether an unquoted value that ends at `end`, of a name that begins at `start`, is a statement's
/// last word and so the name of something: a semicolon ends the line, and it is not the last of a
/// connection string's fields.
pub(super) fn is_variable(text: &[u8], start: usize, end: usize) -> bool {
    let behind = &text[end..text.len().min(end + NAME_REACH)];
    let Some(behind) = behind.strip_prefix(b";") else { return false };
    let ended = behind.iter().find(|b| !matches!(b, b' ' | b'\t'));
    ended.is_none_or(|b| matches!(b, b'\r' | b'\n')) && !is_connection(text, start)
}

/// Whether the field at `at` has one before it, in the same line, that says where to connect to, or as
/// whom.
fn is_connection(text: &[u8], at: usize) -> bool {
    let floor = at.saturating_sub(LONGEST_CONNECTION);
    let before = &text[floor..at];
    let line = before.iter().rposition(|b| matches!(b, b'\n' | b'"' | b'\'' | b'`'));
    let fields = &before[line.map_or(0, |line| line + 1)..];
    fields.split(|b| *b == b';').any(|field| {
        let mut halves = field.splitn(2, |b| *b == b'=');
        let (key, value) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
        // The first field may stand behind a name, as in `url = Server=db;…`.
        let key = key.trim_ascii();
        !value.trim_ascii().is_empty()
            && CONNECTION_KEYS.iter().any(|known| key.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// The value assigned to the name that ends at `at`, and whether it is quoted.
fn value_of(text: &[u8], at: usize) -> Option<(Range<usize>, bool)> {
    let window = &text[..text.len().min(at + NAME_REACH)];
    let skip = |from: usize, which: fn(&u8) -> bool| {
        from + window[from..].iter().take_while(|b| which(b)).count()
    };
    let quote = |b: &u8| matches!(b, b'"' | b'\'' | b'`' | b'\\');
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let mut i = skip(at, quote);
    let named = i > at;
    // `<add key="Password" value="…">` and `{"name": "PASSWORD", "value": "…"}` say the value one
    // word later.
    let beside = skip(i, |b| b"\"'\\, \t\r\n".contains(b));
    if beside > i
        && window[beside..].get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"value"))
    {
        i = skip(beside + 5, quote);
    }
    i = skip(i, |b| matches!(b, b']' | b')'));
    i = skip(i, blank);
    let operator = i;
    i = skip(i, |b| matches!(b, b'=' | b':' | b'>' | b',' | b'?' | b'!' | b'+'));
    let joined = &window[operator..i];
    if joined.len() > 3 || !joined.iter().any(|b| matches!(b, b'=' | b':' | b'>' | b',')) {
        return None;
    }
    // Behind a name without quotes a comma ends an argument: `sign(secret, "…")`.
    if joined == b"," && !named {
        return None;
    }
    i = skip(i, blank);
    // A type may stand between: `password: &str = "…"`.
    if joined == b":" {
        let typed =
            skip(i, |b| b.is_ascii_alphabetic() || matches!(b, b'&' | b'\'' | b' ' | b'<' | b'>'));
        if window.get(typed) == Some(&b'=') {
            i = skip(typed + 1, blank);
        }
    }
    let opening = i;
    i = skip(i, |b| *b == b'\\');
    match window.get(i).filter(|b| quote(b)) {
        Some(mark) => {
            i += 1;
            let rest = &text[i..text.len().min(i + LONGEST_PASSWORD + 1)];
            let length = rest.iter().position(|b| b == mark || *b == b'\n')?;
            let length = if rest[length] == *mark { length } else { return None };
            let escaped = rest[..length].iter().rev().take_while(|b| **b == b'\\').count();
            Some((i..i + length - escaped.min(i - 1 - opening), true))
        }
        // ODBC puts a value with special characters in braces.
        None if joined == b"=" && window.get(i) == Some(&b'{') => {
            let rest = &text[i + 1..text.len().min(i + 2 + LONGEST_PASSWORD)];
            let length = braced(rest)?;
            Some((i + 1..i + 1 + length, true))
        }
        None if joined != b"," => {
            let rest = &text[i..text.len().min(i + LONGEST_PASSWORD + 1)];
            let length = rest
                .iter()
                .position(|b| *b <= b' ' || b"\"'`\\,;&<)}]".contains(b))
                .unwrap_or(rest.len());
            (length <= LONGEST_PASSWORD).then_some((i..i + length, false))
        }
        None => None,
    }
}

/// How long the value is that a brace ends, in which two stand for one.
fn braced(rest: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += rest.get(at..)?.iter().position(|b| matches!(b, b'}' | b'\n'))?;
        match rest[at..] {
            [b'}', b'}', ..] => at += 2,
            [b'}', b';' | b'"' | b'\'', ..] | [b'}'] => return Some(at),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, found: Option<(Range<usize>, Confidence)>) -> Option<(&str, Confidence)> {
        found.map(|(range, confidence)| (&text[range], confidence))
    }

    #[test]
    fn passwords_in_urls() {
        let look = |text| taken(text, in_url(text.as_bytes(), text.find("://").unwrap()));
        let medium = |password| Some((password, Confidence::Medium));
        assert_eq!(look("postgres://app:k9-Wq2mV@db:5432/x"), medium("k9-Wq2mV"));
        assert_eq!(look("redis://:k9:Wq2mV@db"), medium("k9:Wq2mV"));
        assert_eq!(look("nats://a:k9-Wq2mV@%s:%d"), medium("k9-Wq2mV"));
        assert_eq!(look("http://a:k9-Wq2mV@localhost/"), Some(("k9-Wq2mV", Confidence::Low)));
        for text in [
            "http://host:80/a@b",
            "http://a:${PW}@b/",
            "http://a:pw@",
            "://a:k9-Wq2mV@b",
            "http://a:k9 W@b",
        ] {
            assert_eq!(look(text), None, "{text}");
        }
    }

    #[test]
    fn basic_credentials_hold_a_colon() {
        let look = |text| taken(text, in_basic(text.as_bytes(), "Basic ".len()));
        assert_eq!(
            look("Basic bWVhZG93Oms5LVdxMg=="),
            Some(("bWVhZG93Oms5LVdxMg==", Confidence::Medium))
        );
        assert_eq!(look("Basic principles of it"), None);
        assert_eq!(look("Basic "), None);
    }

    /// ODBC doubles a closing brace that belongs to the value.
    #[test]
    fn passwords_in_braces() {
        for (text, length) in [("k9-Wq2};x", Some(6)), ("k9}}W;q2}", Some(8)), ("k9}x", None)] {
            assert_eq!(braced(text.as_bytes()), length, "{text}");
        }
    }

    #[test]
    fn passwords_and_their_names() {
        let look = |text: &'static str| {
            let at = text.to_ascii_lowercase().find("passw").unwrap();
            taken(text, assigned(text.as_bytes(), at..at + 5)).map(|(password, _)| password)
        };
        for text in [
            "DB_PASSWORD=k9-Wq2",
            "password: 'k9-Wq2'",
            "{\\\"password\\\":\\\"k9-Wq2\\\"}",
            "let password: &str = \"k9-Wq2\";",
            "config[\"password\"] = 'k9-Wq2'",
            "setProperty(\"db.password\", \"k9-Wq2\")",
            "<password>k9-Wq2</password>",
            "{\"name\": \"PASSWORD\", \"value\": \"k9-Wq2\"}",
            "Server=db;Password=k9-Wq2;Port=1",
            "Server=db;Password=k9-Wq2;",
            "url = 'Port=1; User ID = app ;Password=k9-Wq2;'",
            "DSN=books;Password={k9-Wq2};",
            "PASSWORD=k9-Wq2; run",
        ] {
            assert_eq!(look(text), Some("k9-Wq2"), "{text}");
        }
        for text in [
            "password = read_password()",
            "password: Option<Secret1>,",
            "password_hash = 'k9-Wq2'",
            "password = '${PW2}'",
            "the password is k9-Wq2",
            "password = ''",
            "password = 'k9-Wq2",
            "sign(ctx.password, 'k9-Wq2')",
            "password: 'пароль?'",
            "password = k9wq2m;",
            "Port=1;Password=k9-Wq2;",
            "Server=;Password=k9-Wq2;\r\n",
            "ProxyServer=db;Password=k9-Wq2;",
            "Server=db;\nPassword=k9-Wq2;",
            "DSN=books;Password={k9-Wq2",
            "password = {k9: Wq2}",
        ] {
            assert_eq!(look(text), None, "{text}");
        }
    }
}
