//! `stanch demo`.

use crate::place::{GITHUB, GITLAB, PASSWORD, Place};

#[test]
fn the_demo_goes_as_expected_and_leaves_nothing_behind() {
    let place = Place::new();
    let mut command = place.command();
    command.arg("demo").env("TMPDIR", place.path(""));
    let run = crate::place::Run::of(&mut command);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert_eq!(place.names(), [""; 0]);
    let rows = |mark: char| run.stdout.lines().filter(|line| line.contains(mark)).count();
    assert_eq!((rows('✓'), rows('✗')), (12, 0));
    let actions = |action: &str| {
        let cell = format!("┆ {action} ");
        run.stdout.lines().filter(|line| line.contains('✓') && line.contains(&cell)).count()
    };
    assert_eq!((actions("block"), actions("monitor"), actions("pass")), (8, 1, 3));
    for leak in [".env:3", "docs/runbook.md:5", "scripts/release.sh:5", "opened", "false"] {
        assert!(run.stdout.contains(leak), "{leak}");
    }
    for token in [GITHUB, GITLAB, PASSWORD] {
        run.hides(token);
    }
    assert!(!run.stdout.contains('\x1b'), "colours where there is no terminal");
}
