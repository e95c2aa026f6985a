//! The matcher and the oracle agree, whatever the tokens, the request and its cuts.

#[allow(dead_code, reason = "each test program uses its share of the oracle")]
mod oracle;

use oracle::compare::{agree, contradiction, disagreement, listed, scan, set, shown, usable};
use oracle::draw::{self, BASE62, BASE64, Draw, ESCAPES, HEX, MARKS};
use oracle::encode::{self, CODERS};
use oracle::steps::RAW;
use oracle::{Request, Token, find};
use proptest::prelude::*;
use stanch::patch::Action;

/// How a token of a set comes about.
#[derive(Clone, Debug)]
enum Shape {
    Fresh {
        len: usize,
        alphabet: usize,
    },
    Prefixed {
        prefix: usize,
        len: usize,
    },
    /// Starts like an earlier token.
    Sibling {
        of: usize,
        keep: usize,
        len: usize,
    },
    /// Stands in an earlier token.
    Inner {
        of: usize,
        from: usize,
        len: usize,
    },
    /// Holds an earlier token.
    Outer {
        of: usize,
        before: usize,
        after: usize,
    },
}

/// A stretch of a text.
#[derive(Clone, Debug)]
enum Stretch {
    Noise {
        len: usize,
        alphabet: usize,
    },
    /// Text with an escape every so many bytes.
    Escapes {
        every: usize,
        count: usize,
    },
    Token {
        which: usize,
    },
    Escaped {
        which: usize,
        percent: usize,
    },
    NearMiss {
        which: usize,
        at: usize,
        percent: usize,
    },
    /// All but the end of a token, several times.
    Starts {
        which: usize,
        times: usize,
    },
    /// A token or a near miss, with some text around it, in one encoding after the other.
    Encoded {
        which: usize,
        miss: Option<usize>,
        coders: Vec<usize>,
    },
}

#[derive(Clone, Debug)]
enum Field {
    Cookie(Vec<Stretch>),
    Plain(Vec<Stretch>),
    Basic { stretches: Vec<Stretch>, padded: bool, junk: usize },
}

/// How the body is compressed.
#[derive(Clone, Copy, Debug)]
enum Coding {
    Identity,
    Gzip,
    Zlib,
    Deflate,
}

#[derive(Clone, Debug)]
struct Plan {
    seed: u64,
    shapes: Vec<(Shape, bool)>,
    target: Vec<Stretch>,
    fields: Vec<Field>,
    body: Vec<Stretch>,
    longest_piece: usize,
    trailer: bool,
    coding: Coding,
    /// Whether tokens are of ASCII: base64 is undone for such sets only.
    ascii: bool,
}

const ALPHABETS: [&[u8]; 6] = [BASE62, BASE64, HEX, MARKS, ESCAPES, b""];
const LONGEST_ENCODED: usize = 6000;
const PREFIXES: [&str; 4] = ["sk_live_", "ghp_", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.", "AKIA"];

fn shape() -> impl Strategy<Value = Shape> {
    let len = prop_oneof![
        4 => 8..40usize,
        2 => 8..9usize,
        2 => 20..33usize,
        2 => 40..300usize,
        1 => 300..4097usize
    ];
    prop_oneof![
        4 => (len.clone(), 0..ALPHABETS.len()).prop_map(|(len, alphabet)| Shape::Fresh { len, alphabet }),
        1 => (8..70usize, Just(2usize)).prop_map(|(len, alphabet)| Shape::Fresh { len, alphabet }),
        2 => (0..PREFIXES.len(), 12..60usize).prop_map(|(prefix, len)| Shape::Prefixed { prefix, len }),
        2 => (any::<usize>(), 1..64usize, 1..64usize)
            .prop_map(|(of, keep, len)| Shape::Sibling { of, keep, len }),
        1 => (any::<usize>(), any::<usize>(), len).prop_map(|(of, from, len)| Shape::Inner { of, from, len }),
        1 => (any::<usize>(), 0..20usize, 0..20usize)
            .prop_map(|(of, before, after)| Shape::Outer { of, before, after }),
    ]
}

fn stretch() -> impl Strategy<Value = Stretch> {
    let percent = prop_oneof![Just(100usize), Just(3usize), 1..100usize];
    prop_oneof![
        4 => (0..80usize, 0..ALPHABETS.len()).prop_map(|(len, alphabet)| Stretch::Noise { len, alphabet }),
        1 => (200..1500usize, 0..ALPHABETS.len()).prop_map(|(len, alphabet)| Stretch::Noise { len, alphabet }),
        2 => (0..130usize, 1..6usize).prop_map(|(every, count)| Stretch::Escapes { every, count }),
        1 => any::<usize>().prop_map(|which| Stretch::Token { which }),
        2 => (any::<usize>(), percent.clone()).prop_map(|(which, percent)| Stretch::Escaped { which, percent }),
        2 => (any::<usize>(), any::<usize>(), prop_oneof![Just(0usize), percent])
            .prop_map(|(which, at, percent)| Stretch::NearMiss { which, at, percent }),
        1 => (any::<usize>(), 1..8usize).prop_map(|(which, times)| Stretch::Starts { which, times }),
        9 => (
            any::<usize>(),
            prop::option::weighted(0.2, any::<usize>()),
            prop::collection::vec(0..CODERS.len(), 1..5),
        )
            .prop_map(|(which, miss, coders)| Stretch::Encoded { which, miss, coders }),
    ]
}

fn stretches(most: usize) -> impl Strategy<Value = Vec<Stretch>> {
    prop::collection::vec(stretch(), 0..most)
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![
        stretches(4).prop_map(Field::Cookie),
        stretches(4).prop_map(Field::Plain),
        (stretches(4), any::<bool>(), 0..3usize)
            .prop_map(|(stretches, padded, junk)| Field::Basic { stretches, padded, junk }),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        any::<u64>(),
        prop::collection::vec((shape(), any::<bool>()), 1..12),
        stretches(4),
        prop_oneof![
            6 => prop::collection::vec(field(), 0..4),
            1 => prop::collection::vec(field(), 14..36)
        ],
        stretches(9),
        prop_oneof![Just(1usize), 2..40usize, 40..3000usize],
        any::<bool>(),
        prop_oneof![
            5 => Just(Coding::Identity),
            1 => Just(Coding::Gzip),
            1 => Just(Coding::Zlib),
            1 => Just(Coding::Deflate),
        ],
        prop::bool::weighted(0.85),
    )
        .prop_map(
            |(seed, shapes, target, fields, body, longest_piece, trailer, coding, ascii)| Plan {
                seed,
                shapes,
                target,
                fields,
                body,
                longest_piece,
                trailer,
                coding,
                ascii,
            },
        )
}

impl Plan {
    fn tokens(&self, draw: &mut Draw) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        for (shape, block) in &self.shapes {
            let earlier = |of: usize| match tokens.len() {
                0 => b"q7Zr3Kw9Vn9Tz3Rw6Yb1Cd5F".to_vec(),
                count => tokens[of % count].bytes.clone(),
            };
            let mut bytes = match *shape {
                Shape::Fresh { len, alphabet } => {
                    let alphabet = ALPHABETS[alphabet];
                    draw.text(
                        len,
                        if self.ascii && alphabet.is_empty() { BASE62 } else { alphabet },
                    )
                }
                Shape::Prefixed { prefix, len } => {
                    [PREFIXES[prefix].as_bytes(), &draw.text(len, BASE62)].concat()
                }
                Shape::Sibling { of, keep, len } => {
                    let mut bytes = earlier(of);
                    bytes.truncate(keep);
                    bytes.extend(draw.text(len, BASE62));
                    bytes
                }
                Shape::Inner { of, from, len } => {
                    let bytes = earlier(of);
                    let from = from % bytes.len();
                    bytes[from..bytes.len().min(from + len)].to_vec()
                }
                Shape::Outer { of, before, after } => {
                    [draw.text(before, BASE62), earlier(of), draw.text(after, BASE62)].concat()
                }
            };
            bytes.truncate(4096);
            let action = if *block { Action::Block } else { Action::Monitor };
            tokens.push(Token { bytes, leak: 100 + tokens.len() as u64, action });
        }
        usable(&tokens)
    }

    fn request(&self, draw: &mut Draw, tokens: &[Token]) -> Request {
        let target = [b"/v1/", &text(&self.target, draw, tokens)[..]].concat();
        let mut fields: Vec<_> = self.fields.iter().map(|f| header(f, draw, tokens)).collect();
        let body = text(&self.body, draw, tokens);
        let (body, coding) = match self.coding {
            Coding::Identity => (body, None),
            Coding::Gzip => (encode::gzip(&body), Some("gzip")),
            Coding::Zlib => (encode::zlib(&body), Some("deflate")),
            Coding::Deflate => (encode::deflate(&body), Some("deflate")),
        };
        let coding = coding.map(|coding| (b"Content-Encoding".to_vec(), coding.into()));
        let trailers = if self.trailer { fields.pop().into_iter().collect() } else { Vec::new() };
        fields.extend(coding);
        Request {
            method: b"POST".to_vec(),
            target,
            trailers,
            headers: fields,
            body: draw.cut(&body, self.longest_piece),
        }
    }
}

fn header(field: &Field, draw: &mut Draw, tokens: &[Token]) -> (Vec<u8>, Vec<u8>) {
    match field {
        Field::Cookie(stretches) => {
            let value = [b"a=1; sid=", &text(stretches, draw, tokens)[..]].concat();
            (b"CooKie".to_vec(), value)
        }
        Field::Plain(stretches) => (b"X-Api-Key".to_vec(), text(stretches, draw, tokens)),
        Field::Basic { stretches, padded, junk } => {
            let plain = [b"user:", &text(stretches, draw, tokens)[..]].concat();
            let mut value = b"Basic ".to_vec();
            value.extend(draw::base64(&plain, *padded));
            value.extend([&b""[..], b" ", b"=, realm=x"][*junk]);
            (b"Authorization".to_vec(), value)
        }
    }
}

fn text(stretches: &[Stretch], draw: &mut Draw, tokens: &[Token]) -> Vec<u8> {
    let mut text = Vec::new();
    for stretch in stretches {
        let token = |which: usize| tokens[which % tokens.len()].bytes.as_slice();
        match stretch.clone() {
            Stretch::Noise { len, alphabet } => text.extend(draw.text(len, ALPHABETS[alphabet])),
            Stretch::Escapes { every, count } => {
                for _ in 0..count {
                    text.extend(draw.text(every, BASE62));
                    text.extend(draw::escape(draw.number() as u8, true, false));
                }
            }
            Stretch::Token { which } => text.extend(token(which)),
            Stretch::Escaped { which, percent } => text.extend(draw.escaped(token(which), percent)),
            Stretch::NearMiss { which, at, percent } => {
                let token = token(which);
                let changed = draw::changed(token, at % token.len());
                text.extend(draw.escaped(&changed, percent));
            }
            Stretch::Starts { which, times } => {
                let token = token(which);
                for _ in 0..times {
                    text.extend(&token[..token.len() - 1]);
                }
            }
            Stretch::Encoded { which, miss, coders } => {
                let token = token(which);
                let mut encoded = token.to_vec();
                if let Some(at) = miss {
                    encoded = draw::changed(token, at % token.len());
                }
                for coder in coders {
                    let glue = [draw.below(4), draw.below(4)].map(|len| draw.text(len, BASE64));
                    let glued = [&glue[0], &encoded[..], &glue[1]].concat();
                    encoded = CODERS[coder].encode(draw, &glued);
                }
                // The oracle takes too long for what is longer.
                if encoded.len() <= LONGEST_ENCODED {
                    text.extend(encoded);
                }
            }
        }
    }
    text
}

/// The default, or as many cases as `PROPTEST_CASES` says.
fn cases(default: u32) -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = default;
    }
    config
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn matcher_and_oracle_agree(plan in plan()) {
        let draw = &mut Draw(plan.seed);
        let tokens = plan.tokens(draw);
        prop_assume!(!tokens.is_empty());
        let request = plan.request(draw, &tokens);
        let set = set(&tokens);
        let why = disagreement(&set, &tokens, &request);
        prop_assert!(why.is_none(), "{}", why.unwrap_or_default());
    }

    /// Nothing but what escapes are made of, with tokens, their pieces and their near misses between.
    #[test]
    fn matcher_and_oracle_agree_in_noise_of_escapes(
        seed: u64,
        stretches in prop::collection::vec((0..40usize, 0..4u8, any::<usize>()), 1..30),
        lens in prop::collection::vec(prop_oneof![8..24usize, 24..64usize], 1..6),
        spaced: bool,
        longest_piece in prop_oneof![Just(1usize), 2..200usize],
    ) {
        let draw = &mut Draw(seed);
        let tokens: Vec<Token> = lens.iter().map(|len| {
            let alphabet = [BASE62, BASE64, HEX, b"ABCDEF0123456789-"][draw.below(4)];
            let mut token = token(draw, *len);
            token.bytes = draw.text(*len, alphabet);
            if spaced {
                token.bytes[len / 2] = b' ';
            }
            token
        }).collect();
        let tokens = usable(&tokens);
        prop_assume!(!tokens.is_empty());
        let mut text = Vec::new();
        for (noise, kind, which) in stretches {
            text.extend(draw.text(noise, ESCAPES));
            let token = &tokens[which % tokens.len()].bytes;
            let piece = match kind {
                0 => token.to_vec(),
                1 => draw::changed(token, which % token.len()),
                2 => token[..which % token.len()].to_vec(),
                _ => token[which % token.len()..].to_vec(),
            };
            let coder = CODERS[draw.below(CODERS.len())];
            text.extend(if draw.below(3) == 0 { coder.encode(draw, &piece) } else { piece });
        }
        let set = set(&tokens);
        let headers = vec![
            (b"X-Noise".to_vec(), text.clone()),
            (b"Authorization".to_vec(), [b"Basic ", &text[..]].concat()),
        ];
        let body = draw.cut(&text, longest_piece);
        for request in [
            Request { headers, ..Request::default() },
            Request { body, ..Request::default() },
        ] {
            let why = disagreement(&set, &tokens, &request);
            prop_assert!(why.is_none(), "{}", why.unwrap_or_default());
        }
    }

    /// The action never depends on how a body is cut; nor does the hit, if there is but one. What is
    /// beyond a ceiling may be found with one cut and not with another.
    #[test]
    fn the_verdict_does_not_depend_on_the_cuts(plan in plan(), cuts in any::<[u64; 3]>()) {
        let draw = &mut Draw(plan.seed);
        let tokens = plan.tokens(draw);
        prop_assume!(!tokens.is_empty());
        let mut request = plan.request(draw, &tokens);
        let (set, body) = (set(&tokens), request.body.concat());
        let found = find(&tokens, &request);
        request.body = vec![body.clone()];
        let whole = scan(&set, &request);
        for (cut, longest) in cuts.into_iter().zip([1, 30, 2000]) {
            request.body = Draw(cut).cut(&body, longest);
            let verdict = scan(&set, &request);
            let why = contradiction(&found, &verdict);
            prop_assert!(
                why.is_none(),
                "{}: pieces of {longest}, {}, {}",
                why.unwrap_or_default(),
                shown(&request),
                listed(&tokens)
            );
            let doubtful = found.iter().any(|found| !found.certain);
            prop_assert!(verdict.action == whole.action || doubtful);
            prop_assert!(verdict == whole || found.len() > 1 || doubtful);
        }
    }
}

/// A random token of `len` bytes.
fn token(draw: &mut Draw, len: usize) -> Token {
    Token { bytes: draw.text(len, BASE62), leak: len as u64, action: Action::Block }
}

fn body(pieces: Vec<Vec<u8>>) -> Request {
    Request { target: b"/".to_vec(), body: pieces, ..Request::default() }
}

/// Lengths that differ in all that can matter: every one up to 300, where all tiers, gram sizes and
/// remainders by their strides are; then every thirteenth, so that remainders by strides and pieces
/// go round; and those around where buffers and pieces end.
#[test]
fn tokens_of_all_lengths_are_found_wherever_they_stand() {
    let edges = [512, 1024, 2048, 4096].into_iter().flat_map(|edge| edge - 2..=edge + 2);
    let lengths = (8..=300).chain((313..=4083).step_by(13)).chain(edges);
    every_length(lengths.filter(|len| *len <= 4096));
}

/// A token of each length: found at the start, in the middle, at the end and across a cut, and not
/// found with one byte changed.
fn every_length(lengths: impl Iterator<Item = usize>) {
    let draw = &mut Draw(7);
    for len in lengths {
        let token = token(draw, len);
        let tokens = [token.clone()];
        let set = set(&tokens);
        let other = draw.text(len + 3, BASE62);
        let before = draw.below(other.len());
        let cut = 1 + draw.below(len - 1);
        let miss = draw::changed(&token.bytes, draw.below(len));
        let texts = [
            (0, vec![[&token.bytes[..], &other[..]].concat()]),
            (before, vec![[&other[..before], &token.bytes[..], &other[before..]].concat()]),
            (other.len(), vec![[&other[..], &token.bytes[..]].concat()]),
            (
                before,
                vec![
                    [&other[..before], &token.bytes[..cut]].concat(),
                    [&token.bytes[cut..], &other[..]].concat(),
                ],
            ),
        ];
        for (offset, pieces) in texts {
            let hit = scan(&set, &body(pieces)).hit.unwrap_or_else(|| panic!("{len}: not found"));
            assert_eq!((hit.leak, hit.offset, hit.views.bits()), (len as u64, offset as u64, RAW));
        }
        let text = [&other[..before], &miss[..], &other[before..]].concat();
        assert_eq!(scan(&set, &body(vec![text])).action, Action::Pass, "{len}: near miss found");
    }
}

/// The percent lane runs around escapes only. A token with one escaped byte stands at every distance
/// behind another escape, so that the lane has just stopped, is about to, or runs on; and the body is
/// cut within the escapes.
#[test]
fn tokens_where_the_percent_lane_starts_and_stops() {
    let draw = &mut Draw(11);
    for longest in [8, 12, 21, 40] {
        let tokens = [token(draw, longest)];
        let set = set(&tokens);
        for distance in 0..4 * longest + 60 {
            for escaped in [0, 1, longest / 2, longest - 2, longest - 1] {
                let between = draw.text(distance, BASE62);
                let bytes = &tokens[0].bytes;
                let escape = draw::escape(bytes[escaped], true, true);
                let (before, behind) = (draw.below(2 * longest), draw.below(3 * longest));
                let text = [
                    &draw.text(before, BASE62)[..],
                    b"%41",
                    &between,
                    &bytes[..escaped],
                    &escape,
                    &bytes[escaped + 1..],
                    &draw.text(behind, BASE62),
                    [&b""[..], b"%", b"%4", b"%zz", b"%20"][draw.below(5)],
                ]
                .concat();
                let place = text.len() - behind;
                let what = format!("length {longest}, distance {distance}, byte {escaped}");
                let whole = agree(&set, &tokens, &body(vec![text.clone()]), &what);
                assert_eq!(whole.action, Action::Block, "{what}");
                for cut in [place.saturating_sub(draw.below(2 * longest)).min(text.len()), 4, 5] {
                    let (left, right) = text.split_at(cut.min(text.len()));
                    let pieces = vec![left.to_vec(), right.to_vec()];
                    assert_eq!(scan(&set, &body(pieces)), whole, "{what}, cut {cut}");
                }
                let bytewise = text.chunks(1).map(<[u8]>::to_vec).collect();
                assert_eq!(scan(&set, &body(bytewise)), whole, "{what}, bytewise");
            }
        }
    }
}

/// Escapes as far apart as the lane needs to stop and to start again, give or take twenty bytes, and a
/// token across each of these places in turn.
#[test]
fn tokens_between_escapes_that_stand_far_apart() {
    let draw = &mut Draw(13);
    for longest in [20, 64, 256] {
        let tokens = [token(draw, longest)];
        let set = set(&tokens);
        for spacing in 2 * longest - 20..=2 * longest + 60 {
            let mut text = Vec::new();
            for _ in 0..4 {
                text.extend(draw.text(spacing, BASE62));
                text.extend(b"%2f");
            }
            let at = draw.below(text.len() - 3);
            let at =
                at - text[..at].iter().rev().take(2).position(|b| *b == b'%').map_or(0, |n| n + 1);
            let percent = [0, 2, 10, 100][draw.below(4)];
            let planted = draw.escaped(&tokens[0].bytes, percent);
            let text = [&text[..at], &planted, &text[at..]].concat();
            let longest_piece = [1, 7, longest, 5 * longest][draw.below(4)];
            let what = format!("length {longest}, spacing {spacing}, at {at}");
            let request = body(draw.cut(&text, longest_piece));
            assert_eq!(agree(&set, &tokens, &request, &what).action, Action::Block, "{what}");
        }
    }
}

/// Bodies several times as long as the state, with a token across every place where a buffer could
/// end.
#[test]
fn tokens_across_every_boundary_of_a_long_body() {
    let draw = &mut Draw(17);
    for (longest, step) in [(24, 1), (300, 29)] {
        let tokens = [token(draw, longest), token(draw, 20)];
        let set = set(&tokens);
        // Readings keep up to 48 times the longest token and a few bytes, raw searches 512 bytes.
        let len = 2 * (48 * longest + 512);
        let noise = draw.text(len, BASE62);
        for at in (0..len).step_by(step) {
            let token = &tokens[at / step % 2];
            let planted = match at / step % 3 {
                0 => draw.escaped(&token.bytes, 20),
                _ => token.bytes.clone(),
            };
            let text = [&noise[..at], &planted, &noise[at..]].concat();
            let pieces = draw.cut(&text, [64, 700, 4000][at / step % 3]);
            let hit = scan(&set, &body(pieces)).hit.unwrap_or_else(|| panic!("{longest} at {at}"));
            assert_eq!((hit.leak, hit.offset), (token.leak, at as u64), "{longest} at {at}");
        }
    }
}

/// What an attacker who knows a token sends to make the matcher work.
#[test]
fn hostile_bodies() {
    let draw = &mut Draw(19);
    for longest in [8, 20, 32, 200, 4096] {
        let token = token(draw, longest);
        let start = &token.bytes[..longest - 1];
        let miss = draw::changed(&token.bytes, longest - 1);
        let tokens = [token.clone()];
        let set = set(&tokens);
        let texts: [Vec<u8>; 6] = [
            start.repeat(20_000 / longest + 2),
            miss.repeat(20_000 / longest + 2),
            draw.escaped(&start.repeat(5_000 / longest + 2), 30),
            b"%".repeat(9_000),
            b"%4".repeat(5_000),
            b"%%25".repeat(3_000),
        ];
        for text in texts {
            let request = body(draw.cut(&text, 1500));
            let verdict = agree(&set, &tokens, &request, "hostile");
            assert_eq!(verdict.action, Action::Pass);
            let request = body(draw.cut(&[&text[..], &token.bytes].concat(), 1500));
            let verdict = agree(&set, &tokens, &request, "hostile, then the token");
            assert_eq!(verdict.action, Action::Block);
        }
    }
}
