//! What verification takes and what it refuses.

use std::path::Path;

use serde_json::Value;
use stanch_report::{Format, Report, Snapshot, SnapshotError, VerifyError, render, verify};

use crate::sample;

#[test]
fn every_report_verifies() {
    for leaks in [0, 60] {
        let snapshot = sample::snapshot(leaks);
        for report in Report::ALL {
            for format in Format::ALL {
                let text = render(&snapshot, *report, *format).unwrap();
                let verified = verify(&text, Some(&snapshot)).unwrap();
                assert_eq!((verified.report, verified.format), (*report, *format));
                assert_eq!(verified.digest, snapshot.digest());
                assert!(verified.whole);
                match format {
                    Format::Html | Format::Json => {
                        assert_eq!(verify(&text, None), Ok(verified));
                        assert_eq!(Snapshot::of_report(&text), Ok(snapshot.clone()));
                    }
                    Format::Markdown | Format::Sarif => {
                        let missing = VerifyError::NoSnapshot(snapshot.digest());
                        assert_eq!(verify(&text, None), Err(missing.clone()));
                        assert_eq!(Snapshot::of_report(&text), Err(missing));
                    }
                }
            }
        }
    }
}

/// A report with a single character changed, at places all over the text, is refused.
#[test]
fn no_change_goes_unseen() {
    let snapshot = sample::snapshot(4);
    for report in Report::ALL {
        for format in Format::ALL {
            let text = render(&snapshot, *report, *format).unwrap();
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            for at in places.iter().step_by(1 + places.len() / 50) {
                let c = text[*at..].chars().next().unwrap();
                let other = if c == '1' { '2' } else { '1' };
                let changed = format!("{}{other}{}", &text[..*at], &text[at + c.len_utf8()..]);
                let verdict = verify(&changed, Some(&snapshot));
                // Only the name of the program's version may differ, and is then told.
                let taken = verdict.is_ok_and(|verified| verified.whole);
                assert!(!taken, "{report:?} {format:?} at {at}: {c:?}");
            }
            let short = &text[..text.len() - 1];
            assert!(verify(short, Some(&snapshot)).is_err(), "{report:?} {format:?}");
            assert!(verify(&format!("{text}\n"), Some(&snapshot)).is_err());
        }
    }
}

#[test]
fn another_snapshot_is_refused() {
    let (snapshot, mut other) = (sample::snapshot(12), sample::snapshot(12));
    other.leaks[3].history += 1;
    assert_ne!(snapshot.digest(), other.digest());
    for format in Format::ALL {
        let text = render(&snapshot, Report::Technical, *format).unwrap();
        let refusal = VerifyError::Digest { printed: snapshot.digest(), actual: other.digest() };
        assert_eq!(verify(&text, Some(&other)), Err(refusal));
    }
}

/// Whoever alters the snapshot and its digest must keep it free of contradictions.
#[test]
fn contradictions_are_refused() {
    type Change = fn(&mut Snapshot);
    let changes: [(Change, SnapshotError); 7] = [
        (|one| one.version = 2, SnapshotError::Version(2)),
        (|one| one.leaks.swap(0, 1), SnapshotError::Order(1)),
        (|one| one.leaks[4].tokens.clear(), SnapshotError::NoToken(5)),
        (|one| one.leaks[4].residual = 101, SnapshotError::Score(5)),
        (
            |one| one.leaks[0].explanation.terms[0].points += 1,
            SnapshotError::Explanation { leak: 1, score: 0, explained: 0 },
        ),
        (|one| one.ratings.nhi_exposure.drivers.push(99), SnapshotError::Driver(99)),
        (|one| one.totals.high += 1, SnapshotError::Totals),
    ];
    for (change, expected) in changes {
        let mut snapshot = sample::snapshot(12);
        let leak = &mut snapshot.leaks[0];
        leak.explanation.cap = None;
        leak.explanation.floor = None;
        leak.score = leak.explanation.score() as u8;
        leak.residual = leak.score.min(leak.residual);
        let mut snapshot = sample::with_totals(snapshot);
        assert_eq!(snapshot.check(), Ok(()));
        change(&mut snapshot);
        let error = snapshot.check().unwrap_err();
        let same = std::mem::discriminant(&error) == std::mem::discriminant(&expected);
        let explained = matches!(error, SnapshotError::Explanation { leak: 1, .. });
        assert!(same && (explained || error == expected), "{error}");
        assert_eq!(render(&snapshot, Report::Technical, Format::Json), Err(error));
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let texts = [
        "",
        "x",
        "{}",
        "{",
        "<html>",
        "[]",
        "{\"runs\":[]}",
        "# Technical report\n",
        "Digest of the snapshot: `",
        "Digest of the snapshot: `sha256:00` (technical report, stanch 0.1.0)",
        "{\"form\":\"stanch-report/1\"}",
    ];
    for text in texts {
        assert!(matches!(verify(text, None), Err(VerifyError::NoReport(_))), "{text:?}");
    }
    // Two snapshots in one page: which one was meant?
    let page = render(&sample::snapshot(1), Report::Technical, Format::Html).unwrap();
    assert!(matches!(verify(&format!("{page}{page}"), None), Err(VerifyError::NoReport(_))));
    // A snapshot with a member that nobody knows.
    let text = render(&sample::snapshot(1), Report::Technical, Format::Json).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["snapshot"]["leaks"][0]["note"] = "x".into();
    assert!(matches!(verify(&value.to_string(), None), Err(VerifyError::NoReport(_))));
}

/// A report of another version: its digest holds, the rest cannot be compared.
#[test]
fn another_version_is_verified_by_its_digest_alone() {
    let snapshot = sample::snapshot(3);
    let text = render(&snapshot, Report::Technical, Format::Json).unwrap();
    let program = format!("\"program\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&program));
    let text = text.replace(&program, "\"program\": \"0.0.9\"");
    assert!(!verify(&text, None).unwrap().whole);
}

/// The digest that docs/reports.md tells how to compute with other programs: this one was computed
/// with Python's `json` and `hashlib` from the JSON report of this snapshot.
#[test]
fn the_digest_is_that_of_other_programs() {
    let snapshot = crate::hostile::snapshot();
    let report = render(&snapshot, Report::Technical, Format::Json).unwrap();
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("digest.json"), report).unwrap();
    assert_eq!(
        snapshot.digest().to_string(),
        "sha256:79549e4242c9ebb0678e36fec1de94634dc1b59c99d6b98900fd771ad466ac06"
    );
}
