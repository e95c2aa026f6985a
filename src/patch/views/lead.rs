//! Says what a lead is worth: which span of the text around it is read another way, and how.

use super::base64;
use super::step::{Step, is_break, quoted_escape};
use super::unescape::Notations;
use crate::patch::sift::{Leads, Map, Marks, Scout, text_groups};
use crate::patch::verdict::{View, Views};
use crate::secret::{Alphabet, Engine};

/// The bytes of an encoded token that are neither letters nor the token's own.
const NOTATION: &[u8] = b"+/=-_%\\&#;{}\r\n\0";

/// How many base64 letters stand before a line's end at least, if the text goes on behind it.
const LINE: usize = 32;

/// How many letters before and behind a line's end are looked at to see whether a token may stand
/// there: a row of groups in any case.
const VICINITY: usize = 28;

/// A byte that may be part of an encoded token.
const GLUE: u8 = 1;
/// A byte for whose sake an escape is undone.
const COUNTS: u8 = 2;
/// A byte that base64 stands for in the midst of an encoded token.
const TEXT: u8 = 4;

/// What a set's tokens look like in other readings.
pub(in crate::patch) struct Signs {
    pub(super) scout: Scout,
    marks: [u8; 256],
    /// No token has a character that is not visible.
    visible: bool,
    pub(super) shortest: usize,
    pub(super) reach: usize,
    pub(super) window: usize,
}

/// A part of a text that is read another way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) step: Step,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What may be done to a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    pub(super) views: Views,
    /// It is a body, or what was decoded from one.
    pub(super) body: bool,
    /// Base64 in it is Basic credentials.
    pub(super) basic: bool,
    pub(super) steps: u8,
    pub(super) unescape: u8,
    pub(super) base64: u8,
    pub(super) utf16: u8,
    /// Nothing was decoded yet.
    pub(super) first: bool,
    /// The line ends were taken out, for base64.
    pub(super) letters: bool,
}

/// The ways in which leads are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unescape,
    Plus,
    Quoted,
    Joined,
    Lines,
    Utf16,
    /// Rows of groups of base64 that start at this place modulo four.
    Base64(usize),
    Wide,
    Case,
}

const KINDS: [Kind; 12] = [
    Kind::Unescape,
    Kind::Plus,
    Kind::Quoted,
    Kind::Joined,
    Kind::Lines,
    Kind::Utf16,
    Kind::Base64(0),
    Kind::Base64(1),
    Kind::Base64(2),
    Kind::Base64(3),
    Kind::Wide,
    Kind::Case,
];

/// How far a text was looked through: its leads are taken stretch by stretch, and those of a stretch
/// kind by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Where the stretch starts.
    base: usize,
    /// Which of [`KINDS`] is taken.
    kind: usize,
    /// How far that kind was taken.
    at: usize,
    /// Whether there were leads in the stretch before.
    dense: bool,
    /// How far the text was decoded, for each kind: what lies before needs no second look.
    done: [usize; KINDS.len()],
    /// The lines that were taken last, from the first byte to the one behind the last.
    lines: (usize, usize),
}

impl Allowed {
    /// What may be done to a text as it was sent.
    pub(super) fn root(views: Views, body: bool, basic: bool) -> Allowed {
        Allowed {
            views,
            body,
            basic,
            steps: 4,
            unescape: 3,
            base64: 2,
            utf16: 1,
            first: true,
            letters: false,
        }
    }

    /// What undoing base64 is called.
    fn base64_view(&self) -> View {
        if self.basic { View::Basic } else { View::Base64 }
    }

    /// What may be done to a text that was decoded by `step`.
    pub(super) fn after(self, step: Step) -> Allowed {
        let mut after = Allowed { first: false, basic: false, letters: false, ..self };
        let counter = match step {
            Step::Unescape(_) => &mut after.unescape,
            Step::Base64(_) | Step::Joined => &mut after.base64,
            Step::Utf16 => &mut after.utf16,
            Step::Quoted | Step::Case => &mut 0,
            Step::Lines => {
                after.letters = true;
                return after;
            }
        };
        *counter = counter.saturating_sub(1);
        after.steps = after.steps.saturating_sub(1);
        after
    }
}

impl Signs {
    /// The signs of tokens of `shortest` to `longest` bytes that are made of the kinds in `alphabet`.
    pub(in crate::patch) fn new(
        engine: Engine,
        alphabet: Alphabet,
        (shortest, longest): (usize, usize),
    ) -> Signs {
        let has_space = alphabet.contains(b' ');
        let escapes = |byte: u8| match byte {
            b'%' | b'\\' | b'&' | 0 => true,
            b'+' => has_space,
            _ => false,
        };
        // Space, control characters and what is not ASCII are of one kind.
        let visible = !alphabet.contains(0x80);
        Signs {
            scout: Scout::new(engine, shortest, visible, alphabet.has_any_case(), escapes),
            marks: std::array::from_fn(|byte| {
                let byte = byte as u8;
                let token = byte.is_ascii_alphanumeric() || alphabet.contains(byte);
                let notation = NOTATION.contains(&byte);
                let counts = token || (notation && !is_break(byte));
                let text = !visible || matches!(byte, 32..=127 | b'\r' | b'\n');
                u8::from(token || notation) * GLUE
                    + u8::from(counts) * COUNTS
                    + u8::from(text) * TEXT
            }),
            visible,
            shortest,
            reach: super::reach(longest),
            window: super::window(longest),
        }
    }

    /// What the processor can do.
    #[inline]
    pub(super) fn engine(&self) -> Engine {
        self.scout.engine()
    }

    /// The same signs, seen with another engine.
    #[cfg(test)]
    pub(in crate::patch) fn with(mut self, engine: Engine) -> Signs {
        self.scout = self.scout.with(engine);
        self
    }

    /// Which of `texts`, none of which is a body, may have a span to decode: a bit for each. There are no
    /// more than 64.
    #[inline]
    pub(in crate::patch) fn with_lead(&self, texts: &[&[u8]], views: Views) -> u64 {
        let allowed = Allowed::root(views, false, false);
        let (mut number, mut done) = (0, 0);
        self.scout.sweep(texts, &mut |text_number, at| {
            if number != text_number {
                (number, done) = (text_number, 0);
            }
            let text = texts[number];
            match text[at] {
                0 => true,
                _ => at >= done && self.unescape(text, at, &allowed, &mut done).is_some(),
            }
        })
    }

    /// The next span of `text` to decode. Moves `progress` on.
    pub(super) fn next(
        &self,
        text: &[u8],
        allowed: &Allowed,
        progress: &mut Progress,
    ) -> Option<Span> {
        let inner = allowed.body || !allowed.first;
        while progress.base < text.len() {
            if !progress.dense && (progress.kind, progress.at) == (0, progress.base) {
                let Some(next) = self.scout.find(text, progress.base, inner) else {
                    progress.base = text.len();
                    break;
                };
                (progress.base, progress.at) = (next, next);
            }
            let base = progress.base;
            let leads = self.scout.look(text, base, inner);
            if !leads.are_none() {
                let maps = self.maps(text, base, &leads, allowed);
                let mut kinds = (0..)
                    .zip(&maps)
                    .fold(0u32, |kinds, (number, map)| kinds | u32::from(*map != 0) << number);
                kinds &= u32::MAX << progress.kind;
                while kinds != 0 {
                    let number = kinds.trailing_zeros() as usize;
                    kinds &= kinds - 1;
                    if progress.kind != number {
                        (progress.kind, progress.at) = (number, base);
                    }
                    let span = self.take_kind(text, (number, maps[number]), allowed, progress);
                    if span.is_some() {
                        return span;
                    }
                }
            }
            let base = base + leads.len;
            (progress.base, progress.kind, progress.at) = (base, 0, base);
            // Where there was a lead, there may be more: then finding the next one takes longer than a
            // look.
            progress.dense = !leads.are_none();
        }
        None
    }

    /// The next span of the kind with this number among the leads in `map`, which are those of the stretch
    /// at hand.
    #[inline]
    fn take_kind(
        &self,
        text: &[u8],
        (number, map): (usize, Map),
        allowed: &Allowed,
        progress: &mut Progress,
    ) -> Option<Span> {
        let base = progress.base;
        let kind = *KINDS.get(number)?;
        // Base64 in lines is read as a whole, and what shows in one line shows there, too. But it is not
        // called Basic credentials there.
        let lines = match kind {
            Kind::Base64(_) | Kind::Wide if !allowed.basic => progress.lines,
            _ => (0, 0),
        };
        let done = progress.done.get_mut(number)?;
        let mut at = progress.at.max(*done);
        while let Some(place) = next(map, at.saturating_sub(base)) {
            let place = base + place;
            if lines.0 <= place && place < lines.1 {
                at = lines.1;
                continue;
            }
            let span = match kind {
                Kind::Unescape | Kind::Plus => self.unescape(text, place, allowed, done),
                Kind::Quoted => self.quoted(text, place, done),
                Kind::Joined => self.joined(text, place, done),
                Kind::Lines => self.lines(text, place, allowed, done),
                Kind::Utf16 => self.utf16(text, place, done),
                Kind::Base64(_) => self.base64(text, place, allowed, done),
                Kind::Wide => self.wide(text, place, allowed, done),
                Kind::Case => self.case(text, place, done),
            };
            at = (place + 1).max(*done);
            if let Some(found) = span {
                if kind == Kind::Lines {
                    progress.lines = (found.start, *done);
                }
                progress.at = at;
                return span;
            }
        }
        None
    }

    /// The leads of each of [`KINDS`] that may be taken.
    #[inline]
    fn maps(
        &self,
        text: &[u8],
        base: usize,
        leads: &Leads,
        allowed: &Allowed,
    ) -> [Map; KINDS.len()] {
        let &Allowed { views, body, letters, first, .. } = allowed;
        let may = |may: bool, map: Map| if may { map } else { 0 };
        let about = u64::MAX.checked_shr((64 - leads.len.min(64)) as u32).unwrap_or(0);
        let marks = match leads.escapes & about {
            0 => Marks::default(),
            escapes => self.scout.marks(text, base, escapes),
        };
        let base64 =
            views.contains(allowed.base64_view()) && allowed.steps > 0 && allowed.base64 > 0;
        let unescape = allowed.steps > 0 && allowed.unescape > 0 && !letters;
        let utf16 =
            allowed.steps > 0 && allowed.utf16 > 0 && !letters && views.contains(View::Utf16);
        let rows = may(base64, leads.rows & about);
        let every_fourth = |place: usize| 0x1111_1111_1111_1111 << ((place + 4 - base % 4) % 4);
        [
            may(unescape, marks.escapes),
            may(unescape && views.contains(View::Plus), marks.plus),
            may(body && first && views.contains(View::Quoted), marks.quoted),
            may(body && base64, marks.equals),
            may(base64 && !letters, marks.breaks),
            may(utf16, marks.nuls),
            rows & every_fourth(0),
            rows & every_fourth(1),
            rows & every_fourth(2),
            rows & every_fourth(3),
            may(base64, leads.wide & about),
            may(views.contains(View::Case) && !letters, leads.digits & about),
        ]
    }

    fn unescape(
        &self,
        text: &[u8],
        at: usize,
        allowed: &Allowed,
        done: &mut usize,
    ) -> Option<Span> {
        let plus = text[at] == b'+';
        let notations = Notations::new(allowed.views, plus);
        let escape = notations.escape(&text[at..])?;
        let counts = match escape.text() {
            [byte] if is_break(*byte) => self.has_mark(*byte, COUNTS) || ends_line(&text[..at]),
            bytes => bytes.iter().any(|byte| self.has_mark(*byte, COUNTS)),
        };
        if !counts {
            return None;
        }
        let (start, end) = self.run(text, at, *done);
        *done = match self.is_cut(text, start, end) {
            false => end,
            true => start + notations.boundary(&text[start..end], end - start - self.reach),
        };
        self.span(Step::Unescape(notations), start, end, self.shortest + 1)
    }

    fn quoted(&self, text: &[u8], at: usize, done: &mut usize) -> Option<Span> {
        let (byte, _) = quoted_escape(&text[at..])?;
        if byte.is_some_and(|byte| !self.has_mark(byte, COUNTS)) {
            return None;
        }
        let (start, end) = self.run(text, at, *done);
        *done = if self.is_cut(text, start, end) { end - self.reach } else { end };
        self.span(Step::Quoted, start, end, self.shortest + 1)
    }

    /// A row of groups of four letters, and what may belong to it at either end.
    fn base64(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut usize) -> Option<Span> {
        let limit = text.len().min(at + self.window - 8);
        let mut end = at;
        while let Some(groups) = text_groups(self.engine(), &text[end..limit], self.visible) {
            end += 4 * groups;
            if groups < 16 {
                break;
            }
        }
        let groups = text[end..limit].chunks_exact(4).take_while(|group| self.is_text(group));
        let end = end + 4 * groups.count();
        // A row that is cut goes on with a group, in step with this one.
        let is_cut = end + 4 > limit && limit < text.len();
        *done = if is_cut { end - self.reach / 4 * 4 } else { end };
        self.row(text, (at, end), 4, allowed)
    }

    /// A row of groups of four letters every other of which starts and ends with a NUL.
    fn wide(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut usize) -> Option<Span> {
        let limit = text.len().min(at + self.window - 16);
        let pairs = text[at..limit].chunks_exact(8).take_while(|pair| {
            let two = (base64::group(&pair[..4]), base64::group(&pair[4..]));
            // In either byte order.
            let (Some([0, one, 0]), Some([two, 0, three])) = two else { return false };
            [one, two, three].iter().all(|byte| *byte != 0 && self.has_mark(*byte, TEXT))
        });
        let pairs = pairs.count();
        if pairs == 0 {
            return None;
        }
        let end = at + 8 * pairs;
        let is_cut = end + 8 > limit && limit < text.len();
        *done = if is_cut { end - self.reach / 8 * 8 } else { end };
        self.row(text, (at, end), 8, allowed)
    }

    /// The span of base64 from `start` to `end`, and a group or two that a token may share with what
    /// stands around it.
    fn row(
        &self,
        text: &[u8],
        (start, end): (usize, usize),
        more: usize,
        allowed: &Allowed,
    ) -> Option<Span> {
        let before = start.saturating_sub(more);
        let back = letters_back(&text[before..start]) / 4 * 4;
        let end = end + letters(&text[end..], more);
        self.span(Step::Base64(allowed.base64_view()), start - back, end, self.shortest)
    }

    /// Whether four letters stand for bytes that may be part of an encoded token.
    #[inline]
    fn is_text(&self, group: &[u8]) -> bool {
        base64::group(group)
            .is_some_and(|bytes| bytes.iter().all(|byte| self.has_mark(*byte, TEXT)))
    }

    /// Letters with padding between them. The first of them are as many as the padding asks for.
    fn joined(&self, text: &[u8], at: usize, done: &mut usize) -> Option<Span> {
        let row = base64::padding(&text[at..]);
        let last = at.checked_sub(4 - row).filter(|last| row > 0 && *last >= *done)?;
        if letters(&text[last..at], 4) < 4 - row || letters(&text[at + row..], 1) == 0 {
            return None;
        }
        let floor = last.saturating_sub(self.reach).max(*done);
        let start = last - letters_back(&text[floor..last]) / 4 * 4;
        let limit = text.len().min(start + self.window);
        let (mut end, mut piece) = (start, start);
        while end < limit {
            let row = base64::padding(&text[end..limit]);
            end += match base64::value(text[end]) {
                Some(_) => 1,
                None if row > 0 && (end - piece + row).is_multiple_of(4) => {
                    piece = end + row;
                    row
                }
                None => break,
            };
        }
        let is_cut = end == limit && limit < text.len();
        *done = match text.get(end) {
            _ if is_cut => end - self.reach,
            // The last piece may be one that starts elsewhere.
            Some(b'=') => piece,
            _ => end,
        };
        self.span(Step::Joined, start, end, self.shortest)
    }

    /// Letters with line ends between them.
    fn lines(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut usize) -> Option<Span> {
        if !ends_line(&text[..at]) {
            return None;
        }
        let is_part = |byte: u8| {
            base64::value(byte).is_some() || is_break(byte) || (allowed.body && byte == b'=')
        };
        // Both sides without the line ends: a token that goes over one of them fills a row there.
        let mut vicinity = [0; 2 * VICINITY];
        let mut len = VICINITY;
        vicinity[..len].copy_from_slice(&text[at - VICINITY..at]);
        let behind = text[at..].iter().take_while(|byte| is_part(**byte));
        for (room, byte) in vicinity[len..].iter_mut().zip(behind.filter(|byte| !is_break(**byte)))
        {
            *room = *byte;
            len += 1;
        }
        let leads = self.scout.look(&vicinity[..len], 0, false);
        let has_row = leads.rows | leads.wide != 0;
        if len == VICINITY || !(has_row || vicinity[..len].contains(&b'=')) {
            return None;
        }
        let floor = at.saturating_sub(self.reach).max(*done);
        let back = text[floor..at].iter().rev().take_while(|byte| is_part(**byte)).count();
        let start = at - back;
        let limit = text.len().min(start + self.window);
        let end = at + text[at..limit].iter().take_while(|byte| is_part(**byte)).count();
        let is_cut = end == limit && text.get(end).is_some_and(|byte| is_part(*byte));
        *done = if is_cut { end - self.reach } else { end };
        self.span(Step::Lines, start, end, self.shortest)
    }

    fn utf16(&self, text: &[u8], at: usize, done: &mut usize) -> Option<Span> {
        let start = at.checked_sub(1).filter(|start| *start >= *done && text[*start] != 0)?;
        let limit = text.len().min(start + self.window);
        let pairs = text[at..limit].chunks_exact(2).take_while(|pair| pair[0] == 0 && pair[1] != 0);
        let end = at + 2 * pairs.count();
        let is_cut = end + 2 > limit && limit < text.len();
        *done = if is_cut { end - 1 - self.reach / 2 * 2 } else { end };
        self.span(Step::Utf16, start, end, 2 * self.shortest - 1)
    }

    fn case(&self, text: &[u8], at: usize, done: &mut usize) -> Option<Span> {
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        let floor = at.saturating_sub(self.reach).max(*done);
        let start = at - text[floor..at].iter().rev().take_while(|byte| is_part(byte)).count();
        let limit = text.len().min(start + self.window);
        let end = at + text[at..limit].iter().take_while(|byte| is_part(byte)).count();
        let is_cut = end == limit && limit < text.len();
        *done = if is_cut { end - self.reach } else { end };
        self.span(Step::Case, start, end, self.shortest)
    }

    /// The stretch around byte `at` that may be one encoded token: no further back than the reach and
    /// `floor`, and no longer than the window.
    fn run(&self, text: &[u8], at: usize, floor: usize) -> (usize, usize) {
        let floor = at.saturating_sub(self.reach).max(floor);
        let is_glue = |byte: &u8| self.has_mark(*byte, GLUE);
        let start = at - text[floor..at].iter().rev().take_while(|byte| is_glue(byte)).count();
        let limit = text.len().min(start + self.window);
        (start, at + text[at..limit].iter().take_while(|byte| is_glue(byte)).count())
    }

    /// Whether the stretch goes on behind `end`, and only the window ended it.
    fn is_cut(&self, text: &[u8], start: usize, end: usize) -> bool {
        end - start == self.window && text.get(end).is_some_and(|byte| self.has_mark(*byte, GLUE))
    }

    fn span(&self, step: Step, start: usize, end: usize, shortest: usize) -> Option<Span> {
        (end - start >= shortest).then_some(Span { step, start, end })
    }

    #[inline]
    fn has_mark(&self, byte: u8, mark: u8) -> bool {
        self.marks[usize::from(byte)] & mark != 0
    }
}

/// The first place at or behind `from` that has a bit in `map`.
#[inline]
fn next(map: Map, from: usize) -> Option<usize> {
    let left = map & u64::MAX.checked_shl(from as u32)?;
    (left != 0).then_some(left.trailing_zeros() as usize)
}

/// How many of the first `most` bytes of `text` are base64 letters, up to the first that is none.
fn letters(text: &[u8], most: usize) -> usize {
    text.iter().take(most).take_while(|byte| base64::value(**byte).is_some()).count()
}

/// How many of the last bytes of `text` are base64 letters.
fn letters_back(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| base64::value(**byte).is_some()).count()
}

/// Whether `text` ends with a line of base64.
fn ends_line(text: &[u8]) -> bool {
    text.last_chunk::<LINE>()
        .is_some_and(|line| line.iter().all(|byte| base64::value(*byte).is_some()))
}
