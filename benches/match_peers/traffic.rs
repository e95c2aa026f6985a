//! Requests like those that a server gets: header blocks of browsers and of API clients, and JSON
//! bodies. None is like another, because an engine that sees the same bytes again finds all it needs
//! in the cache and all branches predicted.

use std::ops::Range;

use stanch::patch::Header;

use crate::draw::{BASE62, Draw, HEX};
use crate::tokens::jwt;

/// How many header blocks there are, and how long each is.
const BLOCKS: usize = 8192;
const BLOCK_LEN: usize = 1024;

/// How many bodies there are, and how long each is.
const BODIES: usize = 48;
const BODY_LEN: usize = 64 * 1024;

/// The lines of all requests.
pub(crate) struct Traffic {
    pub(crate) heads: Vec<Head>,
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// The header lines of a request in one buffer, and where the fields stand in it.
pub(crate) struct Head {
    bytes: Vec<u8>,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

/// The header lines of a request, cut into fields as a proxy has them.
pub(crate) struct Block<'t> {
    pub(crate) bytes: &'t [u8],
    pub(crate) headers: Vec<Header<'t>>,
}

impl Traffic {
    pub(crate) fn draw(draw: &mut Draw) -> Traffic {
        let heads = (0..BLOCKS).map(|number| head(draw, number)).collect();
        let bodies = (0..BODIES).map(|_| body(draw)).collect();
        Traffic { heads, bodies }
    }

    /// All blocks, those with an escape in them last.
    pub(crate) fn blocks(&self) -> Vec<Block<'_>> {
        let (escaped, plain): (Vec<&Head>, Vec<&Head>) =
            self.heads.iter().partition(|head| head.has_escape());
        plain.into_iter().chain(escaped).map(Head::block).collect()
    }

    /// How many of the blocks have no escape in them.
    pub(crate) fn plain(&self) -> usize {
        self.heads.iter().filter(|head| !head.has_escape()).count()
    }
}

impl Head {
    fn new() -> Head {
        Head { bytes: Vec::with_capacity(BLOCK_LEN), fields: Vec::new() }
    }

    fn line(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(b": ");
        let value_start = self.bytes.len();
        self.bytes.extend(value.as_ref());
        self.fields.push((start..start + name.len(), value_start..self.bytes.len()));
        self.bytes.extend(b"\r\n");
    }

    /// How many bytes of value another line with this name may have.
    fn room(&self, name: &str) -> usize {
        BLOCK_LEN.saturating_sub(self.bytes.len() + name.len() + 4)
    }

    pub(crate) fn block(&self) -> Block<'_> {
        let headers = self.fields.iter().map(|(name, value)| Header {
            name: &self.bytes[name.clone()],
            value: &self.bytes[value.clone()],
        });
        Block { bytes: &self.bytes, headers: headers.collect() }
    }

    /// Whether a view has to decode something.
    pub(crate) fn has_escape(&self) -> bool {
        self.bytes.contains(&b'%')
    }

    /// The same lines with `token` in the value of field `number` (counted round), behind `share`
    /// quarters of it.
    pub(crate) fn with(&self, token: &[u8], number: usize, share: usize) -> Head {
        let planted = number % self.fields.len();
        let mut head = Head::new();
        for (number, (name, value)) in self.fields.iter().enumerate() {
            let (name, value) = (&self.bytes[name.clone()], &self.bytes[value.clone()]);
            let (left, right) = value.split_at(value.len() * share / 4);
            let value =
                if number == planted { [left, token, right].concat() } else { value.to_vec() };
            head.line(&String::from_utf8_lossy(name), value);
        }
        head
    }
}

fn head(draw: &mut Draw, number: usize) -> Head {
    let mut head = match number % 2 {
        0 => browser(draw),
        _ => api_client(draw),
    };
    // A last line makes every block equally long.
    let name = ["X-Edge-Context", "X-Session-State"][draw.below(2)];
    let room = head.room(name);
    if room > 0 {
        let value = draw.text(room, BASE62);
        head.line(name, value);
    }
    assert!((BLOCK_LEN - 64..=BLOCK_LEN).contains(&head.bytes.len()), "{}", head.bytes.len());
    head
}

/// What a browser sends: about half of it is the same for many people, and the cookies are not.
fn browser(draw: &mut Draw) -> Head {
    let mut head = Head::new();
    let version = 100 + draw.below(40);
    head.line("Host", format!("www{}.shop-example.com", draw.below(100)));
    let system =
        ["X11; Linux x86_64", "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7"]
            [draw.below(3)];
    head.line(
        "User-Agent",
        format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.{}.{} Safari/537.36",
            draw.below(9999),
            draw.below(300)
        ),
    );
    head.line(
        "Accept",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    );
    let languages = ["en-US,en;q=0.5", "de-DE,de;q=0.9,en;q=0.7", "fr,fr-FR;q=0.8,en;q=0.3"];
    head.line("Accept-Language", languages[draw.below(3)]);
    head.line("Accept-Encoding", "gzip, deflate, br, zstd");
    head.line(
        "Referer",
        format!(
            "https://www.shop-example.com/products/{}/view?ref={}&page={}",
            draw.below(100_000),
            text(draw, 12),
            draw.below(40)
        ),
    );
    head.line(
        "Sec-CH-UA",
        format!(r#""Chromium";v="{version}", "Not/A)Brand";v="{}""#, draw.below(99)),
    );
    head.line("Sec-Fetch-Site", "same-origin");
    head.line("Upgrade-Insecure-Requests", "1");
    let mut cookies = format!(
        "_ga=GA1.2.{}.{}; session={}; csrftoken={}; theme=dark; tz={}",
        draw.below(1_000_000_000),
        draw.below(1_000_000_000),
        text(draw, 43),
        text(draw, 32),
        // One in four has a cookie with an escape in it.
        ["Europe%2FBerlin", "Europe/Paris", "UTC", "Asia/Tokyo"][draw.below(4)],
    );
    while head.room("Cookie") > cookies.len() + 110 {
        let more = match draw.below(3) {
            0 => format!("; _gid=GA1.2.{}", draw.below(1_000_000_000)),
            1 => format!("; cart_{}={}", draw.below(100), uuid(draw)),
            _ => format!("; pref{}={}", draw.below(1000), text(draw, 22)),
        };
        cookies.push_str(&more);
    }
    head.line("Cookie", cookies);
    head
}

/// What a program sends: credentials that are not leaked, of the shapes that leaked ones have, and
/// ids.
fn api_client(draw: &mut Draw) -> Head {
    let mut head = Head::new();
    head.line("Host", format!("api{}.example.com", draw.below(100)));
    let client = ["python-requests/2", "okhttp/4", "Go-http-client/1", "axios/1"][draw.below(4)];
    head.line("User-Agent", format!("{client}.{}.{}", draw.below(40), draw.below(20)));
    head.line("Accept", "application/json");
    head.line("Accept-Encoding", "gzip, deflate");
    let bearer = match draw.below(3) {
        0 => jwt(draw),
        1 => format!("sk_live_{}", text(draw, 24)).into_bytes(),
        _ => draw.text(40, BASE62),
    };
    head.line("Authorization", [b"Bearer ", &bearer[..]].concat());
    head.line("X-Request-Id", uuid(draw));
    head.line("traceparent", format!("00-{}-{}-01", hex(draw, 32), hex(draw, 16)));
    head.line(
        "X-Forwarded-For",
        format!(
            "10.{}.{}.{}, 172.16.0.{}",
            draw.below(256),
            draw.below(256),
            draw.below(256),
            draw.below(256)
        ),
    );
    head.line("Content-Type", "application/json; charset=utf-8");
    head.line("Content-Length", format!("{}", draw.below(100_000)));
    head.line("Idempotency-Key", uuid(draw));
    head.line("If-None-Match", format!("W/\"{}\"", hex(draw, 40)));
    head.line(
        "Cookie",
        format!(
            "session={}; region=eu-central-{}; lb={}",
            text(draw, 43),
            draw.below(3),
            hex(draw, 16)
        ),
    );
    let mut number = 0;
    while head.room("X-Amz-Meta-00") > 150 {
        match draw.below(3) {
            0 => head.line(
                &format!("X-Tenant-{number}"),
                format!("tenant-{}/project-{}", draw.below(10_000), draw.below(10_000)),
            ),
            1 => head.line(&format!("X-Trace-{number}"), hex(draw, 32)),
            _ => head.line(&format!("X-Device-{number}"), uuid(draw)),
        }
        number += 1;
    }
    head
}

/// A JSON body: a list of objects. About every 10 KiB there is a percent sign in it.
fn body(draw: &mut Draw) -> Vec<u8> {
    let mut body = String::from("[");
    while body.len() < BODY_LEN - 2 {
        let object = format!(
            r#"{{"id":{},"name":"{} {}","email":"{}@example.com","tag":"{}","active":{},"balance":{}.{:02},"created":"2025-{:02}-{:02}T{:02}:{:02}:00Z","note":"{}{}","key":"{}"}},"#,
            draw.below(1_000_000),
            ["Ana", "Ben", "Chloe", "Dmitri", "Eve", "Farid"][draw.below(6)],
            ["Adler", "Brown", "Costa", "Dubois", "Eriksen"][draw.below(5)],
            text(draw, 9).to_lowercase(),
            hex(draw, 24),
            draw.below(2) == 0,
            draw.below(100_000),
            draw.below(100),
            1 + draw.below(12),
            1 + draw.below(28),
            draw.below(24),
            draw.below(60),
            ["paid by card", "second reminder sent, call back on monday", "", "refund"]
                [draw.below(4)],
            if draw.below(40) == 0 { ", 20% off" } else { "" },
            text(draw, 22),
        );
        body.push_str(&object);
    }
    let mut body = body.into_bytes();
    body.truncate(BODY_LEN);
    body
}

fn text(draw: &mut Draw, len: usize) -> String {
    String::from_utf8_lossy(&draw.text(len, BASE62)).into_owned()
}

fn hex(draw: &mut Draw, len: usize) -> String {
    String::from_utf8_lossy(&draw.text(len, HEX)).into_owned()
}

fn uuid(draw: &mut Draw) -> String {
    [8, 4, 4, 4, 12].map(|len| hex(draw, len)).join("-")
}
