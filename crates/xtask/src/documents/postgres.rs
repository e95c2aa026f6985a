//! A PostgreSQL server in a folder of its own, without a port.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::command::program;

const BIN: &str = "/usr/lib/postgresql/15/bin";

pub struct Postgres {
    child: Child,
    folder: TempDir,
}

impl Postgres {
    pub fn start() -> Result<Postgres> {
        let folder = tempfile::Builder::new().prefix("stanch-postgres-").tempdir()?;
        let root = rustix::process::geteuid().is_root();
        if root {
            // The server refuses to be root.
            program("chown").arg("postgres").arg(folder.path()).capture()?;
        }
        let data = folder.path().join("data");
        let (first, arguments): (&str, &[&str]) = match root {
            true => ("setpriv", &["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]),
            false => ("env", &["--"]),
        };
        program(first)
            .args(arguments)
            .arg(format!("{BIN}/initdb"))
            .args(&["--no-sync", "--auth=trust", "--username=postgres", "--pgdata"])
            .arg(&data)
            .folder(folder.path())
            .capture()?;
        let child = Command::new(first)
            .args(arguments)
            .arg(format!("{BIN}/postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run PostgreSQL")?;
        let mut server = Postgres { child, folder };
        let began = Instant::now();
        while !server.folder.path().join(".s.PGSQL.5432").exists() {
            let ended = server.child.try_wait()?;
            ensure!(ended.is_none(), "PostgreSQL ended: {ended:?}");
            ensure!(began.elapsed() < Duration::from_secs(20), "PostgreSQL does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The folder of its socket.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // `setpriv` has become the server, so this is its process.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ = self.child.wait();
    }
}
