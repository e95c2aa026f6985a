//! Line and column of a byte, counted once from left to right.

/// Counts lines up to offsets that only grow.
pub(super) struct Position<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
    line_start: usize,
}

impl<'t> Position<'t> {
    pub(super) fn new(text: &'t [u8]) -> Position<'t> {
        Position { text, at: 0, line: 1, line_start: 0 }
    }

    /// Line and column of `offset`, both from 1, the column in bytes. An offset before the last one
    /// asked for counts as that one.
    pub(super) fn of(&mut self, offset: usize) -> (u64, u64) {
        let offset = offset.clamp(self.at, self.text.len());
        for newline in memchr::memchr_iter(b'\n', &self.text[self.at..offset]) {
            self.line += 1;
            self.line_start = self.at + newline + 1;
        }
        self.at = offset;
        (self.line, (offset - self.line_start) as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_from_one() {
        let mut position = Position::new(b"ab\n\ncd\n");
        assert_eq!(position.of(0), (1, 1));
        assert_eq!(position.of(1), (1, 2));
        assert_eq!(position.of(2), (1, 3));
        assert_eq!(position.of(3), (2, 1));
        assert_eq!(position.of(5), (3, 2));
        assert_eq!(position.of(99), (4, 1));
    }
}
