//! A look at one request.

use std::ops::ControlFlow;

use thiserror::Error;

use super::context::{Context, Known};
use super::lane::{self, Buffers, PercentLane};
use super::locate;
use super::search::Occurrence;
use super::set::PatchSet;
use super::stream::Stream;
use super::verdict::{Action, Hit, Name, Part, Verdict, View, Views};

/// A header of a request: name and value as they stand, without the colon or the line's end.
#[derive(Clone, Copy, Debug)]
pub struct Header<'h> {
    /// The header's name, in any case.
    pub name: &'h [u8],
    /// Its value.
    pub value: &'h [u8],
}

/// How many headers are looked at together: their places are probed at once.
const BATCH: usize = 16;

/// The headers that can hold Basic credentials.
const CREDENTIALS: [&[u8]; 2] = [b"authorization", b"proxy-authorization"];

const NO_HEADER: Header<'_> = Header { name: b"", value: b"" };

/// A look at one request, in memory that the caller owns.
///
/// Feed it the request as it comes in: [`request`](Scan::request), [`headers`](Scan::headers),
/// [`body`](Scan::body) in any number of pieces, then [`finish`](Scan::finish). Each may be called
/// several times or not at all. Once a token asks for the request to be blocked, nothing more is
/// looked at.
///
/// Nothing here allocates, blocks, panics, or keeps a reference to what it was fed. What must be
/// carried over from one piece of the body to the next lies in the state, and is wiped by `finish`
/// and on drop.
///
/// ```
/// use stanch::patch::{Action, Header, Patch, PatchSetBuilder, Scan};
/// use stanch::secret::{ImprintKey, Secret};
///
/// let key = ImprintKey::generate()?;
/// let token = Secret::new("github-pat", *b"ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi");
/// let mut builder = PatchSetBuilder::new(&key);
/// builder.add(&key.imprint(&token)?, Patch::block(7))?;
/// let set = builder.build()?;
///
/// let mut state = vec![0; set.state_len()];
/// let mut scan = Scan::new(&set, &mut state)?;
/// scan.request(b"GET", b"/user?token=ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeU%69");
/// scan.headers(&[Header { name: b"host", value: b"api.example.com" }]);
/// let verdict = scan.finish();
/// assert_eq!(verdict.action, Action::Block);
/// let hit = verdict.hit.unwrap();
/// assert_eq!((hit.leak, hit.part.as_str(), hit.view.as_str()), (7, "query", "percent"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scan<'s> {
    set: &'s PatchSet,
    state: &'s mut [u8],
    /// What is known of the request; scopes of patches ask for it.
    known: Known<'s>,
    raw: Stream,
    percent: PercentLane,
    body_len: u64,
    views: Views,
    verdict: Verdict,
    /// Whether there is something to wipe in the state.
    used: bool,
    finished: bool,
}

/// Why a scan cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The state is shorter than the set asks for.
    #[error("the state has {found} bytes; this set needs {needed}")]
    State {
        /// What [`PatchSet::state_len`] says.
        needed: usize,
        /// What was given.
        found: usize,
    },
}

impl<'s> Scan<'s> {
    /// A scan against `set` with `state` to work in: at least [`PatchSet::state_len`] bytes of any
    /// content.
    ///
    /// # Errors
    ///
    /// [`ScanError::State`] if the state is too short.
    pub fn new(set: &'s PatchSet, state: &'s mut [u8]) -> Result<Scan<'s>, ScanError> {
        let needed = set.state_len();
        if state.len() < needed {
            return Err(ScanError::State { needed, found: state.len() });
        }
        let (state, room) = state.split_at_mut(state.len() - set.context_len());
        Ok(Scan {
            known: Known::new(room),
            raw: Stream::new(set, 0, set.longest()),
            percent: PercentLane::new(set),
            set,
            state,
            body_len: 0,
            views: Views::ALL,
            verdict: Verdict::default(),
            used: false,
            finished: false,
        })
    }

    /// The same scan, looking only at `views` from now on. It starts with all.
    #[must_use]
    pub fn with_views(mut self, views: Views) -> Scan<'s> {
        self.views = views;
        self
    }

    /// Takes note of what the host knows of the request. Call it before anything is fed: a token that
    /// is found is judged by what is known then.
    pub fn context(&mut self, context: &Context<'_>) {
        if let Some(known) = self.known() {
            known.context(context);
        }
    }

    /// Looks at the request line: the target as it was sent (`/path?query`, or with scheme and host
    /// before it). No token is looked for in the method.
    pub fn request(&mut self, method: &[u8], target: &[u8]) {
        if let Some(known) = self.known() {
            known.request(method, target);
        }
        if target.len() >= self.set.shortest() {
            self.values(&[target], |_, view, start| {
                locate::in_target(target, before_view(target, view, start))
            });
        }
    }

    /// Looks at headers, or at trailers behind the body.
    pub fn headers(&mut self, headers: &[Header<'_>]) {
        if let Some(known) = self.known() {
            known.headers(headers);
        }
        for headers in headers.chunks(BATCH) {
            self.header_batch(headers);
        }
    }

    /// Looks at the next pieces of the body. A piece may end anywhere.
    pub fn body(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            if self.is_done() || piece.is_empty() {
                continue;
            }
            // The verdict already holds what a break says.
            let _ = self.body_piece(piece);
            self.body_len += piece.len() as u64;
        }
    }

    /// What is known so far. [`Action::Block`] is final; anything else may still become stronger.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Looks at what was carried over, wipes the state and says what to do. Whatever is fed
    /// afterwards is not looked at.
    pub fn finish(&mut self) -> Verdict {
        if !self.finished {
            if !self.is_done() {
                let _ = self.body_end();
            }
            self.finished = true;
            self.wipe();
        }
        self.verdict
    }

    /// What is known of the request, to be added to; `None` if nobody will ask.
    #[inline]
    fn known(&mut self) -> Option<&mut Known<'s>> {
        let matters = self.known.matters() && !self.is_done();
        self.used |= matters;
        matters.then_some(&mut self.known)
    }

    fn is_done(&self) -> bool {
        self.finished || self.verdict.action == Action::Block
    }

    /// Looks at no more than [`BATCH`] headers.
    fn header_batch(&mut self, headers: &[Header<'_>]) {
        let mut values = [&b""[..]; BATCH];
        let mut owners = [&NO_HEADER; BATCH];
        let mut count = 0;
        // Values that are too short for any token are written over by the next one. A branch here
        // would be mispredicted all the time.
        for header in headers {
            values[count] = header.value;
            owners[count] = header;
            count += usize::from(header.value.len() >= self.set.shortest());
        }
        self.values(&values[..count], |number, view, start| {
            let Header { name, value } = *owners[number];
            if !name.eq_ignore_ascii_case(b"cookie") {
                return (Part::Header, Name::new(name));
            }
            (Part::Cookie, locate::in_cookies(value, before_view(value, view, start)))
        });
        if !self.views.contains(View::Basic) {
            return;
        }
        for Header { name, value } in &owners[..count] {
            if let Some(encoded) = basic_credentials(value)
                && CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known))
                && !self.is_done()
            {
                self.basic(name, encoded);
            }
        }
    }

    /// Looks at values that are there as a whole: as they stand, and with percent escapes undone.
    /// `locate` gets the number of the value that holds a token, the view, and the token's offset in
    /// that.
    fn values(&mut self, values: &[&[u8]], locate: impl Fn(usize, View, usize) -> (Part, Name)) {
        if self.is_done() {
            return;
        }
        let (set, known, verdict) = (self.set, &mut self.known, &mut self.verdict);
        let mut record = |number: usize, view: View, occurrence: Occurrence, offset: u64| {
            verdict.record(set, known, &occurrence, || {
                let (part, name) = locate(number, view, offset as usize);
                Hit { leak: occurrence.entry.leak, part, view, offset, name }
            })
        };
        let raw = set.search_all(values, &mut |number, occurrence| {
            record(number, View::Raw, occurrence, occurrence.start as u64)
        });
        if raw.is_break() || !self.views.contains(View::Percent) || !set.have_percent(values) {
            return;
        }
        let Some(buffers) = Buffers::cut(self.state, set.longest()) else { return };
        for (number, value) in values.iter().enumerate() {
            let found = &mut |occurrence, offset| record(number, View::Percent, occurrence, offset);
            let mut lane = PercentLane::new(set);
            if lane.passes_over(set, value) {
                continue;
            }
            self.used = true;
            if lane.feed(set, buffers.value, b"", value, 0, found).is_break()
                || lane.finish(set, buffers.value, found).is_break()
            {
                return;
            }
        }
    }

    /// Looks at the user and password of Basic credentials.
    fn basic(&mut self, name: &[u8], encoded: &[u8]) {
        self.used = true;
        let Some(buffers) = Buffers::cut(self.state, self.set.longest()) else { return };
        let (set, known, verdict) = (self.set, &mut self.known, &mut self.verdict);
        let _ = lane::search_base64(set, buffers.value, encoded, &mut |occurrence, offset| {
            verdict.record(set, known, &occurrence, || Hit {
                leak: occurrence.entry.leak,
                part: Part::Header,
                view: View::Basic,
                offset,
                name: Name::new(name),
            })
        });
    }

    fn body_piece(&mut self, piece: &[u8]) -> ControlFlow<()> {
        self.used = true;
        let Some(buffers) = Buffers::cut(self.state, self.set.longest()) else {
            return ControlFlow::Break(());
        };
        let (set, known, verdict) = (self.set, &mut self.known, &mut self.verdict);
        let mut record = body_recorder(set, known, verdict);
        // The raw lane goes first, so that what stands there in the raw is reported as raw. But the
        // percent lane may need the text before this piece, which the raw lane then forgets.
        let passes_over =
            !self.views.contains(View::Percent) || self.percent.passes_over(set, piece);
        let mut before = &mut buffers.value[..0];
        if !passes_over && self.percent.may_start(set, piece) {
            let kept = self.raw.kept(buffers.raw);
            let kept = &kept[kept.len().saturating_sub(PercentLane::before_len(set))..];
            before = &mut buffers.value[..kept.len()];
            before.copy_from_slice(kept);
        }
        self.raw.feed(set, buffers.raw, piece, &mut |o, offset| record(View::Raw, o, offset))?;
        if passes_over {
            return ControlFlow::Continue(());
        }
        let found = &mut |o, offset| record(View::Percent, o, offset);
        self.percent.feed(set, buffers.percent, before, piece, self.body_len, found)
    }

    fn body_end(&mut self) -> ControlFlow<()> {
        let Some(buffers) = Buffers::cut(self.state, self.set.longest()) else {
            return ControlFlow::Break(());
        };
        let (set, known, verdict) = (self.set, &mut self.known, &mut self.verdict);
        let mut record = body_recorder(set, known, verdict);
        self.raw.finish(set, buffers.raw, &mut |o, offset| record(View::Raw, o, offset))?;
        self.percent.finish(set, buffers.percent, &mut |o, offset| record(View::Percent, o, offset))
    }

    /// Wipes the state, if anything was put there.
    fn wipe(&mut self) {
        if std::mem::take(&mut self.used) {
            self.known.wipe();
            self.state.fill(0);
            // Without this the compiler may see that nobody reads the zeroes, and leave them out.
            std::hint::black_box(&mut *self.state);
        }
    }
}

impl Drop for Scan<'_> {
    fn drop(&mut self) {
        if !self.finished {
            self.wipe();
        }
    }
}

impl Verdict {
    /// Takes note of a token, and says whether to go on looking. Of equally strong ones, the first
    /// stays.
    fn record(
        &mut self,
        set: &PatchSet,
        known: &mut Known<'_>,
        occurrence: &Occurrence,
        hit: impl FnOnce() -> Hit,
    ) -> ControlFlow<()> {
        // Locating a token takes longer than asking what it would come to in some part or other.
        if set.action(&occurrence.entry, known, None) > self.action {
            let hit = hit();
            let part = known.located(hit.part);
            let action = set.action(&occurrence.entry, known, part);
            if action > self.action {
                self.action = action;
                self.hit = Some(hit);
            }
        }
        match self.action {
            Action::Block => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn body_recorder<'v, 's>(
    set: &'v PatchSet,
    known: &'v mut Known<'s>,
    verdict: &'v mut Verdict,
) -> impl FnMut(View, Occurrence, u64) -> ControlFlow<()> + 'v {
    move |view, occurrence, offset| {
        verdict.record(set, known, &occurrence, || Hit {
            leak: occurrence.entry.leak,
            part: Part::Body,
            view,
            offset,
            name: Name::EMPTY,
        })
    }
}

/// Where in `text` the byte stands that has this offset in `view`.
fn before_view(text: &[u8], view: View, offset: usize) -> usize {
    match view {
        View::Percent => locate::before_percent(text, offset),
        View::Raw | View::Basic => offset,
    }
}

/// The encoded credentials in the value of an `Authorization` header of the Basic scheme (RFC
/// 7617), whose name is in any case.
fn basic_credentials(value: &[u8]) -> Option<&[u8]> {
    if !matches!(value.first(), Some(b'B' | b'b' | b' ' | b'\t')) {
        return None;
    }
    let (scheme, rest) = value.trim_ascii_start().split_at_checked(5)?;
    (scheme.eq_ignore_ascii_case(b"basic") && rest.first().is_some_and(u8::is_ascii_whitespace))
        .then(|| rest.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::{Patch, PatchSetBuilder};
    use crate::secret::{ImprintKey, Secret};

    #[test]
    fn only_the_views_that_are_asked_for_are_looked_at() {
        let key = ImprintKey::from_bytes([6; 32]);
        let mut builder = PatchSetBuilder::new(&key);
        let token = Secret::new("test", *b"7Rk2mZ9qXc4TnW8bLp3v");
        builder.add(&key.imprint(&token).unwrap(), Patch::block(1)).unwrap();
        let set = builder.build().unwrap();
        let escaped = b"7Rk2mZ9qXc4TnW8bLp3%76";
        let header = |value| Header { name: b"Authorization", value };
        let basic = header(&b"Basic dTo3UmsybVo5cVhjNFRuVzhiTHAzdg=="[..]);
        let found = |views: Views, feed: &dyn Fn(&mut Scan<'_>)| {
            let mut state = vec![0; set.state_len()];
            let mut scan = Scan::new(&set, &mut state).unwrap().with_views(views);
            feed(&mut scan);
            scan.finish().hit.map(|hit| hit.view)
        };
        let none = Views::RAW;
        for (view, feed) in [
            (
                View::Percent,
                &(|scan: &mut Scan<'_>| scan.request(b"GET", escaped)) as &dyn Fn(&mut Scan<'_>),
            ),
            (View::Percent, &|scan| scan.headers(&[header(escaped)])),
            (View::Percent, &|scan| scan.body(&[escaped])),
            (View::Basic, &|scan| scan.headers(&[basic])),
        ] {
            assert_eq!(found(Views::ALL, feed), Some(view));
            assert_eq!(found(none.with(view), feed), Some(view));
            assert_eq!(found(none, feed), None);
        }
        assert_eq!(
            found(none, &|scan| scan.body(&[&token.expose()[..7], &token.expose()[7..]])),
            Some(View::Raw)
        );
    }
}
