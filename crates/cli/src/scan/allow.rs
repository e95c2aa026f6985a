//! Findings that a comment beside them allows.

use std::ops::Range;

use memchr::{memchr, memmem, memrchr};

/// What such a comment begins with.
const MARK: &[u8] = b"stanch:allow";

/// How far from the token the comment may stand, in bytes: beyond the width of any line that a
/// person writes, and a bound on the work for those that they do not.
const REACH: usize = 1024;

/// Whether a comment in the line before or behind the token at `range` allows findings of `rule`.
pub(super) fn is_allowed(text: &[u8], range: Range<usize>, rule: &str) -> bool {
    let before = &text[range.start.saturating_sub(REACH)..range.start];
    let before = &before[memrchr(b'\n', before).map_or(0, |end| end + 1)..];
    let behind = &text[range.end..text.len().min(range.end.saturating_add(REACH))];
    let behind = &behind[..memchr(b'\n', behind).unwrap_or(behind.len())];
    [before, behind].into_iter().any(|part| {
        memmem::find_iter(part, MARK).any(|at| is_about(&part[at + MARK.len()..], rule))
    })
}

/// Whether what follows the mark names this rule among others, or no rule at all.
fn is_about(rest: &[u8], rule: &str) -> bool {
    let listed = match rest.first() {
        None => return true,
        Some(b' ' | b'\t' | b'=' | b':') => &rest[1..],
        // Another word that begins alike.
        Some(byte) if is_word(*byte) => return false,
        Some(_) => return true,
    };
    let mut words = listed
        .split(|byte| matches!(byte, b' ' | b'\t' | b','))
        .filter(|word| !word.is_empty())
        .map(|word| {
            let end = word.iter().position(|byte| !is_word(*byte)).unwrap_or(word.len());
            // The comment itself may end here, with `-->`.
            let dashes = word[..end].iter().rev().take_while(|byte| **byte == b'-').count();
            &word[..end - dashes]
        })
        .take_while(|word| !word.is_empty())
        .peekable();
    words.peek().is_none() || words.any(|word| word == rule.as_bytes())
}

/// Whether ids of rules, and words, are made of such bytes.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_in_the_line_allows() {
        let rows = [
            ("x = 'TOKEN' # stanch:allow", true),
            ("x = 'TOKEN' # stanch:allow\r", true),
            ("/* stanch:allow */ x = 'TOKEN'", true),
            ("x = 'TOKEN' // stanch:allow some-rule", true),
            ("x = 'TOKEN' // stanch:allow other, some-rule -- a sample", true),
            ("x = 'TOKEN' <!-- stanch:allow some-rule-->", true),
            ("x = 'TOKEN' <!-- stanch:allow some-rule -->", true),
            ("x = 'TOKEN' // stanch:allow -- a sample", true),
            ("x = 'TOKEN' // stanch:allow other", false),
            ("x = 'TOKEN' // stanch:allow other stanch:allow some-rule", true),
            ("x = 'TOKEN' // stanch:allow a sample", false),
            ("x = 'TOKEN' // stanch:allow Sample", false),
            ("x = 'TOKEN' // stanch:allowed", false),
            ("x = 'TOKEN' // stanch:allow-all", false),
            ("# stanch:allow\nx = 'TOKEN'", false),
            ("x = 'TOKEN'\n# stanch:allow", false),
            ("x = 'TOKEN'", false),
        ];
        for (text, allowed) in rows {
            let start = text.find("TOKEN").unwrap();
            let answer = is_allowed(text.as_bytes(), start..start + 5, "some-rule");
            assert_eq!(answer, allowed, "{text}");
        }
    }

    #[test]
    fn a_comment_far_away_is_not_looked_for() {
        for (spaces, allowed) in [(1000, true), (2000, false)] {
            let text = format!("TOKEN{}stanch:allow", " ".repeat(spaces));
            assert_eq!(is_allowed(text.as_bytes(), 0..5, "some-rule"), allowed);
        }
    }
}
