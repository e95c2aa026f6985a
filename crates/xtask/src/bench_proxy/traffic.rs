//! What goes through the proxies: tokens that sets are made of, and requests that hold none of them. All of it
//! is invented, and the same in every run.

/// How many different requests of a kind are sent in turn: one that is sent again and again would find all it
/// needs in the processor's caches.
const GETS: usize = 8_192;
const POSTS: usize = 4_096;

/// The length of a body.
const BODY: usize = 4_096;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";

/// A kind of request, each ready to be written to a connection.
pub struct Traffic {
    pub name: &'static str,
    pub requests: Vec<Vec<u8>>,
}

/// Requests without a body, and requests with one.
pub fn kinds() -> [Traffic; 2] {
    let mut noise = Noise(0x5745_4c4c);
    let gets = (0..GETS).map(|_| get(&mut noise, None)).collect();
    let posts = (0..POSTS).map(|_| post(&mut noise, None)).collect();
    [Traffic { name: "GET", requests: gets }, Traffic { name: "POST", requests: posts }]
}

/// A request of each kind that holds a token: in a header, and in the body.
pub fn leaking(token: &str) -> [Vec<u8>; 2] {
    let mut noise = Noise(0x4c45_414b);
    [get(&mut noise, Some(token)), post(&mut noise, Some(token))]
}

/// So many tokens, a quarter of each form; those of a longer list begin with those of a shorter one.
pub fn tokens(count: usize) -> Vec<String> {
    let mut noise = Noise(0x544f_4b45);
    (0..count)
        .map(|i| match i % 4 {
            0 => noise.word(40),
            1 => format!("sk_live_{}", noise.word(24)),
            2 => noise.word(20),
            _ => noise.jwt(),
        })
        .collect()
}

/// 12 headers, about 800 bytes of them.
fn head(noise: &mut Noise, method: &str, authorization: Option<&str>, more: &str) -> String {
    let bearer = match authorization {
        Some(token) => token.to_owned(),
        None => format!("sk_live_{}", noise.word(24)),
    };
    let (item, page, build) = (noise.below(100_000), noise.below(500), noise.below(9_000));
    format!(
        "{method} /v1/accounts/{item}/orders?page={page}&sort=created HTTP/1.1\r\n\
         Host: api.example.com\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
         Chrome/140.0.{build}.0 Safari/537.36\r\n\
         Accept: application/json, text/plain;q=0.8, */*;q=0.5\r\n\
         Accept-Language: en-GB,en;q=0.9,de;q=0.7\r\n\
         Accept-Encoding: gzip, deflate, br\r\n\
         Referer: https://shop.example.com/accounts/{item}/orders?page={page}\r\n\
         Authorization: Bearer {bearer}\r\n\
         Cookie: session={session}; theme=dark; seen={seen}\r\n\
         X-Request-Id: {request}\r\n\
         Traceparent: 00-{trace}-{span}-01\r\n\
         If-None-Match: \"{tag}\"\r\n\
         Cache-Control: no-cache\r\n\
         {more}\r\n",
        session = noise.word(32),
        seen = noise.below(1_000_000),
        request = noise.hexadecimal(32),
        trace = noise.hexadecimal(32),
        span = noise.hexadecimal(16),
        tag = noise.hexadecimal(20),
    )
}

fn get(noise: &mut Noise, token: Option<&str>) -> Vec<u8> {
    head(noise, "GET", token, "").into_bytes()
}

fn post(noise: &mut Noise, token: Option<&str>) -> Vec<u8> {
    let body = body(noise, token);
    let more = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let mut request = head(noise, "POST", None, &more).into_bytes();
    request.extend_from_slice(body.as_bytes());
    request
}

/// A JSON list of records of exactly [`BODY`] bytes; the token is in the middle one.
fn body(noise: &mut Noise, token: Option<&str>) -> String {
    let mut body = String::from("{\"records\":[");
    let mut token = token;
    loop {
        let middle = body.len() > BODY / 2;
        let id = match token.filter(|_| middle) {
            Some(leaked) => {
                token = None;
                leaked.to_owned()
            }
            None => noise.hexadecimal(24),
        };
        let record = format!(
            "{{\"id\":\"{id}\",\"name\":\"{first} {last}\",\"amount\":{amount},\"currency\":\"EUR\",\
             \"created\":\"2026-11-{day:02}T08:15:30Z\",\"paid\":true,\"note\":\"delivered with {parcel} to {first}\"}},",
            first = noise.name(),
            last = noise.name(),
            amount = noise.below(1_000_000),
            day = 1 + noise.below(28),
            parcel = noise.hexadecimal(10),
        );
        // The tail takes 14 bytes with an empty filling.
        if body.len() + record.len() + 14 > BODY {
            break;
        }
        body.push_str(&record);
    }
    body.pop();
    body.push_str("],\"fill\":\"");
    while body.len() + 2 < BODY {
        body.push('.');
    }
    body.push_str("\"}");
    body
}

/// Numbers that look random: splitmix64.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn of(&mut self, alphabet: &[u8], length: usize) -> String {
        let pick = |noise: &mut Noise| alphabet[(noise.next() % alphabet.len() as u64) as usize];
        (0..length).map(|_| char::from(pick(self))).collect()
    }

    fn word(&mut self, length: usize) -> String {
        self.of(ALPHABET, length)
    }

    fn hexadecimal(&mut self, length: usize) -> String {
        self.of(HEXADECIMAL, length)
    }

    fn name(&mut self) -> &'static str {
        const NAMES: [&str; 8] =
            ["Abel", "Bruno", "Carla", "Dagny", "Emil", "Frida", "Gustav", "Henrike"];
        NAMES[self.below(8) as usize]
    }

    fn jwt(&mut self) -> String {
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIi{}.{}", self.word(110), self.word(43))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn requests_differ_and_have_their_lengths() {
        for traffic in kinds() {
            let different: HashSet<&Vec<u8>> = traffic.requests.iter().collect();
            assert_eq!(different.len(), traffic.requests.len());
            for request in &traffic.requests {
                let text = std::str::from_utf8(request).expect("text");
                let (head, body) = text.split_once("\r\n\r\n").expect("a head");
                let more = if traffic.name == "POST" { 2 } else { 0 };
                assert_eq!(head.lines().count(), 1 + 12 + more);
                assert!(head.len() < 1_024, "nginx would take another buffer for {}", head.len());
                assert_eq!(body.len(), if traffic.name == "POST" { BODY } else { 0 });
            }
        }
    }

    #[test]
    fn a_leaking_request_holds_its_token() {
        for token in tokens(8) {
            for request in leaking(&token) {
                let text = String::from_utf8(request).expect("text");
                assert!(text.contains(&token));
                if let Some(body) = text.split_once("\r\n\r\n").map(|parts| parts.1) {
                    assert!(body.is_empty() || body.len() == BODY && body.contains(&token));
                }
            }
        }
    }
}
