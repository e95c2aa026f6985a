//! Undoes deflate (RFC 1951), of a stream that comes in pieces.
//!
//! Written for streams that somebody made to be slow, which libraries are not: the fixed codes are there
//! from the start, so that a block of ten bits costs no table, and codes that are sent cost no more than
//! reading the bytes they are sent in. It refuses what zlib refuses, and up to there the text is the same.

use zeroize::Zeroize;

use super::code::{Code, Codes, FIXED, Found};

/// How far back a stream can refer.
pub(super) const WINDOW: usize = 32_768;

/// A length and a distance with all that belongs to them take no more bits.
const MOST_BITS: u32 = 48;

/// In which order the lengths of the codes for lengths are sent.
const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// For each symbol from 257 on, the length it begins at and how many more bits say which.
const LENGTHS: [(u16, u8); 29] = {
    let mut lengths = ranges(3, 8, 4);
    lengths[28] = (258, 0);
    lengths
};

/// For each symbol of a distance, the distance it begins at and how many more bits say which.
const DISTANCES: [(u16, u8); 30] = ranges(1, 4, 2);

/// A stream that is being read, and the last text that came out of it.
pub(super) struct Deflate {
    window: Box<[u8; WINDOW]>,
    /// Where in the window the next byte goes.
    at: usize,
    /// Whether the window was filled, so that all of it can be referred to.
    wrapped: bool,
    /// How much of the window has been written to since it was wiped.
    touched: usize,
    /// What was taken and not yet used: `have` bits, the next one lowest.
    bits: u64,
    have: u32,
    step: Step,
    /// Whether this is the last block.
    last: bool,
    /// Whether this block is in the fixed codes, not in `codes`.
    fixed: bool,
    codes: Codes,
    sent: Sent,
}

/// How far reading came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// All of the input was taken.
    Hungry,
    /// There was no more room. More may come without more input.
    Full,
    /// The stream is at its end.
    Done,
    /// The stream is none.
    Damaged,
}

/// What comes next in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Block,
    StoredLength,
    Stored { left: u16 },
    Counts,
    CodeLengths { at: usize },
    Lengths { at: usize },
    Symbols,
    Copy { left: usize, distance: usize },
    Done,
    Damaged,
}

/// Codes while they are being sent.
struct Sent {
    /// How many literals and lengths have a code, and how many distances.
    literals: usize,
    distances: usize,
    /// How many of the codes for lengths are sent, and their lengths.
    count: usize,
    of_lengths: [u8; 19],
    code: Code<128, 19>,
    lengths: [u8; 286 + 30],
}

/// The bits of a stream: those that were taken before, and the input at hand, of which `read` bytes are
/// taken.
struct Bits<'i> {
    bits: u64,
    have: u32,
    input: &'i [u8],
    read: usize,
}

impl Deflate {
    /// A stream of which nothing was read.
    pub(super) fn new() -> Deflate {
        Deflate {
            window: Box::new([0; WINDOW]),
            at: 0,
            wrapped: false,
            touched: 0,
            bits: 0,
            have: 0,
            step: Step::Block,
            last: false,
            fixed: false,
            codes: Codes::NONE,
            sent: Sent {
                literals: 0,
                distances: 0,
                count: 0,
                of_lengths: [0; 19],
                code: Code::NONE,
                lengths: [0; 316],
            },
        }
    }

    /// Begins with another stream, which cannot refer to what came before it.
    pub(super) fn restart(&mut self) {
        self.at = 0;
        self.wrapped = false;
        (self.bits, self.have) = (0, 0);
        self.step = Step::Block;
    }

    /// Wipes all that is held of a text: the text itself, and the codes, which tell what it is made of.
    pub(super) fn wipe(&mut self) {
        self.restart();
        self.window[..self.touched].zeroize();
        self.touched = 0;
        self.codes.literals.wipe();
        self.codes.distances.wipe();
        self.sent.code.wipe();
        self.sent.of_lengths.zeroize();
        self.sent.lengths.zeroize();
    }

    /// How many bytes of the window are not zero for certain.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.window.iter().filter(|byte| **byte != 0).count()
    }

    /// Reads on in `input`, for no more than `room` bytes of text, at least one. Says how far it came, how
    /// much of the input it took, and what came out.
    pub(super) fn read(&mut self, input: &[u8], room: usize) -> (Status, usize, &[u8]) {
        if self.at == WINDOW {
            self.at = 0;
            self.wrapped = true;
        }
        let start = self.at;
        let end = start.saturating_add(room).min(WINDOW);
        let mut bits = Bits { bits: self.bits, have: self.have, input, read: 0 };
        let status = self.run(&mut bits, end);
        if status != Status::Hungry {
            bits.give_back();
        }
        (self.bits, self.have) = (bits.bits, bits.have);
        self.touched = self.touched.max(self.at);
        (status, bits.read, &self.window[start..self.at])
    }

    /// Goes from step to step until it must stop.
    fn run(&mut self, bits: &mut Bits<'_>, end: usize) -> Status {
        loop {
            let stop = match self.step {
                Step::Block => self.block(bits),
                Step::StoredLength => self.stored_length(bits),
                Step::Stored { left } => self.stored(bits, left, end),
                Step::Counts => self.counts(bits),
                Step::CodeLengths { at } => self.code_lengths(bits, at),
                Step::Lengths { at } => self.lengths(bits, at),
                Step::Symbols => self.symbols(bits, end),
                Step::Copy { left, distance } => self.copy(left, distance, end),
                Step::Done => Some(Status::Done),
                Step::Damaged => Some(Status::Damaged),
            };
            if let Some(status) = stop {
                return status;
            }
        }
    }

    fn block(&mut self, bits: &mut Bits<'_>) -> Option<Status> {
        let Some(header) = bits.take(3) else { return Some(Status::Hungry) };
        self.last = header & 1 != 0;
        self.fixed = header >> 1 == 1;
        self.step = match header >> 1 {
            0 => {
                bits.skip(bits.have % 8);
                Step::StoredLength
            }
            1 => Step::Symbols,
            2 => Step::Counts,
            _ => Step::Damaged,
        };
        None
    }

    fn end_block(&mut self) {
        self.step = if self.last { Step::Done } else { Step::Block };
    }

    fn stored_length(&mut self, bits: &mut Bits<'_>) -> Option<Status> {
        let Some(both) = bits.take(32) else { return Some(Status::Hungry) };
        let (len, complement) = (both as u16, (both >> 16) as u16);
        bits.give_back();
        self.step = if len == !complement { Step::Stored { left: len } } else { Step::Damaged };
        None
    }

    fn stored(&mut self, bits: &mut Bits<'_>, left: u16, end: usize) -> Option<Status> {
        let rest = bits.rest();
        let count = rest.len().min(end - self.at).min(left.into());
        self.window[self.at..self.at + count].copy_from_slice(&rest[..count]);
        self.at += count;
        bits.read += count;
        let left = left - count as u16;
        self.step = Step::Stored { left };
        match left {
            0 => {
                self.end_block();
                None
            }
            _ if self.at == end => Some(Status::Full),
            _ => Some(Status::Hungry),
        }
    }

    fn counts(&mut self, bits: &mut Bits<'_>) -> Option<Status> {
        let Some(counts) = bits.take(14) else { return Some(Status::Hungry) };
        self.sent.literals = (counts & 31) as usize + 257;
        self.sent.distances = (counts >> 5 & 31) as usize + 1;
        self.sent.count = (counts >> 10) as usize + 4;
        self.sent.of_lengths = [0; 19];
        // More have no meaning.
        let fits = self.sent.literals <= 286 && self.sent.distances <= 30;
        self.step = if fits { Step::CodeLengths { at: 0 } } else { Step::Damaged };
        None
    }

    fn code_lengths(&mut self, bits: &mut Bits<'_>, from: usize) -> Option<Status> {
        for (at, place) in ORDER.iter().enumerate().take(self.sent.count).skip(from) {
            let Some(len) = bits.take(3) else {
                self.step = Step::CodeLengths { at };
                return Some(Status::Hungry);
            };
            self.sent.of_lengths[usize::from(*place)] = len as u8;
        }
        let is_code = self.sent.code.set(&self.sent.of_lengths, true);
        self.step = if is_code { Step::Lengths { at: 0 } } else { Step::Damaged };
        None
    }

    fn lengths(&mut self, bits: &mut Bits<'_>, mut at: usize) -> Option<Status> {
        let Sent { literals, distances, code, lengths, .. } = &mut self.sent;
        let all = *literals + *distances;
        while at < all {
            self.step = Step::Lengths { at };
            bits.refill();
            let (symbol, len) = match code.find(bits.bits, bits.have) {
                Found::Symbol(symbol, len) => (symbol, len),
                Found::Hungry => return Some(Status::Hungry),
                Found::Nothing => {
                    self.step = Step::Damaged;
                    return None;
                }
            };
            let (least, extra) = match symbol {
                16 => (3, 2),
                17 => (3, 3),
                18 => (11, 7),
                _ => (1, 0),
            };
            if bits.have < len + extra {
                return Some(Status::Hungry);
            }
            let count = least + (bits.bits >> len & low(extra)) as usize;
            bits.skip(len + extra);
            let value = match symbol {
                0..16 => Some(symbol as u8),
                16 => at.checked_sub(1).map(|before| lengths[before]),
                _ => Some(0),
            };
            let (Some(value), true) = (value, at + count <= all) else {
                self.step = Step::Damaged;
                return None;
            };
            lengths[at..at + count].fill(value);
            at += count;
        }
        let (of_literals, of_distances) = lengths[..all].split_at(*literals);
        // Without a code for its end, a block has none.
        let are_codes = of_literals[256] != 0
            && self.codes.literals.set(of_literals, false)
            && self.codes.distances.set(of_distances, false);
        self.step = if are_codes { Step::Symbols } else { Step::Damaged };
        None
    }

    fn symbols(&mut self, bits: &mut Bits<'_>, end: usize) -> Option<Status> {
        let codes = if self.fixed { &FIXED } else { &self.codes };
        let mut at = self.at;
        let stop = loop {
            bits.refill();
            let (symbol, len) = match codes.literals.find(bits.bits, bits.have) {
                Found::Symbol(symbol, len) => (symbol, len),
                Found::Hungry => break Some(Status::Hungry),
                Found::Nothing => break Some(Status::Damaged),
            };
            if symbol < 256 {
                if at == end {
                    break Some(Status::Full);
                }
                self.window[at % WINDOW] = symbol as u8;
                at += 1;
                bits.skip(len);
                continue;
            }
            if symbol == 256 {
                bits.skip(len);
                break None;
            }
            let Some((base, extra)) = LENGTHS.get(symbol - 257) else {
                break Some(Status::Damaged);
            };
            let length = usize::from(*base) + (bits.bits >> len & low((*extra).into())) as usize;
            let used = len + u32::from(*extra);
            if bits.have < used {
                break Some(Status::Hungry);
            }
            let (symbol, len) = match codes.distances.find(bits.bits >> used, bits.have - used) {
                Found::Symbol(symbol, len) => (symbol, len),
                Found::Hungry => break Some(Status::Hungry),
                Found::Nothing => break Some(Status::Damaged),
            };
            let Some((base, extra)) = DISTANCES.get(symbol) else { break Some(Status::Damaged) };
            let used = used + len;
            let distance = usize::from(*base) + (bits.bits >> used & low((*extra).into())) as usize;
            let used = used + u32::from(*extra);
            if bits.have < used {
                break Some(Status::Hungry);
            }
            if distance > if self.wrapped { WINDOW } else { at } {
                break Some(Status::Damaged);
            }
            bits.skip(used);
            let count = length.min(end - at);
            repeat(&mut self.window, at, count, distance);
            at += count;
            if count < length {
                self.step = Step::Copy { left: length - count, distance };
                self.at = at;
                return Some(Status::Full);
            }
        };
        self.at = at;
        match stop {
            None => self.end_block(),
            Some(Status::Damaged) => self.step = Step::Damaged,
            Some(_) => {}
        }
        stop
    }

    fn copy(&mut self, left: usize, distance: usize, end: usize) -> Option<Status> {
        let count = left.min(end - self.at);
        repeat(&mut self.window, self.at, count, distance);
        self.at += count;
        if count < left {
            self.step = Step::Copy { left: left - count, distance };
            return Some(Status::Full);
        }
        self.step = Step::Symbols;
        None
    }
}

impl Bits<'_> {
    /// Takes bytes of the input until there are [`MOST_BITS`], if it has that many.
    #[inline(always)]
    fn refill(&mut self) {
        if self.have >= MOST_BITS {
            return;
        }
        if let Some(eight) = self.rest().first_chunk::<8>() {
            // What does not fit is taken again later.
            self.bits |= u64::from_le_bytes(*eight) << self.have;
            let count = (63 - self.have) / 8;
            self.have += 8 * count;
            self.read += count as usize;
            return;
        }
        while let (true, Some(byte)) = (self.have < MOST_BITS, self.rest().first()) {
            self.bits |= u64::from(*byte) << self.have;
            self.have += 8;
            self.read += 1;
        }
    }

    /// The input that was not taken.
    #[inline(always)]
    fn rest(&self) -> &[u8] {
        self.input.get(self.read..).unwrap_or_default()
    }

    /// The next `count` bits, at most 32, if there are that many.
    fn take(&mut self, count: u32) -> Option<u32> {
        self.refill();
        if self.have < count {
            return None;
        }
        let taken = (self.bits & low(count)) as u32;
        self.skip(count);
        Some(taken)
    }

    /// Leaves out `count` bits that are there.
    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.bits >>= count;
        self.have -= count;
    }

    /// Gives whole bytes back to the input. They are of this input: what was left of the one before was
    /// too little for a step, so that it has been used up since.
    fn give_back(&mut self) {
        self.read -= self.read.min(self.have as usize / 8);
        self.have %= 8;
        self.bits &= low(self.have);
    }
}

/// As many of the lowest bits.
#[inline(always)]
const fn low(count: u32) -> u64 {
    (1 << count) - 1
}

/// Writes `count` bytes at `at` that repeat those `distance` before them.
#[inline(always)]
fn repeat(window: &mut [u8; WINDOW], at: usize, count: usize, distance: usize) {
    let from = at.wrapping_sub(distance) % WINDOW;
    if from + count <= WINDOW && (from > at || distance >= count) {
        window.copy_within(from..from + count, at);
    } else if distance == 1 && at > 0 {
        let byte = window[at - 1];
        window[at..at + count].fill(byte);
    } else {
        for step in 0..count {
            window[(at + step) % WINDOW] = window[(from + step) % WINDOW];
        }
    }
}

/// Ranges that follow each other from `first` on: `plain` of one value each, and then, each time after
/// `step` of them, ranges of twice as many.
const fn ranges<const N: usize>(first: u16, plain: usize, step: usize) -> [(u16, u8); N] {
    let mut ranges = [(0, 0); N];
    let (mut base, mut at) = (first as u32, 0);
    while at < N {
        let extra = if at < plain { 0 } else { (at - plain) / step + 1 };
        ranges[at] = (base as u16, extra as u8);
        base += 1 << extra;
        at += 1;
    }
    ranges
}
