//! Completions and the manual.

use crate::place::Place;

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Place::new().run(&["completions", shell]);
        assert_eq!(run.code, 0, "{run:?}");
        for word in ["stanch", "baseline", "inspect"] {
            assert!(run.stdout.contains(word), "{shell}: no {word}");
        }
    }
    assert_eq!(Place::new().run(&["completions", "tcsh"]).code, 2);
}

/// The shell itself takes the script, and completes.
#[test]
fn bash_completes() {
    let place = Place::new();
    place.write("completions", place.run(&["completions", "bash"]).stdout);
    let script = "set -eu; . ./completions; COMP_WORDS=(stanch pa); COMP_CWORD=1; \
                  _stanch stanch pa stanch; echo \"${COMPREPLY[*]}\"";
    let output = std::process::Command::new("bash")
        .args(["-c", script])
        .current_dir(place.path(""))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "patch\n");
}

#[test]
fn the_manual_has_a_page_for_each_subcommand() {
    let place = Place::new();
    let run = place.run(&["manual"]);
    assert!(run.code == 0 && run.stdout.contains(".TH stanch 1"), "{run:?}");
    assert_eq!(place.run(&["manual", "--folder", "pages/man1"]).code, 0);
    let page = String::from_utf8(place.read("pages/man1/stanch-patch-compile.1")).unwrap();
    for words in [".SH SYNOPSIS", "\\-\\-key", "stanch\\-patch\\-compile"] {
        assert!(page.contains(words), "no {words} in {page}");
    }
    assert!(place.path("pages/man1/stanch-scan.1").exists());
    place.write("file", "");
    place.run(&["manual", "--folder", "file"]).failed(&["file"]);
}
