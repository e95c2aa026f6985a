//! Says what a lead is worth: which span of the text around it is read another way, and how.

use super::base64;
use super::step::{Step, is_break, quoted_escape};
use super::unescape::Notations;
use crate::patch::sift::{Leads, Scout};
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

/// What a set's tokens look like in other readings.
pub(in crate::patch) struct Signs {
    pub(super) scout: Scout,
    marks: [u8; 256],
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
    pub(super) steps: u8,
    pub(super) unescape: u8,
    pub(super) base64: u8,
    pub(super) utf16: u8,
    /// Nothing was decoded yet.
    pub(super) first: bool,
    /// The line ends were taken out, for base64.
    pub(super) letters: bool,
}

/// How far a text was decoded, in each way: what lies before needs no second look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Done {
    unescape: usize,
    plus: usize,
    /// For each place in a group of four letters that a group may start at.
    base64: [usize; 4],
    joined: usize,
    lines: usize,
    utf16: usize,
    quoted: usize,
    case: usize,
}

impl Allowed {
    /// What may be done to a text that was decoded by `step`.
    pub(super) fn after(self, step: Step) -> Allowed {
        let mut after = Allowed { first: false, letters: false, ..self };
        let counter = match step {
            Step::Unescape(_) => &mut after.unescape,
            Step::Base64 | Step::Joined => &mut after.base64,
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

/// The ways in which a lead can be taken, one after the other.
pub(super) const TURNS: u8 = 4;

impl Signs {
    /// The signs of tokens of `shortest` to `longest` bytes that are made of the kinds in `alphabet`.
    pub(in crate::patch) fn new(
        engine: Engine,
        alphabet: Alphabet,
        (shortest, longest): (usize, usize),
    ) -> Signs {
        let has_space = alphabet.contains(b' ');
        let escapes = |byte: u8| match byte {
            b'%' | b'\\' | b'&' | b'\r' | b'\n' | 0 => true,
            b'+' => has_space,
            _ => false,
        };
        let ascii = !alphabet.contains(0x80);
        Signs {
            scout: Scout::new(engine, shortest, ascii, alphabet.has_any_case(), escapes),
            marks: std::array::from_fn(|byte| {
                let byte = byte as u8;
                let token = byte.is_ascii_alphanumeric() || alphabet.contains(byte);
                let notation = NOTATION.contains(&byte);
                let counts = token || (notation && !is_break(byte));
                u8::from(token || notation) * GLUE + u8::from(counts) * COUNTS
            }),
            shortest,
            reach: super::reach(longest),
            window: super::window(longest),
        }
    }

    /// The same signs, seen with another engine.
    #[cfg(test)]
    pub(in crate::patch) fn with(mut self, engine: Engine) -> Signs {
        self.scout = self.scout.with(engine);
        self
    }

    /// Whether `text`, which is no body, has a lead.
    #[inline]
    pub(in crate::patch) fn has_lead(&self, text: &[u8]) -> bool {
        self.scout.has_lead(text)
    }

    /// The next span of `text` to decode: of the leads from byte `at` on, of which `turn` turns were
    /// taken. Moves both on.
    pub(super) fn next(
        &self,
        text: &[u8],
        allowed: &Allowed,
        done: &mut Done,
        (at, turn): (&mut usize, &mut u8),
    ) -> Option<Span> {
        while *at < text.len() {
            let leads = self.scout.look(text, *at, allowed.body);
            let base = *at;
            for word in 0..leads.escapes.len() {
                let mut bits = leads.escapes[word] | leads.rows[word] | leads.digits[word];
                while bits != 0 {
                    let bit = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let place = base + word * 64 + bit;
                    if place - base >= leads.len {
                        break;
                    }
                    if place != *at {
                        (*at, *turn) = (place, 0);
                    }
                    while *turn < TURNS {
                        *turn += 1;
                        let kinds = kinds(&leads, word, bit);
                        if let Some(span) = self.take(text, place, *turn, kinds, allowed, done) {
                            return Some(span);
                        }
                    }
                }
            }
            (*at, *turn) = (base + leads.len, 0);
        }
        None
    }

    /// The span around the lead at byte `at`, taken in the way of `turn`.
    #[inline]
    fn take(
        &self,
        text: &[u8],
        at: usize,
        turn: u8,
        [escape, row, digits]: [bool; 3],
        allowed: &Allowed,
        done: &mut Done,
    ) -> Option<Span> {
        let views = allowed.views;
        match turn {
            1 if escape => match text[at] {
                _ if allowed.letters => None,
                b'%' | b'\\' | b'&' | b'+' => self.unescape(text, at, allowed, done),
                b'\r' | b'\n' if views.contains(View::Base64) => {
                    self.lines(text, at, allowed, done)
                }
                0 if views.contains(View::Utf16) => self.utf16(text, at, allowed, done),
                b'=' if views.contains(View::Quoted) => self.quoted(text, at, allowed, done),
                _ => None,
            },
            2 if escape && text[at] == b'=' && views.contains(View::Base64) => {
                self.joined(text, at, allowed, done)
            }
            3 if row && views.contains(View::Base64) => self.base64(text, at, allowed, done),
            4 if digits && views.contains(View::Case) => self.case(text, at, allowed, done),
            _ => None,
        }
    }

    fn unescape(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        let plus = text[at] == b'+';
        let done = if plus { &mut done.plus } else { &mut done.unescape };
        if at < *done || allowed.unescape == 0 || allowed.steps == 0 {
            return None;
        }
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

    fn quoted(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        if at < done.quoted || !allowed.first || !allowed.body {
            return None;
        }
        let (byte, _) = quoted_escape(&text[at..])?;
        if byte.is_some_and(|byte| !self.has_mark(byte, COUNTS)) {
            return None;
        }
        let (start, end) = self.run(text, at, done.quoted);
        done.quoted = if self.is_cut(text, start, end) { end - self.reach } else { end };
        self.span(Step::Quoted, start, end, self.shortest + 1)
    }

    /// A row of groups of four letters, and what may belong to it at either end.
    fn base64(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        let done = &mut done.base64[at % 4];
        if at < *done || allowed.base64 == 0 || allowed.steps == 0 {
            return None;
        }
        let limit = text.len().min(at + self.window - 8);
        let mut end = at;
        while end + 4 <= limit && self.scout.is_group(&text[end..]) {
            end += 4;
        }
        // A row that is cut goes on with a group, in step with this one.
        let is_cut = end + 4 > limit && limit < text.len();
        *done = if is_cut { end - self.reach / 4 * 4 } else { end };
        end += letters(&text[end..], 4);
        let before = at.saturating_sub(4);
        let start = if letters(&text[before..at], 4) == 4 { before } else { at };
        self.span(Step::Base64, start, end, self.shortest)
    }

    /// Groups of four letters on both sides of padding.
    fn joined(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        if at < done.joined || !allowed.body || allowed.base64 == 0 || allowed.steps == 0 {
            return None;
        }
        let row = base64::padding(&text[at..]);
        let behind = at + row;
        let last = at.checked_sub(4 - row).filter(|_| row > 0)?;
        if letters(&text[last..at], 4) < 4 - row || letters(&text[behind..], 1) == 0 {
            return None;
        }
        let most = self.scout.groups();
        let floor = at.saturating_sub(self.reach).max(done.joined);
        let mut start = last;
        while start >= floor + 4 && self.scout.is_group(&text[start - 4..start]) {
            start -= 4;
        }
        let groups = text[behind..].chunks_exact(4).take(most);
        let groups = groups.take_while(|group| self.scout.is_group(group)).count();
        if (last - start) / 4 + groups + 1 < most {
            return None;
        }
        if start >= 4 && letters(&text[start - 4..start], 4) == 4 {
            start -= 4;
        }
        let limit = text.len().min(start + self.window - 8);
        let mut end = behind;
        loop {
            while end + 4 <= limit && self.scout.is_group(&text[end..]) {
                end += 4;
            }
            let tail = letters(&text[end..limit], 4);
            let row = base64::padding(&text[end + tail..limit]);
            if row == 0 || tail + row != 4 || letters(&text[end + tail + row..limit], 1) == 0 {
                end += tail;
                break;
            }
            end += 4;
        }
        done.joined = if end + 8 > limit && limit < text.len() { end - self.reach } else { end };
        self.span(Step::Joined, start, end, self.shortest)
    }

    /// Letters with line ends between them.
    fn lines(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        if at < done.lines || allowed.base64 == 0 || allowed.steps == 0 || !ends_line(&text[..at]) {
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
        let has_row = self.scout.look(&vicinity[..len], 0, false).rows[0] != 0;
        let has_padding = allowed.body && vicinity[VICINITY..len].first() == Some(&b'=');
        if len == VICINITY || !(has_row || has_padding || vicinity[..len].contains(&b'=')) {
            return None;
        }
        let floor = at.saturating_sub(self.reach).max(done.lines);
        let back = text[floor..at].iter().rev().take_while(|byte| is_part(**byte)).count();
        let start = at - back;
        let limit = text.len().min(start + self.window);
        let end = at + text[at..limit].iter().take_while(|byte| is_part(**byte)).count();
        let is_cut = end == limit && text.get(end).is_some_and(|byte| is_part(*byte));
        done.lines = if is_cut { end - self.reach } else { end };
        self.span(Step::Lines, start, end, self.shortest)
    }

    fn utf16(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        let start = at.checked_sub(1).filter(|start| *start >= done.utf16 && text[*start] != 0)?;
        if allowed.utf16 == 0 || allowed.steps == 0 {
            return None;
        }
        let limit = text.len().min(start + self.window);
        let pairs = text[at..limit].chunks_exact(2).take_while(|pair| pair[0] == 0 && pair[1] != 0);
        let end = at + 2 * pairs.count();
        let is_cut = end + 2 > limit && limit < text.len();
        done.utf16 = if is_cut { end - 1 - self.reach / 2 * 2 } else { end };
        self.span(Step::Utf16, start, end, 2 * self.shortest - 1)
    }

    fn case(&self, text: &[u8], at: usize, allowed: &Allowed, done: &mut Done) -> Option<Span> {
        if at < done.case || allowed.letters {
            return None;
        }
        let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b'-';
        let floor = at.saturating_sub(self.reach).max(done.case);
        let start = at - text[floor..at].iter().rev().take_while(|byte| is_part(byte)).count();
        let limit = text.len().min(start + self.window);
        let end = at + text[at..limit].iter().take_while(|byte| is_part(byte)).count();
        let is_cut = end == limit && limit < text.len();
        done.case = if is_cut { end - self.reach } else { end };
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

/// Which kinds of leads there are at this place.
fn kinds(leads: &Leads, word: usize, bit: usize) -> [bool; 3] {
    [&leads.escapes, &leads.rows, &leads.digits].map(|map| map[word] >> bit & 1 != 0)
}

/// How many of the first `most` bytes of `text` are base64 letters, up to the first that is none.
fn letters(text: &[u8], most: usize) -> usize {
    text.iter().take(most).take_while(|byte| base64::value(**byte).is_some()).count()
}

/// Whether `text` ends with a line of base64.
fn ends_line(text: &[u8]) -> bool {
    text.last_chunk::<LINE>()
        .is_some_and(|line| line.iter().all(|byte| base64::value(*byte).is_some()))
}
