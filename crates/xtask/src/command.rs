//! Running other programs: what is asked for, shown or captured, and a clear error when it fails.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

/// A program with its arguments, run in the workspace's root unless told otherwise.
pub struct Run {
    command: Command,
}

/// The Cargo that runs this task.
pub fn cargo(arguments: &[&str]) -> Run {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    program(&cargo).args(arguments)
}

/// Any other program.
pub fn program(name: impl AsRef<OsStr>) -> Run {
    let mut command = Command::new(name);
    command.current_dir(crate::workspace::root());
    Run { command }
}

impl Run {
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Run {
        self.command.arg(argument);
        self
    }

    pub fn args(mut self, arguments: &[impl AsRef<OsStr>]) -> Run {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    pub fn folder(mut self, folder: &Path) -> Run {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with its output going straight to the terminal.
    pub fn show(mut self) -> Result<()> {
        let line = self.line();
        println!("    $ {line}");
        let status = self.command.status().with_context(|| format!("cannot run {line}"))?;
        if !status.success() {
            bail!("`{line}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it with its standard error going straight to the terminal, and returns what it printed to
    /// standard output.
    pub fn answer(mut self) -> Result<String> {
        let line = self.line();
        println!("    $ {line}");
        self.command.stderr(Stdio::inherit());
        let output = self.command.output().with_context(|| format!("cannot run {line}"))?;
        if !output.status.success() {
            bail!("`{line}` ended with {}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it and returns what it printed; on failure the error carries all of it.
    pub fn capture(self) -> Result<Output> {
        let line = self.line();
        let output = self.output()?;
        if !output.status.success() {
            bail!("`{line}` ended with {}:\n{}", output.status, both(&output));
        }
        Ok(output)
    }

    /// Runs it and returns what it printed and how it ended, whatever that is.
    pub fn output(mut self) -> Result<Output> {
        let line = self.line();
        self.command.output().with_context(|| format!("cannot run {line}"))
    }

    fn line(&self) -> String {
        let mut line = Path::new(self.command.get_program())
            .file_name()
            .unwrap_or(self.command.get_program())
            .to_string_lossy()
            .into_owned();
        for argument in self.command.get_args() {
            // Writing to a String cannot fail.
            let _ = write!(line, " {}", argument.to_string_lossy());
        }
        line
    }
}

/// Standard output and standard error of a finished program as one text.
pub fn both(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    text
}
