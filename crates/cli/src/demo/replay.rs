//! The requests that the demo replays, and what is to become of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use stanch::patch::{Action, Part, Verdict, View};
use stanch::secret::Secret;
use zeroize::Zeroizing;

use crate::outcome::Failure;

/// The bytes of each chunk of a chunked body: far fewer than a token has.
const CHUNK: usize = 11;

/// A request and what is to become of it.
pub(super) struct Case {
    /// What is special about it.
    pub(super) what: &'static str,
    /// The request, raw. It holds a token, so it is zeroed.
    pub(super) request: Zeroizing<Vec<u8>>,
    /// The rule that found the token that it carries.
    pub(super) rule: Option<&'static str>,
    /// What is to be done with it, and if that is anything, the evidence: part, name, view.
    pub(super) expected: (Action, Option<(Part, &'static str, View)>),
}

impl Case {
    /// Whether `verdict` is the expected one, with `leak` behind it.
    pub(super) fn is_met(&self, verdict: &Verdict, leak: Option<u64>) -> bool {
        let (action, evidence) = self.expected;
        let seen = verdict.hit.as_ref().map(|hit| (hit.part, hit.name.as_bytes(), hit.views));
        verdict.action == action
            && seen == evidence.map(|(part, name, view)| (part, name.as_bytes(), view.into()))
            && (verdict.hit.is_none() || verdict.hit.map(|hit| hit.leak) == leak)
    }
}

/// The requests, made with the tokens that `found` has for a rule.
pub(super) fn cases<'f>(found: impl Fn(&str) -> Option<&'f Secret>) -> Result<Vec<Case>, Failure> {
    use Action::{Block, Monitor, Pass};
    use Part::{Body, Cookie, Header, Path, Query};

    let token = |rule: &str| {
        found(rule)
            .map(Secret::expose)
            .ok_or_else(|| Failure::named("demo", format!("the scan found no {rule}")))
    };
    let mut cases = Vec::new();
    let mut add = |what, rule, request, action, evidence| {
        cases.push(Case { what, request, rule, expected: (action, evidence) });
    };

    let request =
        join(&[b"GET /cart?item=4711&session=6d1f0b9e-54c7-4b0a-9a35-2f8e7c1d4b60 HTTP/1.1\r\n\
          Host: shop.invalid\r\nUser-Agent: browser/5.0\r\nAccept: text/html\r\n\
          Cookie: theme=dark; cart=9a352f8e7c1d4b60\r\n\r\n"]);
    add("no token at all", None, request, Pass, None);

    let rule = "github-personal-access-token";
    let github = token(rule)?;
    let request = get(b"/user", &[b"Authorization: token ", github]);
    add(
        "a token in a header",
        Some(rule),
        request,
        Block,
        Some((Header, "Authorization", View::Raw)),
    );

    let request = get(b"/", &[b"Cookie: theme=dark; remember=", github]);
    add("a token in a cookie", Some(rule), request, Block, Some((Cookie, "remember", View::Raw)));

    let request = get(b"/user", &[b"Authorization: token ", &near_miss(github)]);
    add("a near miss: the last byte differs", Some(rule), request, Pass, None);

    let rule = "gitlab-personal-access-token";
    let target = join(&[b"/api/v4/projects?page=2&private_token=", token(rule)?]);
    let request = get(&target, &[b"Accept: */*"]);
    add(
        "a token in the query",
        Some(rule),
        request,
        Block,
        Some((Query, "private_token", View::Raw)),
    );

    let rule = "aws-secret-access-key";
    let escaped = Zeroizing::new(percent_encode(token(rule)?, NON_ALPHANUMERIC).to_string());
    let target = join(&[b"/sign?secret=", escaped.as_bytes(), b"&region=eu-west-1"]);
    let request = get(&target, &[b"Accept: */*"]);
    add(
        "a token escaped in the query",
        Some(rule),
        request,
        Block,
        Some((Query, "secret", View::Percent)),
    );

    let form = join(&[b"id=7&secret=", escaped.as_bytes()]);
    let request = post(b"application/x-www-form-urlencoded", &form);
    add("a token escaped in a form", Some(rule), request, Block, Some((Body, "", View::Percent)));

    let rule = "slack-bot-token";
    let target = join(&[b"/hooks/", token(rule)?, b"/send"]);
    let request = get(&target, &[b"Accept: */*"]);
    add("a token in the path", Some(rule), request, Block, Some((Path, "", View::Raw)));

    let rule = "url-password";
    let credentials = join(&[b"shop:", token(rule)?]);
    let encoded = Zeroizing::new(STANDARD.encode(&*credentials));
    let request = get(b"/admin", &[b"Authorization: Basic ", encoded.as_bytes()]);
    let evidence = Some((Header, "Authorization", View::Basic));
    add("a token in Basic credentials", Some(rule), request, Block, evidence);

    let rule = "stripe-secret-key";
    let json = join(&[br#"{"amount": 1200, "key": ""#, token(rule)?, br#"", "currency": "eur"}"#]);
    let request = chunked(&json);
    add(
        "a token split over chunks of JSON",
        Some(rule),
        request,
        Block,
        Some((Body, "", View::Raw)),
    );

    let rule = "sendgrid-key";
    let request = get(b"/v3/scopes", &[b"X-Api-Key: ", token(rule)?]);
    let evidence = Some((Header, "X-Api-Key", View::Raw));
    add("a token that is monitored", Some(rule), request, Monitor, evidence);

    let rule = "jwt";
    let request = get(b"/session", &[b"Authorization: Bearer ", token(rule)?]);
    add("a token that was marked false", Some(rule), request, Pass, None);

    Ok(cases)
}

fn join(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(parts.concat())
}

/// A request for `target` with one header, given in parts.
fn get(target: &[u8], header: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let header = join(header);
    join(&[b"GET ", target, b" HTTP/1.1\r\nHost: shop.invalid\r\n", &header, b"\r\n\r\n"])
}

/// A request with a body of a known length.
fn post(kind: &[u8], body: &[u8]) -> Zeroizing<Vec<u8>> {
    let length = body.len().to_string();
    join(&[
        b"POST /orders HTTP/1.1\r\nHost: shop.invalid\r\nContent-Type: ",
        kind,
        b"\r\nContent-Length: ",
        length.as_bytes(),
        b"\r\n\r\n",
        body,
    ])
}

/// A request with a body in small chunks.
fn chunked(body: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut request = join(&[
        b"POST /charges HTTP/1.1\r\nHost: shop.invalid\r\nContent-Type: application/json\r\n\
          Transfer-Encoding: chunked\r\n\r\n",
    ]);
    for chunk in body.chunks(CHUNK) {
        let size = format!("{:x}\r\n", chunk.len());
        request = join(&[&request, size.as_bytes(), chunk, b"\r\n"]);
    }
    join(&[&request, b"0\r\n\r\n"])
}

/// The token with its last byte changed.
fn near_miss(token: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut other = Zeroizing::new(token.to_vec());
    if let Some(last) = other.last_mut() {
        *last = if *last == b'a' { b'b' } else { b'a' };
    }
    other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Request;

    const TOKEN: &[u8] = b"7Rk2mZ9qXc4TnW8bLp3vHd6sGf1Jy/eA";

    #[test]
    fn every_case_is_a_request_and_carries_what_it_says() {
        let secret = Secret::new("test", TOKEN);
        let holds = |request: &[u8]| request.windows(TOKEN.len()).any(|part| part == TOKEN);
        let cases = cases(|_| Some(&secret)).unwrap();
        assert!(cases.len() >= 9);
        for case in cases {
            assert!(Request::parse(&case.request).is_ok(), "{}", case.what);
            let (action, evidence) = case.expected;
            assert_eq!(action == Action::Pass, evidence.is_none(), "{}", case.what);
            let is_plain = evidence.is_some_and(|(_, _, view)| view == View::Raw)
                && !case.what.contains("chunks");
            if is_plain {
                assert!(holds(&case.request), "{}", case.what);
            } else if case.what != "a token that was marked false" {
                assert!(!holds(&case.request), "{}", case.what);
            }
        }
    }

    #[test]
    fn a_token_that_was_not_found_is_named() {
        let error = cases(|_| None).err().unwrap().to_string();
        assert_eq!(error, "demo: the scan found no github-personal-access-token");
    }

    #[test]
    fn a_verdict_is_met_only_if_all_of_it_is() {
        let secret = Secret::new("test", TOKEN);
        let cases = cases(|_| Some(&secret)).unwrap();
        let pass = Verdict::default();
        for case in cases {
            assert_eq!(
                case.is_met(&pass, Some(1)),
                case.expected.0 == Action::Pass,
                "{}",
                case.what
            );
        }
    }
}
