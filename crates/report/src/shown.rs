//! Text from outside, made fit to be shown.
//!
//! A path, a target or a class may hold any character. Escaping for a format keeps such a text from
//! becoming markup; this keeps it from hiding or reordering what stands beside it.

use std::borrow::Cow;

/// The text with every character that cannot be seen, or that moves others, written out: `⟨U+202E⟩`.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut clear = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            clear.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        } else {
            clear.push(c);
        }
    }
    Cow::Owned(clear)
}

/// JSON whose strings write such characters as escapes, so that neither a terminal nor an editor is
/// led astray. `extra` are further characters to be escaped, which must not occur outside strings.
pub(crate) fn armoured(json: &str, extra: &[char]) -> String {
    let mut clear = String::with_capacity(json.len() + json.len() / 16);
    for c in json.chars() {
        // The line breaks and spaces of pretty JSON stand outside strings; those within are escaped.
        if (is_hidden(c) && c != '\n') || extra.contains(&c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                clear.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            clear.push(c);
        }
    }
    clear
}

/// Whether a character is a control, sets the direction of text, has no width, or breaks lines.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_moves_is_written_out() {
        let cases = [
            ("acme/web", "acme/web"),
            ("schlüssel 鍵 🔑", "schlüssel 鍵 🔑"),
            ("a\u{202e}txt.exe", "a⟨U+202E⟩txt.exe"),
            ("a\nb\0", "a⟨U+000A⟩b⟨U+0000⟩"),
            ("\u{feff}x\u{200b}", "⟨U+FEFF⟩x⟨U+200B⟩"),
            ("\u{e0041}", "⟨U+E0041⟩"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn armoured_json_says_the_same() {
        let value = serde_json::json!({ "a\u{202e}": ["<\u{7f}>\u{e0041}\u{2028}\n&", "é"] });
        let armoured = armoured(&serde_json::to_string_pretty(&value).unwrap(), &['<']);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&armoured).unwrap(), value);
        assert!(!armoured.contains(['<', '\u{202e}', '\u{7f}', '\u{2028}', '\u{e0041}']));
        assert!(armoured.contains("\\u003c") && armoured.contains("\\udb40\\udc41"));
    }
}
