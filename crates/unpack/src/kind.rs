//! What a file is, by its first bytes.

/// How many first bytes tell what a file is.
pub const HEAD: usize = 512;

/// Where a tar header says that it is one: the field `magic` of POSIX.1-2017, pax, "ustar
/// Interchange Format". GNU tar writes the same five letters.
const TAR_MAGIC: usize = 257;

/// What can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Zip,
    Tar,
    Gzip,
    Bzip2,
    Xz,
    Zstandard,
    Dex,
    PropertyList,
}

impl Kind {
    /// What begins with `head`: at least [`HEAD`] bytes, or all there are.
    pub(crate) fn of(head: &[u8]) -> Option<Kind> {
        match head {
            // APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.3.16: a first file, or none at all.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Kind::Zip),
            // RFC 1952, section 2.3.1; deflate is the only method there is.
            [0x1f, 0x8b, 8, ..] => Some(Kind::Gzip),
            // A level from 1 to 9, then the block header's pi, or the end's square root of it.
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => {
                Some(Kind::Bzip2)
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Kind::Xz),
            // RFC 8878, section 3.1.1.
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Kind::Zstandard),
            // Android's "Dalvik executable format": three digits of a version.
            [b'd', b'e', b'x', b'\n', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', 0, ..] => {
                Some(Kind::Dex)
            }
            [b'b', b'p', b'l', b'i', b's', b't', b'0', b'0', ..] => Some(Kind::PropertyList),
            _ if head.get(TAR_MAGIC..).is_some_and(|rest| rest.starts_with(b"ustar")) => {
                Some(Kind::Tar)
            }
            _ => None,
        }
    }
}

/// Whether a file that begins with `head` is one that [`walk`](crate::walk()) opens. `head` is the
/// first [`HEAD`] bytes or more, or all there are.
pub fn is_container(head: &[u8]) -> bool {
    Kind::of(head).is_some()
}

/// What to call the content of the compressed file `name`: the name without its last ending, where
/// that ending is one that compressors give.
pub(crate) fn without_ending(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match name.rsplit_once('.') {
        Some((stem, "gz" | "bz2" | "xz" | "zst" | "svgz" | "z")) if !stem.is_empty() => {
            stem.to_owned()
        }
        Some((stem, "tgz" | "tbz" | "tbz2" | "txz" | "tzst")) if !stem.is_empty() => {
            format!("{stem}.tar")
        }
        _ => "content".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_kind() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let rows: &[(&[u8], Option<Kind>)] = &[
            (b"PK\x03\x04", Some(Kind::Zip)),
            (b"PK\x05\x06", Some(Kind::Zip)),
            (b"PK\x01\x02", None),
            (b"\x1f\x8b\x08", Some(Kind::Gzip)),
            (b"\x1f\x8b\x07", None),
            (b"BZh91AY&SY", Some(Kind::Bzip2)),
            (b"BZh01AY&SY", None),
            (b"BZh9 is a text", None),
            (b"\xfd7zXZ\0", Some(Kind::Xz)),
            (b"\x28\xb5\x2f\xfd", Some(Kind::Zstandard)),
            (b"dex\n035\0", Some(Kind::Dex)),
            (b"dex\n03x\0", None),
            (b"bplist00", Some(Kind::PropertyList)),
            (b"bplist01", None),
            (&tar, Some(Kind::Tar)),
            (&tar[..261], None),
            (b"", None),
        ];
        for (head, kind) in rows {
            assert_eq!(Kind::of(head), *kind, "{:?}", head.escape_ascii().to_string());
        }
    }

    #[test]
    fn content_is_called_by_the_rest_of_the_name() {
        for (name, content) in [
            ("a/b/notes.txt.gz", "notes.txt"),
            ("x.tgz", "x.tar"),
            (".gz", "content"),
            ("data", "content"),
            ("a.b\\c.xz", "c"),
        ] {
            assert_eq!(without_ending(name), content);
        }
    }
}
