//! Huffman codes, as deflate sends them: by the length of each symbol's code (RFC 1951, section 3.2.2).

use zeroize::Zeroize;

/// The longest code in bits.
const LONGEST: usize = 15;

/// The codes that a stream need not send.
pub(super) static FIXED: Codes = {
    let mut lengths = [8; 288];
    let mut at = 144;
    while at < 280 {
        lengths[at] = if at < 256 { 9 } else { 7 };
        at += 1;
    }
    let mut codes = Codes::NONE;
    assert!(codes.literals.set(&lengths, false) && codes.distances.set(&[5; 32], false));
    codes
};

/// The two codes of a block.
pub(super) struct Codes {
    pub(super) literals: Code<1024, 288>,
    pub(super) distances: Code<256, 32>,
}

/// A Huffman code. `FAST`, a power of two, is how many starts of codes are looked up at once.
pub(super) struct Code<const FAST: usize, const SYMBOLS: usize> {
    /// For each start, the symbol, shifted by four, and how many bits stand for it; zero where the code is
    /// longer, or none.
    fast: [u16; FAST],
    /// How many codes there are of each length.
    counts: [u16; LONGEST + 1],
    /// The symbols in the order of their codes.
    symbols: [u16; SYMBOLS],
}

/// What the next bits stand for.
pub(super) enum Found {
    /// This symbol, in so many bits.
    Symbol(usize, u32),
    /// That cannot be said yet.
    Hungry,
    /// Nothing.
    Nothing,
}

impl Codes {
    pub(super) const NONE: Codes = Codes { literals: Code::NONE, distances: Code::NONE };
}

impl<const FAST: usize, const SYMBOLS: usize> Code<FAST, SYMBOLS> {
    pub(super) const NONE: Code<FAST, SYMBOLS> =
        Code { fast: [0; FAST], counts: [0; LONGEST + 1], symbols: [0; SYMBOLS] };

    /// Makes this the code in which each symbol has so many bits, none if zero, and returns whether there
    /// is one. All bits must stand for something, unless there is but one code, of one bit, or none, and
    /// `complete` does not ask for more.
    pub(super) const fn set(&mut self, lengths: &[u8], complete: bool) -> bool {
        // Two counts, in turn: a count must not wait for the one before it.
        let mut counts = [[0u16; LONGEST + 1]; 2];
        let mut at = 0;
        while at < lengths.len() {
            counts[at & 1][lengths[at] as usize] += 1;
            at += 1;
        }
        // For each length, where its symbols start.
        let mut starts = [0u16; LONGEST + 2];
        let (mut left, mut longest, mut len) = (1i32, 0, 1);
        self.counts[0] = 0;
        while len <= LONGEST {
            let count = counts[0][len] + counts[1][len];
            left = left * 2 - count as i32;
            if left < 0 {
                return false;
            }
            self.counts[len] = count;
            starts[len + 1] = starts[len] + count;
            if count > 0 {
                longest = len;
            }
            len += 1;
        }
        if left > 0 && (complete || longest > 1) {
            return false;
        }
        let mut symbol = 0;
        while symbol < lengths.len() {
            let len = lengths[symbol] as usize;
            if len > 0 {
                self.symbols[starts[len] as usize] = symbol as u16;
                starts[len] += 1;
            }
            symbol += 1;
        }
        self.fill();
        true
    }

    /// Fills in what is looked up: the codes of each length, and then all of it twice, because with one
    /// more bit each code is there once more.
    const fn fill(&mut self) {
        let (mut code, mut place, mut size, mut len) = (0u16, 0, 1, 1);
        self.fast[0] = 0;
        while size < FAST {
            let mut at = 0;
            while at < size {
                self.fast[size + at] = self.fast[at];
                at += 1;
            }
            size *= 2;
            code <<= 1;
            let mut left = self.counts[len];
            while left > 0 {
                let start = (code.reverse_bits() >> (16 - len)) as usize;
                self.fast[start] = self.symbols[place] << 4 | len as u16;
                code += 1;
                place += 1;
                left -= 1;
            }
            len += 1;
        }
    }

    /// What `bits`, of which `have` are there, begin with.
    #[inline(always)]
    pub(super) fn find(&self, bits: u64, have: u32) -> Found {
        let found = self.fast[bits as usize % FAST];
        let len = u32::from(found & 15);
        match found {
            1.. if len <= have => Found::Symbol((found >> 4).into(), len),
            1.. => Found::Hungry,
            0 => self.find_long(bits, have),
        }
    }

    /// The same for codes that are not looked up: length by length.
    fn find_long(&self, mut bits: u64, have: u32) -> Found {
        let (mut code, mut first, mut start) = (0, 0, 0);
        for (len, count) in (1..).zip(&self.counts[1..]) {
            if len > have {
                return Found::Hungry;
            }
            code = code << 1 | (bits & 1) as usize;
            bits >>= 1;
            let count = usize::from(*count);
            first <<= 1;
            if code < first + count {
                let symbol = self.symbols.get(start + code - first).copied();
                return symbol.map_or(Found::Nothing, |symbol| Found::Symbol(symbol.into(), len));
            }
            start += count;
            first += count;
        }
        Found::Nothing
    }

    pub(super) fn wipe(&mut self) {
        self.fast.zeroize();
        self.counts.zeroize();
        self.symbols.zeroize();
    }
}
