//! Reads a text in every way that its leads suggest, and searches what comes out.

use std::ops::ControlFlow;

use super::DEPTH;
use super::lead::{Allowed, Progress, Span};
use super::step::{Origin, Step};
use crate::patch::search::Occurrence;
use crate::patch::set::PatchSet;
use crate::patch::verdict::Views;

/// How a text may be read.
#[derive(Clone, Copy, Debug)]
pub(in crate::patch) struct Reading {
    /// The views to look at.
    pub(in crate::patch) views: Views,
    /// Whether it is a body.
    pub(in crate::patch) body: bool,
    /// Whether base64 in it, as it stands, is Basic credentials.
    pub(in crate::patch) basic: bool,
}

/// A token in a reading of a text.
#[derive(Clone, Copy, Debug)]
pub(in crate::patch) struct Sighting {
    pub(in crate::patch) token: Occurrence,
    /// The first byte of its encoded form in the text.
    pub(in crate::patch) start: usize,
    /// What had to be undone.
    pub(in crate::patch) views: Views,
}

/// A walk through the readings of one text.
pub(in crate::patch) struct Walk<'w> {
    set: &'w PatchSet,
    text: &'w [u8],
    /// [`DEPTH`] buffers, one behind the other.
    buffers: &'w mut [u8],
    reading: Reading,
}

/// A text that was decoded from a span of another one.
#[derive(Clone, Copy)]
struct Layer {
    /// How it was decoded, and from where in the text below it.
    span: Span,
    len: usize,
    allowed: Allowed,
    progress: Progress,
}

impl<'w> Walk<'w> {
    /// A walk through `text`, with `buffers` of at least [`buffers_len`](Walk::buffers_len) bytes.
    pub(in crate::patch) fn new(
        set: &'w PatchSet,
        text: &'w [u8],
        buffers: &'w mut [u8],
        reading: Reading,
    ) -> Walk<'w> {
        Walk { set, text, buffers, reading }
    }

    /// How long the buffers must be for tokens of up to `longest` bytes.
    pub(in crate::patch) fn buffers_len(longest: usize) -> usize {
        DEPTH * super::window(longest)
    }

    /// Looks through all readings. `found` gets every token that shows in one of them, and may end the
    /// walk. `written` becomes at least the number of the buffers' bytes that were written to.
    pub(in crate::patch) fn run(
        mut self,
        written: &mut usize,
        found: &mut impl FnMut(Sighting) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let signs = self.set.signs();
        let Reading { views, body, basic } = self.reading;
        let allowed = Allowed::root(views, body, basic);
        let mut root = Progress::default();
        // Most texts end here; the layers are not even made then.
        let Some(first) = signs.next(self.text, &allowed, &mut root) else {
            return ControlFlow::Continue(());
        };
        let mut layers = [Layer { span: first, len: 0, allowed, progress: root }; DEPTH];
        // `depth` texts were decoded from each other; `span` is of the last of them.
        let (mut span, mut depth) = (Some(first), 0);
        loop {
            match span {
                Some(next) if depth < DEPTH => {
                    let allowed = match depth.checked_sub(1) {
                        None => allowed,
                        Some(top) => layers[top].allowed,
                    };
                    let len = self.decode(&layers[..depth], next, written);
                    let allowed = allowed.after(next.step);
                    layers[depth] =
                        Layer { span: next, len, allowed, progress: Progress::default() };
                    // A token does not go over a line's end, but its base64 does.
                    if !matches!(next.step, Step::Lines) {
                        self.search(&layers[..=depth], found)?;
                    }
                    if len >= signs.shortest && !matches!(next.step, Step::Case) {
                        depth += 1;
                    }
                }
                // There are not so many steps.
                Some(_) => {}
                None if depth == 0 => return ControlFlow::Continue(()),
                None => depth -= 1,
            }
            span = match layers[..depth].split_last_mut() {
                None => signs.next(self.text, &allowed, &mut root),
                Some((top, below)) => {
                    let text = layer_text(self.buffers, signs.window, below.len(), top.len);
                    signs.next(text, &top.allowed, &mut top.progress)
                }
            };
        }
    }

    /// Decodes `span` of the last of `layers` into the buffer above and returns how many bytes come
    /// out.
    fn decode(&mut self, layers: &[Layer], span: Span, written: &mut usize) -> usize {
        let window = self.set.signs().window;
        let at = layers.len() * window;
        let Some((below, above)) = self.buffers.split_at_mut_checked(at) else { return 0 };
        let text = match layers.split_last() {
            None => self.text,
            Some((top, below_it)) => layer_text(below, window, below_it.len(), top.len),
        };
        let span_text = text.get(span.start..span.end).unwrap_or_default();
        let room = above.len().min(window);
        #[cfg(test)]
        tests::DECODED.set(tests::DECODED.get() + span_text.len());
        let engine = self.set.signs().engine();
        let len = span.step.decode(engine, span_text, &mut above[..room]);
        *written = (*written).max(at + len);
        len
    }

    /// Searches the last of `layers`.
    fn search(
        &self,
        layers: &[Layer],
        found: &mut impl FnMut(Sighting) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((top, below)) = layers.split_last() else { return ControlFlow::Continue(()) };
        let window = self.set.signs().window;
        let text = layer_text(self.buffers, window, below.len(), top.len);
        if text.len() < self.set.shortest() {
            return ControlFlow::Continue(());
        }
        self.set.search_all(&[text], &mut |_, token| {
            let sighting = self.sighting(layers, token);
            // What stands there without any undoing was found where it stands.
            match sighting.views == Views::NONE {
                true => ControlFlow::Continue(()),
                false => found(sighting),
            }
        })
    }

    /// Where a token in the last of `layers` comes from.
    #[cold]
    fn sighting(&self, layers: &[Layer], token: Occurrence) -> Sighting {
        let window = self.set.signs().window;
        let len = usize::from(token.entry.len);
        let mut origin = Origin { start: token.start, end: token.start + len, views: Views::NONE };
        for (number, layer) in layers.iter().enumerate().rev() {
            let text = match number.checked_sub(1) {
                None => self.text,
                Some(below) => layer_text(self.buffers, window, below, layers[below].len),
            };
            let span = layer.span;
            let span_text = text.get(span.start..span.end).unwrap_or_default();
            let step = span.step.origin(span_text, origin.start, origin.end);
            origin = Origin {
                start: span.start + step.start,
                end: span.start + step.end,
                views: origin.views.union(step.views),
            };
        }
        Sighting { token, start: origin.start, views: origin.views }
    }
}

/// The text in the buffer with this number.
fn layer_text(buffers: &[u8], window: usize, number: usize, len: usize) -> &[u8] {
    buffers.get(number * window..).and_then(|rest| rest.get(..len)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use crate::patch::{Patch, PatchSetBuilder, Scan};
    use crate::secret::{ImprintKey, Secret};

    thread_local! {
        /// How many bytes this thread has decoded.
        pub(super) static DECODED: Cell<usize> = const { Cell::new(0) };
    }

    /// How many bytes are decoded for each byte of a text, at most: what `docs/views.md` says.
    const BOUND: usize = 16;

    /// Texts that somebody made to be slow.
    #[test]
    fn the_work_for_each_byte_is_bounded() {
        let key = ImprintKey::from_bytes([8; 32]);
        let mut builder = PatchSetBuilder::new(&key);
        for token in ["Vn9Tz3Rw6Yb1Cd5Fg0Hp", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"] {
            let imprint = key.imprint(&Secret::new("test", token)).unwrap();
            builder.add(&imprint, Patch::block(1)).unwrap();
        }
        let set = builder.build().unwrap();
        let mut state = vec![0; set.state_len()];
        let mut worst = (0, String::new());
        let letters = b"ABEFQRUVYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut units: Vec<Vec<u8>> = [
            "%",
            "%4",
            "%41",
            "%25",
            "%2541",
            "%252541",
            "%25252541",
            "\\",
            "\\u",
            "\\u0041",
            "\\u005c",
            "\\u005cu0041",
            "&",
            "&#65;",
            "&amp;",
            "&amp;amp;amp;",
            "%26amp;#65;",
            "=",
            "=41",
            "=3D41",
            "=\r\n",
            "QUE=",
            "QUFB",
            "VVVV",
            "UlVV",
            "VVVW",
            "QUFBQUFBQUFBQUFBQUFBQQ==",
            "\n",
            "a\0",
            "\0",
            "%\0",
            "A",
            "AB",
            "Ab",
            "ABCDEF0123456789",
            "abcdefghijklmnopqrstuvwxyzABCDEF\n",
            "VVVVVVVVVVVVVVVVVVVVVVVVVVVVVVVV\n",
            "cTdacjNLdzljVGRhY2pOTGR6",
        ]
        .map(|unit| unit.as_bytes().to_vec())
        .to_vec();
        // And whatever is drawn from the letters that stand for letters.
        let mut number = 1u64;
        units.extend((0..60).map(|len| {
            let mut letter = || {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                letters[(number >> 33) as usize % letters.len()]
            };
            (0..4 + len).map(|_| letter()).collect()
        }));
        for unit in units {
            let text: Vec<u8> = unit.iter().copied().cycle().take(50_000).collect();
            for longest in [usize::MAX, 16_384, 100] {
                DECODED.set(0);
                let mut scan = Scan::new(&set, &mut state).unwrap();
                text.chunks(longest.min(text.len())).for_each(|piece| scan.body(&[piece]));
                scan.finish();
                let what = format!("{} in pieces of {longest}", unit.escape_ascii());
                worst = worst.max((DECODED.get() / (text.len() / 100), what));
            }
        }
        assert!(
            worst.0 <= 100 * BOUND,
            "a hundred bytes cost {} bytes of decoding: {}",
            worst.0,
            worst.1
        );
        // These texts do make work: without that the bound would say nothing.
        assert!(worst.0 > 400, "a hundred bytes cost {} bytes of decoding: {}", worst.0, worst.1);
    }
}
