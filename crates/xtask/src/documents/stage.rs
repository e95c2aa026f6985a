//! The folder that a page's commands run in, and what stands around it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::postgres::Postgres;
use super::shell::{Outcome, Shell};
use super::site::Site;
use crate::command::program;
use crate::workspace;

pub struct Stage {
    pub shell: Shell,
    /// A server of sets, once there is one.
    pub site: Option<Site>,
    /// A database server, once there is one.
    pub postgres: Option<Postgres>,
    replaced: Vec<(String, String)>,
    folder: TempDir,
    _bin: TempDir,
}

impl Stage {
    pub fn new() -> Result<Stage> {
        let folder = tempfile::Builder::new().prefix("stanch-page-").tempdir()?;
        let bin = tempfile::Builder::new().prefix("stanch-bin-").tempdir()?;
        symlink(workspace::target().join("debug/stanch"), bin.path().join("stanch"))?;
        let shell = Shell::start(folder.path(), bin.path())?;
        let (site, postgres) = (None, None);
        Ok(Stage { shell, site, postgres, replaced: Vec::new(), folder, _bin: bin })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Words of the page that mean something else here.
    pub fn replace(&mut self, word: &str, with: impl ToString) {
        self.replaced.push((word.to_owned(), with.to_string()));
    }

    /// Folders of the system, which stand below the stage here.
    pub fn replace_folders(&mut self, folders: &[&str]) -> Result<()> {
        for folder in folders {
            let here = self.path(&folder[1..]);
            fs::create_dir_all(&here)?;
            self.replace(folder, here.display());
        }
        Ok(())
    }

    /// A text of the page as it is meant here.
    pub fn real(&self, text: &str) -> String {
        self.replaced.iter().fold(text.to_owned(), |text, (word, with)| text.replace(word, with))
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        fs::write(&path, text)?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?)
    }

    /// Types what the page takes for granted; findings are no failure.
    pub fn does(&mut self, commands: &[&str]) -> Result<()> {
        for command in commands {
            let outcome = self.shell.run(command)?;
            ensure!(
                outcome.status <= 1,
                "`{command}` ended with {}: {}",
                outcome.status,
                outcome.all()
            );
        }
        Ok(())
    }

    /// The sources of the sample shop.
    pub fn sample(&self, name: &str) -> Result<()> {
        let sample = workspace::root().join("crates/cli/demo/tree");
        program("cp").arg("-rT").arg(sample).arg(self.path(name)).capture()?;
        Ok(())
    }

    /// A token of the sample, by its rule.
    pub fn token(&mut self, folder: &str, rule: &str) -> Result<String> {
        let command = format!("stanch scan --format jsonl --show-secrets {folder}");
        for line in self.shell.run(&command)?.out.lines() {
            let finding: Value = serde_json::from_str(line)?;
            if finding["rule"] == rule {
                return Ok(finding["secret"].as_str().unwrap_or_default().to_owned());
            }
        }
        anyhow::bail!("the sample holds no {rule}")
    }

    /// Types a command at a terminal.
    pub fn on_terminal(&mut self, command: &str) -> Result<Outcome> {
        self.write("terminal.sh", command)?;
        self.shell.run("script --quiet --return --command 'bash terminal.sh' /dev/null")
    }

    /// Puts a script where git looks for its hook, and commits what is staged.
    pub fn as_hook(&mut self, script: &str) -> Result<Outcome> {
        let hook = ".git/hooks/pre-commit";
        self.write(hook, script)?;
        fs::set_permissions(self.path(hook), fs::Permissions::from_mode(0o755))?;
        self.shell.run("git commit --quiet --message more")
    }
}
