//! `stanch scan` over archives and what else is packed.

use std::io::{Cursor, Write};

use serde_json::{Value, json};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::place::{GITHUB, GITLAB, Place, Run};

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip_by(CompressionMethod::Deflated, files)
}

fn zip_by(method: CompressionMethod, files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let mut builder = tar::Builder::new(gzip);
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn list(token: &str) -> Vec<u8> {
    let mut root = plist::Dictionary::new();
    root.insert("apiToken".to_owned(), token.into());
    let mut list = Vec::new();
    plist::Value::Dictionary(root).to_writer_binary(&mut list).unwrap();
    list
}

fn found(run: &Run) -> Vec<(String, u64)> {
    let place =
        |line: &Value| (line["path"].as_str().unwrap().into(), line["line"].as_u64().unwrap());
    run.lines().iter().map(place).collect()
}

/// A folder with an archive of an archive, and a list.
fn packed() -> Place {
    let place = Place::new();
    let inner = tgz(&[("etc/conf", format!("\n\nt = '{GITLAB}'\n").as_bytes()), ("clean", b"x")]);
    let app = zip(&[
        ("src/a b.py", format!("t = '{GITHUB}'\n").as_bytes()),
        ("lib/inner.tgz", &inner),
        ("Info.plist", &list(GITHUB)),
        ("readme", b"nothing"),
    ]);
    place.write("app.apk", app);
    place.write("Info.plist", list(GITHUB));
    place
}

#[test]
fn what_is_packed_is_found_by_its_trail() {
    let place = packed();
    let run = place.run(&["scan", "--format", "jsonl", "."]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""));
    let expected = [
        ("./Info.plist", 1),
        ("./app.apk!src/a b.py", 1),
        ("./app.apk!lib/inner.tgz!etc/conf", 3),
        ("./app.apk!Info.plist", 1),
    ];
    assert_eq!(found(&run), expected.map(|(path, line)| (path.to_owned(), line)));
    let run = place.run(&["scan", "."]);
    assert!(run.stdout.contains("\n./app.apk!lib/inner.tgz!etc/conf\n"), "{run:?}");
    assert!(run.stdout.contains("4 findings in 4 files"), "{run:?}");
    assert!(run.stdout.contains("looked at 6 files"), "{run:?}");
    run.hides(GITHUB);

    let piped = place.run_with(&["scan", "--format", "jsonl", "-"], place.read("app.apk"));
    assert_eq!(found(&piped)[1].0, "-!lib/inner.tgz!etc/conf");
}

#[test]
fn archives_stay_closed_on_request() {
    let place = packed();
    let run = place.run(&["scan", "--format", "jsonl", "--no-archives", "app.apk"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
}

#[test]
fn sarif_names_what_is_packed_by_a_valid_uri() {
    let run = packed().run(&["scan", "--format", "sarif", "."]);
    let log = run.sarif();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    let location = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"], json!({ "uri": "app.apk!src/a%20b.py" }));
    assert_eq!(location["region"]["startLine"], 1);
}

#[test]
fn what_is_cut_off_or_explodes_is_told_and_the_rest_searched() {
    let place = Place::new();
    let token = format!("t = '{GITHUB}'\n");
    let mut noise = Vec::new();
    for n in 0..20_000u32 {
        noise.extend_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    }
    let whole = tgz(&[("first", token.as_bytes()), ("noise", &noise)]);
    place.write("cut.tgz", &whole[..whole.len() / 2]);
    let whole = zip(&[("first", token.as_bytes()), ("noise", &noise)]);
    place.write("cut.zip", &whole[..whole.len() / 2]);
    let zeros = vec![0; 5 << 20];
    place.write("bomb.zip", zip(&[("zeros", &zeros), ("last", token.as_bytes())]));
    place.write("no.zip", format!("PK\x03\x04 is no archive {GITHUB}\n"));
    let run = place.run(&["scan", "--format", "jsonl", "."]);
    assert_eq!(run.code, 2);
    let paths: Vec<String> = found(&run).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["./bomb.zip!last", "./cut.tgz!first", "./cut.zip!first", "./no.zip"]);
    run.told(&["bomb.zip!zeros", "250 times"]);
    run.told(&["cut.tgz", "cut off"]);
    run.told(&["cut.zip!noise", "cut off"]);
    run.told(&["no.zip", "damaged"]);
    assert_eq!(run.stderr.lines().count(), 4, "{run:?}");
}

#[test]
fn names_out_of_archives_cannot_draw_on_the_terminal() {
    let place = Place::new();
    place.write("x.zip", zip(&[("a\x1b[31m\n", format!("t = '{GITHUB}'").as_bytes())]));
    let run = place.run(&["scan", "x.zip"]);
    assert_eq!(run.code, 1);
    assert!(!run.stdout.contains('\x1b'), "{run:?}");
    assert!(run.stdout.starts_with("x.zip!a\\u{1b}[31m\\n"), "{run:?}");
}

#[test]
fn a_large_archive_is_read_from_its_file() {
    let place = Place::new();
    let mut noise = Vec::new();
    let mut state = 1u64;
    for _ in 0..(5 << 20) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.extend_from_slice(&state.to_be_bytes());
    }
    let token = format!("t = '{GITHUB}'");
    let files: &[(&str, &[u8])] = &[("noise", &noise), ("last", token.as_bytes())];
    let file = zip_by(CompressionMethod::Stored, files);
    assert!(file.len() > 32 << 20);
    place.write("large.zip", &file);
    let run = place.run(&["scan", "--format", "jsonl", "large.zip"]);
    assert_eq!((run.code, found(&run)), (1, vec![("large.zip!last".to_owned(), 1)]));
    // Out of a pipe it cannot be opened.
    let run = place.run_with(&["scan", "--format", "jsonl", "-"], &file);
    assert_eq!(run.code, 2);
    run.told(&["standard input", "not opened"]);
}
