//! Reads a text in every way that its leads suggest, and searches what comes out.

use std::ops::ControlFlow;

use super::DEPTH;
use super::lead::{Allowed, Done, Signs, Span};
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
}

/// A token in a reading of a text.
#[derive(Clone, Copy, Debug)]
pub(in crate::patch) struct Sighting {
    pub(in crate::patch) token: Occurrence,
    /// The first byte of its encoded form in the text.
    pub(in crate::patch) start: usize,
    /// What had to be undone.
    pub(in crate::patch) views: Views,
    /// Whether base64 was undone before anything else.
    pub(in crate::patch) base64_first: bool,
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
    progress: Progress,
}

/// How far a text was looked through.
#[derive(Clone, Copy)]
struct Progress {
    at: usize,
    turn: u8,
    allowed: Allowed,
    done: Done,
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
        let mut root = Progress::new(Allowed {
            views: self.reading.views,
            body: self.reading.body,
            steps: 4,
            unescape: 3,
            base64: 2,
            utf16: 1,
            first: true,
            letters: false,
        });
        // Most texts end here; the layers are not even made then.
        let Some(first) = root.next(signs, self.text) else { return ControlFlow::Continue(()) };
        let mut layers = [Layer { span: first, len: 0, progress: root }; DEPTH];
        // `depth` texts were decoded from each other; `span` is of the last of them.
        let (mut span, mut depth) = (Some(first), 0);
        loop {
            match span {
                Some(next) if depth < DEPTH => {
                    let allowed = match depth.checked_sub(1) {
                        None => root.allowed,
                        Some(top) => layers[top].progress.allowed,
                    };
                    let len = self.decode(&layers[..depth], next, written);
                    let progress = Progress::new(allowed.after(next.step));
                    layers[depth] = Layer { span: next, len, progress };
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
                None => root.next(signs, self.text),
                Some((top, below)) => {
                    let text = layer_text(self.buffers, signs.window, below.len(), top.len);
                    top.progress.next(signs, text)
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
        let len = span.step.decode(span_text, &mut above[..room]);
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
        let mut steps = layers.iter().map(|layer| layer.span.step);
        let first = steps.find(|step| !matches!(step, Step::Lines));
        Sighting {
            token,
            start: origin.start,
            views: origin.views,
            base64_first: matches!(first, Some(Step::Base64 | Step::Joined)),
        }
    }
}

impl Progress {
    fn new(allowed: Allowed) -> Progress {
        Progress { at: 0, turn: 0, allowed, done: Done::default() }
    }

    #[inline]
    fn next(&mut self, signs: &Signs, text: &[u8]) -> Option<Span> {
        signs.next(text, &self.allowed, &mut self.done, (&mut self.at, &mut self.turn))
    }
}

/// The text in the buffer with this number.
fn layer_text(buffers: &[u8], window: usize, number: usize, len: usize) -> &[u8] {
    buffers.get(number * window..).and_then(|rest| rest.get(..len)).unwrap_or_default()
}
