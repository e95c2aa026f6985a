//! What the content encoding of a body is called.

/// What a `Content-Encoding` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::patch) enum Encoding {
    /// Nothing.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or, as some clients send, RFC 1951 without a wrapper.
    Deflate,
    /// Something that is not undone here.
    Unsupported,
}

impl Encoding {
    /// What the value of a `Content-Encoding` header asks for (RFC 9110, section 8.4).
    pub(in crate::patch) fn of(value: &[u8]) -> Encoding {
        value.split(|byte| *byte == b',').fold(Encoding::Identity, |all, name| {
            let name = name.trim_ascii();
            let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
            all.and(match name {
                _ if is("") || is("identity") => Encoding::Identity,
                _ if is("gzip") || is("x-gzip") => Encoding::Gzip,
                _ if is("deflate") => Encoding::Deflate,
                _ => Encoding::Unsupported,
            })
        })
    }

    /// This one and then `other`, as two headers ask for.
    pub(in crate::patch) fn and(self, other: Encoding) -> Encoding {
        match (self, other) {
            (Encoding::Identity, one) | (one, Encoding::Identity) => one,
            _ => Encoding::Unsupported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_told_from_the_header() {
        let cases = [
            ("", Encoding::Identity),
            ("identity", Encoding::Identity),
            (" Identity , ,", Encoding::Identity),
            ("gzip", Encoding::Gzip),
            ("\tX-GZIP ", Encoding::Gzip),
            ("identity,GZip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("gzip, gzip", Encoding::Unsupported),
            ("deflate,gzip", Encoding::Unsupported),
            ("br", Encoding::Unsupported),
            ("zstd", Encoding::Unsupported),
            ("gzip;q=1", Encoding::Unsupported),
            ("gzipped", Encoding::Unsupported),
        ];
        for (value, expected) in cases {
            assert_eq!(Encoding::of(value.as_bytes()), expected, "{value}");
        }
    }
}
