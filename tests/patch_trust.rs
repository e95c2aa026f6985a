//! Which sets a node takes, and what a set file survives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use stanch::patch::{
    Action, FormatError, OpenError, Patch, PatchSet, PatchSetBuilder, Scan, SetInfo, Trust,
    TrustError,
};
use stanch::secret::{ImprintKey, PublicKey, Secret, SigningKey};

/// Tokens, all invented.
const TOKENS: [&str; 2] =
    ["ghp_8sJ2kQx7Lm4Vn9Tz3Rw6Yb1Cd5Fg0HpAeUi", "ghp_Yb1Cd5Fg0HpAeUi8sJ2kQx7Lm4Vn9Tz3Rw6"];

const HEADER: usize = 448;

fn key() -> ImprintKey {
    ImprintKey::from_bytes([5; 32])
}

fn signing() -> SigningKey {
    SigningKey::from_bytes([6; 32])
}

fn signed_here() -> Trust {
    Trust::signed_by([signing().public()])
}

/// A set with one of the tokens.
fn set(token: usize, serial: u64, expires: u64) -> PatchSet {
    let key = key();
    let mut builder = PatchSetBuilder::new(&key).serial(serial).expires(expires);
    let imprint = key.imprint(&Secret::new("test", TOKENS[token])).unwrap();
    builder.add(&imprint, Patch::block(token as u64)).unwrap();
    builder.build().unwrap()
}

fn signed(token: usize, serial: u64, expires: u64) -> Vec<u8> {
    set(token, serial, expires).sign(&signing()).unwrap().as_bytes().to_vec()
}

fn open(bytes: &[u8], trust: &Trust) -> Result<PatchSet, FormatError> {
    PatchSet::from_bytes_trusted(bytes, &key(), trust)
}

#[track_caller]
fn refused(bytes: &[u8], trust: &Trust) -> TrustError {
    match open(bytes, trust).map(|set| set.info()) {
        Err(FormatError::Refused(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn blocks(set: &PatchSet, token: usize) -> bool {
    let mut state = vec![0; set.state_len()];
    let mut scan = Scan::new(set, &mut state).unwrap();
    scan.body(&[TOKENS[token].as_bytes()]);
    scan.finish().action == Action::Block
}

#[test]
fn a_set_without_the_right_signature_is_refused() {
    let other = SigningKey::from_bytes([7; 32]);
    let unsigned = set(0, 1, 0).as_bytes().to_vec();
    let foreign = set(0, 1, 0).sign(&other).unwrap().as_bytes().to_vec();
    let right = signed(0, 1, 0);
    assert_eq!(refused(&unsigned, &signed_here()), TrustError::Unsigned);
    let signer = other.public().id();
    assert_eq!(refused(&foreign, &signed_here()), TrustError::Signer { signer });
    let set = open(&right, &signed_here()).unwrap();
    assert!(blocks(&set, 0));
    assert_eq!(set.info().signer, Some(signing().public()));
    // While one key takes the place of another, both are trusted.
    let both = Trust::signed_by([signing().public(), other.public()]);
    assert!(open(&foreign, &both).is_ok() && open(&right, &both).is_ok());
    // Who asks for no key takes all three.
    for bytes in [&unsigned, &foreign, &right] {
        assert!(open(bytes, &Trust::new()).is_ok());
    }
    // A second signature takes the place of the first.
    let again = open(&foreign, &Trust::new()).unwrap().sign(&signing()).unwrap();
    assert_eq!(again.as_bytes(), set_resigned(&foreign));
    assert!(open(again.as_bytes(), &signed_here()).is_ok());
}

fn set_resigned(foreign: &[u8]) -> Vec<u8> {
    let set = PatchSet::from_bytes(foreign, &key()).unwrap();
    set.sign(&signing()).unwrap().as_bytes().to_vec()
}

/// Every bit of the header and of the content, whoever is trusted.
#[test]
fn every_flipped_bit_of_a_signed_set_is_refused() {
    let mut bytes = signed(0, 1, 0);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            let trust = if bit % 2 == 0 { Trust::new() } else { signed_here() };
            assert!(open(&bytes, &trust).is_err(), "byte {at}, bit {bit}");
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(open(&bytes, &signed_here()).is_ok());
}

/// Whoever changes a set can put the hash right, but not the signature; nor can a signature be moved to
/// another set.
#[test]
fn what_was_signed_cannot_be_changed() {
    let bytes = signed(0, 1, 0);
    for at in [24, 32, 40, 64, 112, 168, HEADER, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let mut hash = blake3::Hasher::new();
        hash.update(&changed[..288]).update(&changed[HEADER..]);
        changed[288..320].copy_from_slice(hash.finalize().as_bytes());
        let signer = signing().public().id();
        assert_eq!(refused(&changed, &Trust::new()), TrustError::Signature { signer }, "{at}");
    }
    let other = SigningKey::from_bytes([7; 32]);
    let mut moved = set(1, 1, 0).sign(&other).unwrap().as_bytes().to_vec();
    moved[320..HEADER].copy_from_slice(&bytes[320..HEADER]);
    assert!(matches!(refused(&moved, &Trust::new()), TrustError::Signature { .. }));
    // The signature of one key under the name of another.
    let mut named = bytes.clone();
    named[320..352].copy_from_slice(other.public().as_bytes());
    assert!(matches!(refused(&named, &Trust::new()), TrustError::Signature { .. }));
    // Taking the signature out makes it unsigned, which is refused where one is asked for.
    let mut bare = bytes;
    bare[320..HEADER].fill(0);
    assert_eq!(refused(&bare, &signed_here()), TrustError::Unsigned);
}

#[test]
fn a_set_past_its_time_does_not_open_and_an_open_one_stays() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for trust in [Trust::new(), signed_here()] {
        let bytes = signed(0, 1, 1000);
        let at = |time| trust.clone().at(time);
        assert!(open(&bytes, &at(999)).is_ok());
        for now in [1000, 1001, u64::MAX] {
            assert_eq!(refused(&bytes, &at(now)), TrustError::Expired { expires: 1000, now });
        }
        // Without a time, the system's counts.
        assert!(matches!(refused(&bytes, &trust), TrustError::Expired { expires: 1000, .. }));
        assert!(open(&signed(0, 1, now + 1000), &trust).is_ok());
        assert!(open(&signed(0, 1, 0), &at(u64::MAX)).is_ok());
    }
    assert!(PatchSet::from_bytes(&signed(0, 1, 1000), &key()).is_err());
    // It was compiled after its time was over; it is in use nevertheless, and says so.
    let expired = set(0, 1, 1000);
    assert!(blocks(&expired, 0));
    assert_eq!((expired.info().expires, set(0, 1, 0).info().expires), (Some(1000), None));
}

#[test]
fn an_older_set_is_refused() {
    let held = set(0, 7, 0);
    let older = refused(&signed(1, 6, 0), &signed_here().replacing(&held));
    assert_eq!(older, TrustError::Older { serial: 6, lowest: 7 });
    let same = refused(&signed(1, 7, 0), &signed_here().replacing(&held));
    assert_eq!(same, TrustError::SameSerial { serial: 7 });
    // The same set again, signed or not, is no step back.
    assert!(open(held.as_bytes(), &Trust::new().replacing(&held)).is_ok());
    let signed_again = held.sign(&signing()).unwrap();
    assert!(open(signed_again.as_bytes(), &signed_here().replacing(&signed_again)).is_ok());
    assert!(open(&signed(1, 8, 0), &signed_here().replacing(&signed_again)).is_ok());
    // What a node remembers counts where it is higher.
    let trust = signed_here().not_before(9).replacing(&signed_again).not_before(3);
    assert_eq!(refused(&signed(1, 8, 0), &trust), TrustError::Older { serial: 8, lowest: 9 });
    assert!(open(&signed(1, 9, 0), &trust).is_ok());
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(bytes: &[u8]) -> (Folder, PathBuf) {
        let folder = Folder(tempfile::tempdir().unwrap());
        let path = folder.0.path().join("live.set");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }
}

#[test]
fn the_file_and_the_reason_are_named() {
    let (_folder, path) = Folder::with(set(0, 1, 0).as_bytes());
    let error = PatchSet::open_trusted(&path, &key(), &signed_here()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&path.display().to_string()) && text.contains("not signed"), "{text}");
    let error = SetInfo::verify(&path, &signed_here()).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Format { error: FormatError::Refused(TrustError::Unsigned), .. }
    ));
    let (_folder, path) = Folder::with(&signed(0, 1, 1000));
    assert!(SetInfo::verify(&path, &signed_here()).is_err());
    // What it says of itself can be read of an expired set, too.
    let info = SetInfo::read(&path).unwrap();
    assert_eq!((info.expires, info.signer), (Some(1000), Some(signing().public())));
    assert_eq!(SetInfo::verify(&path, &signed_here().at(1)).unwrap(), info);
}

/// A set goes on as it was opened, whatever takes its file's place.
#[test]
fn an_open_set_outlives_its_file() {
    let (_folder, path) = Folder::with(&signed(0, 1, 0));
    let first = PatchSet::open_trusted(&path, &key(), &signed_here()).unwrap();
    set(1, 2, 0).sign(&signing()).unwrap().save(&path).unwrap();
    let second = PatchSet::open_trusted(&path, &key(), &signed_here().replacing(&first)).unwrap();
    assert!(blocks(&first, 0) && !blocks(&first, 1));
    assert!(blocks(&second, 1) && !blocks(&second, 0));
    // Signing a set that was opened from a file leaves the file alone.
    let before = fs::read(&path).unwrap();
    let other = SigningKey::from_bytes([7; 32]);
    let signed = second.sign(&other).unwrap();
    assert_eq!(signed.info().signer, Some(other.public()));
    assert!(blocks(&signed, 1));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_file(&path).unwrap();
    assert!(blocks(&first, 0));
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let bytes = signed(0, 1, 0);
    for len in [0, 1, 8, 12, HEADER - 1, HEADER, 4096.min(bytes.len() - 1), bytes.len() - 1] {
        let (_folder, path) = Folder::with(&bytes[..len]);
        for trust in [Trust::new(), signed_here()] {
            let error = PatchSet::open_trusted(&path, &key(), &trust).unwrap_err();
            assert!(matches!(error, OpenError::Format { .. }), "{len}: {error}");
        }
    }
}

/// What is no regular file is read to its end instead of mapped.
#[cfg(target_os = "linux")]
#[test]
fn a_set_comes_through_a_pipe_too() {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    let (reader, mut writer) = std::io::pipe().unwrap();
    let bytes = signed(0, 1, 0);
    writer.write_all(&bytes).unwrap();
    drop(writer);
    let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    assert!(blocks(&PatchSet::open(&path, &key()).unwrap(), 0));
}

#[test]
fn public_keys_are_text() {
    let public = signing().public();
    let line = public.to_string();
    assert!(line.starts_with("stanch-public-key-v1 ") && line.len() == 21 + 64);
    assert_eq!(line.parse::<PublicKey>(), Ok(public));
    for (text, reason) in [
        ("", "stanch-public-key-v1"),
        ("stanch-public-key-v1 abc", "64 hexadecimal"),
        (&format!("stanch-public-key-v1 02{}", "00".repeat(31)), "no Ed25519 key"),
    ] {
        let error = text.parse::<PublicKey>().unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
