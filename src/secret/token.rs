//! The token itself, for as long as it has to be held.

use std::fmt;

use zeroize::Zeroize;

use super::Preview;

/// A token in plain text, with the class it belongs to.
///
/// The bytes are zeroed when the value is dropped. There is no `Display`, no `Clone` and no
/// serialisation; `Debug` shows the class and the [`Preview`] only. Whoever needs the bytes calls
/// [`expose`](Secret::expose), which is easy to find in a review.
pub struct Secret {
    class: Box<str>,
    bytes: Vec<u8>,
}

impl Secret {
    /// Takes over `bytes`, a token of the class named `class` (for example `github-pat`).
    pub fn new(class: &str, bytes: impl Into<Vec<u8>>) -> Secret {
        Secret { class: class.into(), bytes: bytes.into() }
    }

    /// The token's bytes.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// The name of the token's class.
    pub fn class(&self) -> &str {
        &self.class
    }

    /// The token's length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the token has no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What may be shown of the token.
    pub fn preview(&self) -> Preview {
        Preview::of(&self.bytes)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} {})", self.class, self.preview())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_class_start_and_length_only() {
        let secret = Secret::new("github-pat", *b"ghp_Zk3vQ9xLw2Rt7Yb5Nc8Md1Pf4Hs6Jg0Aq2");
        assert_eq!(format!("{secret:?}"), "Secret(github-pat ghp_…(38))");
    }
}
