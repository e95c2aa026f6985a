//! Which configuration serves: each answers with its number at `/generation`.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::PATIENCE;
use super::client::Client;

/// How often in a row it must answer before it is taken to serve every new connection.
const IN_A_ROW: u32 = 4;

/// Waits until a configuration serves every new connection on all of these ports.
pub fn wait_for(child: &mut Child, ports: &[u16], wanted: u32) -> Result<()> {
    let wanted = wanted.to_string();
    let deadline = Instant::now() + PATIENCE;
    let mut seen_in_a_row = 0;
    while seen_in_a_row < IN_A_ROW {
        if let Some(status) = child.try_wait()? {
            bail!("the proxy ended with {status}");
        }
        ensure!(Instant::now() < deadline, "configuration {wanted} never served");
        if ports.iter().all(|port| answered(*port).is_ok_and(|found| found == wanted)) {
            seen_in_a_row += 1;
        } else {
            seen_in_a_row = 0;
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

fn answered(port: u16) -> Result<String> {
    let response = Client::connect(port)?.ask(b"GET /generation HTTP/1.1\r\nHost: t\r\n\r\n")?;
    Ok(String::from_utf8(response.body)?)
}
