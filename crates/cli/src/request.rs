//! Raw HTTP/1.1 requests (RFC 9112).

use stanch::patch::{Context, Header, Inflater, PatchSet, Scan, ScanError, Verdict};
use thiserror::Error;

/// The most headers that a request, or its trailer section, may have.
const MAX_HEADERS: usize = 1024;

/// The most digits of a chunk's size: as many as fit 64 bits.
const MAX_SIZE_DIGITS: usize = 16;

/// A request that has come in as a whole.
#[derive(Debug)]
pub(crate) struct Request<'r> {
    method: &'r str,
    target: &'r str,
    headers: Vec<Header<'r>>,
    /// The pieces in which the body was sent, without their framing.
    body: Vec<&'r [u8]>,
    trailers: Vec<Header<'r>>,
}

/// Why bytes are not one request. Never shows the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum RequestError {
    #[error("malformed request: {0}")]
    Head(httparse::Error),
    #[error("truncated request: the header section does not end with an empty line")]
    HeadEnd,
    #[error("more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    #[error("malformed request: Content-Length is not a number, or several of them differ")]
    Length,
    #[error("Content-Length says {expected} bytes, but {found} follow the header section")]
    LengthMismatch { expected: u64, found: usize },
    #[error(
        "{extra} bytes follow the end of the request; a body needs Content-Length or \
         Transfer-Encoding: chunked"
    )]
    TooLong { extra: usize },
    #[error(
        "ambiguous request: it has both Content-Length and Transfer-Encoding, and servers \
         disagree about where such a request ends"
    )]
    Ambiguous,
    #[error("Transfer-Encoding does not end with chunked: nothing says where the body ends")]
    NotChunked,
    #[error("malformed chunked body: byte {at} of the file does not begin the size of a chunk")]
    ChunkSize { at: usize },
    #[error("malformed chunked body: the chunk does not end at byte {at} of the file")]
    ChunkEnd { at: usize },
    #[error("truncated chunked body: it does not end with a chunk of size 0 and an empty line")]
    ChunksEnd,
    #[error("malformed trailer section: {0}")]
    Trailer(httparse::Error),
}

/// How a request says where its body ends.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    None,
    Length(u64),
    Chunked,
}

impl<'r> Request<'r> {
    /// The request in `bytes`, which hold nothing else. Lines may end without a carriage return;
    /// empty lines may stand before the request, and behind it unless it has a Content-Length.
    pub(crate) fn parse(bytes: &'r [u8]) -> Result<Request<'r>, RequestError> {
        let mut slots = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut slots);
        let at = match head.parse(bytes) {
            Ok(httparse::Status::Complete(at)) => at,
            Ok(httparse::Status::Partial) => return Err(RequestError::HeadEnd),
            Err(httparse::Error::TooManyHeaders) => return Err(RequestError::TooManyHeaders),
            Err(error) => return Err(RequestError::Head(error)),
        };
        let (Some(method), Some(target)) = (head.method, head.path) else {
            return Err(RequestError::HeadEnd);
        };
        let headers = own(head.headers);
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        let rest = &bytes[at..];
        let extra = match Framing::of(&headers)? {
            Framing::None => rest,
            Framing::Length(expected) => {
                if rest.len() as u64 != expected {
                    return Err(RequestError::LengthMismatch { expected, found: rest.len() });
                }
                body.push(rest);
                &[]
            }
            Framing::Chunked => {
                let mut chunks = Chunks { bytes, at };
                while let Some(chunk) = chunks.next()? {
                    body.push(chunk);
                }
                trailers = chunks.trailers()?;
                &bytes[chunks.at..]
            }
        };
        if extra.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
            return Err(RequestError::TooLong { extra: extra.len() });
        }
        Ok(Request { method, target, headers, body, trailers })
    }

    /// What `set` says of it, fed as it was sent, its content encoding undone. `state` is room to work
    /// in, `context` what is known besides.
    pub(crate) fn verdict(
        &self,
        set: &PatchSet,
        state: &mut [u8],
        context: &Context<'_>,
    ) -> Result<Verdict, ScanError> {
        let mut inflater = Inflater::new();
        let mut scan = Scan::new(set, state)?.with_inflater(&mut inflater);
        scan.context(&Context { host: context.host.or_else(|| self.host()), ..*context });
        scan.request(self.method.as_bytes(), self.target.as_bytes());
        scan.headers(&self.headers);
        for piece in &self.body {
            scan.body(&[piece]);
        }
        scan.headers(&self.trailers);
        Ok(scan.finish())
    }

    /// The host that a request in origin form names, if it names one. All of the request is there, so
    /// that it is known before the first token is looked for.
    fn host(&self) -> Option<&[u8]> {
        let mut hosts = self.headers.iter().filter(|it| it.name.eq_ignore_ascii_case(b"host"));
        let host = hosts.next().filter(|_| hosts.next().is_none() && self.target.starts_with('/'));
        host.map(|header| header.value)
    }
}

impl Framing {
    /// What `headers` say (RFC 9112, section 6.3).
    fn of(headers: &[Header<'_>]) -> Result<Framing, RequestError> {
        let values = |name: &'static [u8]| {
            let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
            named
                .flat_map(|header| header.value.split(|byte| *byte == b','))
                .map(<[u8]>::trim_ascii)
        };
        let mut lengths = values(b"content-length");
        match (lengths.next(), values(b"transfer-encoding").next_back()) {
            (None, None) => Ok(Framing::None),
            (Some(_), Some(_)) => Err(RequestError::Ambiguous),
            (None, Some(last)) if last.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            (None, Some(_)) => Err(RequestError::NotChunked),
            (Some(length), None) => {
                let is_number = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
                let number = str::from_utf8(length).ok().and_then(|text| text.parse().ok());
                match number {
                    Some(number) if is_number && lengths.all(|other| other == length) => {
                        Ok(Framing::Length(number))
                    }
                    _ => Err(RequestError::Length),
                }
            }
        }
    }
}

/// The way through a chunked body (RFC 9112, section 7.1).
struct Chunks<'r> {
    bytes: &'r [u8],
    at: usize,
}

impl<'r> Chunks<'r> {
    /// The next chunk's content; `None` behind the one of size 0.
    fn next(&mut self) -> Result<Option<&'r [u8]>, RequestError> {
        let at = self.at;
        let line = self.line().ok_or(RequestError::ChunksEnd)?;
        let size = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
        let size = chunk_size(size).ok_or(RequestError::ChunkSize { at })?;
        if size == 0 {
            return Ok(None);
        }
        let rest = &self.bytes[self.at..];
        let size = usize::try_from(size).map_err(|_| RequestError::ChunksEnd)?;
        let (chunk, _) = rest.split_at_checked(size).ok_or(RequestError::ChunksEnd)?;
        self.at += size;
        let at = self.at;
        match self.line() {
            Some(b"") => Ok(Some(chunk)),
            Some(_) => Err(RequestError::ChunkEnd { at }),
            None if self.bytes.len() - at <= 1 => Err(RequestError::ChunksEnd),
            None => Err(RequestError::ChunkEnd { at }),
        }
    }

    /// The trailer section behind the last chunk.
    fn trailers(&mut self) -> Result<Vec<Header<'r>>, RequestError> {
        let mut slots = vec![httparse::EMPTY_HEADER; MAX_HEADERS];
        match httparse::parse_headers(&self.bytes[self.at..], &mut slots) {
            Ok(httparse::Status::Complete((length, trailers))) => {
                self.at += length;
                Ok(own(trailers))
            }
            Ok(httparse::Status::Partial) => Err(RequestError::ChunksEnd),
            Err(httparse::Error::TooManyHeaders) => Err(RequestError::TooManyHeaders),
            Err(error) => Err(RequestError::Trailer(error)),
        }
    }

    /// The next line, without its end.
    fn line(&mut self) -> Option<&'r [u8]> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += end + 1;
        let line = &rest[..end];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn chunk_size(digits: &[u8]) -> Option<u64> {
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = str::from_utf8(digits).ok()?;
    (is_hexadecimal && digits.len() <= MAX_SIZE_DIGITS)
        .then(|| u64::from_str_radix(digits, 16).ok())?
}

fn own<'r>(headers: &[httparse::Header<'r>]) -> Vec<Header<'r>> {
    headers
        .iter()
        .map(|header| Header { name: header.name.as_bytes(), value: header.value })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request<'_>, RequestError> {
        Request::parse(text.as_bytes())
    }

    fn pieces(text: &str) -> Vec<String> {
        let request = parse(text).unwrap();
        request.body.iter().map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
    }

    #[test]
    fn a_request_comes_apart() {
        let request = parse("POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-A:  v w \r\n\r\n").unwrap();
        assert_eq!((request.method, request.target), ("POST", "/a?b=c"));
        let headers: Vec<(&[u8], &[u8])> =
            request.headers.iter().map(|header| (header.name, header.value)).collect();
        assert_eq!(headers, [(&b"Host"[..], &b"h"[..]), (b"X-A", b"v w")]);
        assert!(request.body.is_empty() && request.trailers.is_empty());
    }

    #[test]
    fn lines_may_end_without_carriage_return() {
        assert_eq!(pieces("POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc"), ["abc"]);
        let chunked = "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n3\nabc\n2\nde\n0\n\n";
        assert_eq!(pieces(chunked), ["abc", "de"]);
        assert!(parse("\n\nGET / HTTP/1.1\nHost: h\n\n\n\n").is_ok());
    }

    #[test]
    fn chunks_are_kept_apart_and_their_framing_is_gone() {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
                    3;name=\"v\"\r\nabc\r\n0A \r\n\r\n34567890\r\n000\r\nX-T: end\r\n\r\n";
        assert_eq!(pieces(text), ["abc", "\r\n34567890"]);
        let request = parse(text).unwrap();
        assert_eq!(request.trailers.len(), 1);
        assert_eq!(request.trailers[0].value, b"end");
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_reason() {
        let with = |headers: &str, body: &str| {
            parse(&format!("POST / HTTP/1.1\r\n{headers}\r\n{body}")).map(|_| ()).unwrap_err()
        };
        let mismatch = |expected, found| RequestError::LengthMismatch { expected, found };
        assert_eq!(with("Content-Length: 4\r\n", "abc"), mismatch(4, 3));
        assert_eq!(with("Content-Length: 3\r\n", "abc\n"), mismatch(3, 4));
        assert_eq!(with("Content-Length: 3\r\nContent-Length: 4\r\n", "abc"), RequestError::Length);
        for length in ["+3", "0x3", "", "3 3", "99999999999999999999999"] {
            let headers = format!("Content-Length: {length}\r\n");
            assert_eq!(with(&headers, "abc"), RequestError::Length, "{length}");
        }
        assert_eq!(with("Host: h\r\n", "abc"), RequestError::TooLong { extra: 3 });
        let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
        assert_eq!(with(both, "0\r\n\r\n"), RequestError::Ambiguous);
        assert_eq!(with("Transfer-Encoding: chunked, gzip\r\n", "x"), RequestError::NotChunked);

        let chunked = |body: &str| with("Transfer-Encoding: chunked\r\n", body);
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".len();
        for size in ["\r\n", "x\r\n", "-1\r\n", "0x3\r\nabc\r\n", "10000000000000000\r\n"] {
            assert_eq!(chunked(size), RequestError::ChunkSize { at: head }, "{size:?}");
        }
        assert_eq!(chunked("3\r\nabcd\r\n0\r\n\r\n"), RequestError::ChunkEnd { at: head + 6 });
        for cut in ["", "3", "3\r\n", "3\r\nab", "3\r\nabc", "3\r\nabc\r", "3\r\nabc\r\n", "0\r\n"]
        {
            assert_eq!(chunked(cut), RequestError::ChunksEnd, "{cut:?}");
        }
        assert_eq!(chunked("ffffffffffffffff\r\nabc"), RequestError::ChunksEnd);
        assert_eq!(chunked("0\r\n\r\nmore"), RequestError::TooLong { extra: 4 });
        assert!(matches!(chunked("0\r\nno trailer\r\n\r\n"), RequestError::Trailer(_)));

        for head in ["", "GET / HTTP/1.1\r\nHost: h\r\n", "GET"] {
            assert_eq!(parse(head).unwrap_err(), RequestError::HeadEnd, "{head:?}");
        }
        for head in ["GET / HTTP/2.0\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nA B: c\r\n\r\n"]
        {
            assert!(matches!(parse(head).unwrap_err(), RequestError::Head(_)), "{head:?}");
        }
        let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(with(&many, ""), RequestError::TooManyHeaders);
    }

    #[test]
    fn equal_lengths_are_one_length() {
        assert_eq!(pieces("POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc"), ["abc"]);
    }
}
