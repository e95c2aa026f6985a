//! What a value is assigned to: the name before it, through the syntaxes of many languages.
//!
//! Reads backwards from where a value begins, at most [`WINDOW`] bytes: over an opening quote, an
//! operator (`=`, `:`, `=>`, `(`, `,`, `>`, a blank), and a closing quote or bracket, to a name.

use std::ops::Range;

/// Bytes before a value that are looked at.
pub(super) const WINDOW: usize = 96;

/// What joins a name to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// `=`, `:=`, `=>`, `+=`, `==` and their like.
    Equals,
    /// `:` alone.
    Colon,
    /// A function's name or an argument before: `set("name", "value")`.
    Call,
    /// A tag: `<name>value</name>`.
    Tag,
    /// A blank only: `--name value`, `name value`.
    Blank,
}

/// A name, and how the value is joined to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: Range<usize>,
    pub(super) join: Join,
    /// The quote that opens right before the value.
    pub(super) quote: Option<u8>,
}

/// What is assigned the value that begins at `at`.
pub(super) fn assignment(text: &[u8], at: usize) -> Option<Assignment> {
    let mut back = Back::new(text, at);
    let quote = back.opening_quote();
    let mut blanks = back.blanks(quote.is_some());
    if quote.is_none() && back.last() == Some(b'\n') {
        // Only a tag's value may stand on a line of its own.
        blanks += back.blanks(true);
        if back.last() != Some(b'>') {
            return None;
        }
    }
    let (join, name) = match back.last()? {
        b'=' => {
            back.skip(|b| b"=:!<>?+~.|".contains(&b), 4);
            back.blanks(false);
            let name = back.name()?;
            (Join::Equals, back.annotated(name))
        }
        b':' => {
            back.step();
            if back.last() == Some(b':') {
                return None;
            }
            back.blanks(false);
            (Join::Colon, back.name()?)
        }
        b'>' => {
            back.step();
            match back.last()? {
                b'=' | b'-' => {
                    back.step();
                    back.blanks(false);
                    (Join::Equals, back.name()?)
                }
                _ => (Join::Tag, back.name()?),
            }
        }
        b'(' if quote.is_some() => {
            back.step();
            (Join::Call, back.name()?)
        }
        b',' if quote.is_some() => {
            back.step();
            back.blanks(true);
            (Join::Call, back.name()?)
        }
        _ if blanks > 0 => (Join::Blank, back.name()?),
        _ => return None,
    };
    Some(Assignment { name: named(text, name), join, quote })
}

/// Where the quoted value begins of which a part begins at `at`, with bytes like `=` or `,` before
/// it.
pub(super) fn quoted(text: &[u8], at: usize) -> Option<usize> {
    let inner = |b: u8| b"=,:!@#%^&*|?;".contains(&b);
    let mut back = Back::new(text, at);
    back.last().filter(|b| inner(*b))?;
    back.skip(
        |b| {
            inner(b)
                || b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'-' | b'.' | b'/' | b'+' | b'~' | b'$')
        },
        WINDOW,
    );
    matches!(back.last(), Some(b'"' | b'\'' | b'`')).then_some(back.at)
}

/// `{"name": "API_KEY", "value": "…"}` and `<add key="ApiKey" value="…">` name their value one step
/// further away.
fn named(text: &[u8], name: Range<usize>) -> Range<usize> {
    let plain = [&b"value"[..], b"Value", b"content", b"default", b"data"];
    if !plain.contains(&&text[name.clone()]) {
        return name;
    }
    let mut back = Back::new(text, name.start);
    back.skip(|b| b"\"' \t\n\r,\\-".contains(&b), WINDOW);
    back.name().unwrap_or(name)
}

/// A look backwards that ends at a floor.
struct Back<'t> {
    text: &'t [u8],
    at: usize,
    floor: usize,
}

impl Back<'_> {
    fn new(text: &[u8], at: usize) -> Back<'_> {
        let at = at.min(text.len());
        Back { text, at, floor: at.saturating_sub(WINDOW) }
    }

    fn last(&self) -> Option<u8> {
        self.text[self.floor..self.at].last().copied()
    }

    fn step(&mut self) {
        if self.at > self.floor {
            self.at -= 1;
        }
    }

    fn skip(&mut self, which: impl Fn(u8) -> bool, most: usize) -> usize {
        let before = self.at;
        while before - self.at < most && self.last().is_some_and(&which) {
            self.at -= 1;
        }
        before - self.at
    }

    /// Blanks, and line ends too if `lines`; an escaped line end counts as one.
    fn blanks(&mut self, lines: bool) -> usize {
        self.skip(|b| matches!(b, b' ' | b'\t') || lines && matches!(b, b'\n' | b'\r'), WINDOW)
    }

    /// A quote, with the backslash that escapes it and the letters that some languages put before
    /// it.
    fn opening_quote(&mut self) -> Option<u8> {
        let quote = self.last().filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
        self.skip(|b| b == quote, 3);
        self.skip(|b| b == b'\\', 3);
        let letters = self.at;
        let found = self.skip(|b| b"bBrRfuUL@$".contains(&b), 2);
        if found > 0 && self.last().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_') {
            self.at = letters;
        }
        Some(quote)
    }

    /// The name that ends here, behind closing quotes and brackets.
    fn name(&mut self) -> Option<Range<usize>> {
        let mut quote = None;
        for _ in 0..4 {
            match self.last()? {
                q @ (b'"' | b'\'' | b'`') => {
                    quote = Some(q);
                    self.step();
                    self.skip(|b| b == b'\\', 3);
                    break;
                }
                b']' | b')' | b'\\' | b'}' => self.step(),
                b' ' | b'\t' => {
                    self.blanks(false);
                }
                _ => break,
            }
        }
        let end = self.at;
        match quote {
            Some(quote) => {
                self.skip(|b| b != quote && b != b'\n', WINDOW);
                if self.last() != Some(quote) {
                    self.at = end;
                    self.skip(name_byte, WINDOW);
                }
            }
            None => {
                self.skip(name_byte, WINDOW);
            }
        }
        (self.at < end).then_some(self.at..end)
    }

    /// The name before a type, if `name` is one: `key: &str = …`, `key string = …`.
    fn annotated(&mut self, name: Range<usize>) -> Range<usize> {
        const TYPES: [&[u8]; 8] =
            [b"str", b"String", b"string", b"Secret", b"bytes", b"Any", b"text", b"char"];
        if !TYPES.contains(&&self.text[name.clone()]) {
            return name;
        }
        self.skip(|b| matches!(b, b' ' | b'&' | b'*'), 4);
        if self.text[self.floor..self.at].ends_with(b"'static") {
            self.at -= 7;
            self.skip(|b| matches!(b, b' ' | b'&'), 2);
        }
        self.skip(|b| matches!(b, b':' | b' '), 3);
        self.name().unwrap_or(name)
    }
}

fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'@' | b'#')
        || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<(&str, Join)> {
        let at = text.find("VALUE").unwrap();
        let found = assignment(text.as_bytes(), at)?;
        Some((&text[found.name], found.join))
    }

    #[test]
    fn the_syntaxes_of_many_languages() {
        for (text, expected, join) in [
            ("api_key=VALUE", "api_key", Join::Equals),
            ("export API_KEY='VALUE'", "API_KEY", Join::Equals),
            ("api-key: VALUE", "api-key", Join::Colon),
            (r#"{"api_key": "VALUE"}"#, "api_key", Join::Colon),
            (r#"{\"api_key\":\"VALUE\"}"#, "api_key", Join::Colon),
            ("let api_key: &'static str = \"VALUE\";", "api_key", Join::Equals),
            ("const apiKey: string = 'VALUE'", "apiKey", Join::Equals),
            ("var apiKey string = \"VALUE\"", "apiKey", Join::Equals),
            ("String apiKey = \"VALUE\";", "apiKey", Join::Equals),
            ("apiKey := `VALUE`", "apiKey", Join::Equals),
            ("'api_key' => 'VALUE'", "api_key", Join::Equals),
            ("config[\"api_key\"] = \"VALUE\"", "api_key", Join::Equals),
            ("os.environ['API_KEY'] = b'VALUE'", "API_KEY", Join::Equals),
            ("System.setProperty(\"API_KEY\", \"VALUE\")", "API_KEY", Join::Call),
            ("setApiKey(\"VALUE\")", "setApiKey", Join::Call),
            ("<apiKey>VALUE</apiKey>", "apiKey", Join::Tag),
            ("<apiKey>\n    VALUE\n</apiKey>", "apiKey", Join::Tag),
            ("tool --api-key VALUE", "--api-key", Join::Blank),
            ("tool --api-key=VALUE", "--api-key", Join::Equals),
            ("<add key=\"ApiKey\" value=\"VALUE\" />", "ApiKey", Join::Equals),
            (r#"{"name": "API_KEY", "value": "VALUE"}"#, "API_KEY", Join::Colon),
            ("if key == \"VALUE\"", "key", Join::Equals),
            ("?a=1&api_key=VALUE", "api_key", Join::Equals),
        ] {
            assert_eq!(name(text), Some((expected, join)), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_quoted_value() {
        assert_eq!(quoted(b"x = 'a=b=VALUE", 9), Some(5));
        assert_eq!(quoted(b"x = 'VALUE", 5), None);
        assert_eq!(quoted(b"x = a=VALUE", 6), None);
    }

    #[test]
    fn what_assigns_nothing() {
        for text in ["VALUE", "(VALUE", "a::VALUE", "/VALUE", ", VALUE"] {
            assert_eq!(name(text).filter(|(_, join)| *join != Join::Blank), None, "{text}");
        }
    }
}
