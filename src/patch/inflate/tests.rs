//! Against a peer, and by hand where the peer does not reach.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, Decompress, FlushDecompress, GzBuilder};
use proptest::prelude::*;

use super::deflate::WINDOW;
use super::stage::{COMMENT, EXTRA, HEADER_CRC, NAME, is_zlib};
use super::*;

/// What comes out of `body`, cut before each byte in `cuts`, and what is then known of it.
fn inflate_with(
    inflater: &mut Inflater,
    encoding: &str,
    body: &[u8],
    cuts: &[usize],
) -> (Vec<u8>, BodyState) {
    let mut text = Vec::new();
    let mut visit = |out: &[u8]| {
        text.extend_from_slice(out);
        ControlFlow::Continue(())
    };
    inflater.start(Encoding::of(encoding.as_bytes()));
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (body.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([body.len()]) {
        assert_eq!(inflater.feed(&body[from..cut], &mut visit), ControlFlow::Continue(()));
        from = cut;
    }
    inflater.finish();
    (text, inflater.state())
}

fn inflate(encoding: &str, body: &[u8]) -> (Vec<u8>, BodyState) {
    let whole = inflate_with(&mut Inflater::new(), encoding, body, &[]);
    let every: Vec<usize> = (0..body.len()).collect();
    assert!(inflate_with(&mut Inflater::new(), encoding, body, &every) == whole);
    whole
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn deflate(text: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Text that compresses somewhat, and refers back as far as deflate can.
fn text(len: usize) -> Vec<u8> {
    let words = [&b"{\"token\":\""[..], b"7Rk2mZ9qXc4TnW8bLp3v", b"\",\"n\":", b"[1,2,3]},"];
    let mut seed = 7u32;
    let mut text = Vec::new();
    while text.len() < len {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.extend_from_slice(words[(seed >> 16) as usize % words.len()]);
        text.push((seed >> 24) as u8);
    }
    text.truncate(len);
    text
}

/// What the peer makes of `body` before its end or its first error.
fn peer(mut inflater: Decompress, body: &[u8]) -> Vec<u8> {
    let mut text = vec![0; 1 << 22];
    // An error comes with what was inflated before it.
    let _ = inflater.decompress(body, &mut text, FlushDecompress::None);
    assert!(inflater.total_out() < text.len() as u64);
    text.truncate(inflater.total_out() as usize);
    text
}

/// Whether `body` begins without a wrapper.
fn is_raw(body: &[u8]) -> bool {
    match *body {
        [first, second, ..] => (first, second) != (0x1f, 0x8b) && !is_zlib(first, second),
        _ => false,
    }
}

#[test]
fn what_was_encoded_comes_out() {
    for len in [0, 1, 100, 40_000, 200_000] {
        let text = text(len);
        let cases = [
            ("gzip", gzip(&text)),
            ("X-Gzip", gzip(&text)),
            ("deflate", zlib(&text)),
            ("Deflate", deflate(&text, 6)),
            ("deflate", deflate(&text, 0)),
            // What servers that let zlib detect the encoding read as well.
            ("gzip", zlib(&text)),
            ("deflate", gzip(&text)),
        ];
        for (encoding, body) in cases {
            assert!(inflate(encoding, &body) == (text.clone(), BodyState::Whole), "{encoding}");
        }
    }
}

#[test]
fn an_empty_body_is_whole() {
    for encoding in ["gzip", "deflate", "identity", ""] {
        assert_eq!(inflate(encoding, b""), (Vec::new(), BodyState::Whole));
    }
}

#[test]
fn what_is_not_undone_is_said() {
    assert_eq!(inflate("br", &gzip(b"text")), (Vec::new(), BodyState::Unsupported));
}

#[test]
fn members_follow_each_other_and_zeroes_may_stand_behind() {
    let (one, two) = (text(70_000), text(100));
    let body = [gzip(&one), gzip(b""), gzip(&two)].concat();
    let both = [one, two].concat();
    assert!(inflate("gzip", &body) == (both.clone(), BodyState::Whole));
    let padded = [&body[..], &[0; 9]].concat();
    assert!(inflate("gzip", &padded) == (both.clone(), BodyState::Whole));
    for more in [&b"\x1f"[..], b"more", b"\0\0\x1f\x8c"] {
        let longer = [&body[..], more].concat();
        assert!(inflate("gzip", &longer) == (both.clone(), BodyState::Damaged));
    }
    let longer = [&deflate(&both, 6)[..], b"more"].concat();
    assert!(inflate("deflate", &longer) == (both, BodyState::Damaged));
}

#[test]
fn every_field_of_a_gzip_header_is_skipped() {
    let text = text(1000);
    let named = GzBuilder::new()
        .filename("orders.json")
        .comment("of today")
        .extra(vec![0, 0x1f, 0x8b, 8, 0])
        .mtime(1_700_000_000)
        .write(Vec::new(), Compression::fast());
    let mut named = named;
    named.write_all(&text).unwrap();
    let named = named.finish().unwrap();
    assert_eq!(inflate("gzip", &named), (text.clone(), BodyState::Whole));
    let stream = deflate(&text, 6);
    let start = |flags: u8| [0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255];
    let cases: [(u8, &[u8]); 8] = [
        (HEADER_CRC, b"\xab\xcd"),
        (EXTRA, b"\0\0"),
        (EXTRA | HEADER_CRC, b"\x02\0\xff\xff\xab\xcd"),
        (NAME, b"\0"),
        (NAME | COMMENT, b"n\0c\0"),
        (EXTRA | NAME | COMMENT | HEADER_CRC, b"\x01\0\0n\0\0\xab\xcd"),
        // Text, and a flag that nobody has defined.
        (0x01 | COMMENT, b"c\0"),
        (0x80, b""),
    ];
    for (flags, fields) in cases {
        let body = [&start(flags)[..], fields, &stream, &[0; 8]].concat();
        assert_eq!(inflate("gzip", &body), (text.clone(), BodyState::Whole), "{flags:#x}");
    }
}

#[test]
fn what_is_cut_off_comes_out_as_far_as_it_goes() {
    let text = text(3000);
    let bodies = [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", deflate(&text, 6))];
    for (encoding, body) in bodies {
        for end in 1..body.len() {
            let (out, state) = inflate_with(&mut Inflater::new(), encoding, &body[..end], &[]);
            assert_eq!(state, BodyState::Damaged, "{encoding} {end}");
            let expected = match body[0] {
                0x1f => peer(Decompress::new_gzip(15), &body[..end]),
                0x78 => peer(Decompress::new(true), &body[..end]),
                _ => peer(Decompress::new(false), &body[..end]),
            };
            assert_eq!(out, expected, "{encoding} {end}");
            assert!(text.starts_with(&out), "{encoding} {end}");
        }
    }
}

#[test]
fn what_is_not_what_the_header_says_is_damaged() {
    let cases: [(&str, &[u8]); 7] = [
        ("gzip", b"{\"plain\": 1}"),
        ("gzip", b"\x1f\x8b\x07\x00"),
        ("gzip", b"\x1f\x9d\x90"),
        ("deflate", b"{\"plain\": 1}"),
        ("deflate", b"\x78\x9c\xff\xff"),
        // A dictionary that nobody has.
        ("deflate", b"\x78\xbb\x00\x00\x00\x01"),
        ("deflate", b"\x78"),
    ];
    for (encoding, body) in cases {
        assert_eq!(inflate(encoding, body).1, BodyState::Damaged, "{encoding} {body:?}");
    }
}

#[test]
fn a_stream_cannot_refer_to_what_was_before_it() {
    // The last block, with the fixed codes: three bytes from four back.
    let refers: u64 = 0b011 | 0b100_0000 << 3 | 0b11000 << 10;
    let refers = refers.to_le_bytes();
    let mut inflater = Inflater::new();
    assert_eq!(inflate_with(&mut inflater, "gzip", &gzip(&text(500)), &[]).1, BodyState::Whole);
    let second = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0][..], &refers].concat();
    let body = [gzip(b"four"), second].concat();
    assert_eq!(
        inflate_with(&mut inflater, "gzip", &body, &[]),
        (b"four".to_vec(), BodyState::Damaged)
    );
    assert_eq!(
        inflate_with(&mut inflater, "deflate", &refers, &[]),
        (Vec::new(), BodyState::Damaged)
    );
}

#[test]
fn what_can_be_read_in_two_ways_is_not_whole() {
    // With the wrapper of zlib a stored block of 65,534 bytes, without it one of a single byte.
    let inner = text(0xfffe);
    let zlib = zlib(&inner);
    let sum = &zlib[zlib.len() - 4..];
    let body = [b"\x78\x01\x00\xfe\xff\x01\x00", &inner[..], b"\x01\0\0\xff\xff", sum].concat();
    assert!(peer(Decompress::new(true), &body) == inner);
    assert_eq!(peer(Decompress::new(false), &body)[0], 1);
    assert!(inflate("deflate", &body) == (inner, BodyState::Damaged));
}

#[test]
fn a_bomb_ends_where_a_limit_is() {
    let zeroes = vec![0; 10 << 20];
    let body = gzip(&zeroes);
    let (out, state) = inflate_with(&mut Inflater::new(), "gzip", &body, &[]);
    assert_eq!(state, BodyState::Ratio);
    let (window, slack) = (WINDOW as u64, SLACK);
    assert!((slack..slack + slack / 5 + window).contains(&(out.len() as u64)), "{}", out.len());
    let patient = InflateLimits { ratio: 2000, ..InflateLimits::default() };
    let (out, state) = inflate_with(&mut Inflater::with_limits(patient), "gzip", &body, &[]);
    assert_eq!((out.len(), state), (zeroes.len(), BodyState::Whole));
    for total in [0, 1, 32_768, 32_769, zeroes.len() - 1] {
        let mut inflater = Inflater::with_limits(InflateLimits { total: total as u64, ..patient });
        for cuts in [&[][..], &[1, 10, 11, 12, 13, 100, 2000, 5000]] {
            let (out, state) = inflate_with(&mut inflater, "gzip", &body, cuts);
            assert_eq!((out.len(), state), (total, BodyState::Total));
        }
    }
    let just = InflateLimits { total: zeroes.len() as u64, ..patient };
    let (out, state) = inflate_with(&mut Inflater::with_limits(just), "gzip", &body, &[]);
    assert_eq!((out.len(), state), (zeroes.len(), BodyState::Whole));
}

#[test]
fn a_break_ends_it() {
    let body = gzip(&text(200_000));
    let mut inflater = Inflater::new();
    inflater.start(Encoding::Gzip);
    let mut visits = 0;
    let mut visit = |_: &[u8]| {
        visits += 1;
        if visits == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert!(inflater.feed(&body, &mut visit).is_break());
    assert!(inflater.feed(&body, &mut visit).is_continue());
    assert_eq!(visits, 2);
    assert!(!inflater.is_inflating());
}

#[test]
fn a_reset_leaves_nothing_behind() {
    let mut inflater = Inflater::new();
    inflate_with(&mut inflater, "gzip", &gzip(&text(200_000)), &[]);
    assert!(inflater.stream.held() > 0);
    inflater.reset();
    assert!(inflater.stream.held() == 0);
    assert_eq!((inflater.head, inflater.state()), ([0; HEAD], BodyState::Whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn it_does_not_matter_how_a_body_is_cut_or_damaged(
        len in prop_oneof![0..300usize, 0..120_000usize],
        level in 0..10u32,
        wrapper in 0..3u8,
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let text = text(len);
        let (encoding, mut body) = match wrapper {
            0 => ("gzip", [gzip(&text[..len / 2]), gzip(&text[len / 2..])].concat()),
            1 => ("deflate", zlib(&text)),
            _ => ("deflate", deflate(&text, level)),
        };
        for (at, bits) in &flips {
            let at = at % body.len();
            body[at] ^= bits;
        }
        let mut inflater = Inflater::new();
        let (out, state) = inflate_with(&mut inflater, encoding, &body, &cuts);
        prop_assert!(inflate_with(&mut inflater, encoding, &body, &[]) == (out.clone(), state));
        if flips.is_empty() {
            prop_assert!(out == text && state == BodyState::Whole);
        }
        if wrapper == 2 && state != BodyState::Ratio && is_raw(&body) {
            let expected = peer(Decompress::new(false), &body);
            prop_assert!(out == expected);
        }
    }

    #[test]
    fn any_bytes_do(
        start in prop::sample::select(vec![
            &b""[..], b"\x1f\x8b\x08", b"\x78\x9c", b"\x1f\x8b\x08\0\0\0\0\0\0\0",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        total in 0..5000u64,
    ) {
        let body = [start, &bytes].concat();
        let mut inflater = Inflater::with_limits(InflateLimits { total, ratio: 100 });
        for encoding in ["gzip", "deflate"] {
            let one = inflate_with(&mut inflater, encoding, &body, &cuts);
            prop_assert!(one.0.len() as u64 <= total);
            prop_assert!(inflate_with(&mut inflater, encoding, &body, &[]) == one);
        }
        if is_raw(&body) {
            let (out, state) = inflate_with(&mut Inflater::new(), "deflate", &body, &cuts);
            prop_assert!(out == peer(Decompress::new(false), &body) || state == BodyState::Ratio);
        }
    }
}
