//! The server behind a proxy: answers everything with 200 and remembers what it received. A location
//! of nginx may ask two things of it, by headers that it adds: `X-Redirect` to tell nginx to look at
//! that place instead, and `X-Truncate` to cut off that file before it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};

pub struct Upstream {
    port: u16,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    /// What came, by the header `X-Case`.
    received: BTreeMap<String, Vec<Received>>,
    /// The cases whose head came, whether or not the rest did.
    begun: BTreeSet<String>,
    /// The cases that must never come.
    unwanted: BTreeSet<String>,
}

struct Received {
    target: String,
    body: Vec<u8>,
}

/// A request as it came in.
#[derive(Default)]
struct Request {
    case: String,
    target: String,
    body: Vec<u8>,
    redirect: Option<String>,
    truncate: Option<PathBuf>,
}

impl Upstream {
    pub fn start() -> Result<Upstream> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let record = Arc::new(Mutex::new(Record::default()));
        let shared = Arc::clone(&record);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let record = Arc::clone(&shared);
                // A connection that breaks off shows in the case that it belonged to.
                std::thread::spawn(move || serve(stream, &record));
            }
        });
        Ok(Upstream { port, record })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Exactly one request of this case came, with this target and body.
    pub fn check_received(&self, case: &str, target: &str, body: &[u8]) -> Result<()> {
        let record = lock(&self.record);
        let all = record.received.get(case).map_or(&[][..], Vec::as_slice);
        let [one] = all else { bail!("the upstream got {} requests instead of 1", all.len()) };
        ensure!(one.target == target, "the upstream got the target {}", one.target);
        ensure!(
            one.body == body,
            "the upstream got another body, of {} bytes instead of {}",
            one.body.len(),
            body.len()
        );
        Ok(())
    }

    /// How many requests of this case came.
    pub fn count(&self, case: &str) -> usize {
        lock(&self.record).received.get(case).map_or(0, Vec::len)
    }

    /// Whether the head of a request of this case came.
    pub fn has_begun(&self, case: &str) -> bool {
        lock(&self.record).begun.contains(case)
    }

    /// Nothing of this case came so far, and nothing may come until `blocked_but_seen`.
    pub fn must_not_see(&self, case: &str) -> Result<()> {
        let mut record = lock(&self.record);
        record.unwanted.insert(case.to_owned());
        ensure!(!record.received.contains_key(case), "the upstream saw the request");
        Ok(())
    }

    /// The cases that were refused and came all the same, by now.
    pub fn blocked_but_seen(&self) -> Vec<String> {
        let record = lock(&self.record);
        record.unwanted.iter().filter(|case| record.received.contains_key(*case)).cloned().collect()
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    // The record is consistent after every statement, whatever became of another thread.
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, record: &Mutex<Record>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, record)? {
        let Request { case, target, body, redirect, truncate } = request;
        if let Some(file) = truncate {
            OpenOptions::new().write(true).open(file)?.set_len(0)?;
        }
        if case != "load" {
            lock(record).received.entry(case).or_default().push(Received { target, body });
        }
        let more =
            redirect.map(|target| format!("X-Accel-Redirect: {target}\r\n")).unwrap_or_default();
        let answer = format!("HTTP/1.1 200 OK\r\n{more}Content-Length: 3\r\n\r\nok\n");
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// The next request on a connection; none when it is closed.
fn read_request(
    reader: &mut BufReader<TcpStream>,
    record: &Mutex<Record>,
) -> Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).context("no target")?.to_owned();
    let mut request = Request { target, ..Request::default() };
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "x-case" => request.case = value.to_owned(),
            "x-redirect" => request.redirect = Some(value.to_owned()),
            "x-truncate" => request.truncate = Some(value.into()),
            "content-length" => length = value.parse()?,
            "transfer-encoding" => is_chunked = true,
            _ => {}
        }
    }
    lock(record).begun.insert(request.case.clone());
    if is_chunked {
        request.body = read_chunks(reader)?;
    } else {
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

/// A body in chunks, up to its end; trailers are passed over.
fn read_chunks(reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(read_line(reader)?.trim_end(), 16)?;
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..])?;
        if length == 0 {
            while !read_line(reader)?.trim_end().is_empty() {}
            return Ok(body);
        }
        read_line(reader)?;
    }
}

/// A line; the end of the stream is an error, as it must not end there.
fn read_line(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut line = String::new();
    ensure!(reader.read_line(&mut line)? > 0, "the request ends early");
    Ok(line)
}
