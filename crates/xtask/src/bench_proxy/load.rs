//! The load: one thread that keeps a few connections busy, each with one request under way.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// How many requests are under way at a time.
const CONNECTIONS: usize = 16;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a clean request is answered with, in each proxy, and what one with a token.
pub const PASSED: u16 = 204;
pub const REFUSED: u16 = 403;

/// Connections to one proxy, kept open from round to round.
pub struct Load {
    connections: Vec<TcpStream>,
    buffer: Vec<u8>,
    /// Where in the list of requests the next round goes on.
    next: usize,
}

impl Load {
    pub fn connect(port: u16) -> Result<Load> {
        let connections = (0..CONNECTIONS).map(|_| connect(port)).collect::<Result<_>>()?;
        Ok(Load { connections, buffer: vec![0; 4_096], next: 0 })
    }

    /// Sends so many requests, in turn, and adds what each took to be answered to `latencies`, in
    /// nanoseconds. An answer other than [`PASSED`] is an error.
    pub fn run(
        &mut self,
        requests: &[Vec<u8>],
        count: usize,
        latencies: &mut Vec<u32>,
    ) -> Result<()> {
        let batches = count / CONNECTIONS;
        let mut sent = [Instant::now(); CONNECTIONS];
        for _ in 0..batches {
            for (connection, sent) in self.connections.iter_mut().zip(&mut sent) {
                *sent = Instant::now();
                connection.write_all(&requests[self.next % requests.len()])?;
                self.next += 1;
            }
            for (connection, sent) in self.connections.iter_mut().zip(&sent) {
                let status = answer(connection, &mut self.buffer)?;
                ensure!(status == PASSED, "a clean request was answered with {status}");
                latencies.push(u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX));
            }
        }
        Ok(())
    }
}

/// The status that a request on a connection of its own is answered with.
pub fn ask(port: u16, request: &[u8]) -> Result<u16> {
    let mut connection = connect(port)?;
    connection.write_all(request)?;
    answer(&mut connection, &mut vec![0; 64 * 1_024])
}

fn connect(port: u16) -> Result<TcpStream> {
    let connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// Reads an answer's head; what is behind it is nobody's concern here: [`PASSED`] has no body.
fn answer(connection: &mut TcpStream, buffer: &mut [u8]) -> Result<u16> {
    let mut length = 0;
    loop {
        let read = connection.read(&mut buffer[length..])?;
        ensure!(read > 0, "the connection was closed before the answer");
        length += read;
        if buffer[..length].windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    let status = buffer.get(9..12).context("no status line")?;
    Ok(std::str::from_utf8(status)?.parse()?)
}
