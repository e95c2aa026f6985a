//! Walks what is packed: archives, compressed files, and the texts of two binary formats.
//!
//! [`walk()`] opens zip (and so jar, war, docx, xlsx, wheel, egg, apk, ipa, nupkg, vsix), tar, gzip,
//! bzip2, xz and Zstandard, whatever they are nested in, and hands over the documents inside one by
//! one, each as a stream. The strings of a DEX file and the entries of a binary property list are
//! handed over as text. What is a container is told by its first bytes, never by its name.
//!
//! Nothing is written to disk. Work and memory are bounded by [`Limits`]; where a limit ends it, or
//! damage does, the visitor is told why, and gets what was read until then.
//!
//! ```
//! use std::io::{Cursor, Read, Write};
//! use std::ops::ControlFlow;
//! use stanch_unpack::{Limits, Step, walk};
//!
//! let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
//! packed.write_all(b"a document")?;
//! let packed = packed.finish()?;
//!
//! let mut seen = Vec::new();
//! let _ = walk("notes.txt.gz", Cursor::new(packed), &Limits::default(), &mut |step| {
//!     if let Step::Document { trail, content } = step {
//!         let mut text = String::new();
//!         if content.read_to_string(&mut text).is_ok() {
//!             seen.push((trail.join("!"), text));
//!         }
//!     }
//!     ControlFlow::Continue(())
//! });
//! assert_eq!(seen, [("notes.txt".to_owned(), "a document".to_owned())]);
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod budget;
mod decompress;
mod dex;
mod fault;
mod kind;
mod property_list;
mod walk;

pub use budget::Limits;
pub use fault::Fault;
pub use kind::{HEAD, is_container};
pub use walk::{Step, walk};
