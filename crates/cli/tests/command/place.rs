//! A folder to run the command in.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use assert_cmd::Command;
use jsonschema::Validator;
use serde_json::Value;
use tempfile::TempDir;

/// A GitHub token, invented, with a checksum that holds.
pub(crate) const GITHUB: &str = "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";
/// A GitLab token, invented.
pub(crate) const GITLAB: &str = "glpat-WSNo1VK2HR4GAoIb6QS1";
/// A password, invented.
pub(crate) const PASSWORD: &str = "m7ToCS4U-28CeF8";

/// A temporary folder, and the command in it.
pub(crate) struct Place {
    folder: TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with a key `key` and a set `set` of the three tokens, each in the line of its
    /// number.
    pub(crate) fn with_set() -> Place {
        let place = Place::new();
        place.write("tokens", format!("{GITHUB}\n{GITLAB}\n{PASSWORD}\n"));
        assert_eq!(place.run(&["key", "new", "key"]).code, 0);
        let compiled = place.run(&["patch", "compile", "--key", "key", "-o", "set", "tokens"]);
        assert_eq!(compiled.code, 0, "{compiled:?}");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The names in the folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self) -> Command {
        command_in(self.folder.path())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command().args(arguments))
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
        Run::of(self.command().args(arguments).write_stdin(input.as_ref()))
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Run {
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The lines of stdout as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Stdout as a SARIF log, after a check that the standard's schema takes it.
    #[track_caller]
    pub(crate) fn sarif(&self) -> Value {
        static SCHEMA: LazyLock<Validator> = LazyLock::new(|| {
            let schema = include_str!("../../../../tests/schemas/sarif-2.1.0.json");
            // One pattern of the published schema has a bracket too many.
            let schema = schema.replace("{2}]?$", "{2}?$");
            let schema = serde_json::from_str(&schema).unwrap();
            jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
        });
        let log = serde_json::from_str(&self.stdout).unwrap();
        let faults: Vec<String> = SCHEMA
            .iter_errors(&log)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        log
    }

    /// Checks that it failed with these words in one line of stderr, and said nothing on stdout.
    #[track_caller]
    pub(crate) fn failed(&self, words: &[&str]) {
        assert_eq!(self.code, 2, "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        self.told(words);
    }

    /// Checks that a line of stderr has the command's form and holds these words.
    #[track_caller]
    pub(crate) fn told(&self, words: &[&str]) {
        let holds = |line: &str| {
            line.starts_with("stanch: ") && words.iter().all(|word| line.contains(word))
        };
        assert!(self.stderr.lines().any(holds), "{words:?} is not in {self:?}");
    }

    /// Checks that the text shows nowhere.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        assert!(
            !self.stdout.contains(text) && !self.stderr.contains(text),
            "{text} shows: {self:?}"
        );
    }
}

fn command_in(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stanch"));
    command.current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.env("STANCH_BY", "tester").env_remove("STANCH_STORE").env_remove("STANCH_TENANT");
    command
}
