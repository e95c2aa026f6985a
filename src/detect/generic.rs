//! Tokens of no known form: a random-looking value assigned to a name that speaks of secrets, or to
//! `Bearer`.

use std::ops::Range;

use super::candidate::Candidate;
use super::context::{self, Join};
use super::rule::{Confidence, Look, Rule};
use super::{name, password, value};

/// No longer value is a token: it is data.
const LONGEST: usize = 512;

/// The rules for tokens of no known form.
pub(super) struct Generic {
    assigned: Option<u16>,
    bearer: Option<u16>,
}

impl Generic {
    pub(super) fn new(rules: &[&Rule]) -> Generic {
        let find = |which: fn(&Look) -> bool| {
            rules.iter().position(|rule| which(&rule.look)).and_then(|n| u16::try_from(n).ok())
        };
        Generic {
            assigned: find(|look| matches!(look, Look::Generic)),
            bearer: find(|look| matches!(look, Look::Bearer)),
        }
    }

    /// What the run may be.
    pub(super) fn look(&self, text: &[u8], run: Range<usize>) -> Option<Candidate> {
        let range = whole(text, run);
        let token = &text[range.clone()];
        if token.len() > LONGEST {
            return None;
        }
        if is_bearer(text, range.start) {
            let random = value::changes(token) >= 2
                && !value::is_placeholder(token)
                && !value::is_uuid(token);
            return self.bearer.filter(|_| random).map(|rule| Candidate {
                rule,
                range,
                confidence: Confidence::Medium,
                literal: 0,
            });
        }
        let part = context::quoted(text, range.start).and_then(|start| {
            let end = start
                + text[start..]
                    .iter()
                    .take(LONGEST)
                    .position(|b| matches!(b, b'"' | b'\'' | b'`' | b'\\') || *b <= b' ')?;
            named(text, start..end).then_some(start..end)
        });
        let range = part.or_else(|| named(text, range.clone()).then_some(range))?;
        self.assigned.map(|rule| Candidate { rule, range, confidence: Confidence::Low, literal: 0 })
    }
}

/// Whether the range holds a random-looking value that is assigned to a name that speaks of
/// secrets.
fn named(text: &[u8], range: Range<usize>) -> bool {
    let token = &text[range.clone()];
    if !value::is_random(token) || value::is_for_tests(token) {
        return false;
    }
    let Some(assignment) = context::assignment(text, range.start) else { return false };
    let flag = || text[assignment.name.clone()].starts_with(b"-");
    (assignment.join != Join::Blank || flag())
        && ends_here(text, range.end, assignment.quote)
        && (assignment.quote.is_some()
            || !password::is_variable(text, assignment.name.start, range.end))
        && name::is_secret(&text[assignment.name.clone()])
        && !value::is_placeholder(token)
}

/// The run with the padding behind it and without the sentence's full stop.
fn whole(text: &[u8], run: Range<usize>) -> Range<usize> {
    let padding = text[run.end..].iter().take(2).take_while(|b| **b == b'=').count();
    let mut end = run.end + padding;
    while padding == 0 && end > run.start && text[end - 1] == b'.' {
        end -= 1;
    }
    run.start..end
}

fn is_bearer(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    before.len() >= 7 && before[before.len() - 7..].eq_ignore_ascii_case(b"bearer ")
}

/// Whether the value ends at `end`: at its closing quote, or at what ends an unquoted one.
fn ends_here(text: &[u8], end: usize, quote: Option<u8>) -> bool {
    match (text.get(end), quote) {
        (None, _) => true,
        (Some(b'\\'), _) => true,
        (Some(next), Some(quote)) => *next == quote,
        (Some(next), None) => next.is_ascii_whitespace() || b",;&<\"'}]`".contains(next),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::RULES;
    use super::*;

    fn look(text: &str) -> Option<&str> {
        let generic = Generic::new(&RULES.iter().collect::<Vec<_>>());
        let at = text.find("q8Zr")?;
        let end = at + text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric()).count();
        generic.look(text.as_bytes(), at..end).map(|found| &text[found.range])
    }

    #[test]
    fn a_random_value_of_a_secret_name() {
        assert_eq!(look("acme_token = 'q8Zr2LmX0vTc5NbW9d'"), Some("q8Zr2LmX0vTc5NbW9d"));
        assert_eq!(look("acme_token = q8Zr2LmX0vTc5NbW9d=="), Some("q8Zr2LmX0vTc5NbW9d=="));
        assert_eq!(look("Authorization: Bearer q8Zr2LmX0vTc5NbW9d"), Some("q8Zr2LmX0vTc5NbW9d"));
        assert_eq!(look("run --token q8Zr2LmX0vTc5NbW9d."), None);
    }

    #[test]
    fn other_names_and_parts_of_values() {
        assert_eq!(look("build_id = 'q8Zr2LmX0vTc5NbW9d'"), None);
        assert_eq!(look("token = q8Zr2LmX0vTc5NbW9d(x)"), None);
        assert_eq!(look("token = 'q8Zr2LmX0vTc5NbW9d more'"), None);
        assert_eq!(look("the token q8Zr2LmX0vTc5NbW9d"), None);
        assert_eq!(look("invalid_token = 'q8Zr2LmX0vTc5NbW9d'"), None);
        assert_eq!(look("token = q8Zr2LmX0vTc5NbW9d;\n"), None);
        assert_eq!(look("token = 'q8Zr2LmX0vTc5NbW9d';\n"), Some("q8Zr2LmX0vTc5NbW9d"));
    }
}
