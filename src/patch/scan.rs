//! A look at one request.

use std::ops::ControlFlow;

use thiserror::Error;

use super::body::Body;
use super::context::{Context, Known};
use super::inflate::{BodyState, Encoding, Inflater};
use super::locate;
use super::search::Occurrence;
use super::set::PatchSet;
use super::state::State;
use super::verdict::{Action, Hit, Name, Part, Verdict, View, Views};
use super::views::{Reading, Walk};

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
/// assert_eq!((hit.leak, hit.part.as_str(), hit.views.to_string()), (7, "query", "percent".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scan<'s> {
    set: &'s PatchSet,
    state: State<'s>,
    /// What is known of the request; scopes of patches ask for it.
    known: Known<'s>,
    body: Body,
    /// The body without its content encoding.
    inflated: Body,
    inflater: Option<&'s mut Inflater>,
    encoding: Encoding,
    /// Whether some of the body was seen.
    has_body: bool,
    /// Whether the inflater holds some of it.
    inflates: bool,
    views: Views,
    verdict: Verdict,
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
    #[inline]
    pub fn new(set: &'s PatchSet, state: &'s mut [u8]) -> Result<Scan<'s>, ScanError> {
        let found = state.len();
        let short = ScanError::State { needed: set.state_len(), found };
        let Some((room, state)) = state.split_at_mut_checked(set.context_len()) else {
            return Err(short);
        };
        let Some(state) = State::cut(state, set.longest()) else { return Err(short) };
        Ok(Scan {
            known: Known::new(room),
            body: Body::new(set, Views::NONE),
            inflated: Body::new(set, Views::NONE),
            inflater: None,
            encoding: Encoding::Identity,
            has_body: false,
            inflates: false,
            set,
            state,
            views: Views::ALL,
            verdict: Verdict::default(),
            finished: false,
        })
    }

    /// The same scan, looking only at `views` from now on. It starts with all.
    #[inline]
    #[must_use]
    pub fn with_views(mut self, views: Views) -> Scan<'s> {
        self.views = views;
        self
    }

    /// The same scan, which undoes the body's content encoding, if it is gzip or deflate, with
    /// `inflater`. Without one, or with another encoding, the verdict says that the body could not be
    /// read ([`BodyState::Unsupported`]). The body is looked at as it was sent in any case.
    #[must_use]
    pub fn with_inflater(mut self, inflater: &'s mut Inflater) -> Scan<'s> {
        self.inflater = Some(inflater);
        self
    }

    /// As [`with_inflater`](Scan::with_inflater), for a scan that stays where it is. Before the body.
    pub(crate) fn inflate_with(&mut self, inflater: &'s mut Inflater) {
        self.inflater = Some(inflater);
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
            self.values(&[target], |_| false, |_, start| locate::in_target(target, start));
        }
    }

    /// Looks at headers, or at trailers behind the body.
    #[inline]
    pub fn headers(&mut self, headers: &[Header<'_>]) {
        if let Some(known) = self.known() {
            known.headers(headers);
        }
        if !self.has_body {
            for header in headers {
                if header.name.eq_ignore_ascii_case(b"content-encoding") {
                    self.encoding = self.encoding.and(Encoding::of(header.value));
                }
            }
        }
        match headers {
            [_] => self.header_batch::<1>(headers),
            _ => headers.chunks(BATCH).for_each(|headers| self.header_batch::<BATCH>(headers)),
        }
    }

    /// Looks at the next pieces of the body. A piece may end anywhere.
    pub fn body(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            if self.is_done() || piece.is_empty() {
                continue;
            }
            if !std::mem::replace(&mut self.has_body, true) {
                self.start_body();
            }
            // The verdict already holds what a break says.
            let _ = self.body_piece(piece);
        }
    }

    /// What is known so far. [`Action::Block`] is final; anything else may still become stronger.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Looks at what was carried over, wipes the state and says what to do. Whatever is fed
    /// afterwards is not looked at.
    #[inline]
    pub fn finish(&mut self) -> Verdict {
        if !self.finished {
            if self.has_body && !self.is_done() {
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
        (self.known.matters() && !self.is_done()).then_some(&mut self.known)
    }

    fn is_done(&self) -> bool {
        self.finished || self.verdict.action == Action::Block
    }

    /// Looks at no more than `N` headers.
    fn header_batch<const N: usize>(&mut self, headers: &[Header<'_>]) {
        let mut values = [&b""[..]; N];
        let mut owners = [0; N];
        let mut count = 0;
        // Values that are too short for any token are written over by the next one. A branch here
        // would be mispredicted all the time.
        for (number, header) in (0..).zip(headers) {
            values[count] = header.value;
            owners[count] = number;
            count += usize::from(header.value.len() >= self.set.shortest());
        }
        self.header_values(headers, &values[..count], &owners[..count]);
    }

    /// Looks at the values of headers: each is that of the header with its owner's number.
    fn header_values(&mut self, headers: &[Header<'_>], values: &[&[u8]], owners: &[u8]) {
        let owner = |number: usize| headers[usize::from(owners[number])];
        let is_basic = |number: usize| {
            let Header { name, value } = owner(number);
            has_basic_scheme(value)
                && CREDENTIALS.iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        self.values(values, is_basic, |number, start| {
            let Header { name, value } = owner(number);
            match name.eq_ignore_ascii_case(b"cookie") {
                true => (Part::Cookie, locate::in_cookies(value, start)),
                false => (Part::Header, Name::new(name)),
            }
        });
    }

    /// Looks at values that are there as a whole: as they stand, and in other readings. `is_basic`
    /// says whether base64 in the value with this number is Basic credentials; `locate` gets the number
    /// of the value that holds a token, and the byte at which that starts.
    fn values(
        &mut self,
        values: &[&[u8]],
        is_basic: impl Fn(usize) -> bool,
        locate: impl Fn(usize, usize) -> (Part, Name),
    ) {
        if self.is_done() {
            return;
        }
        // First, because it goes through the texts fast and so has them brought into the cache.
        let mut leads = match self.views == Views::RAW {
            true => 0,
            false => self.set.signs().with_lead(values, self.views),
        };
        let (set, known, verdict) = (self.set, &mut self.known, &mut self.verdict);
        let mut record = |number: usize, token: Occurrence, views: Views, start: usize| {
            verdict.record(set, known, &token, || {
                let (part, name) = locate(number, start);
                Hit { leak: token.entry.leak, part, views, offset: start as u64, name }
            })
        };
        let raw = set.search_all(values, &mut |number, token| {
            record(number, token, Views::RAW, token.start)
        });
        if raw.is_break() {
            return;
        }
        while leads != 0 {
            let number = leads.trailing_zeros() as usize;
            leads &= leads - 1;
            let value = values[number];
            let reading = Reading { views: self.views, body: false, basic: is_basic(number) };
            let decoded = &mut self.state.decoded;
            let walk = Walk::new(set, value, decoded.bytes, reading);
            let walked = walk.run(&mut decoded.written, &mut |sighting| {
                record(number, sighting.token, sighting.views, sighting.start)
            });
            if walked.is_break() {
                return;
            }
        }
    }

    fn start_body(&mut self) {
        let view = match self.encoding {
            Encoding::Identity => return,
            Encoding::Gzip => Some(View::Gzip),
            Encoding::Deflate => Some(View::Deflate),
            Encoding::Unsupported => None,
        };
        match (&mut self.inflater, view.filter(|view| self.views.contains(*view))) {
            (Some(inflater), Some(view)) => {
                inflater.start(self.encoding);
                self.inflated = Body::new(self.set, view.into());
                self.inflates = true;
            }
            _ => self.verdict.body = BodyState::Unsupported,
        }
    }

    fn body_piece(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let Scan { set, state, known, verdict, .. } = self;
        let State { raw, kept, inflated_raw, inflated_kept, decoded } = state;
        let mut memory = (raw, kept, &mut *decoded);
        self.body.feed(set, &mut memory, self.views, piece, &mut recorder(set, known, verdict))?;
        let inflates = self.inflates;
        let inflater = self.inflater.as_mut().filter(|one| inflates && one.is_inflating());
        let Some(inflater) = inflater else { return ControlFlow::Continue(()) };
        let mut memory = (inflated_raw, inflated_kept, decoded);
        let flow = inflater.feed(piece, &mut |text| {
            self.inflated.feed(
                set,
                &mut memory,
                self.views,
                text,
                &mut recorder(set, known, verdict),
            )
        });
        verdict.body = inflater.state();
        flow
    }

    fn body_end(&mut self) -> ControlFlow<()> {
        let Scan { set, state, known, verdict, .. } = self;
        let State { raw, kept, inflated_raw, inflated_kept, decoded } = state;
        let mut memory = (raw, kept, &mut *decoded);
        self.body.finish(set, &mut memory, self.views, &mut recorder(set, known, verdict))?;
        if let (true, Some(inflater)) = (self.inflates, &mut self.inflater) {
            inflater.finish();
            verdict.body = inflater.state();
        }
        let mut memory = (inflated_raw, inflated_kept, decoded);
        self.inflated.finish(set, &mut memory, self.views, &mut recorder(set, known, verdict))
    }

    /// Wipes what is held of the request.
    fn wipe(&mut self) {
        if self.known.matters() {
            self.known.wipe();
        }
        self.state.wipe();
        if let (true, Some(inflater)) = (self.inflates, &mut self.inflater) {
            inflater.reset();
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

fn recorder<'v, 's>(
    set: &'v PatchSet,
    known: &'v mut Known<'s>,
    verdict: &'v mut Verdict,
) -> impl FnMut(Occurrence, Views, u64) -> ControlFlow<()> + use<'v, 's> {
    move |token, views, offset| {
        verdict.record(set, known, &token, || Hit {
            leak: token.entry.leak,
            part: Part::Body,
            views,
            offset,
            name: Name::EMPTY,
        })
    }
}

/// Whether `value` is that of an `Authorization` header of the Basic scheme (RFC 7617), whose name is
/// in any case.
fn has_basic_scheme(value: &[u8]) -> bool {
    let scheme = value.trim_ascii_start().split_at_checked(5);
    scheme.is_some_and(|(scheme, rest)| {
        scheme.eq_ignore_ascii_case(b"basic") && rest.first().is_some_and(u8::is_ascii_whitespace)
    })
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
            scan.finish().hit.map(|hit| hit.views)
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
            assert_eq!(found(Views::ALL, feed), Some(view.into()));
            assert_eq!(found(none.with(view), feed), Some(view.into()));
            assert_eq!(found(none, feed), None);
        }
        assert_eq!(
            found(none, &|scan| scan.body(&[&token.expose()[..7], &token.expose()[7..]])),
            Some(View::Raw.into())
        );
    }
}
