//! One decompressor for each compressed stream, with what it may ask of memory.

use std::io::{self, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::kind::Kind;

/// What xz may ask for, in KiB: `xz -9` needs 65 MiB.
const XZ_MEMORY: u32 = 70 << 10;

/// The longest window of Zstandard: RFC 8878, section 3.1.1.1.2, asks for 8 MiB at least; `--ultra`
/// goes up to 128.
const ZSTANDARD_WINDOW: u64 = 64 << 20;

/// The content of a compressed stream. Streams that follow each other are one.
pub(crate) fn content<'r>(kind: Kind, packed: impl Read + 'r) -> Box<dyn Read + 'r> {
    match kind {
        Kind::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Kind::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(packed)),
        Kind::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_MEMORY)),
        Kind::Zstandard => Box::new(Frames::Between(packed)),
        Kind::Zip | Kind::Tar | Kind::Dex | Kind::PropertyList => Box::new(packed),
    }
}

/// What a skippable frame begins with, but for its last four bits: RFC 8878, section 3.1.2.
const SKIPPABLE: u32 = 0x184d_2a50;

/// The frames of a Zstandard stream, one behind the other.
enum Frames<R: Read> {
    Between(R),
    Inside(Box<StreamingDecoder<Begun<R>, FrameDecoder>>),
    Ended,
}

/// A stream whose first four bytes were read already.
struct Begun<R> {
    first: [u8; 4],
    given: usize,
    rest: R,
}

impl<R: Read> Frames<R> {
    /// Goes on to the next frame that holds anything.
    fn next(mut packed: R) -> io::Result<Frames<R>> {
        loop {
            let mut first = [0; 4];
            if fill(&mut packed, &mut first)? == 0 {
                return Ok(Frames::Ended);
            }
            if u32::from_le_bytes(first) & !0xf == SKIPPABLE {
                let mut length = [0; 4];
                packed.read_exact(&mut length)?;
                let length = u32::from_le_bytes(length);
                io::copy(&mut (&mut packed).take(length.into()), &mut io::sink())?;
                continue;
            }
            let begun = Begun { first, given: 0, rest: packed };
            return StreamingDecoder::new_with_max_window_size(begun, ZSTANDARD_WINDOW)
                .map(|frame| Frames::Inside(Box::new(frame)))
                .map_err(io::Error::other);
        }
    }
}

impl<R: Read> Read for Begun<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.first[self.given..];
        if left.is_empty() {
            return self.rest.read(buffer);
        }
        let read = left.len().min(buffer.len());
        buffer[..read].copy_from_slice(&left[..read]);
        self.given += read;
        Ok(read)
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            *self = match std::mem::replace(self, Frames::Ended) {
                Frames::Between(packed) => Frames::next(packed)?,
                Frames::Inside(mut frame) => match frame.read(buffer)? {
                    0 => Frames::Between(frame.into_inner().rest),
                    read => {
                        *self = Frames::Inside(frame);
                        return Ok(read);
                    }
                },
                Frames::Ended => return Ok(0),
            };
        }
    }
}

/// Fills the buffer as far as the reader goes.
pub(crate) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
