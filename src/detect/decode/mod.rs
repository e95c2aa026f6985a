//! Tokens that stand in a text encoded.
//!
//! A look at a text gives *views* of it (`views.rs`): parts of it in which encoded pieces are decoded
//! and all else stays, so that the rules see a token beside the name it belongs to. What a view holds
//! is found as in any text, with views of its own, until the [`Budget`] is spent (`dig.rs`). Then each
//! place goes back to the bytes of the text (`view.rs`), and a [`Step`] is put before its trail.
//!
//! Which pieces are worth decoding is decided where they are found: digits among the runs that the
//! detector sees anyway (`digits.rs`), escapes by their first byte (`escape.rs`), UTF-16 by its NULs
//! (`utf16.rs`), what is compressed by its first bytes (`inflate.rs`), the values of Kubernetes secrets
//! by what their manifest says of itself (`manifest.rs`).

mod budget;
mod dig;
mod digits;
mod escape;
mod inflate;
mod manifest;
mod trail;
mod utf16;
mod view;
mod views;

pub use budget::Budget;
pub use trail::{Encoding, Step};

pub(super) use dig::Hit;
pub(super) use digits::Spots;

use std::ops::Range;

use super::detector::Detector;

/// All that `text` holds, as it is or encoded, by place.
pub(super) fn hits(detector: &Detector, text: &[u8], budget: &Budget) -> Vec<Hit> {
    let meter = budget.meter(text.len());
    dig::Dig { detector, meter, begins: true, taken: None }.text(text)
}

/// The same of a part of a text, which `begins` it or not, and the bytes of all that was recognised or
/// decoded, whatever came of it, in no order.
pub(super) fn hits_noting(
    detector: &Detector,
    text: &[u8],
    budget: &Budget,
    begins: bool,
) -> (Vec<Hit>, Vec<Range<usize>>) {
    let meter = budget.meter(text.len());
    let mut dig = dig::Dig { detector, meter, begins, taken: Some(Vec::new()) };
    let hits = dig.text(text);
    (hits, dig.taken.unwrap_or_default())
}
