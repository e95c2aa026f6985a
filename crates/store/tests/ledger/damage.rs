//! Files that are damaged, cut off, of something else, of others, or on a full disk. A clear error, and the file
//! stays as it was, byte for byte.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use stanch_store::{Filter, Page, Sort, Store, StoreError};

use crate::child;
use crate::fixture::{all, ann, register};

/// A closed ledger with some leaks in it, in one file.
fn ledger(folder: &Path) -> PathBuf {
    let path = folder.join("ledger.db");
    let store = Store::open(path.to_str().unwrap()).unwrap();
    store.switch(&ann(), &stanch::leak::TenantId::default(), true).unwrap();
    for number in 0..60 {
        register(&store, &[2 * number, 2 * number + 1], &format!("deploy/{number}.env"));
    }
    drop(store);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "closed, it is one file");
    path
}

fn open(path: &Path) -> Result<Store, StoreError> {
    Store::open(path.to_str().unwrap())
}

/// Writes what is given, as a file that only its owner can read.
fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn files_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = ledger(folder.path());
    assert_eq!(mode(&path), 0o600);
    let store = open(&path).unwrap();
    register(&store, &[1000], "a.env");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["ledger.db", "ledger.db-shm", "ledger.db-wal"]);
    drop(store);
    for seen in [0o640, 0o604, 0o660, 0o601] {
        fs::set_permissions(&path, Permissions::from_mode(seen)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Exposed { mode, .. } if mode == seen), "{error}");
    }
}

#[test]
fn what_is_no_ledger_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE ledger (one INT); INSERT INTO ledger VALUES (1)")
        .unwrap();
    drop(connection);
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("empty", vec![], "is empty"),
        ("short", b"SQLite format 3\0 and not much more".to_vec(), "is cut off"),
        ("text", b"TOKEN=none\n".repeat(1000), "is no ledger"),
        ("noise", (0..20_000u32).map(|n| (n * n % 251) as u8).collect(), "is no ledger"),
        ("another program's", fs::read(&other).unwrap(), "is no ledger"),
    ];
    for (name, bytes, told) in cases {
        let path = folder.path().join(name);
        write(&path, &bytes);
        let error = open(&path).unwrap_err();
        assert!(matches!(error, StoreError::NotALedger(_) | StoreError::Corrupted(_)), "{error:?}");
        assert!(error.to_string().contains(told) && error.to_string().contains(name), "{error}");
        assert!(fs::read(&path).unwrap() == bytes, "{name} was changed");
    }
    assert!(matches!(open(folder.path()), Err(StoreError::NotALedger(_))));
    let nowhere = folder.path().join("no/such/folder/ledger.db");
    assert!(matches!(open(&nowhere), Err(StoreError::Io { .. })));
    assert!(matches!(Store::open("sqlite:"), Err(StoreError::Address(_))));
}

#[test]
fn a_file_that_was_cut_off_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = ledger(folder.path());
    let whole = fs::read(&path).unwrap();
    let lengths =
        (1..whole.len()).step_by(1777).chain((1..whole.len() / 4096).map(|page| page * 4096));
    let lengths = lengths.chain((whole.len() - 4095..whole.len()).step_by(211));
    for length in lengths {
        write(&path, &whole[..length]);
        let error =
            open(&path).err().unwrap_or_else(|| panic!("{length} of {} bytes", whole.len()));
        assert!(matches!(error, StoreError::Corrupted(_) | StoreError::NotALedger(_)), "{error:?}");
        assert!(fs::read(&path).unwrap() == whole[..length], "changed at {length}");
        forget(&path);
    }
    write(&path, &whole);
    open(&path).unwrap().verify(&ann().who).unwrap();
}

#[test]
fn a_damaged_file_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = ledger(folder.path());
    let whole = fs::read(&path).unwrap();
    let mut told_when_opened = 0;
    let pages = whole.len() / 4096;
    for page in 0..pages {
        // A whole page of noise, of zeroes, and one single bit.
        for kind in 0..3 {
            let mut bytes = whole.clone();
            let at = page * 4096;
            match kind {
                0 => (at..at + 4096).for_each(|n| bytes[n] = (n * n % 251) as u8),
                1 => bytes[at..at + 4096].fill(0),
                _ => bytes[at + (page * 977) % 4096] ^= 0x10,
            }
            write(&path, &bytes);
            // It is told when it is opened, or when all of it is looked at; or nothing that anybody
            // reads was damaged. Lists never hold something wrong that `verify` does not find.
            let outcome = open(&path).and_then(|store| {
                store.list(&ann().who, &Filter::default(), Sort::default(), Page::first(100))?;
                store.verify(&ann().who)
            });
            match outcome {
                Ok(verified) => {
                    assert!(kind == 2 && verified.leaks == 60, "page {page}, kind {kind}")
                }
                Err(error) => assert!(
                    matches!(
                        error,
                        StoreError::Corrupted(_)
                            | StoreError::NotALedger(_)
                            | StoreError::Newer { .. }
                            | StoreError::Database(_)
                            | StoreError::Denied(_)
                    ),
                    "{error:?}"
                ),
            }
            assert!(fs::read(&path).unwrap() == bytes, "page {page}, kind {kind} was changed");
            forget(&path);
            if kind == 0 {
                write(&path, &bytes);
                told_when_opened += usize::from(open(&path).is_err());
                forget(&path);
            }
        }
    }
    assert_eq!(told_when_opened, pages, "a page of noise is told at once");
    write(&path, &whole);
    open(&path).unwrap().verify(&ann().who).unwrap();
}

/// Removes what SQLite put beside a damaged file.
fn forget(path: &Path) {
    for end in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
fn a_newer_file_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = ledger(folder.path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("UPDATE ledger SET version = 99").unwrap();
    drop(connection);
    let bytes = fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.to_string(), "the ledger has version 99; this program knows versions up to 3");
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn many_that_make_the_same_ledger_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let store = open(path).unwrap();
                store.switch(&ann(), &stanch::leak::TenantId::default(), true).unwrap();
                register(&store, &[number], "a.env");
            });
        }
    });
    assert_eq!(all(&open(&path).unwrap()).total, 8);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
}

/// In a file system of a few megabytes, in a name space of its own.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"mount -t tmpfs -o size=3m,mode=0700 none "$1" && shift && exec "$@""#;
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(child::hand())
        .arg("fill")
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("nothing was lost"), "{said}");
}

#[test]
fn errors_repeat_nothing_of_an_address() {
    let addresses = [
        "postgres://ann:hunter2-Zq8@%2Fno%2Fsuch%2Ffolder/ledger",
        "postgres://ann:hunter2-Zq8@127.0.0.1:1/ledger?connect_timeout=2",
        "postgres://ann:hunter2-Zq8@host:no-port/ledger",
        "postgresql://ann:hunter2-Zq8@host/ledger?hunter2-Zq8=1",
    ];
    for address in addresses {
        let error = Store::open(address).unwrap_err();
        assert!(matches!(error, StoreError::Address(_) | StoreError::Unreachable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
