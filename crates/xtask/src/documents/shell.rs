//! A shell that commands are typed into one after the other: what one of them sets, the next one finds.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a command that goes on for ever may take to say what it is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What is typed and what it prints.
    desk: TempDir,
    folder: PathBuf,
    variables: Vec<(String, String)>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Outcome {
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }
}

impl Shell {
    /// A shell in a folder, which is its home, too. Programs in `bin` come first.
    pub fn start(folder: &Path, bin: &Path) -> Result<Shell> {
        let desk = tempfile::Builder::new().prefix("stanch-shell-").tempdir()?;
        let path = std::env::var("PATH").unwrap_or_default();
        let mut variables = vec![
            ("PATH".to_owned(), format!("{}:{path}:/usr/sbin:/sbin", bin.display())),
            ("HOME".to_owned(), folder.display().to_string()),
            ("STANCH_BY".to_owned(), "ann".to_owned()),
        ];
        // Cargo and rustup look below the home, which is another one here.
        for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            if let (None, Some(home)) = (std::env::var_os(name), std::env::var_os("HOME")) {
                let usual = Path::new(&home).join(folder);
                variables.push((name.to_owned(), usual.display().to_string()));
            }
        }
        let mut child = bash(folder, &variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run bash")?;
        let input = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("bash has no output")?);
        Ok(Shell { child, input, answers, desk, folder: folder.to_owned(), variables })
    }

    /// Sets a variable for all commands that follow.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        self.variables.push((name.to_owned(), value.to_owned()));
        let outcome = self.run(&format!("export {name}='{value}'"))?;
        ensure!(outcome.status == 0, "{}", outcome.err);
        Ok(())
    }

    /// Types a command and waits for its end.
    pub fn run(&mut self, command: &str) -> Result<Outcome> {
        let [typed, out, err] = ["typed", "out", "err"].map(|name| self.desk.path().join(name));
        std::fs::write(&typed, format!("{command}\n"))?;
        let input = self.input.as_mut().context("the shell has ended")?;
        // What it leaves running would hold a pipe open: the output goes to files.
        writeln!(
            input,
            ". {} </dev/null >{} 2>{}; echo $?",
            typed.display(),
            out.display(),
            err.display()
        )?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        let read = |path: &Path| -> Result<String> {
            Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
        };
        let status = answer.trim().parse().with_context(|| {
            format!("`{command}` ended the shell: {}", read(&err).unwrap_or_default())
        })?;
        Ok(Outcome { status, out: read(&out)?, err: read(&err)? })
    }

    /// Starts a command that goes on for ever, waits until it has said these words, and ends it.
    pub fn serve(&self, command: &str, words: &str) -> Result<()> {
        let out = self.desk.path().join("served");
        let file = std::fs::File::create(&out)?;
        let mut child = bash(&self.folder, &self.variables)
            .arg("-c")
            .arg(format!("exec {command}"))
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()?;
        let began = Instant::now();
        let outcome = loop {
            let said = String::from_utf8_lossy(&std::fs::read(&out)?).into_owned();
            if let Some(status) = child.try_wait()? {
                bail!("ended with {status} instead of going on: {said}");
            }
            if said.contains(words) {
                break Ok(());
            }
            if began.elapsed() > PATIENCE {
                break Err(anyhow::anyhow!("never said `{words}`: {said}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        kill_process(Pid::from_child(&child), Signal::TERM)?;
        let status = child.wait()?;
        ensure!(!status.success(), "it had ended already");
        outcome
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

/// Without what would send the commands to somebody's own ledger or repository.
fn bash(folder: &Path, variables: &[(String, String)]) -> Command {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc"]).current_dir(folder);
    for (name, value) in variables {
        command.env(name, value);
    }
    for name in ["STANCH_STORE", "STANCH_TENANT", "SSL_CERT_DIR", "GIT_DIR", "PKG_CONFIG_PATH"] {
        command.env_remove(name);
    }
    command
}
