//! A body that comes in pieces: as it stands, and in other readings.

use std::ops::ControlFlow;

use super::search::Occurrence;
use super::set::PatchSet;
use super::state::Buffer;
use super::stream::Stream;
use super::verdict::Views;
use super::views::{Memory, Reading, Stretch};

/// How far a body was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body {
    raw: Stream,
    stretch: Stretch,
    /// The content encoding that was undone.
    undone: Views,
}

/// The buffers for what raw searches keep, for what readings keep, and for what they decode into.
pub(super) type Buffers<'b, 's> = (&'b mut Buffer<'s>, &'b mut Buffer<'s>, &'b mut Buffer<'s>);

impl Body {
    /// A body that is about to start, without its content encoding, which was `undone`.
    pub(super) fn new(set: &PatchSet, undone: Views) -> Body {
        Body { raw: Stream::new(set), stretch: Stretch::default(), undone }
    }

    /// Looks at the next piece. `found` gets each token, what had to be undone, and its offset in the
    /// body.
    pub(super) fn feed(
        &mut self,
        set: &PatchSet,
        (raw, kept, decoded): &mut Buffers<'_, '_>,
        views: Views,
        piece: &[u8],
        found: &mut impl FnMut(Occurrence, Views, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        raw.written = raw.bytes.len();
        let (plain, undone) = (self.plain(), self.undone);
        self.raw.feed(set, raw.bytes, piece, &mut |token, offset| found(token, plain, offset))?;
        if views == Views::RAW {
            return ControlFlow::Continue(());
        }
        let memory = &mut Memory::new(kept, decoded);
        self.stretch.feed(
            set,
            memory,
            Reading { views, body: true, basic: false },
            piece,
            &mut |sighting, offset| found(sighting.token, sighting.views.union(undone), offset),
        )
    }

    /// Looks at what was kept, now that the body is at its end.
    pub(super) fn finish(
        &mut self,
        set: &PatchSet,
        (raw, kept, decoded): &mut Buffers<'_, '_>,
        views: Views,
        found: &mut impl FnMut(Occurrence, Views, u64) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (plain, undone) = (self.plain(), self.undone);
        self.raw.finish(set, raw.bytes, &mut |token, offset| found(token, plain, offset))?;
        let memory = &mut Memory::new(kept, decoded);
        self.stretch.finish(
            set,
            memory,
            Reading { views, body: true, basic: false },
            &mut |sighting, offset| found(sighting.token, sighting.views.union(undone), offset),
        )
    }

    /// How a token is reported that stands there as it is.
    fn plain(&self) -> Views {
        if self.undone == Views::NONE { Views::RAW } else { self.undone }
    }
}
