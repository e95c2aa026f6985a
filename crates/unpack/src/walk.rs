//! The way through what is packed.

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use zeroize::Zeroizing;
use zip::ZipArchive;
use zip::read::{ZipFile, read_zipfile_from_stream};
use zip::result::ZipError;

use crate::budget::{Budget, Counted, Limits, Stream, said};
use crate::decompress::{self, fill};
use crate::dex;
use crate::fault::Fault;
use crate::kind::{HEAD, Kind, without_ending};
use crate::property_list;

/// Errors that are told of one outer file; an archive may hold any number.
const TOLD: u64 = 20;

/// Characters of a name that are kept.
const NAME: usize = 512;

/// Bytes of an extended header of tar that are looked at for a name.
const EXTENSION: u64 = 64 << 10;

/// What is met on the way.
pub enum Step<'s> {
    /// A document that is no container, or one that is not opened.
    Document {
        /// The names that lead to it, from outside to inside; empty for the outer file itself.
        trail: &'s [String],
        /// Its bytes. It ends early where a limit or damage ends it; a fault is told afterwards.
        content: &'s mut dyn Read,
    },
    /// Something that was not read, or not to its end.
    Fault {
        /// The names that lead to it.
        trail: &'s [String],
        /// Why.
        fault: Fault,
    },
}

/// Goes through the file `name` that `content` reads, and through everything packed in it, until
/// `visit` breaks.
///
/// A file that is no container is one document with an empty trail, and so is a DEX file or a
/// binary property list, as text. What `visit` leaves unread of a document is passed over.
pub fn walk(
    name: &str,
    mut content: impl Read + Seek,
    limits: &Limits,
    visit: &mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut head = [0; HEAD];
    let opened = content.seek(SeekFrom::End(0)).and_then(|len| {
        content.rewind()?;
        let filled = fill(&mut content, &mut head)?;
        content.rewind()?;
        Ok((len, Kind::of(&head[..filled])))
    });
    let (len, kind) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            return visit(Step::Fault { trail: &[], fault: Fault::Damaged(said(&error)) });
        }
    };
    let budget = Budget::new(*limits, len);
    let mut walk = Walk { budget: &budget, trail: Vec::new(), depth: 0, told: 0, handed: 0, visit };
    match kind {
        // The one kind that can be read in place.
        Some(Kind::Zip) => walk.zip(&mut content),
        _ => walk.content(name, &mut content),
    }
}

struct Walk<'w> {
    budget: &'w Budget,
    trail: Vec<String>,
    depth: usize,
    told: u64,
    /// Documents that were handed over.
    handed: u64,
    visit: &'w mut dyn FnMut(Step<'_>) -> ControlFlow<()>,
}

impl Walk<'_> {
    /// Opens what `reader` gives, or hands it over.
    fn content(&mut self, name: &str, reader: &mut dyn Read) -> ControlFlow<()> {
        let mut head = [0; HEAD];
        let filled = match fill(reader, &mut head) {
            Ok(filled) => filled,
            Err(error) => return self.tell(Fault::Damaged(said(&error))),
        };
        let mut whole = head[..filled].chain(reader);
        let Some(kind) = Kind::of(&head[..filled]) else {
            return self.document(&mut whole);
        };
        if self.depth >= self.budget.limits.depth {
            self.tell(Fault::Depth(self.budget.limits.depth))?;
            return self.document(&mut whole);
        }
        self.depth += 1;
        let flow = match kind {
            Kind::Tar => self.tar(&mut whole),
            Kind::Zip | Kind::Dex | Kind::PropertyList => self.held(kind, &mut whole),
            Kind::Gzip | Kind::Bzip2 | Kind::Xz | Kind::Zstandard => {
                self.stream(kind, name, &mut whole)
            }
        };
        self.depth -= 1;
        flow
    }

    fn document(&mut self, content: &mut dyn Read) -> ControlFlow<()> {
        let fault = RefCell::new(None);
        let mut content = Stream::new(content, self.budget, None, &fault);
        self.handed += 1;
        (self.visit)(Step::Document { trail: &self.trail, content: &mut content })?;
        self.settle(&fault)
    }

    /// One stream, compressed. An archive in it needs no name of its own.
    fn stream(&mut self, kind: Kind, name: &str, packed: &mut dyn Read) -> ControlFlow<()> {
        let taken = Cell::new(0);
        let count = || taken.get();
        let mut content = decompress::content(kind, Counted::new(packed, &taken));
        let fault = RefCell::new(None);
        let mut content = Stream::new(&mut content, self.budget, Some(&count), &fault);
        let mut head = [0; HEAD];
        let filled = fill(&mut content, &mut head).unwrap_or_default();
        let mut whole = head[..filled].chain(&mut content);
        if Kind::of(&head[..filled]) == Some(Kind::Tar) {
            self.content(name, &mut whole)?;
        } else {
            let inner = without_ending(name);
            self.within(inner, |walk, name| walk.content(name, &mut whole))?;
        }
        self.settle(&fault)
    }

    /// What must be in memory to be opened.
    fn held(&mut self, kind: Kind, reader: &mut dyn Read) -> ControlFlow<()> {
        let most = match kind {
            Kind::PropertyList => property_list::LONGEST.min(self.budget.limits.held),
            _ => self.budget.limits.held,
        };
        let held = match hold(reader, most) {
            Ok(held) => held,
            Err(error) => return self.damaged(said(&error)),
        };
        if held.len() as u64 > most {
            if kind != Kind::PropertyList {
                self.tell(Fault::Held(most >> 20))?;
            }
            return self.document(&mut held.chain(reader));
        }
        let (text, fault) = match kind {
            Kind::Dex => dex::strings(&held),
            Kind::PropertyList => property_list::text(&held),
            _ => return self.zip(&mut Cursor::new(held.as_slice())),
        };
        // Where nothing could be made of it, its bytes are better than nothing.
        let content = if text.is_empty() && fault.is_some() { &held } else { &text };
        self.document(&mut content.as_slice())?;
        match fault {
            Some(Fault::Damaged(why)) => self.damaged(why),
            _ => ControlFlow::Continue(()),
        }
    }

    fn tar(&mut self, reader: &mut dyn Read) -> ControlFlow<()> {
        let mut archive = tar::Archive::new(reader);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(error) => return self.damaged(said(&error)),
        };
        let mut long_name = None;
        // Raw, because otherwise headers of any length would be read into memory.
        for entry in entries.raw(true) {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.damaged(said(&error)),
            };
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                match hold(&mut (&mut entry).take(EXTENSION), EXTENSION) {
                    Ok(header) if kind.is_gnu_longname() => long_name = Some(lossy(&header)),
                    Ok(header) => long_name = path_of(&header).or(long_name),
                    Err(error) => return self.damaged(said(&error)),
                }
                continue;
            }
            let name = long_name.take().unwrap_or_else(|| lossy(&entry.path_bytes()));
            if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
                continue;
            }
            if let Err(fault) = self.budget.entry() {
                return self.tell(fault);
            }
            self.within(name, |walk, name| walk.content(name, &mut entry))?;
            if self.budget.is_spent() {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    fn zip<R: Read + Seek>(&mut self, reader: &mut R) -> ControlFlow<()> {
        let mut archive = match ZipArchive::new(&mut *reader) {
            Ok(archive) => archive,
            Err(error) => {
                if let Err(error) = reader.rewind() {
                    return self.damaged(said(&error));
                }
                let (told, handed) = (self.told, self.handed);
                self.rest_of_zip(reader)?;
                if self.handed == handed {
                    // Its bytes are better than nothing.
                    if let Err(error) = reader.rewind() {
                        return self.damaged(said(&error));
                    }
                    self.document(reader)?;
                }
                // One cut is told once.
                return match self.told == told {
                    true => self.damaged(said(&error)),
                    false => ControlFlow::Continue(()),
                };
            }
        };
        let mut encrypted = 0u64;
        for number in 0..archive.len() {
            if let Err(fault) = self.budget.entry() {
                return self.tell(fault);
            }
            let (name, locked) = match archive.by_index_raw(number) {
                Ok(entry) if entry.is_dir() => continue,
                Ok(entry) => (lossy(entry.name_raw()), entry.encrypted()),
                Err(error) => {
                    self.damaged(said(&error))?;
                    continue;
                }
            };
            if locked {
                encrypted += 1;
                continue;
            }
            match archive.by_index(number) {
                Ok(entry) => self.zipped(name, entry)?,
                Err(error) => self.within(name, |walk, _| walk.refused(&error))?,
            }
            if self.budget.is_spent() {
                return ControlFlow::Continue(());
            }
        }
        match encrypted {
            0 => ControlFlow::Continue(()),
            1 => self.tell(Fault::Encrypted("1 file is".to_owned())),
            _ => self.tell(Fault::Encrypted(format!("{encrypted} files are"))),
        }
    }

    /// What can be read of an archive without its directory, which stands at its end: one file
    /// behind the other.
    fn rest_of_zip(&mut self, mut reader: &mut dyn Read) -> ControlFlow<()> {
        while let Ok(Some(entry)) = read_zipfile_from_stream(&mut reader) {
            if let Err(fault) = self.budget.entry() {
                return self.tell(fault);
            }
            if !entry.is_dir() {
                self.zipped(lossy(entry.name_raw()), entry)?;
            }
            if self.budget.is_spent() {
                break;
            }
        }
        ControlFlow::Continue(())
    }

    fn zipped<R: Read>(&mut self, name: String, mut entry: ZipFile<'_, R>) -> ControlFlow<()> {
        let packed = entry.compressed_size();
        let count = || packed;
        let fault = RefCell::new(None);
        let mut content = Stream::new(&mut entry, self.budget, Some(&count), &fault);
        self.within(name, |walk, name| {
            walk.content(name, &mut content)?;
            walk.settle(&fault)
        })
    }

    fn refused(&mut self, error: &ZipError) -> ControlFlow<()> {
        match error {
            ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
                self.tell(Fault::Unsupported(said(error)))
            }
            _ => self.damaged(said(error)),
        }
    }

    /// Goes into something with a name.
    fn within(
        &mut self,
        name: String,
        go: impl FnOnce(&mut Self, &str) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.trail.push(name.clone());
        let flow = go(self, &name);
        self.trail.pop();
        flow
    }

    /// Tells what ended a stream, if anything did. Nobody may read it any more.
    fn settle(&mut self, fault: &RefCell<Option<Fault>>) -> ControlFlow<()> {
        match fault.take() {
            Some(fault) => {
                self.budget.cut.set(self.budget.is_spent());
                self.tell(fault)
            }
            None => ControlFlow::Continue(()),
        }
    }

    /// Tells of damage, unless it is there because a stream around it was cut off.
    fn damaged(&mut self, why: String) -> ControlFlow<()> {
        match self.budget.cut.get() {
            true => ControlFlow::Continue(()),
            false => self.tell(Fault::Damaged(why)),
        }
    }

    fn tell(&mut self, fault: Fault) -> ControlFlow<()> {
        self.told += 1;
        let fault = match self.told {
            ..TOLD => fault,
            TOLD => Fault::Many(TOLD - 1),
            _ => return ControlFlow::Continue(()),
        };
        (self.visit)(Step::Fault { trail: &self.trail, fault })
    }
}

/// The bytes of the reader, and one more than `most` if there are more than that. Every buffer that
/// held them is zeroed.
fn hold(reader: &mut dyn Read, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1);
    let mut held = Zeroizing::new(vec![0; most.min(64 << 10)]);
    let mut filled = 0;
    loop {
        filled += fill(reader, &mut held[filled..])?;
        if filled < held.len() || filled >= most {
            held.truncate(filled);
            return Ok(held);
        }
        let mut larger = Zeroizing::new(vec![0; filled.saturating_mul(2).min(most)]);
        larger[..filled].copy_from_slice(&held);
        held = larger;
    }
}

/// The path that an extended header of tar gives to the next file.
fn path_of(header: &[u8]) -> Option<String> {
    let mut fields = tar::PaxExtensions::new(header).filter_map(Result::ok);
    fields.find(|field| field.key_bytes() == b"path").map(|field| lossy(field.value_bytes()))
}

/// A name out of an archive, as far as it is kept.
fn lossy(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let name = name.trim_end_matches('\0');
    name.strip_prefix("./").unwrap_or(name).chars().take(NAME).collect()
}
