//! Policies that decide, as they are written: in TOML.

use serde::Deserialize;
use stanch::class::{Confidence, Consequence};
use stanch::leak::{Decision, MAX_NAME, Mode, SourceKind};
use thiserror::Error;
use toml::Spanned;

use crate::policy::{DecisionPolicy, Least, Rule, When};

/// The most bytes of a policy's text.
const LONGEST: usize = 256 << 10;

/// The most bytes of a rule's note.
const LONGEST_NOTE: usize = 4096;

/// The most days that a rule asks for: a hundred years.
const MOST_DAYS: u32 = 36_500;

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct DecisionPolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there, with the field's name.
    pub reason: String,
}

/// What a rule decides, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Decide {
    Block,
    Monitor,
    False,
    Close,
}

/// A policy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    name: Spanned<String>,
    rule: Vec<Spanned<RuleText>>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    name: String,
    decide: Decide,
    level: Option<Least>,
    classes: Option<Vec<String>>,
    providers: Option<Vec<String>>,
    consequences: Option<Vec<Consequence>>,
    confidence: Option<Confidence>,
    kinds: Option<Vec<SourceKind>>,
    targets: Option<Vec<String>>,
    days: Option<u32>,
    #[serde(default)]
    anyway: bool,
    note: Option<String>,
}

impl DecisionPolicy {
    /// Reads a policy. `docs/command.md` says what its fields mean.
    ///
    /// # Errors
    ///
    /// [`DecisionPolicyError`] with the first line that is wrong.
    pub fn parse(text: &str) -> Result<DecisionPolicy, DecisionPolicyError> {
        let line = |at: usize| text.get(..at).unwrap_or(text).matches('\n').count() + 1;
        let wrong = |at: usize, reason: String| DecisionPolicyError { line: line(at), reason };
        if text.len() > LONGEST {
            return Err(wrong(0, format!("a policy has at most {LONGEST} bytes")));
        }
        let read: Text = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().trim();
            match field(text, at) {
                Some(field) if !message.contains(field) => wrong(at, format!("{field}: {message}")),
                _ => wrong(at, message.to_owned()),
            }
        })?;
        let at = read.name.span().start;
        named(read.name.get_ref()).map_err(|reason| wrong(at, format!("name: {reason}")))?;
        if read.rule.is_empty() {
            return Err(wrong(at, "rule: there is none".into()));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(read.rule.len());
        for rule in read.rule {
            let at = rule.span().start;
            let rule = rule.into_inner().rule().map_err(|reason| wrong(at, reason))?;
            if rules.iter().any(|other| other.name == rule.name) {
                let reason = format!("name: there are two rules {:?}", rule.name);
                return Err(wrong(at, reason));
            }
            rules.push(rule);
        }
        Ok(DecisionPolicy { name: read.name.into_inner(), rules })
    }
}

impl RuleText {
    /// The rule, if it is one.
    fn rule(self) -> Result<Rule, String> {
        let RuleText { name, decide, anyway, note, .. } = self;
        let RuleText { level, classes, providers, consequences, confidence, .. } = self;
        let RuleText { kinds, targets, days, .. } = self;
        let when =
            When { level, classes, providers, consequences, confidence, kinds, targets, days };
        named(&name).map_err(|reason| format!("name: {reason}"))?;
        let of_rule = |field: &str, reason: &str| format!("{field}: {reason}, in rule {name:?}");
        let decision = match decide {
            Decide::Block => Decision::Patch(Mode::Block),
            Decide::Monitor => Decision::Patch(Mode::Monitor),
            Decide::False => Decision::MarkFalse,
            Decide::Close => Decision::Close,
        };
        if anyway && !matches!(decision, Decision::Patch(_)) {
            return Err(of_rule("anyway", "only a patch can be decided anyway"));
        }
        if note.as_ref().is_some_and(|note| note.len() > LONGEST_NOTE) {
            return Err(of_rule("note", "longer than 4,096 bytes"));
        }
        if when.days.is_some_and(|days| days > MOST_DAYS) {
            return Err(of_rule("days", "more than a hundred years"));
        }
        let lists = [
            ("classes", &when.classes),
            ("providers", &when.providers),
            ("targets", &when.targets),
        ];
        for (field, list) in lists {
            match list {
                Some(list) if list.is_empty() => return Err(of_rule(field, "the list is empty")),
                Some(list) if list.iter().any(|one| one.trim().is_empty()) => {
                    return Err(of_rule(field, "a name is empty"));
                }
                _ => {}
            }
        }
        if when.consequences.as_ref().is_some_and(Vec::is_empty) {
            return Err(of_rule("consequences", "the list is empty"));
        }
        if when.kinds.as_ref().is_some_and(Vec::is_empty) {
            return Err(of_rule("kinds", "the list is empty"));
        }
        let stray = |target: &String| target.strip_prefix("*.").unwrap_or(target).contains('*');
        if when.targets.as_ref().is_some_and(|targets| targets.iter().any(stray)) {
            return Err(of_rule(
                "targets",
                "a * stands at the beginning only, as in *.example.com",
            ));
        }
        if when.is_empty() {
            return Err(of_rule(
                "decide",
                "without a condition, it would decide about every leak; say level = \"informational\" if it should",
            ));
        }
        let lower = |targets: Vec<String>| targets.iter().map(|one| one.to_lowercase()).collect();
        let targets = when.targets.map(lower);
        Ok(Rule { name, decision, anyway, note, when: When { targets, ..when } })
    }
}

fn named(name: &str) -> Result<(), &'static str> {
    match name.len() {
        _ if name.trim().is_empty() => Err("it is empty"),
        0..=MAX_NAME => Ok(()),
        _ => Err("longer than 256 bytes"),
    }
}

/// The name of the field in whose line the byte `at` stands.
fn field(text: &str, at: usize) -> Option<&str> {
    let begin = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(begin..)?.lines().next()?;
    let name = line.split_once('=')?.0.trim();
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that are no policy: the line and words of the reason.
    #[test]
    fn what_is_no_policy_is_told_with_its_line() {
        let rule = "name = 'p'\n\n[[rule]]\nname = 'r'\ndecide = 'block'\n";
        let rows: &[(String, usize, &str)] = &[
            (String::new(), 1, "missing field `name`"),
            ("name = 'p'".into(), 1, "missing field `rule`"),
            ("name = 'p'\nrule = []".into(), 1, "rule: there is none"),
            (
                "name = ' '\n[[rule]]\nname = 'r'\ndecide = 'close'\ndays = 1".into(),
                1,
                "name: it is empty",
            ),
            ("name = 7\n[[rule]]".into(), 1, "name: invalid type"),
            (
                format!("{rule}level = 'hihg'"),
                6,
                "level: unknown variant `hihg`, expected one of `informational`",
            ),
            (format!("{rule}levle = 'high'"), 6, "unknown field `levle`"),
            (format!("{rule}level = 'high'\nlevel = 'low'"), 7, "duplicate key"),
            (format!("{rule}kinds = ['paper']"), 6, "kinds: unknown variant `paper`"),
            (format!("{rule}consequences = ['doom']"), 6, "consequences: unknown variant `doom`"),
            (format!("{rule}confidence = 1"), 6, "confidence: "),
            (format!("{rule}days = -1"), 6, "days: invalid value"),
            (format!("{rule}days = 40000"), 3, "days: more than a hundred years, in rule \"r\""),
            (format!("{rule}classes = []"), 3, "classes: the list is empty"),
            (format!("{rule}providers = ['']"), 3, "providers: a name is empty"),
            (format!("{rule}kinds = []"), 3, "kinds: the list is empty"),
            (format!("{rule}consequences = []"), 3, "consequences: the list is empty"),
            (format!("{rule}targets = ['a.*.b']"), 3, "targets: a * stands at the beginning"),
            (rule.to_owned(), 3, "decide: without a condition"),
            (
                format!("{rule}days = 1\n[[rule]]\nname = 'r'\ndecide = 'close'\ndays = 1"),
                7,
                "two rules \"r\"",
            ),
            ("name = 'p'\n[[rule]]\nname = 'r'\ndays = 1".into(), 2, "missing field `decide`"),
            (
                "name = 'p'\n[[rule]]\nname = 'r'\ndecide = 'reopen'\n".into(),
                4,
                "decide: unknown variant `reopen`",
            ),
            (
                "name = 'p'\n[[rule]]\nname = 'r'\ndecide = 'close'\ndays = 1\nanyway = true"
                    .into(),
                2,
                "anyway: only a patch",
            ),
            (format!("{rule}note = '{}'\ndays = 1", "x".repeat(5000)), 3, "note: longer"),
            (
                format!(
                    "name = '{}'\n[[rule]]\nname = 'r'\ndecide = 'close'\ndays = 1",
                    "x".repeat(257)
                ),
                1,
                "name: longer",
            ),
            ("name = 'p'\n[[rule]\n".into(), 2, ""),
            ("#".repeat(LONGEST + 1), 1, "at most 262144 bytes"),
        ];
        for (text, line, words) in rows {
            let error = DecisionPolicy::parse(text).unwrap_err();
            assert!(error.reason.contains(words), "{text:.80}: {error}");
            assert_eq!(error.line, *line, "{text:.80}: {error}");
        }
    }
}
