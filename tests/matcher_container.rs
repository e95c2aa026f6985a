//! Patch set files that somebody damaged, or made to do harm: refused, or harmless.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use std::fs;
use std::time::{Duration, Instant};

use oracle::compare::{key, scan, set};
use oracle::draw::{self, BASE62, Draw};
use oracle::{Request, Token};
use stanch::patch::{
    Action, FORMAT_VERSION, FormatError, OpenError, Part, Patch, PatchSet, PatchSetBuilder, Scope,
    SetInfo,
};
use stanch::secret::{ImprintKey, KeyId, Secret};

const HEADER: usize = 448;
const TIERS: usize = 128;
const TIER: usize = 48;
const HASH: usize = 288;
const SIGNATURE: usize = 320;

/// Tokens of all three tiers, some of them alike.
fn tokens() -> Vec<Token> {
    let draw = &mut Draw(51);
    let mut tokens = Vec::new();
    for len in [8, 12, 18, 20, 24, 40, 40, 200] {
        let action = if len == 24 { Action::Monitor } else { Action::Block };
        tokens.push(Token { bytes: draw.text(len, BASE62), leak: 1000 + len as u64, action });
    }
    for hex in [40, 64] {
        tokens.push(Token {
            bytes: draw.text(hex, draw::HEX),
            leak: hex as u64,
            action: Action::Block,
        });
    }
    tokens
}

fn small() -> (Vec<Token>, Vec<u8>) {
    let tokens = tokens();
    let bytes = set(&tokens).as_bytes().to_vec();
    (tokens, bytes)
}

/// The same with signs of every kind of scope in it, and a token that two patches are about.
fn scoped() -> (Vec<Token>, Vec<u8>) {
    let (key, tokens) = (key(), tokens());
    let all = Scope::new()
        .with_host("*.example.com")
        .and_then(|scope| scope.with_method("GET"))
        .and_then(|scope| scope.with_path("/v1"))
        .expect("a scope")
        .with_part(Part::Header)
        .except("10.0.0.0/8".parse().expect("a network"))
        .except("2001:db8::/32".parse().expect("a network"))
        .not_before(1)
        .not_after(u64::MAX - 1);
    let mut builder = PatchSetBuilder::new(&key).floor(0);
    for token in &tokens {
        let imprint =
            key.imprint(&Secret::new("test", token.bytes.clone())).expect("a usable token");
        builder.add(&imprint, Patch::block(token.leak).with_scope(all.clone())).expect("added");
        if token.leak % 3 == 0 {
            let scope = Scope::new().with_part(Part::Cookie);
            builder.add(&imprint, Patch::block(token.leak).with_scope(scope)).expect("added");
        }
    }
    (tokens, builder.build().expect("a set").as_bytes().to_vec())
}

fn open(bytes: &[u8]) -> Result<PatchSet, FormatError> {
    PatchSet::from_bytes(bytes, &key())
}

/// Puts the right content hash into a file that was changed, so that what is behind the hash is put
/// to the test.
fn reseal(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    let mut hash = blake3::Hasher::new();
    hash.update(&bytes[..HASH]).update(&bytes[HEADER..]);
    bytes[HASH..SIGNATURE].copy_from_slice(hash.finalize().as_bytes());
}

/// Requests with the tokens in every part, in pieces, escaped, and nearly the tokens.
fn requests(tokens: &[Token]) -> Vec<Request> {
    let draw = &mut Draw(53);
    let mut text = draw.text(300, b"");
    for token in tokens {
        text.extend(&token.bytes);
        text.extend(b" %2");
        text.extend(draw.escaped(&token.bytes, 30));
        text.extend(draw::changed(&token.bytes, token.bytes.len() - 1));
    }
    text.extend(draw.text(3000, BASE62));
    let credentials = [b"Basic ", &draw::base64(&text, true)[..]].concat();
    let request = |longest: usize, draw: &mut Draw| Request {
        method: b"POST".to_vec(),
        target: [b"/?q=", &text[..]].concat(),
        headers: vec![
            (b"Cookie".to_vec(), text.clone()),
            (b"Authorization".to_vec(), credentials.clone()),
        ],
        body: draw.cut(&text, longest),
        trailers: vec![(b"X-Last".to_vec(), text.clone())],
    };
    vec![Request::default(), request(40, draw), request(5000, draw)]
}

/// How long the requests may take for any set. It is some hundred times what they do take; a loop
/// has no end.
const BOUND: Duration = Duration::from_secs(20);

/// Scans requests with whatever came out of `bytes`, if anything did: no panic, an end in time, and
/// the memory wiped.
fn is_harmless(bytes: &[u8], requests: &[Request]) -> bool {
    let Ok(set) = open(bytes) else { return false };
    let start = Instant::now();
    for request in requests {
        scan(&set, request);
    }
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    true
}

#[test]
fn a_set_comes_back_from_its_bytes_and_from_its_file() {
    let (tokens, bytes) = small();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.patches");
    let first = open(&bytes).expect("as it was written");
    assert_eq!(first.as_bytes(), bytes);
    first.save(&path).expect("saved");
    assert_eq!(fs::read(&path).expect("a file"), bytes);
    let again = PatchSet::open(&path, &key()).expect("as it was saved");
    assert_eq!(again.info(), first.info());
    assert_eq!(SetInfo::read(&path).expect("needs no key"), first.info());
    assert_eq!((first.info().tokens, first.info().tiers.len()), (10, 3));
    assert_eq!(first.info().format_version, FORMAT_VERSION);
    for token in &tokens {
        let request = Request { body: vec![token.bytes.clone()], ..Request::default() };
        let verdicts = [&first, &again].map(|set| scan(set, &request));
        assert_eq!(verdicts[0], verdicts[1]);
        assert_eq!(verdicts[0].hit.map(|hit| hit.leak), Some(token.leak));
    }
    // Saving over it replaces it, and leaves nothing else behind.
    again.save(&path).expect("saved again");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = || fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        // Who was allowed to read it stays so; nobody gets the right to write or run it.
        for (given, kept) in [(0o640, 0o640), (0o775, 0o644), (0o440, 0o640), (0o600, 0o600)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(given)).expect("changed");
            again.save(&path).expect("saved once more");
            assert_eq!(mode(), kept);
        }
    }
}

/// What nodes get when the last patch is lifted.
#[test]
fn a_set_without_tokens_lets_everything_pass() {
    let empty = set(&[]);
    let bytes = empty.as_bytes();
    let info = empty.info();
    assert_eq!((info.tokens, info.leaks, info.longest_token, info.tiers.len()), (0, 0, 0, 0));
    assert_eq!(open(bytes).expect("as it was written").info(), info);
    for request in requests(&tokens()) {
        let verdict = scan(&empty, &request);
        assert_eq!((verdict.action, verdict.hit), (Action::Pass, None));
    }
    // No tokens, but a length, a number or a tier.
    for (at, value) in [(72, 8), (56, 1), (76, 1)] {
        let mut changed = bytes.to_vec();
        changed[at] = value;
        reseal(&mut changed);
        assert!(matches!(open(&changed), Err(FormatError::Malformed(_))), "{at}");
    }
    // Tokens, but no length.
    let mut changed = small().1;
    changed[72..76].fill(0);
    reseal(&mut changed);
    assert!(matches!(open(&changed), Err(FormatError::Malformed(_))));
}

/// However the memory lies in which a set comes.
#[test]
fn bytes_need_not_be_aligned() {
    let (tokens, bytes) = small();
    let requests = requests(&tokens);
    let expected: Vec<_> = requests.iter().map(|request| scan(&set(&tokens), request)).collect();
    for shift in [1, 3, 8, 63] {
        let shifted = [&vec![0; shift][..], &bytes].concat();
        let set = open(&shifted[shift..]).expect("the same bytes");
        let verdicts: Vec<_> = requests.iter().map(|request| scan(&set, request)).collect();
        assert_eq!(verdicts, expected);
    }
}

#[test]
fn another_key_is_named() {
    let (_, bytes) = small();
    let other = ImprintKey::from_bytes([1; 32]);
    let error = PatchSet::from_bytes(&bytes, &other).expect_err("another key");
    assert_eq!(error, FormatError::WrongKey { set: key().id(), key: other.id() });
    let (set, other): (KeyId, KeyId) = (key().id(), other.id());
    assert_eq!(
        error.to_string(),
        format!("compiled with key {set}, but the key at hand is {other}")
    );
}

/// A version that is not ours is named as such, whatever else the file holds.
#[test]
fn foreign_versions_are_named() {
    let (_, bytes) = small();
    for version in [0, 1, 3, 0x0100_0000, u32::MAX] {
        let mut foreign = bytes.clone();
        foreign[8..12].copy_from_slice(&version.to_le_bytes());
        assert_eq!(open(&foreign).err(), Some(FormatError::Version(version)));
        reseal(&mut foreign);
        assert_eq!(open(&foreign).err(), Some(FormatError::Version(version)));
        foreign.truncate(12);
        assert_eq!(open(&foreign).err(), Some(FormatError::Version(version)));
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, bytes) = small();
    let missing = folder.path().join("missing.patches");
    let damaged = folder.path().join("damaged.patches");
    let empty = folder.path().join("empty.patches");
    fs::write(&damaged, &bytes[..bytes.len() - 1]).expect("written");
    fs::write(&empty, b"").expect("written");
    for (path, reason) in [
        (&missing, "No such file"),
        (&damaged, "truncated"),
        (&empty, "not a patch set"),
        (&folder.path().to_owned(), ""),
    ] {
        for error in [PatchSet::open(path, &key()).err(), SetInfo::read(path).err()] {
            let error: OpenError = error.expect("refused");
            let text = error.to_string();
            assert!(text.contains(&path.display().to_string()) && text.contains(reason), "{text}");
        }
    }
}

#[test]
fn every_truncation_and_every_surplus_is_refused() {
    let (_, bytes) = small();
    for len in 0..bytes.len() {
        let mut cut = bytes[..len].to_vec();
        assert!(open(&cut).is_err(), "{len} bytes of {}", bytes.len());
        reseal(&mut cut);
        assert!(open(&cut).is_err(), "{len} bytes of {}, resealed", bytes.len());
    }
    for surplus in [1, 63, 64, 4096] {
        let mut long = [&bytes[..], &vec![0; surplus]].concat();
        assert!(open(&long).is_err(), "{surplus} bytes too many");
        reseal(&mut long);
        assert!(open(&long).is_err(), "{surplus} bytes too many, resealed");
    }
}

/// Every bit of the header up to the room for a signature, and of everything else.
#[test]
fn every_flipped_bit_is_refused() {
    let (_, mut bytes) = small();
    let rest = (HEADER..bytes.len()).filter(|at| at % 7 == 0);
    for at in (0..SIGNATURE).chain(rest) {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert!(open(&bytes).is_err(), "byte {at}, bit {bit}");
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(open(&bytes).is_ok());
}

/// The room for a signature is zero in a set that is not signed. The content hash leaves it out, so it
/// needs a look of its own.
#[test]
fn every_flipped_bit_in_the_room_for_a_signature_is_refused() {
    let (_, mut bytes) = small();
    for at in SIGNATURE..HEADER {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert!(open(&bytes).is_err(), "byte {at}, bit {bit}");
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(open(&bytes).is_ok());
}

/// Whoever can write a set can also write its hash. Every bit of the header, with the right hash.
#[test]
fn resealed_headers_are_refused_or_harmless() {
    let (tokens, bytes) = small();
    let requests = requests(&tokens);
    let (mut opened, mut refused) = (0, 0);
    for at in (0..HASH).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = bytes.clone();
        changed[at.0] ^= 1 << at.1;
        reseal(&mut changed);
        match is_harmless(&changed, &requests) {
            true => opened += 1,
            false => refused += 1,
        }
    }
    // Serial number, time, number of leaks and alphabets are free; nearly everything else is not.
    assert!(opened > 200 && refused > 1000, "{opened} opened, {refused} refused");
}

/// Numbers of the header that are wrong in ways that bits are not: offsets, lengths and counts at
/// their limits, each with the right hash.
#[test]
fn resealed_numbers_are_refused_or_harmless() {
    let (tokens, bytes) = small();
    let requests = requests(&tokens);
    let longs = [16, 24, 32, 40, 56, 64, 80, 96, 104];
    let words = [12, 72, 76, 88];
    let of_tiers = |places: &'static [usize]| {
        (0..3).flat_map(move |tier| places.iter().map(move |at| TIERS + tier * TIER + at))
    };
    let longs = longs.into_iter().chain(of_tiers(&[16, 24, 32, 40]));
    let words = words.into_iter().chain(of_tiers(&[4, 8, 12]));
    let len = bytes.len() as u64;
    let values = [
        0,
        1,
        2,
        7,
        63,
        64,
        HEADER as u64 - 64,
        HEADER as u64,
        HEADER as u64 + 1,
        len - 64,
        len - 1,
        len,
        len + 64,
        0x7fff_ffff,
        0xffff_ffc0,
        0xffff_ffff,
        u64::MAX / 64,
        u64::MAX - 63,
        u64::MAX,
    ];
    let mut refused = 0;
    for (at, size) in longs.map(|at| (at, 8)).chain(words.map(|at| (at, 4))) {
        let old = bytes[at..at + size].to_vec();
        let near = old.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        for value in values.into_iter().chain([near.wrapping_sub(1), near + 1, near * 2]) {
            let mut changed = bytes.clone();
            changed[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            reseal(&mut changed);
            refused += usize::from(!is_harmless(&changed, &requests));
        }
    }
    assert!(refused > 300, "{refused}");
}

/// Tiers in another order, twice the same, with each other's sections, of unknown geometry.
#[test]
fn resealed_tiers_are_refused_or_harmless() {
    let (tokens, bytes) = small();
    let requests = requests(&tokens);
    for (to, from) in [(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)] {
        // All of a tier, all but its geometry, its filter alone, its tables alone.
        for part in [0..48, 4..48, 4..8, 8..16, 16..24, 24..40] {
            let mut changed = bytes.clone();
            let source = TIERS + from * TIER;
            let target = TIERS + to * TIER + part.start;
            changed.copy_within(source + part.start..source + part.end, target);
            reseal(&mut changed);
            is_harmless(&changed, &requests);
        }
    }
    for tier in 0..3 {
        for size in 0..=255u8 {
            for stride in [0, 1, 5, 9, 17, 18, 255] {
                let at = TIERS + tier * TIER;
                let mut changed = bytes.clone();
                if changed[at..at + 2] == [size, stride] {
                    continue;
                }
                changed[at..at + 2].copy_from_slice(&[size, stride]);
                reseal(&mut changed);
                let opened = is_harmless(&changed, &requests[..1]);
                assert!(!opened || [8, 12, 16].contains(&size), "{size} {stride}");
            }
        }
    }
}

/// Damage to filters, buckets, entries and policies, with the right hash: flipped bits, runs of
/// zeroes and ones, and numbers at their limits.
#[test]
fn resealed_sections_are_refused_or_harmless() {
    let (tokens, bytes) = small();
    let requests = requests(&tokens);
    let draw = &mut Draw(59);
    let (mut opened, mut refused) = (0, 0);
    for turn in 0..1_500 {
        let mut changed = bytes.clone();
        for _ in 0..=turn % 3 {
            let at = HEADER + draw.below(bytes.len() - HEADER);
            let until = bytes.len().min(at + [1, 2, 4, 8, 32, 200][draw.below(6)]);
            match turn % 5 {
                0 => changed[at] ^= 1 << draw.below(8),
                1 => changed[at..until].fill(0),
                2 => changed[at..until].fill(0xff),
                3 => changed[at] = draw.number() as u8,
                _ => {
                    let from = HEADER + draw.below(bytes.len() - HEADER - (until - at));
                    changed.copy_within(from..from + (until - at), at);
                }
            }
        }
        reseal(&mut changed);
        match is_harmless(&changed, &requests) {
            true => opened += 1,
            false => refused += 1,
        }
    }
    assert!(opened > 100 && refused > 50, "{opened} opened, {refused} refused");
}

/// Damage to policies, with the right hash: every byte of them, and numbers at their limits.
#[test]
fn resealed_policies_are_refused_or_harmless() {
    let (tokens, bytes) = scoped();
    let requests = &requests(&tokens)[..2];
    let (mut opened, mut refused) = (0, 0);
    let mut count = |changed: &mut Vec<u8>| {
        reseal(changed);
        match is_harmless(changed, requests) {
            true => opened += 1,
            false => refused += 1,
        }
    };
    let number = |at: usize| {
        bytes[at..at + 8].iter().rev().fold(0, |number, byte| number << 8 | *byte as usize)
    };
    let (starts, records, len) = (number(80), number(96), number(104));
    assert_eq!((starts, len > 200), (HEADER, true));
    for at in (starts..starts + 24).chain(records..records + len) {
        for byte in [0, 1, 2, 3, 0x1f, 0x40, 0x7f, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1)] {
            let mut changed = bytes.clone();
            changed[at] = byte;
            count(&mut changed);
        }
    }
    for len in [0, 1, len - 1, len + 1, len + 64, usize::MAX] {
        let mut changed = bytes.clone();
        changed[104..112].copy_from_slice(&(len as u64).to_le_bytes());
        count(&mut changed);
    }
    assert!(opened > 300 && refused > 800, "{opened} opened, {refused} refused");
}

/// A filter that lets everything pass is the worst that a set can do to a scan.
#[test]
fn a_filter_full_of_ones_is_bounded() {
    let (tokens, bytes) = small();
    let mut full = bytes.clone();
    for tier in 0..3 {
        let at = TIERS + tier * TIER;
        let number = |at: usize, size: usize| {
            bytes[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | *byte as usize)
        };
        let (blocks, start) = (number(at + 4, 4), number(at + 16, 8));
        full[start..start + 64 * blocks].fill(0xff);
        // All kinds of characters that there are.
        full[at + 40..at + 48].copy_from_slice(&(u64::MAX >> 27).to_le_bytes());
    }
    reseal(&mut full);
    let (full, set) = (open(&full).expect("well formed"), set(&tokens));
    for request in requests(&tokens) {
        let start = Instant::now();
        assert_eq!(scan(&full, &request), scan(&set, &request));
        assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
    }
    let text = Draw(61).text(100_000, BASE62);
    let request = Request { body: vec![text], ..Request::default() };
    let start = Instant::now();
    assert_eq!(scan(&full, &request).action, Action::Pass);
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
}

/// Random bytes, with and without a header that looks right.
#[test]
fn random_bytes_are_refused() {
    let draw = &mut Draw(67);
    let (_, bytes) = small();
    for turn in 0..2_000 {
        let len = draw.below(3 * bytes.len());
        let mut random = draw.text(len, b"");
        let start = [0, 8, 12, 24, 128, HEADER][turn % 6].min(len);
        random[..start].copy_from_slice(&bytes[..start]);
        if turn % 2 == 0 && len >= 24 {
            random[16..24].copy_from_slice(&(len as u64).to_le_bytes());
            reseal(&mut random);
        }
        assert!(open(&random).is_err(), "{turn}");
    }
}
