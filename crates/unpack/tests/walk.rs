//! Real archives, whole, nested, cut off, changed, and made to explode.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, Cursor, Read, Write};
use std::ops::ControlFlow;

use stanch_unpack::{Fault, Limits, Step, is_container, walk};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What a walk came to: documents and faults, each with its trail.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    documents: Vec<(String, Vec<u8>)>,
    faults: Vec<(String, Fault)>,
}

fn met_within(name: &str, file: &[u8], limits: &Limits) -> Met {
    let mut met = Met::default();
    let ended = walk(name, Cursor::new(file), limits, &mut |step| {
        match step {
            Step::Document { trail, content } => {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).unwrap();
                met.documents.push((trail.join("!"), bytes));
            }
            Step::Fault { trail, fault } => met.faults.push((trail.join("!"), fault)),
        }
        ControlFlow::Continue(())
    });
    assert!(ended.is_continue());
    met
}

fn met(name: &str, file: &[u8]) -> Met {
    met_within(name, file, &Limits::default())
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A DEX file with these strings, of less than 128 bytes each, and nothing else.
fn dex(strings: &[&str]) -> Vec<u8> {
    let mut file = vec![0; 0x70];
    file[..8].copy_from_slice(b"dex\n039\0");
    file[0x28..0x2c].copy_from_slice(&0x1234_5678u32.to_le_bytes());
    file[0x38..0x3c].copy_from_slice(&(strings.len() as u32).to_le_bytes());
    file[0x3c..0x40].copy_from_slice(&0x70u32.to_le_bytes());
    let mut items = Vec::new();
    for string in strings {
        let at = 0x70 + strings.len() * 4 + items.len();
        file.extend_from_slice(&(at as u32).to_le_bytes());
        items.push(string.len() as u8);
        items.extend_from_slice(string.as_bytes());
        items.push(0);
    }
    [file, items].concat()
}

fn documents(rows: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    rows.iter().map(|(trail, content)| ((*trail).to_owned(), content.to_vec())).collect()
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn every_kind_is_opened() {
    let long = format!("{}/end", "folder".repeat(40));
    let files: &[(&str, &[u8])] = &[("a/b.txt", b"first"), (&long, b"second"), ("empty", b"")];
    let plain = documents(files);
    for (name, file) in [
        ("x.zip", zip(files)),
        ("app.jar", zip(files)),
        ("x.tar", tar(files)),
        ("x.tar.gz", gzip(&tar(files))),
        ("x.tgz", gzip(&tar(files))),
        ("x.tar.bz2", bzip2(&tar(files))),
        ("x.tar.xz", xz(&tar(files))),
        ("x.tar.zst", zstandard(&tar(files))),
        ("no name that tells", gzip(&tar(files))),
    ] {
        assert!(is_container(&file));
        let met = met(name, &file);
        assert_eq!((met.documents, met.faults), (plain.clone(), Vec::new()), "{name}");
    }
    for (name, file) in [
        ("x/notes.txt.gz", gzip(b"text")),
        ("notes.txt.bz2", bzip2(b"text")),
        ("notes.txt.xz", xz(b"text")),
        ("notes.txt.zst", zstandard(b"text")),
        ("notes.txt.gz", [gzip(b"te"), gzip(b"xt")].concat()),
        ("notes.txt.xz", [xz(b"te"), xz(b"xt")].concat()),
        ("notes.txt.bz2", [bzip2(b"te"), bzip2(b"xt")].concat()),
        (
            "notes.txt.zst",
            [&zstandard(b"te"), &b"\x5a\x2a\x4d\x18\x03\0\0\0abc"[..], &zstandard(b"xt")].concat(),
        ),
    ] {
        let met = met(name, &file);
        assert_eq!(met.documents, documents(&[("notes.txt", b"text")]), "{name} {:?}", met.faults);
        assert_eq!(met.faults, [], "{name}");
    }
}

#[test]
fn what_is_no_container_is_one_document() {
    for text in [&b"a text"[..], b"", b"PK", &noise(100_000)] {
        assert!(!is_container(text));
        assert_eq!(met("x.zip", text).documents, documents(&[("", text)]));
    }
}

#[test]
fn containers_in_containers_leave_a_trail() {
    let inner = zip(&[("config.ini", b"inner")]);
    let logs = gzip(&tar(&[("./log/1", b"one"), ("log/2.gz", &gzip(b"two"))]));
    let mut list = Vec::new();
    let value = plist::Value::Array(vec!["listed".into()]);
    value.to_writer_binary(&mut list).unwrap();
    let outer = zip(&[
        ("lib/inner.jar", &inner),
        ("logs.tgz", &logs),
        ("Info.plist", &list),
        ("readme", b"text"),
    ]);
    let expected = documents(&[
        ("lib/inner.jar!config.ini", b"inner"),
        ("logs.tgz!log/1", b"one"),
        ("logs.tgz!log/2.gz!2", b"two"),
        ("Info.plist", b"\"listed\"\n"),
        ("readme", b"text"),
    ]);
    assert_eq!(met("outer.war", &outer), Met { documents: expected, faults: Vec::new() });
}

#[test]
fn the_strings_of_a_program_are_handed_over() {
    let whole = dex(&["first", "second"]);
    let cut = &whole[..whole.len() - 3];
    let beheaded = &whole[..60];
    let app = zip(&[("classes.dex", &whole), ("classes2.dex", cut), ("classes3.dex", beheaded)]);
    let met = met("app.apk", &app);
    let expected = documents(&[
        ("classes.dex", b"first\nsecond\n"),
        ("classes2.dex", b"first\n"),
        ("classes3.dex", beheaded),
    ]);
    assert_eq!(met.documents, expected);
    let faults: Vec<&str> = met.faults.iter().map(|(trail, _)| trail.as_str()).collect();
    assert_eq!(faults, ["classes2.dex", "classes3.dex"]);
    let alone = self::met("classes.dex", &whole).documents;
    assert_eq!(alone, documents(&[("", b"first\nsecond\n")]));
}

#[test]
fn a_path_may_stand_in_an_extended_header() {
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("comment", &b"x"[..]), ("path", b"real/n\xc3\xa4me")]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_size(1);
    builder.append_data(&mut header, "short", &b"1"[..]).unwrap();
    let file = builder.into_inner().unwrap();
    assert_eq!(met("x.tar", &file).documents, documents(&[("real/näme", b"1")]));
}

#[test]
fn what_comes_before_a_cut_is_handed_over() {
    let noise = noise(6000);
    let (first, second) = noise.split_at(3000);
    let files: &[(&str, &[u8])] = &[("1", first), ("2", second), ("3", b"third")];
    for (name, whole) in [
        ("x.zip", zip(files)),
        ("x.tar", tar(files)),
        ("x.tgz", gzip(&tar(files))),
        ("x.tar.xz", xz(&tar(files))),
        ("x.tar.bz2", bzip2(&tar(files))),
        ("x.tar.zst", zstandard(&tar(files))),
    ] {
        for cut in (1..whole.len()).step_by(97) {
            let file = &whole[..cut];
            let met = met(name, file);
            if !is_container(file) {
                continue;
            }
            for (trail, content) in &met.documents {
                let original = files.iter().find(|(name, _)| name == trail);
                let raw = trail.is_empty() && content == file;
                let header = trail == "x.tar" && content.len() < 512;
                let part = header || original.is_some_and(|(_, whole)| whole.starts_with(content));
                // A tar that is cut between files is still one.
                assert!(raw || part || name.ends_with(".bz2"), "{name} cut at {cut}: {trail}");
            }
            assert!(met.faults.len() <= 2, "{name} cut at {cut}: {:?}", met.faults);
            if cut < 2900 {
                assert!(!met.faults.is_empty(), "{name} cut at {cut}");
            }
        }
        let met = met(name, &whole[..5000]);
        assert_eq!(met.faults.len(), 1, "{name}: {:?}", met.faults);
        // The others decode blocks that are longer than this archive.
        if ["x.zip", "x.tar", "x.tgz"].contains(&name) {
            assert!(met.documents[0] == ("1".to_owned(), first.to_vec()), "{name}");
        }
    }
}

#[test]
fn a_damaged_file_leaves_the_others() {
    let mut file = zip(&[("a", &noise(1000)), ("b", &noise(500)), ("c", b"third")]);
    file[300] ^= 1;
    let met = met("x.zip", &file);
    assert_eq!(met.documents.len(), 3);
    assert_eq!(met.documents[1], ("b".to_owned(), noise(500)));
    assert_eq!(met.faults.len(), 1);
    assert_eq!(met.faults[0].0, "a");
    assert!(matches!(met.faults[0].1, Fault::Damaged(_)), "{:?}", met.faults);
}

#[test]
fn encrypted_files_are_counted_and_the_others_read() {
    let mut file = zip(&[("a", b"1"), ("b", b"2"), ("c", b"3")]);
    // The flags' lowest bit says so, in each local header and in the directory.
    let mut at = 0;
    let mut headers = 0;
    while let Some(found) = file[at..].windows(4).position(|window| window == b"PK\x01\x02") {
        at += found + 4;
        headers += 1;
        if headers < 3 {
            file[at + 4] |= 1;
        }
    }
    assert_eq!(headers, 3);
    let met = met("x.zip", &file);
    assert_eq!(met.documents, documents(&[("c", b"3")]));
    assert_eq!(met.faults, [(String::new(), Fault::Encrypted("2 files are".to_owned()))]);
}

#[test]
fn bombs_end_at_the_limits() {
    let zeros = vec![0; 6 << 20];
    let bomb = gzip(&zeros);
    let ratio = met("zeros.gz", &bomb);
    // gzip's best is 1030-fold.
    assert_eq!(ratio.faults, [(String::new(), Fault::Ratio(250))]);
    assert!(ratio.documents[0].1.len() < 5 << 20);
    let inside = met("x.zip", &zip(&[("a", &zeros), ("b", b"text")]));
    assert_eq!(inside.faults, [("a".to_owned(), Fault::Ratio(250))]);
    assert_eq!(inside.documents[1], ("b".to_owned(), b"text".to_vec()));

    let small = Limits { total: 1 << 20, ratio: u64::MAX, ..Limits::default() };
    for (name, file) in [
        ("zeros.gz", bomb.clone()),
        ("x.zip", zip(&[("1", &zeros), ("2", b"never seen")])),
        ("x.tgz", gzip(&tar(&[("1", &zeros), ("2", b"never seen")]))),
        ("x.zip", zip(&[("1", &gzip(&tar(&[("1", &zeros)]))), ("2", b"never seen")])),
    ] {
        let met = met_within(name, &file, &small);
        let seen: usize = met.documents.iter().map(|(_, content)| content.len()).sum();
        assert!(seen > 500_000 && seen < (1 << 20) + file.len() * 8 + (64 << 10), "{name}: {seen}");
        assert!(matches!(met.faults[..], [(_, Fault::Total(_))]), "{name}: {:?}", met.faults);
        assert!(met.documents.iter().all(|(_, content)| !content.starts_with(b"never")));
    }
    let xz = met("zeros.xz", &xz(&zeros));
    assert_eq!(xz.faults, [(String::new(), Fault::Ratio(250))]);
}

#[test]
fn the_number_of_files_is_bounded() {
    let names: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
    let limits = Limits { entries: 10, ..Limits::default() };
    for file in [zip(&files), tar(&files), gzip(&tar(&files))] {
        let met = met_within("x", &file, &limits);
        assert_eq!(met.documents.len(), 10);
        assert_eq!(met.faults, [(String::new(), Fault::Entries(10))]);
    }
}

#[test]
fn the_depth_is_bounded() {
    let mut file = b"deep".to_vec();
    for _ in 0..30 {
        file = gzip(&file);
    }
    let met = met("x.gz", &file);
    assert_eq!(met.faults.len(), 1);
    assert_eq!(met.faults[0].1, Fault::Depth(8));
    assert!(is_container(&met.documents[0].1));
    assert_eq!(met.faults[0].0.split('!').count(), 8);
}

#[test]
fn what_must_be_held_is_bounded_and_looked_at_as_bytes() {
    let inner = zip(&[("a", &noise(3 << 20))]);
    let outer = zip(&[("inner.zip", &inner), ("b", b"text")]);
    let limits = Limits { held: 1 << 20, ..Limits::default() };
    let met = met_within("x.zip", &outer, &limits);
    assert_eq!(met.documents, documents(&[("inner.zip", &inner), ("b", b"text")]));
    assert_eq!(met.faults, [("inner.zip".to_owned(), Fault::Held(1))]);
}

#[test]
fn errors_are_told_up_to_a_number() {
    let broken = [&gzip(&noise(100))[..40], b"x"].concat();
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &broken[..])).collect();
    let met = met("x.tar", &tar(&files));
    assert_eq!(met.documents.len(), 100);
    assert_eq!(met.faults.len(), 20);
    assert_eq!(met.faults[19].1, Fault::Many(19));
}

#[test]
fn a_visitor_that_has_enough_ends_it() {
    let file = gzip(&tar(&[("1", b"x"), ("2", b"x")]));
    let mut visits = 0;
    let ended = walk("x", Cursor::new(file), &Limits::default(), &mut |_| {
        visits += 1;
        ControlFlow::Break(())
    });
    assert!(ended.is_break());
    assert_eq!(visits, 1);
}

#[test]
fn changed_bytes_do_no_harm() {
    let files: &[(&str, &[u8])] = &[("a", b"first document"), ("b", &noise(200))];
    let mut list = Vec::new();
    plist::Value::Array(vec!["a".into(), 5.into()]).to_writer_binary(&mut list).unwrap();
    let limits = Limits { total: 1 << 20, ..Limits::default() };
    for whole in [
        zip(files),
        tar(files),
        gzip(&tar(files)),
        xz(&tar(files)),
        bzip2(&tar(files)),
        zstandard(&tar(files)),
        zip(&[("list", &list), ("x.zip", &zip(files))]),
    ] {
        let changes = noise(whole.len() * 3);
        for (n, change) in changes.chunks_exact(3).enumerate().step_by(3) {
            let mut changed = whole.clone();
            let at = (n * 257 + usize::from(change[0])) % changed.len();
            changed[at] = change[1];
            if change[2] < 64 {
                changed.truncate(at + 1);
            }
            met_within("x", &changed, &limits);
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no such luck"))
        }
    }
    impl io::Seek for Broken {
        fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    let mut told = Vec::new();
    let _ = walk("x", Broken, &Limits::default(), &mut |step| {
        if let Step::Fault { fault, .. } = step {
            told.push(fault.to_string());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(told, ["damaged or cut off: no such luck"]);
}
