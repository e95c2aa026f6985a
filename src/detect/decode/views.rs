//! From a text to the views of it.

use zeroize::Zeroizing;

use super::budget::Meter;
use super::digits::{self, Spot, Spots, append};
use super::trail::Encoding;
use super::view::{Piece, View};
use super::{escape, inflate, manifest, utf16};

/// Bytes before encoded digits that come with them: names and words that rules look for.
const BEFORE: usize = 128;
/// Digits no further apart come together: the values of a list, the halves of a pair.
const GAP: usize = 512;
/// Bytes behind them, if no blank ends them.
const BEHIND: usize = 64;
/// Of what reads as text throughout, at least as many of a hundred bytes are text.
const PLAIN: usize = 98;

/// Gives to `visit` all views of `text`, one at a time, as long as the meter has something left. What is
/// compressed is looked for where `text` `begins`.
pub(super) fn each(
    text: &[u8],
    begins: bool,
    spots: Spots,
    meter: &mut Meter,
    visit: &mut impl FnMut(View, &mut Meter),
) {
    let mut give = |view: View, meter: &mut Meter| {
        if !view.pieces.is_empty() {
            meter.spend(view.text.len());
            visit(view, meter);
        }
    };
    if begins && let Some(view) = inflated(text, meter.left) {
        give(view, meter);
    }
    for document in manifest::documents(text) {
        if meter.left == 0 {
            return;
        }
        give(manifest::view(text, document, meter.left), meter);
    }
    if memchr::memchr(0, text).is_some() {
        give(narrowed(text, meter.left), meter);
    }
    for stretch in escape::stretches(text) {
        if meter.left < stretch.range.len() {
            return;
        }
        give(unescaped(text, &stretch), meter);
    }
    let mut spots = spots.0.into_iter().peekable();
    while spots.peek().is_some() && meter.left > 0 {
        let (view, packed) = undigited(text, &mut spots, meter.left);
        give(view, meter);
        if let Some(packed) = packed {
            give(packed, meter);
        }
    }
}

fn inflated(text: &[u8], most: usize) -> Option<View> {
    let (encoding, out) = inflate::decode(text, most)?;
    let inner = 0..out.len();
    let piece = Piece { encoding, big: false, plain: true, outer: 0..text.len(), inner };
    Some(View { text: out, pieces: vec![piece], outer: 0..text.len(), framed: false })
}

/// All UTF-16 in `text`, each stretch on a line of its own.
fn narrowed(text: &[u8], most: usize) -> View {
    let stretches = utf16::stretches(text);
    // A unit of two bytes makes three at most.
    let room = |len: usize| len / 2 * 3 + 4;
    let whole: usize = stretches.iter().map(|wide| room(wide.range.len())).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(whole.min(most)));
    let mut pieces = Vec::new();
    for wide in stretches {
        let outer =
            wide.range.start..wide.range.end.min(wide.range.start + (most - out.len()) / 3 * 2);
        if outer.is_empty() || out.len() + room(outer.len()) > out.capacity() {
            break;
        }
        let start = out.len();
        utf16::decode(&text[outer.clone()], wide.big, &mut out);
        let inner = start..out.len();
        out.push(b'\n');
        pieces.push(Piece { encoding: Encoding::Utf16, big: wide.big, plain: true, outer, inner });
    }
    View { text: out, pieces, outer: 0..text.len(), framed: false }
}

fn unescaped(text: &[u8], stretch: &escape::Stretch) -> View {
    let outer = stretch.range.clone();
    let mut out = Zeroizing::new(Vec::with_capacity(outer.len()));
    escape::decode(stretch.encoding, &text[outer.clone()], &mut out);
    let inner = 0..out.len();
    let piece =
        Piece { encoding: stretch.encoding, big: false, plain: true, outer: outer.clone(), inner };
    View { text: out, pieces: vec![piece], outer, framed: false }
}

/// The next group of digits that stand close to each other, among what stands around them; and what
/// among it is compressed, alone.
fn undigited(
    text: &[u8],
    spots: &mut std::iter::Peekable<impl Iterator<Item = Spot>>,
    most: usize,
) -> (View, Option<View>) {
    let mut view = View::default();
    let mut behind = 0;
    while let Some(spot) = spots.next_if(|spot| view.pieces.is_empty() || spot.at <= behind + GAP) {
        if spot.at < behind {
            continue;
        }
        let mut out: Zeroizing<Vec<u8>> = Zeroizing::default();
        let left = most.saturating_sub(view.text.len());
        let Some(decoded) = digits::decode(text, spot, left, &mut out) else { continue };
        let outer = decoded.range;
        let plain = digits::is_mostly_text(&out, PLAIN);
        let mut piece =
            Piece { encoding: decoded.encoding, big: false, plain, outer, inner: 0..out.len() };
        if inflate::begins(&out) && !plain {
            let outer = piece.outer.clone();
            let packed = View { text: out, pieces: vec![piece], outer, framed: false };
            return (close(text, view), Some(packed));
        }
        if view.pieces.is_empty() {
            let floor = spot.at.saturating_sub(BEFORE).max(behind);
            view.outer.start = escape::from_blank(text, floor, spot.at);
            behind = view.outer.start;
        }
        append(&mut view.text, &text[behind..spot.at]);
        piece.inner = view.text.len()..view.text.len() + out.len();
        append(&mut view.text, &out);
        behind = piece.outer.end;
        view.pieces.push(piece);
    }
    (close(text, view), None)
}

/// The view with what stands behind its last piece.
fn close(text: &[u8], mut view: View) -> View {
    let Some(last) = view.pieces.last().map(|piece| piece.outer.end) else { return view };
    let most = text.len().min(last + BEHIND);
    let blank = text[last..most].iter().position(u8::is_ascii_whitespace);
    view.outer.end = blank.map_or(most, |blank| last + blank);
    append(&mut view.text, &text[last..view.outer.end]);
    view
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::*;

    fn views(text: &[u8], bytes: usize) -> Vec<View> {
        let mut spots = Spots::default();
        let runs = text.split(|b| !b.is_ascii_alphanumeric());
        for run in runs {
            let at = run.as_ptr() as usize - text.as_ptr() as usize;
            spots.note(text, at..at + run.len(), true);
        }
        let mut all = Vec::new();
        let mut meter = Budget::default().bytes(bytes).meter(text.len());
        each(text, true, spots, &mut meter, &mut |view, _| all.push(view));
        all
    }

    #[test]
    fn digits_come_with_what_stands_around_them() {
        let text =
            b"acme_id: bWVhZG93LWxhcmstMTIzNDU2Nw==\nacme_key: 'bGFyay1tZWFkb3ctNzY1NDMyMQ=='; x";
        let all = views(text, 1 << 20);
        assert_eq!(all.len(), 1);
        let expected = b"acme_id: meadow-lark-1234567\nacme_key: 'lark-meadow-7654321';";
        assert_eq!(&all[0].text[..], expected);
        for piece in &all[0].pieces {
            assert_eq!(piece.encoding, Encoding::Base64);
            assert!(piece.plain && text[piece.outer.clone()].ends_with(b"=="));
        }
    }

    #[test]
    fn no_more_is_decoded_than_the_budget_has() {
        let wide: Vec<u8> = b"meadow lark ".repeat(100).iter().flat_map(|b| [*b, 0]).collect();
        let text =
            [&b"%67%68 &#65;\n"[..], b"bWVhZG93LWxhcmst".repeat(50).as_slice(), b"\n", &wide]
                .concat();
        for bytes in [0, 1, 10, 100, 500, 1000, 5000] {
            let all = views(&text, bytes);
            let decoded: usize = all.iter().flat_map(|v| &v.pieces).map(|p| p.inner.len()).sum();
            assert!(decoded <= bytes + 8, "{decoded} of {bytes}");
        }
        assert_eq!(views(&text, 1 << 20).len(), 4);
    }
}
