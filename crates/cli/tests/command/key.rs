//! `stanch key`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::place::Place;

#[test]
fn a_new_key_is_for_its_owner_alone_and_has_an_id() {
    let place = Place::new();
    let made = place.run(&["key", "new", "key"]);
    assert_eq!((made.code, made.stderr.as_str()), (0, ""));
    assert_eq!(fs::metadata(place.path("key")).unwrap().permissions().mode() & 0o7777, 0o600);
    let id = place.run(&["key", "id", "key"]);
    assert_eq!(id.code, 0);
    assert_eq!(id.stdout.trim().len(), 16);
    assert!(made.stdout.contains(id.stdout.trim()));
    let text = String::from_utf8(place.read("key")).unwrap();
    for part in text.split_whitespace().skip(1) {
        made.hides(part);
        id.hides(part);
    }
}

#[test]
fn a_key_is_never_overwritten() {
    let place = Place::new();
    place.write("key", "something else");
    place.run(&["key", "new", "key"]).failed(&["key", "exists"]);
    assert_eq!(place.read("key"), b"something else");
    place.run(&["key", "new", "no/such/folder"]).failed(&["no/such/folder", "No such file"]);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let place = Place::with_set();
    fs::set_permissions(place.path("key"), Permissions::from_mode(0o640)).unwrap();
    place.write("request", "GET / HTTP/1.1\r\n\r\n");
    let runs: [&[&str]; 4] = [
        &["key", "id", "key"],
        &["patch", "compile", "--key", "key", "-o", "other", "tokens"],
        &["patch", "inspect", "--key", "key", "set"],
        &["match", "--patches", "set", "--key", "key", "request"],
    ];
    for arguments in runs {
        place.run(arguments).failed(&["key file key", "0640"]);
    }
    assert_eq!(place.names(), ["key", "request", "set", "tokens"]);
}

#[test]
fn what_is_no_key_is_refused() {
    let place = Place::with_set();
    place.run(&["key", "id", "nothing"]).failed(&["nothing", "No such file"]);
    fs::set_permissions(place.path("tokens"), Permissions::from_mode(0o600)).unwrap();
    let run = place.run(&["key", "id", "tokens"]);
    run.failed(&["tokens", "not a key file"]);
    run.hides(crate::place::GITHUB);
}
