//! A PostgreSQL server of the test's own: in a folder of its own, on a socket in it, stopped when the
//! test process ends, however it ends.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

/// A running server.
pub(crate) struct Server {
    folder: PathBuf,
    bin: PathBuf,
    /// Whether it waits for the disk. A process that is killed loses nothing that the system has taken, so
    /// the tests need not; what is measured does.
    waits_for_disk: bool,
    /// Where it listens beside its socket, encrypted.
    port: Option<u16>,
    /// The shell that minds the server. It stops it when this end of its input goes away.
    minder: Option<(Child, ChildStdin)>,
}

impl Server {
    /// The server that all tests of this process share.
    pub(crate) fn shared() -> &'static Server {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(|| Server::start(false))
    }

    /// A new server with a cluster of its own.
    pub(crate) fn start(waits_for_disk: bool) -> Server {
        let mut server = Server::make(waits_for_disk);
        server.run();
        server
    }

    /// One that listens at a port of 127.0.0.1, too, with this certificate and its key, as PEM.
    pub(crate) fn start_encrypted(certificate: &str, key: &str) -> Server {
        let mut server = Server::make(false);
        let data = server.folder.join("data");
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = servant() {
                chown(&path, Some(user), Some(group)).unwrap();
            }
        }
        // Nobody else takes it in so short a time.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        server.port = Some(free.local_addr().unwrap().port());
        drop(free);
        server.run();
        server
    }

    /// The port that it listens at.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap()
    }

    fn make(waits_for_disk: bool) -> Server {
        let folder = tempfile::Builder::new().prefix("stanch-pg-").tempdir().unwrap().keep();
        let server = Server { folder, bin: installed(), waits_for_disk, port: None, minder: None };
        if let Some((user, group)) = servant() {
            chown(&server.folder, Some(user), Some(group)).unwrap();
        }
        let made = server
            .command("initdb")
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8"])
            .args(["--locale=C", "-D"])
            .arg(server.folder.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        server
    }

    /// Starts the server over its cluster, and waits until it answers.
    pub(crate) fn run(&mut self) {
        let program = self.command("postgres");
        let script = r#"
            folder="$1"; shift
            "$@" >"$folder/log" 2>&1 &
            server=$!
            cat >/dev/null
            kill -INT "$server" 2>/dev/null
            wait "$server"
            [ -e "$folder/keep" ] || rm -rf "$folder"
        "#;
        let mut minder = Command::new("sh")
            .args(["-c", script, "minder"])
            .arg(&self.folder)
            .arg(program.get_program())
            .args(program.get_args())
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-c", if self.waits_for_disk { "fsync=on" } else { "fsync=off" }])
            .args(["-c", "max_connections=64", "-k"])
            .arg(&self.folder)
            .args(match self.port {
                None => vec!["-c".to_owned(), "listen_addresses=".into()],
                Some(port) => ["-c", "ssl=on", "-c", "listen_addresses=127.0.0.1", "-p"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([port.to_string()])
                    .collect(),
            })
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let input = minder.stdin.take().unwrap();
        self.minder = Some((minder, input));
        let began = Instant::now();
        while let Err(error) = Client::connect(&self.url("postgres"), NoTls) {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "no server: {error}\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills the server with all its processes, as a power cut would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        std::fs::write(self.folder.join("keep"), "").unwrap();
        let pid = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let server: u32 = pid.lines().next().unwrap().parse().unwrap();
        let mut all = vec![server];
        all.extend(children(server));
        for pid in &all {
            let pid = rustix::process::Pid::from_raw(*pid as i32).unwrap();
            // One that has ended by itself is as dead.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if let Some((mut minder, input)) = self.minder.take() {
            drop(input);
            minder.wait().unwrap();
        }
        while all.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::fs::remove_file(self.folder.join("keep")).unwrap();
    }

    /// The address of a new, empty database.
    pub(crate) fn database(&self) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("ledger{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::connect(&self.url("postgres"), NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    /// The address of the database with this name.
    pub(crate) fn url(&self, name: &str) -> String {
        let folder = self.folder.to_str().unwrap().replace('/', "%2F");
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!("postgres://postgres@{folder}{port}/{name}")
    }

    /// A program of PostgreSQL, as a user under which it runs: not as root.
    fn command(&self, name: &str) -> Command {
        let program = self.bin.join(name);
        match servant() {
            None => Command::new(program),
            Some((user, group)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={group}")]);
                command.arg("--clear-groups").arg(program).current_dir("/");
                command
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut minder, input)) = self.minder.take() {
            drop(input);
            let _ = minder.wait();
        }
    }
}

/// Where the newest PostgreSQL of the system is.
fn installed() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, bin)| bin.join("initdb").exists())
        .collect();
    found.sort();
    match found.pop() {
        Some((_, bin)) => bin,
        None if Path::new("/usr/local/bin/initdb").exists() => "/usr/local/bin".into(),
        None => panic!("there is no PostgreSQL: install the package `postgresql`"),
    }
}

/// The user and group that the server runs as where the tests run as root.
fn servant() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let line = line.expect("there is no user postgres: install the package `postgresql`");
    let fields: Vec<&str> = line.split(':').collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

/// The processes that this one started, and that run still.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything: the state, then the parent.
        let parent_of = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent_of == Some(&parent.to_string())
    };
    pids.filter(is_child).collect()
}
