//! A request as the suite writes it down, and as it goes over the wire.

use std::time::Duration;

/// One HTTP/1.1 request.
#[derive(Clone)]
pub struct Message {
    method: &'static str,
    host: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Body,
    /// Where the wire is cut into separate segments: inside each occurrence of this text.
    cut_in: Option<String>,
}

#[derive(Clone)]
enum Body {
    None,
    Sized(Vec<u8>),
    Chunked(Vec<Vec<u8>>),
}

/// What goes over the wire: the head, and the segments of the rest.
pub struct Wire {
    pub segments: Vec<Vec<u8>>,
    /// Slept between two segments, so that they are read one by one.
    pub pause: Duration,
}

impl Message {
    pub fn get(target: impl Into<String>) -> Message {
        Message {
            method: "GET",
            host: "t",
            target: target.into(),
            headers: Vec::new(),
            body: Body::None,
            cut_in: None,
        }
    }

    pub fn post(target: impl Into<String>, body: impl Into<Vec<u8>>) -> Message {
        Message { method: "POST", body: Body::Sized(body.into()), ..Message::get(target) }
    }

    /// A body of these chunks, none of them empty.
    pub fn chunked(target: impl Into<String>, chunks: Vec<Vec<u8>>) -> Message {
        Message { method: "POST", body: Body::Chunked(chunks), ..Message::get(target) }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Message {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends the request in segments that part inside this text.
    pub fn cut_in(mut self, text: &str) -> Message {
        self.cut_in = Some(text.to_owned());
        self
    }

    /// Another method for the same request.
    pub fn method(mut self, method: &'static str) -> Message {
        self.method = method;
        self
    }

    /// Another host for the same request.
    pub fn host(mut self, host: &'static str) -> Message {
        self.host = host;
        self
    }

    /// Another target for the same request.
    pub fn at(mut self, target: &str) -> Message {
        self.target = target.to_owned();
        self
    }

    pub fn target(&self) -> &str {
        &self.target
    }

    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body as the server behind should get it.
    pub fn body(&self) -> Vec<u8> {
        match &self.body {
            Body::None => Vec::new(),
            Body::Sized(body) => body.clone(),
            Body::Chunked(chunks) => chunks.concat(),
        }
    }

    /// The request line and the headers, with the name of the case.
    pub fn head(&self, case: &str) -> Vec<u8> {
        let Message { method, host, target, .. } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nX-Case: {case}\r\n");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None => {}
            Body::Sized(body) => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
            Body::Chunked(_) => head.push_str("Transfer-Encoding: chunked\r\n"),
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// What follows the head on the wire.
    pub fn tail(&self) -> Vec<u8> {
        match &self.body {
            Body::None => Vec::new(),
            Body::Sized(body) => body.clone(),
            Body::Chunked(chunks) => {
                let mut tail = Vec::new();
                for chunk in chunks {
                    tail.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    tail.extend_from_slice(chunk);
                    tail.extend_from_slice(b"\r\n");
                }
                tail.extend_from_slice(b"0\r\n\r\n");
                tail
            }
        }
    }

    pub fn wire(&self, case: &str) -> Wire {
        let mut bytes = self.head(case);
        bytes.extend(self.tail());
        let Some(text) = &self.cut_in else {
            return Wire { segments: vec![bytes], pause: Duration::ZERO };
        };
        let mut cuts = Vec::new();
        for at in find_all(&bytes, text.as_bytes()) {
            // After the first byte, in the middle, and before the last byte.
            cuts.extend([at + 1, at + text.len() / 2, at + text.len() - 1]);
        }
        let mut segments = Vec::new();
        let mut start = 0;
        for cut in cuts {
            segments.push(bytes[start..cut].to_vec());
            start = cut;
        }
        segments.push(bytes[start..].to_vec());
        Wire { segments, pause: Duration::from_millis(30) }
    }
}

fn find_all(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    haystack
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(at, _)| at)
        .collect()
}

/// Bytes that no set knows, with a text at the given place.
pub fn filler_with(length: usize, at: usize, text: &str) -> Vec<u8> {
    let mut body: Vec<u8> =
        (0..length).map(|i| b"the quick brown fox, 0123456789;\n"[i % 33]).collect();
    body[at..at + text.len()].copy_from_slice(text.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_message_parts_inside_the_text_and_joins_to_the_whole() {
        let message = Message::get("/").header("A", "secret");
        let whole = message.wire("c").segments.concat();
        let cut = message.cut_in("secret").wire("c");
        assert_eq!(cut.segments.len(), 4);
        assert!(cut.segments[0].ends_with(b"s"));
        assert_eq!(cut.segments.concat(), whole);
    }

    #[test]
    fn chunks_are_framed() {
        let message = Message::chunked("/", vec![b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(message.tail(), b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
        assert_eq!(message.body(), b"abc");
    }
}
