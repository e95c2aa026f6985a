//! A client that controls every byte and every segment it sends.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::message::Message;

/// What is waited for a proxy: under valgrind, on a busy machine, a body that inflates takes its time.
const PATIENCE: Duration = Duration::from_secs(120);

/// One connection to a proxy.
pub struct Client {
    stream: TcpStream,
    /// Received and not yet consumed.
    pending: Vec<u8>,
    /// Anything was received since the last request was begun.
    answering: bool,
    /// The last answer said that the connection will be closed.
    pub is_closing: bool,
}

pub struct Response {
    pub status: u16,
    pub body: Vec<u8>,
    /// Empty if there is none.
    pub content_type: String,
    /// The proxy keeps the connection open.
    pub keeps_alive: bool,
}

/// A request that was sent and its answer, for the checks of the bench.
pub struct Outcome {
    pub case: String,
    pub target: String,
    pub body: Vec<u8>,
    pub status: u16,
}

impl Outcome {
    pub fn new(case: &str, message: &Message, status: u16) -> Outcome {
        Outcome {
            case: case.to_owned(),
            target: message.target().to_owned(),
            body: message.body(),
            status,
        }
    }
}

impl Client {
    pub fn connect(port: u16) -> Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { stream, pending: Vec::new(), answering: false, is_closing: false })
    }

    /// Sends a whole request and reads the answer.
    pub fn ask(&mut self, request: &[u8]) -> Result<Response> {
        self.send(request)?;
        self.response()
    }

    /// Sends a message, cut as it asks for, and reads the answer. A proxy may answer a request that
    /// it refuses before all of it is sent; the answer counts then.
    pub fn exchange(&mut self, case: &str, message: &Message) -> Result<Outcome> {
        let wire = message.wire(case);
        self.answering = false;
        for (i, segment) in wire.segments.iter().enumerate() {
            if i > 0 {
                std::thread::sleep(wire.pause);
            }
            if self.send(segment).is_err() {
                break;
            }
        }
        let response = self.response()?;
        Ok(Outcome::new(case, message, response.status))
    }

    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next response, interim ones included.
    pub fn response(&mut self) -> Result<Response> {
        let (status, head) = self.head()?;
        let (mut length, mut keeps_alive, mut content_type) = (None, true, String::new());
        for line in head.lines().skip(1) {
            let Some((name, value)) = line.split_once(": ") else {
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.parse::<usize>()?),
                "content-type" => content_type = value.to_owned(),
                "connection" => keeps_alive = !value.eq_ignore_ascii_case("close"),
                "transfer-encoding" => bail!("an answer in chunks was not expected"),
                _ => {}
            }
        }
        let length = if status < 200 { 0 } else { length.context("an answer without a length")? };
        while self.pending.len() < length {
            ensure!(self.receive()?, "the connection was closed inside the answer");
        }
        let body = self.pending.drain(..length).collect();
        self.is_closing = !keeps_alive;
        Ok(Response { status, body, content_type, keeps_alive })
    }

    /// The status of an answer that has no body whatever its headers say.
    pub fn status_of_head(&mut self) -> Result<u16> {
        Ok(self.head()?.0)
    }

    fn head(&mut self) -> Result<(u16, String)> {
        let end = loop {
            if let Some(at) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.receive()?, "the connection was closed before the answer");
        };
        let head = String::from_utf8(self.pending.drain(..end).collect())?;
        let status = head.split(' ').nth(1).context("no status line")?.parse()?;
        Ok((status, head))
    }

    /// Whether the server closed the connection without a byte of an answer to the last request.
    pub fn was_closed_unanswered(&mut self) -> bool {
        let _ = self.stream.set_nonblocking(true);
        let closed = match self.stream.peek(&mut [0]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        let _ = self.stream.set_nonblocking(false);
        closed && !self.answering
    }

    /// Reads what there is; false at the end of the stream.
    fn receive(&mut self) -> Result<bool> {
        let mut buffer = [0; 16 * 1024];
        let read = self.stream.read(&mut buffer)?;
        self.pending.extend_from_slice(&buffer[..read]);
        self.answering |= read > 0;
        Ok(read > 0)
    }
}

/// One message on a connection of its own.
pub fn exchange(port: u16, case: &str, message: &Message) -> Result<Outcome> {
    Client::connect(port)?.exchange(case, message)
}
