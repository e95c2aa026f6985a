//! A token that was found, by place and class; never by value.

use std::ops::Range;
use std::sync::Arc;

use super::decode::Step;
use super::rule::{Confidence, Rule};
use crate::class::Facts;
use crate::secret::{Preview, Secret};

/// A token that was found.
///
/// Holds where the token stands and what it is. The token itself it holds only if that was decoded
/// and so stands nowhere in the text, as a [`Secret`], which is zeroed with the last copy of the
/// finding. `Debug` can be logged.
#[derive(Clone, Debug)]
pub struct Finding {
    pub(super) rule: &'static Rule,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) confidence: Confidence,
    pub(super) partner: Option<usize>,
    pub(super) trail: Vec<Step>,
    pub(super) decoded: Option<Arc<Secret>>,
}

impl Finding {
    /// The rule that recognised the token.
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// What a person calls such a token; the same as `rule().class()`.
    pub fn class(&self) -> &'static str {
        self.rule.class()
    }

    /// The bytes of the text that are the token, without what assigns it: as it stands or, of a
    /// token with a trail, encoded. What is compressed has no place for each of its bytes; there it
    /// is all that was inflated.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The line on which the token begins, from 1. Lines end with `\n`.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The column at which the token begins, from 1, in bytes.
    pub fn column(&self) -> u64 {
        self.column
    }

    /// How sure the finding is, after checksum and context.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// What is known of the token, to be kept with its imprint: what its rule says, how sure this finding
    /// is, and whether the other half of a pair is missing.
    pub fn facts(&self) -> Facts {
        let half = self.rule.pair().is_some() && self.partner.is_none();
        Facts { confidence: self.confidence, half, ..self.rule.facts() }
    }

    /// What was decoded to come by the token, step by step; empty if it stands in the text as it is.
    pub fn trail(&self) -> &[Step] {
        &self.trail
    }

    /// The token itself, decoded, out of the text in which it was found.
    ///
    /// Of another text it is whatever stands there, or nothing where that text ends earlier; a token
    /// with a trail is the same of any text.
    pub fn secret(&self, text: &[u8]) -> Secret {
        Secret::new(self.class(), self.token(text))
    }

    /// What may be shown of the token, decoded, out of the text in which it was found.
    pub fn preview(&self, text: &[u8]) -> Preview {
        Preview::of(self.token(text))
    }

    fn token<'t>(&'t self, text: &'t [u8]) -> &'t [u8] {
        match &self.decoded {
            Some(secret) => secret.expose(),
            None => text.get(self.range()).unwrap_or_default(),
        }
    }

    /// The finding in the same list that makes this one usable, as an AWS access key id does for
    /// its secret: its index, counted from 0 in the order of places.
    pub fn partner(&self) -> Option<usize> {
        self.partner
    }
}

#[cfg(test)]
mod tests {
    use super::super::Detector;

    #[test]
    fn debug_holds_no_secret() {
        let text = b"x = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo'";
        let findings = Detector::new().scan(text);
        assert_eq!(findings.len(), 1);
        assert!(!format!("{findings:?}").contains("w3tR"));
    }

    #[test]
    fn half_of_a_pair_is_whole_with_the_other_half() {
        let alone = b"key = AKIAQ7ZR3KW9MX4TN8BL";
        let both = b"key = AKIAQ7ZR3KW9MX4TN8BL\n\
            aws_secret_access_key = q7Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeAoKi5xQw";
        let halves = |text: &[u8]| -> Vec<bool> {
            Detector::new().scan(text).iter().map(|finding| finding.facts().half).collect()
        };
        assert_eq!(halves(alone), [true]);
        assert_eq!(halves(both), [false, false]);
    }

    #[test]
    fn the_secret_is_the_token_alone() {
        let text = b"x = 'ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo'";
        let finding = &Detector::new().scan(text)[0];
        assert_eq!(finding.secret(text).expose(), &text[5..45]);
        assert_eq!(finding.preview(text), finding.secret(text).preview());
        assert!(finding.secret(b"other").is_empty());
    }
}
