//! Text from outside in Markdown: it stays text.

use crate::shown::shown;

/// Text between other text: every character that could be markup, a link or a table's border is
/// escaped. The colon, the dot and the at sign would make links of bare addresses.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in shown(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '\'' | '/') => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// Text as code in a table's cell. Its fence is longer than any run of backticks in it; the border of
/// a cell must be escaped even there. White space at its ends is kept apart from the fence.
pub(super) fn code(text: &str) -> String {
    let text = shown(text);
    if text.trim().is_empty() {
        return plain(&format!("({} spaces)", text.chars().count()));
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let padded = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']);
    let pad = if padded { " " } else { "" };
    // Behind a backslash the table would see an escaped backslash and a border.
    if text.contains("\\|") || text.ends_with('\\') && !padded {
        return plain(&text);
    }
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}
