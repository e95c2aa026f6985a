//! A line of a list: a token, or a JSON object with a token and what to do about it.

use std::fmt::Display;

use serde::Deserialize;
use serde_json::error::Category;
use serde_json::value::RawValue;
use stanch::patch::{Action, Part, Patch, Scope};
use stanch::secret::Secret;
use zeroize::Zeroizing;

use crate::time;

/// The class of tokens of which nothing else is known.
const CLASS: &str = "listed";

/// The fields of a record.
const FIELDS: &str =
    "token, leak, action, hosts, methods, paths, parts, except, not_before, not_after";

/// What a line asks for. `docs/command.md` says what the fields mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record<'r> {
    /// Left as it stands: the parser would unescape it into memory that is not zeroed.
    #[serde(borrow)]
    token: &'r RawValue,
    leak: Option<u64>,
    action: Option<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    methods: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    parts: Vec<String>,
    #[serde(default)]
    except: Vec<String>,
    not_before: Option<Moment>,
    not_after: Option<Moment>,
}

/// A time, as text or in seconds since 1970.
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Seconds(u64),
    Text(String),
}

/// The token and patch of the line `number`, which is a token alone.
pub(super) fn plain(number: u64, line: Secret, action: Action) -> Result<(Secret, Patch), String> {
    if line.expose().iter().any(u8::is_ascii_control) {
        return Err("the token holds a control character; is the list plain text?".into());
    }
    Ok((line, patch(number, action)))
}

/// The token and patch of the line `number`, which is a JSON object. The reason why it is none shows
/// nothing of the line.
pub(super) fn json(number: u64, line: &Secret, action: Action) -> Result<(Secret, Patch), String> {
    let record: Record<'_> = serde_json::from_slice(line.expose()).map_err(|error| {
        let column = error.column();
        match error.classify() {
            Category::Data => format!(
                "column {column}: a field is unknown, missing, there twice, or of the wrong kind; the \
                 fields are {FIELDS}"
            ),
            _ => format!("column {column}: malformed JSON; each line must hold one object"),
        }
    })?;
    let token = unescaped(record.token.get()).ok_or("the token is no JSON string")?;
    let action = match record.action.as_deref() {
        None => action,
        Some("block") => Action::Block,
        Some("monitor") => Action::Monitor,
        Some(_) => return Err("the action is neither block nor monitor".into()),
    };
    let patch = patch(record.leak.unwrap_or(number), action).with_scope(record.scope()?);
    Ok((Secret::new(CLASS, &token[..]), patch))
}

fn patch(leak: u64, action: Action) -> Patch {
    match action {
        Action::Block => Patch::block(leak),
        _ => Patch::monitor(leak),
    }
}

impl Record<'_> {
    fn scope(&self) -> Result<Scope, String> {
        let why = |error: &dyn Display| error.to_string();
        let mut scope = Scope::new();
        for host in &self.hosts {
            scope = scope.with_host(host).map_err(|error| why(&error))?;
        }
        for method in &self.methods {
            scope = scope.with_method(method).map_err(|error| why(&error))?;
        }
        for path in &self.paths {
            scope = scope.with_path(path).map_err(|error| why(&error))?;
        }
        for part in &self.parts {
            scope = scope.with_part(
                named_part(part).ok_or("parts are path, query, header, cookie and body")?,
            );
        }
        for network in &self.except {
            scope = scope.except(network.parse().map_err(|error| why(&error))?);
        }
        if let Some(time) = &self.not_before {
            scope = scope.not_before(time.seconds("not_before")?);
        }
        if let Some(time) = &self.not_after {
            scope = scope.not_after(time.seconds("not_after")?);
        }
        match scope.times() {
            (Some(from), Some(to)) if from > to => Err("not_after lies before not_before".into()),
            _ => Ok(scope),
        }
    }
}

impl Moment {
    fn seconds(&self, field: &str) -> Result<u64, String> {
        match self {
            Moment::Seconds(seconds) => Ok(*seconds),
            Moment::Text(text) => time::parse(text).map_err(|error| format!("{field}: {error}")),
        }
    }
}

fn named_part(name: &str) -> Option<Part> {
    [Part::Path, Part::Query, Part::Header, Part::Cookie, Part::Body]
        .into_iter()
        .find(|part| part.as_str() == name)
}

/// What the JSON string `raw` stands for; `None` if it is no string. `raw` is valid JSON. The buffer is
/// zeroed, and never moves.
fn unescaped(raw: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = Zeroizing::new(Vec::with_capacity(raw.len()));
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.extend_from_slice(plain.as_bytes());
        let (kind, mut behind) = escape.split_at_checked(1)?;
        let character = match kind {
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "b" => '\u{8}',
            "f" => '\u{c}',
            "u" => {
                let first = unit(&mut behind)?;
                let second = match first {
                    0xd800..0xdc00 => {
                        behind = behind.strip_prefix("\\u")?;
                        Some(unit(&mut behind)?)
                    }
                    _ => None,
                };
                char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?
            }
            _ => kind.chars().next()?,
        };
        let mut room = Zeroizing::new([0; 4]);
        text.extend_from_slice(character.encode_utf8(&mut *room).as_bytes());
        rest = behind;
    }
    text.extend_from_slice(rest.as_bytes());
    Some(text)
}

/// The four hexadecimal digits at the start of `rest`.
fn unit(rest: &mut &str) -> Option<u16> {
    let (digits, behind) = rest.split_at_checked(4)?;
    *rest = behind;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(String, Patch), String> {
        let line = Secret::new(CLASS, line);
        let (token, patch) = json(7, &line, Action::Block)?;
        Ok((String::from_utf8(token.expose().to_vec()).unwrap(), patch))
    }

    #[test]
    fn records_say_what_to_do() {
        assert_eq!(parse(r#"{"token":"abc"}"#), Ok(("abc".into(), Patch::block(7))));
        let line =
            r#" {"leak": 9, "action": "monitor", "token": "x\"\\\/\u0041\ud83d\ude00\n\tü"} "#;
        let (token, patch) = parse(line).unwrap();
        assert_eq!((token.as_str(), patch), ("x\"\\/A😀\n\tü", Patch::monitor(9)));
        let line = r#"{"token":"a","hosts":["*.example.com"],"methods":["post"],"paths":["/v1/"],
            "parts":["header","body"],"except":["10.0.0.0/8"],"not_before":5,
            "not_after":"2030-01-01T00:00:00Z"}"#;
        let scope = Scope::new().with_host("*.example.com").unwrap();
        let scope = scope.with_method("POST").unwrap().with_path("/v1").unwrap();
        let scope = scope.with_part(Part::Header).with_part(Part::Body);
        let scope = scope.except("10.0.0.0/8".parse().unwrap()).not_before(5);
        let expected = Patch::block(7).with_scope(scope.not_after(1_893_456_000));
        assert_eq!(parse(line).unwrap().1, expected);
    }

    #[test]
    fn what_is_no_record_is_named_without_being_shown() {
        let secret = "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";
        let cases = [
            (secret.to_owned(), "malformed JSON"),
            (format!("\"{secret}\""), "wrong kind"),
            (format!(r#"{{"token":"{secret}"#), "malformed JSON"),
            (format!(r#"{{"token":"{secret}","{secret}":1}}"#), "unknown"),
            (format!(r#"{{"token":"{secret}","host":["a"]}}"#), "hosts"),
            (format!(r#"{{"token":"{secret}","leak":"{secret}"}}"#), "wrong kind"),
            (format!(r#"{{"token":["{secret}"]}}"#), "no JSON string"),
            (format!(r#"{{"token":"{secret}","action":"pass"}}"#), "neither block nor monitor"),
            (format!(r#"{{"token":"{secret}","hosts":["a b"]}}"#), "no host"),
            (format!(r#"{{"token":"{secret}","methods":[""]}}"#), "no method"),
            (format!(r#"{{"token":"{secret}","paths":["v1"]}}"#), "no path"),
            (format!(r#"{{"token":"{secret}","parts":["trailer"]}}"#), "parts are"),
            (format!(r#"{{"token":"{secret}","except":["10.0.0.1/8"]}}"#), "not a network"),
            (format!(r#"{{"token":"{secret}","not_after":"soon"}}"#), "not_after"),
            (format!(r#"{{"token":"{secret}","not_before":9,"not_after":8}}"#), "before"),
            (r#"{"token":"\ud83dx"}"#.to_owned(), "no JSON string"),
        ];
        for (line, reason) in cases {
            let error = parse(&line).unwrap_err();
            assert!(error.contains(reason) && !error.contains(secret), "{error}");
        }
    }
}
