//! `stanch scan` over what is staged in a git repository, and over its history.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::place::{GITHUB, GITLAB, Place, Run};

/// A git repository, made by git.
struct Repository(Place);

impl Repository {
    fn new() -> Repository {
        let repository = Repository(Place::new());
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// Runs git, untouched by whatever the user's git is told, and returns what it says.
    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.0.path(""))
            .args(["-c", "user.name=A", "-c", "user.email=a@example.invalid"])
            .args(["-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_DATE", "2031-02-03T04:05:06+02:00")
            .env("GIT_COMMITTER_DATE", "2031-02-03T05:00:00Z")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits everything, and returns the commit.
    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn line(&self, path: &str, token: &str) {
        self.0.write(path, format!("t = '{token}'\n"));
    }

    fn history(&self) -> Run {
        self.0.run(&["scan", "--history", "--format", "jsonl", "."])
    }
}

fn paths(run: &Run) -> Vec<String> {
    run.lines().iter().map(|line| line["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_staged_is_looked_at_as_it_is_staged() {
    let repository = Repository::new();
    let place = &repository.0;
    let scan = ["scan", "--staged", "--format", "jsonl"];
    repository.line("sub/a.py", GITHUB);
    assert_eq!(place.run(&scan).code, 0, "nothing is staged");
    // Before the first commit.
    repository.git(&["add", "sub/a.py"]);
    let run = place.run(&scan);
    assert_eq!((run.code, paths(&run)), (1, vec!["sub/a.py".to_owned()]));
    repository.commit();
    assert_eq!(place.run(&scan).code, 0, "it is committed already");

    // The index counts, whatever the working tree has.
    repository.line("staged.py", GITLAB);
    repository.git(&["add", "staged.py"]);
    repository.line("staged.py", "clean");
    repository.line("unstaged.py", GITHUB);
    fs::remove_file(place.path("sub/a.py")).unwrap();
    let run = place.run(&scan);
    assert_eq!((run.code, paths(&run)), (1, vec!["staged.py".to_owned()]));
    // From a folder below, too, and by its path from the top.
    let run = place.run(&[&scan[..], &["sub"]].concat());
    assert_eq!(paths(&run), ["staged.py"]);
    repository.git(&["add", "--all"]);
    let run = place.run(&scan);
    assert_eq!((run.code, paths(&run)), (1, vec!["unstaged.py".to_owned()]));
}

#[test]
fn staged_files_of_every_kind_and_name() {
    let repository = Repository::new();
    let place = &repository.0;
    let name = "with space\nand \"more\" ü.py";
    repository.line(name, GITHUB);
    place.write("empty", "");
    place.write("large", format!("{}t = '{GITHUB}'\n", "some words here\n".repeat(300_000)));
    std::os::unix::fs::symlink("nowhere", place.path("link")).unwrap();
    repository.git(&["add", "--all"]);
    let run = place.run(&["scan", "--staged", "--format", "jsonl", "--jobs", "2"]);
    assert_eq!(run.stderr, "");
    assert_eq!(paths(&run), ["large", name]);
    assert_eq!(run.lines()[0]["line"], 300_001);
    let run = place.run(&["scan", "--staged", "."]);
    assert!(run.stdout.contains("looked at 3 files"), "{run:?}");
}

#[test]
fn a_hook_keeps_a_token_out() {
    let repository = Repository::new();
    let hook = format!("#!/bin/sh\nexec '{}' scan --staged\n", env!("CARGO_BIN_EXE_stanch"));
    repository.0.write(".git/hooks/pre-commit", hook);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(repository.0.path(".git/hooks/pre-commit"), mode).unwrap();
    repository.0.write("clean", "x");
    repository.commit();
    repository.line("a.py", GITHUB);
    repository.git(&["add", "a.py"]);
    // git keeps the index of this commit elsewhere while the hook runs.
    for arguments in [&["commit", "-m", "x"][..], &["commit", "-m", "x", "a.py"]] {
        let output = Command::new("git")
            .current_dir(repository.0.path(""))
            .args(["-c", "user.name=A", "-c", "user.email=a@example.invalid"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(!output.status.success(), "{output:?}");
    }
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "1");
    repository.0.write("a.py", format!("t = '{GITHUB}'  # stanch:allow\n"));
    repository.commit();
    assert_eq!(repository.git(&["rev-list", "--count", "HEAD"]), "2");
}

#[test]
fn the_history_holds_what_was_deleted() {
    let repository = Repository::new();
    repository.line("old/deleted.py", GITHUB);
    let first = repository.commit();
    fs::remove_file(repository.0.path("old/deleted.py")).unwrap();
    repository.line("kept.py", GITLAB);
    let second = repository.commit();
    // The same content again is the same file.
    repository.line("again.py", GITLAB);
    repository.commit();
    let run = repository.history();
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let found = |line: &Value| {
        let text = |field: &str| line[field].as_str().unwrap().to_owned();
        [text("path"), text("commit"), text("time")]
    };
    let time = "2031-02-03T02:05:06Z";
    assert_eq!(
        run.lines().iter().map(found).collect::<Vec<_>>(),
        [["old/deleted.py", &first, time], ["kept.py", &second, time]]
    );
    run.hides(GITHUB);
    // What is in the working tree alone is no history.
    repository.line("new.py", GITHUB);
    assert_eq!(repository.history().stdout, run.stdout);

    let table = repository.0.run(&["scan", "--history"]);
    let title = format!("old/deleted.py in {} of {time}\n", &first[..12]);
    assert!(table.stdout.starts_with(&title), "{table:?}");
    let log = repository.0.run(&["scan", "--history", "--format", "sarif"]);
    let log = log.sarif();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    let result = &results[0];
    assert_eq!(result["properties"]["commit"], first.as_str());
    assert_eq!(result["properties"]["authorTime"], time);
}

#[test]
fn sarif_tells_the_versions_of_a_file_apart() {
    let repository = Repository::new();
    for n in 0..3 {
        repository.0.write("a.py", format!("# {n}\nt = '{GITHUB}'\n"));
        repository.commit();
    }
    let log = repository.0.run(&["scan", "--history", "--format", "sarif"]);
    let log = log.sarif();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let prints: BTreeSet<&str> = results
        .iter()
        .map(|result| result["partialFingerprints"]["stanchFinding/v1"].as_str().unwrap())
        .collect();
    assert_eq!((results.len(), prints.len()), (3, 3));
}

#[test]
fn every_ref_leads_to_history() {
    let repository = Repository::new();
    repository.0.write("x", "x");
    repository.commit();
    let mut expected = BTreeSet::new();
    let mut keep = |name: &str, how: &dyn Fn()| {
        repository.git(&["checkout", "--quiet", "-b", "work", "main"]);
        repository.0.write(name, format!("# {name}\nt = '{GITHUB}'\n"));
        repository.commit();
        how();
        repository.git(&["checkout", "--quiet", "main"]);
        repository.git(&["branch", "--quiet", "-D", "work"]);
        expected.insert(name.to_owned());
    };
    keep("branch", &|| drop(repository.git(&["branch", "side"])));
    keep("tag", &|| drop(repository.git(&["tag", "light"])));
    keep("annotated", &|| drop(repository.git(&["tag", "-a", "-m", "x", "heavy"])));
    keep("remote", &|| drop(repository.git(&["update-ref", "refs/remotes/o/main", "HEAD"])));
    keep("merged", &|| {
        repository.git(&["checkout", "--quiet", "main"]);
        repository.git(&["merge", "--quiet", "--no-ff", "-m", "x", "work"]);
    });
    repository.0.write("x", format!("stashed {GITHUB}\n"));
    repository.git(&["stash", "--quiet"]);
    repository.git(&["checkout", "--quiet", "--detach"]);
    repository.0.write("detached", format!("# detached\nt = '{GITHUB}'\n"));
    repository.commit();
    expected.extend(["x".to_owned(), "detached".to_owned()]);

    let loose = repository.history();
    assert_eq!(loose.stderr, "");
    assert_eq!(paths(&loose).into_iter().collect::<BTreeSet<_>>(), expected);
    // Packed, in a bare clone, and with any number of workers the same.
    repository.git(&["gc", "--quiet", "--aggressive", "--prune=now"]);
    assert_eq!(repository.history().stdout, loose.stdout);
    for jobs in ["1", "3"] {
        let scan = ["scan", "--history", "--format", "jsonl", "--jobs", jobs];
        assert_eq!(repository.0.run(&scan).stdout, loose.stdout);
    }
    repository.git(&["clone", "--quiet", "--mirror", ".", "bare.git"]);
    let bare = repository.0.run(&["scan", "--history", "--format", "jsonl", "bare.git"]);
    assert!(paths(&bare).contains(&"annotated".to_owned()), "{bare:?}");
}

#[test]
fn many_commits_are_walked_once() {
    let repository = Repository::new();
    for n in 0..40 {
        repository.0.write(&format!("d{}/e/f{n}", n % 3), format!("# {n}\nt = '{GITHUB}'\n"));
        repository.commit();
    }
    let run = repository.history();
    let paths = paths(&run);
    assert_eq!(paths.len(), 40);
    assert_eq!(paths.iter().collect::<BTreeSet<_>>().len(), 40);
    let table = repository.0.run(&["scan", "--history"]);
    assert!(table.stdout.contains("looked at 40 files"), "{table:?}");
}

#[test]
fn a_baseline_and_comments_count_in_history() {
    let repository = Repository::new();
    repository.line("a.py", GITHUB);
    repository.0.write("b.py", format!("t = '{GITLAB}'  # stanch:allow\n"));
    repository.commit();
    assert_eq!(paths(&repository.history()), ["a.py"]);
    let place = &repository.0;
    assert_eq!(place.run(&["scan", "--history", "--write-baseline", "known"]).code, 0);
    assert_eq!(place.run(&["scan", "--history", "--baseline", "known"]).code, 0);
    // A scan of the files knows the same.
    assert_eq!(place.run(&["scan", "--baseline", "known", "."]).code, 0);
}

#[test]
fn what_is_missing_in_the_repository_is_told_and_the_rest_searched() {
    let repository = Repository::new();
    repository.line("a.py", GITHUB);
    repository.0.write("b.py", "soon gone");
    repository.commit();
    let gone = repository.git(&["rev-parse", "HEAD:b.py"]);
    fs::remove_file(repository.0.path(&format!(".git/objects/{}/{}", &gone[..2], &gone[2..])))
        .unwrap();
    let run = repository.history();
    assert_eq!((run.code, paths(&run)), (2, vec!["a.py".to_owned()]));
    run.told(&["b.py", &gone]);
}

#[test]
fn what_is_no_repository_is_an_error() {
    let place = Place::new();
    place.write("a.py", GITHUB);
    for mode in ["--staged", "--history"] {
        let run = Run::of(place.command().args(["scan", mode]).env("GIT_CEILING_DIRECTORIES", "/"));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains("repository"), "{run:?}");
        place.run(&["scan", mode, ".", "a.py"]).failed(&[mode, "one repository"]);
        assert_eq!(place.run(&["scan", mode, "--no-ignore"]).code, 2);
    }
    assert_eq!(place.run(&["scan", "--staged", "--history"]).code, 2);
}

#[test]
fn an_empty_repository_has_no_findings() {
    let repository = Repository::new();
    for mode in ["--staged", "--history"] {
        let run = repository.0.run(&["scan", mode]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    }
}
