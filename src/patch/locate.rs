//! Says in which part of a request a token stands, and under which name.

use super::verdict::{Name, Part};

/// The part and the parameter name of the token that starts at byte `start` of a request's target.
pub(super) fn in_target(target: &[u8], start: usize) -> (Part, Name) {
    let Some(query) = target.iter().position(|b| *b == b'?').filter(|at| *at < start) else {
        return (Part::Path, Name::EMPTY);
    };
    (Part::Query, parameter(&target[query + 1..], start - query - 1, b"&;"))
}

/// The name of the cookie that holds the token which starts at byte `start` of a `Cookie` header's
/// value (RFC 6265, section 4.2.1).
pub(super) fn in_cookies(value: &[u8], start: usize) -> Name {
    parameter(value, start, b";")
}

/// The name in the `name=value` item that byte `at` belongs to, where items end with one of `ends`.
/// Empty if there is no `=` before the byte: a token in a name must not be shown as a name.
fn parameter(items: &[u8], at: usize, ends: &[u8]) -> Name {
    let before = &items[..at.min(items.len())];
    let item =
        before.iter().rposition(|b| ends.contains(b)).map_or(before, |end| &before[end + 1..]);
    match item.iter().position(|b| *b == b'=') {
        Some(equals) => Name::new(item[..equals].trim_ascii()),
        None => Name::EMPTY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_targets() {
        let target = b"/a/TOKEN?x=1&key=TOKEN&TOKEN=2&y;z=TOKEN";
        let cases = [
            (3, Part::Path, ""),
            (17, Part::Query, "key"),
            (23, Part::Query, ""),
            (35, Part::Query, "z"),
            (8, Part::Path, ""),
        ];
        for (start, part, name) in cases {
            let (found, found_name) = in_target(target, start);
            assert_eq!((found, found_name.as_bytes()), (part, name.as_bytes()), "{start}");
        }
    }

    #[test]
    fn names_of_cookies() {
        let value = b"a=b; session=TOKEN;TOKEN=1";
        assert_eq!(in_cookies(value, 13).as_bytes(), b"session");
        assert_eq!(in_cookies(value, 2).as_bytes(), b"a");
        assert!(in_cookies(value, 19).is_empty());
    }
}
