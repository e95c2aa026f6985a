//! All chains of steps over a text, and the tokens in what each of them makes of it.

use std::ops::Range;

use memchr::memmem::Finder;

use super::steps::{self, BASE64, CASE, ESCAPES, PLUS, QUOTED, RAW, UTF16, Undone};
use super::{BASIC, Token};
use stanch::patch::Action;

/// A text of a request, and how it may be read.
pub(crate) struct Reading<'t> {
    pub(crate) text: &'t [u8],
    /// Whether it is a body, or what a body inflates to.
    pub(crate) body: bool,
    /// What base64 is called that stands there as it was sent.
    pub(crate) base64: u32,
    /// The views that are looked at.
    pub(crate) on: u32,
    /// How the text itself was read.
    pub(crate) views: u32,
    /// Whether that is in no doubt.
    pub(crate) certain: bool,
}

impl<'t> Reading<'t> {
    /// A text as it was sent that is no body.
    pub(crate) fn plain(text: &'t [u8], on: u32) -> Reading<'t> {
        Reading { text, body: false, base64: BASE64, on, views: 0, certain: true }
    }
}

/// A token in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) leak: u64,
    pub(crate) action: Action,
    pub(crate) views: u32,
    /// The first byte that it comes from, of the text as it was sent.
    pub(crate) offset: usize,
    /// How many bytes of that text its first character comes from.
    pub(crate) first: usize,
    /// Whether it must be found, because it is within all ceilings.
    pub(crate) certain: bool,
}

/// Every token of `tokens` in `reading`, at every place and through every chain.
pub(crate) fn sights(tokens: &[Token], reading: &Reading<'_>) -> Vec<Sight> {
    let longest = tokens.iter().map(|token| token.bytes.len()).max().unwrap_or(0);
    let mut chains = Chains {
        needles: tokens.iter().map(Needle::new).collect(),
        shortest: tokens.iter().map(|token| token.bytes.len()).min().unwrap_or(usize::MAX),
        ceiling: 6 * longest + 6 * longest.min(512),
        ascii: tokens.iter().all(|token| token.bytes.is_ascii()),
        spaces: tokens.iter().any(|token| token.bytes.contains(&b' ')),
        reading,
        sights: Vec::new(),
    };
    chains.visit(reading.text, None, Left { unescape: 3, base64: 2, utf16: 1, all: 4 });
    let mut sights = chains.sights;
    // What stands there in the raw is in no other view.
    let raw: Vec<_> = sights.iter().filter(|s| s.views == 0).map(|s| (s.leak, s.offset)).collect();
    sights.retain(|sight| sight.views == 0 || !raw.contains(&(sight.leak, sight.offset)));
    for sight in &mut sights {
        sight.views |= reading.views;
        if sight.views == 0 {
            sight.views = RAW;
        }
    }
    sights
}

/// A token as it is looked for.
struct Needle<'t> {
    token: &'t Token,
    finder: Finder<'t>,
    /// Whether it is found in any letter case.
    any_case: bool,
}

/// How many steps of each kind a chain may still have.
#[derive(Clone, Copy)]
struct Left {
    unescape: usize,
    base64: usize,
    utf16: usize,
    all: usize,
}

/// The last step of a chain, and those before it.
struct Link<'c> {
    undone: &'c Undone,
    before: Option<&'c Link<'c>>,
}

struct Chains<'t> {
    needles: Vec<Needle<'t>>,
    shortest: usize,
    ceiling: usize,
    ascii: bool,
    spaces: bool,
    reading: &'t Reading<'t>,
    sights: Vec<Sight>,
}

impl<'t> Needle<'t> {
    fn new(token: &'t Token) -> Needle<'t> {
        let any_case = in_one_case(&token.bytes);
        let finder = match any_case {
            true => Finder::new(&token.bytes.to_ascii_lowercase()).into_owned(),
            false => Finder::new(&token.bytes),
        };
        Needle { token, finder, any_case }
    }

    /// Where it stands in `text`, and whether it does so in another case than it is kept in.
    fn places(&self, text: &[u8], lower: &[u8]) -> Vec<(usize, bool)> {
        let read = if self.any_case { lower } else { text };
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(next) = self.finder.find(&read[from..]) {
            let place = from + next..from + next + self.token.bytes.len();
            places.push((place.start, text[place.clone()] != read[place]));
            from += next + 1;
        }
        places
    }
}

/// Whether `token` is made of hexadecimal digits in one letter case, at least one of them a letter,
/// and dashes.
pub(crate) fn in_one_case(token: &[u8]) -> bool {
    let only = |letters: fn(&u8) -> bool| {
        let known = |byte: &u8| byte.is_ascii_digit() || *byte == b'-' || letters(byte);
        token.iter().all(known) && token.iter().any(letters)
    };
    only(|byte| (b'a'..=b'f').contains(byte)) || only(|byte| (b'A'..=b'F').contains(byte))
}

impl Chains<'_> {
    /// Looks at `text`, which the steps up to `link` made, and at what further steps make of it.
    fn visit(&mut self, text: &[u8], link: Option<&Link<'_>>, left: Left) {
        // No step makes a text longer.
        if text.len() < self.shortest {
            return;
        }
        self.search(text, link);
        for (undone, left) in self.steps(text, link.is_none(), left) {
            self.visit(&undone.text, Some(&Link { undone: &undone, before: link }), left);
        }
    }

    /// What each step makes of `text`, and what may follow it. A step that changes nothing makes
    /// nothing.
    fn steps(&self, text: &[u8], first: bool, left: Left) -> Vec<(Undone, Left)> {
        let on = self.reading.on;
        let mut made = Vec::new();
        if left.all == 0 {
            return made;
        }
        let left = Left { all: left.all - 1, ..left };
        if first && self.reading.body && on & QUOTED != 0 {
            made.extend(steps::quoted(text).map(|undone| (undone, left)));
        }
        if left.unescape > 0 {
            let left = Left { unescape: left.unescape - 1, ..left };
            made.extend(steps::unescape(text, false, on).map(|undone| (undone, left)));
            // Where no token holds a space, this shows no more; but base64 behind it is not the first
            // step, and called otherwise. The library may do it where a token looks as if it could.
            if (self.spaces || first) && on & PLUS != 0 && text.contains(&b'+') {
                made.extend(steps::unescape(text, true, on).map(|undone| (undone, left)));
            }
        }
        let base64 = if first { self.reading.base64 } else { BASE64 };
        if left.base64 > 0 && on & base64 != 0 {
            let left = Left { base64: left.base64 - 1, ..left };
            let undone = steps::base64(text, self.reading.body, base64, self.shortest);
            made.extend(undone.into_iter().map(|undone| (undone, left)));
        }
        if left.utf16 > 0 && on & UTF16 != 0 {
            let left = Left { utf16: left.utf16 - 1, ..left };
            made.extend(steps::utf16(text, self.shortest).into_iter().map(|undone| (undone, left)));
        }
        made
    }

    fn search(&mut self, text: &[u8], link: Option<&Link<'_>>) {
        let any_case = self.needles.iter().any(|needle| needle.any_case);
        let lower = if any_case { text.to_ascii_lowercase() } else { Vec::new() };
        for needle in &self.needles {
            for (start, other_case) in needle.places(text, &lower) {
                let span = start..start + needle.token.bytes.len();
                let (sent, mut views, mut certain) = sent(span, link);
                if other_case {
                    views |= CASE;
                }
                if views & !self.reading.on != 0 {
                    continue;
                }
                certain &= sent.len() <= self.ceiling && self.reading.certain;
                // No target and no header holds a line end as it is: neither in a token nor, twice over, in
                // the groups of base64 letters that it begins and ends in.
                let is_base64 = views & (BASE64 | self.reading.base64) != 0;
                let (text, margin) = (self.reading.text, if is_base64 { 8 } else { 0 });
                let around = sent.start.saturating_sub(margin)..(sent.end + margin).min(text.len());
                certain &= self.reading.body || !text[around].iter().any(is_break);
                certain &= self.ascii || !is_base64;
                let sight = Sight {
                    leak: needle.token.leak,
                    action: needle.token.action,
                    views,
                    offset: sent.start,
                    first: self::sent(start..start + 1, link).0.len(),
                    certain,
                };
                if !self.sights.contains(&sight) {
                    self.sights.push(sight);
                }
            }
        }
    }
}

/// What `span` comes from in the text as it was sent, what was changed in it on the way, and whether
/// it is within the ceilings of the steps.
fn sent(mut span: Range<usize>, mut link: Option<&Link<'_>>) -> (Range<usize>, u32, bool) {
    let (mut views, mut certain, mut has_escapes) = (0, true, false);
    while let Some(Link { undone, before }) = link {
        let is_base64 = undone.changed.iter().any(|(_, flag)| flag & (BASE64 | BASIC) != 0);
        certain &= !is_base64 || is_row(&undone.text[span.clone()]);
        // Nobody writes escapes of one byte among characters of two. Those of two are undone behind
        // UTF-16.
        certain &= !is_base64 || !has_escapes || !undone.text[span.clone()].contains(&0);
        has_escapes &= !undone.changed.iter().any(|(_, flag)| flag & UTF16 != 0);
        has_escapes |= undone.changed.iter().any(|(_, flag)| flag & ESCAPES != 0);
        span = undone.from[span.start].start..undone.from[span.end - 1].end;
        let within = |changed: &Range<usize>| changed.start < span.end && span.start < changed.end;
        let changed = undone.changed.iter().filter(|(changed, _)| within(changed));
        views = changed.fold(views, |views, (_, flag)| views | flag);
        certain &= !undone.doubts.iter().any(|at| span.contains(at));
        link = *before;
    }
    (span, views, certain)
}

fn is_break(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Whether base64 of `text` is found for sure: if it is made of visible characters and line ends, or of
/// visible characters with a NUL between each two.
fn is_row(text: &[u8]) -> bool {
    let is_visible = |byte: &u8| matches!(byte, 32..=127 | b'\r' | b'\n');
    let every_other = |from: usize| text.iter().skip(from).step_by(2);
    let is_wide = |from: usize| {
        every_other(from).all(|byte| *byte == 0) && every_other(1 - from).all(is_visible)
    };
    text.iter().all(is_visible) || is_wide(0) || is_wide(1)
}
