//! What is packed in archives and other containers.

use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use stanch_unpack::{Limits, Step};

use super::Trouble;
use super::look::{Look, Looker, Seen};
use crate::outcome::reason;

/// What stands between an archive and what is in it.
const INTO: &str = "!";

/// Looks at everything packed in the file at `path`. Documents without findings are counted
/// together, so that an archive of many of them takes no room.
pub(super) fn open(looker: &mut Looker<'_>, path: &Path, content: impl Read + Seek) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut clean = Look::default();
    let name = path.to_string_lossy();
    let _ = stanch_unpack::walk(&name, content, &Limits::default(), &mut |step| {
        match step {
            Step::Document { trail, content } => match looker.read(content, 0) {
                Ok(look) if look.findings.is_empty() => {
                    clean.files += look.files;
                    clean.binaries += look.binaries;
                    clean.bytes += look.bytes;
                    clean.allowed += look.allowed;
                }
                Ok(look) => seen.push(Seen { path: inside(path, trail), look: Ok(look) }),
                Err(error) => {
                    seen.push(Trouble { path: inside(path, trail), why: reason(&error) }.seen());
                }
            },
            Step::Fault { trail, fault } => {
                let why = fault.to_string();
                seen.push(Trouble { path: inside(path, trail), why }.seen());
            }
        }
        ControlFlow::Continue(())
    });
    seen.push(Seen { path: path.to_owned(), look: Ok(clean) });
    seen
}

/// The path of what `trail` leads to in the file at `path`.
fn inside(path: &Path, trail: &[String]) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    for name in trail {
        whole.push(INTO);
        whole.push(name);
    }
    whole.into()
}
