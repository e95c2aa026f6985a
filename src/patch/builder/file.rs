//! A patch set file that is being laid out.

use std::ops::Range;

use crate::patch::container::{ALIGN, HEADER, Layout};

/// The bytes of a file, its header still empty.
pub(super) struct File {
    bytes: Vec<u8>,
}

impl File {
    /// A file with nothing behind its header.
    pub(super) fn new() -> File {
        File { bytes: vec![0; HEADER] }
    }

    /// Adds a section, aligned, and says where it stands.
    pub(super) fn section(&mut self, content: &[u8]) -> Range<usize> {
        let start = self.align();
        self.bytes.extend_from_slice(content);
        start..self.bytes.len()
    }

    /// Adds a section of items of `N` bytes each.
    pub(super) fn items<const N: usize>(
        &mut self,
        items: impl Iterator<Item = [u8; N]>,
    ) -> Range<usize> {
        let start = self.align();
        items.for_each(|item| self.bytes.extend_from_slice(&item));
        start..self.bytes.len()
    }

    /// The finished file.
    pub(super) fn seal(mut self, layout: &Layout) -> Vec<u8> {
        layout.seal(&mut self.bytes);
        self.bytes
    }

    fn align(&mut self) -> usize {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.bytes.len()
    }
}
