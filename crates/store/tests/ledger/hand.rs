//! What the suite starts as processes of their own.
//!
//! `ledger-hand write ADDRESS FIRST COUNT [shared]` writes to a ledger, and says of each thing that was kept that
//! it is; `ledger-hand fill FOLDER` fills the small disk at FOLDER.

#![allow(clippy::unwrap_used, reason = "the tests see how it ends")]

#[allow(dead_code, reason = "the suite needs more of it")]
mod sample;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use stanch::leak::{Decision, LeakId, TenantId};
use stanch_store::{Store, StoreError};

use crate::sample::{COMMON, all, ann, found, token};

fn main() {
    let told: Vec<String> = std::env::args().skip(1).collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    match told[..] {
        ["write", address, first, count] => write(address, first, count, false),
        ["write", address, first, count, "shared"] => write(address, first, count, true),
        ["fill", folder] => fill(Path::new(folder)),
        _ => panic!("nobody tells what to do"),
    }
}

/// Registers the tokens with `count` numbers from `first` on, and one in four that all writers share.
fn write(address: &str, first: &str, count: &str, shared: bool) {
    let (first, count): (u64, u64) = (first.parse().unwrap(), count.parse().unwrap());
    let kept = Store::open(address).and_then(|store| {
        (first..first + count).try_for_each(|number| write_one(&store, number, shared))
    });
    if let Err(error) = kept {
        panic!("the writer ends: {error}");
    }
}

fn write_one(store: &Store, number: u64, shared: bool) -> Result<(), StoreError> {
    let mut batch = vec![found(&[number], &format!("{number}.env"))];
    if shared && number.is_multiple_of(4) {
        batch.push(found(&[COMMON], "shared.env"));
    }
    let done = store.register(&ann(), batch)?;
    let known = |index: usize| done.get(index).map(|r| r.new.unwrap_or_else(|| r.seen_again[0]));
    let id = known(0).unwrap();
    say(&format!("token {number} {id}"));
    if let Some(common) = known(1) {
        say(&format!("token {COMMON} {common}"));
    }
    match number % 3 {
        0 => {
            store.note(&ann(), id, &format!("note-{number}"))?;
            say(&format!("note {id} note-{number}"));
        }
        1 => {
            store.decide(&ann(), id, Decision::Close, false, None)?;
            say(&format!("closed {id}"));
        }
        _ => {}
    }
    Ok(())
}

/// One write each, so that a line is there as a whole or not at all.
fn say(kept: &str) {
    std::io::stdout().write_all(format!("{kept}\n").as_bytes()).unwrap();
}

/// Writes until there is no room, and sees that everything is there that was acknowledged.
fn fill(folder: &Path) {
    // To be given back later.
    fs::write(folder.join("ballast"), vec![1; 400_000]).unwrap();
    let path = folder.join("ledger.db");
    let open = |path: &Path| Store::open(path.to_str().unwrap());
    let store = open(&path).unwrap();
    store.switch(&ann(), &TenantId::default(), true).unwrap();
    let register = |store: &Store, number: u64| {
        let done = store.register(&ann(), vec![found(&[number], "a.env")])?;
        Ok::<_, StoreError>((number, done[0].new.unwrap()))
    };
    let check = |store: &Store, kept: &[(u64, LeakId)]| {
        for (number, id) in kept {
            let leak = store.leak(&ann().who, *id).unwrap();
            assert!(leak.holds(token("github-pat", *number).digest()), "token {number} is lost");
        }
    };
    let mut kept = Vec::new();
    let mut number = 10;
    let error = loop {
        match register(&store, number) {
            Ok(done) => kept.push(done),
            Err(error) => break error,
        }
        number += 1;
        assert!(number < 100_000, "the disk is never full");
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert_eq!(error.to_string(), "the disk is full: nothing was written");
    assert!(kept.len() > 20, "{}", kept.len());
    check(&store, &kept);
    // A new ledger finds no room either, and leaves nothing behind.
    let other = open(&folder.join("other.db")).unwrap_err();
    assert!(matches!(other, StoreError::Full | StoreError::Database(_)), "{other:?}");
    assert!(!folder.join("other.db").exists());
    // With room again it goes on, in the same connection and in a new one.
    fs::remove_file(folder.join("ballast")).unwrap();
    kept.push(register(&store, number).unwrap());
    drop(store);
    let store = open(&path).unwrap();
    check(&store, &kept);
    assert_eq!(all(&store).total, kept.len() as u64);
    store.verify(&ann().who).unwrap();
    say("nothing was lost");
}
