//! The layer behind a real server on loopback, over HTTP/1.1 and HTTP/2.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use serde_json::Value;
use stanch::patch::{Guard, Patch, PatchSetBuilder, Scope, Trust};
use stanch::secret::{ImprintKey, Secret};
use stanch_tower::{Client, GuardLayer, Log};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// Invented tokens.
const BLOCKED: &str = "tst_4fJq9XzW2mKc7LbT0vRy6NhE8sPd3GaUo1Bi5Zt";
const MONITORED: &str = "tst_Qe7Rk2Yw9Ux4Hn6Vb1Mz8Jd3Fs5Lp0Cg7Ta4Xi";
const SCOPED: &str = "tst_m3Xe8Wq1Zr6Tn0Vy5Kc9Hs2Lf7Jb4Gd0Pa6Uo8R";

/// The longest body that the server takes.
const LIMIT: usize = 64 << 10;

struct Server {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
    key: ImprintKey,
}

impl Server {
    /// One whose service answers with the length of the body that it got.
    async fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let key = ImprintKey::generate().unwrap();
        let path = folder.path().join("set");
        compile(&key, 1, &[BLOCKED, SCOPED], &path);
        let held = ImprintKey::from_bytes(*key.expose());
        let guard = Guard::open(&path, held, Trust::new()).unwrap().with_interval(Duration::ZERO);
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = lines.clone();
        let log = Log::new("edge-1", move |line| {
            told.lock().unwrap().push(String::from_utf8(line.to_vec()).unwrap());
        });
        let layer = GuardLayer::new(Arc::new(guard), log).with_limit(LIMIT);
        let service = layer.layer(service_fn(|request: Request<Full<Bytes>>| async move {
            let body = request.into_body().collect().await?.to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body.len().to_string()))))
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, client)) = listener.accept().await {
                let service = service.clone().map_request(move |mut request: Request<_>| {
                    request.extensions_mut().insert(Client(client.ip()));
                    request
                });
                tokio::spawn(async move {
                    let service = TowerToHyperService::new(service);
                    let server = auto::Builder::new(TokioExecutor::new());
                    // A client that closes early is no fault of the server.
                    let _ = server.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Server { address, lines, folder, key }
    }

    async fn ask(&self, http2: bool, request: Request<Full<Bytes>>) -> (StatusCode, String) {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let stream = TokioIo::new(stream);
        let response = if http2 {
            let (mut send, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await.unwrap()
        } else {
            let (mut send, connection) =
                hyper::client::conn::http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await.unwrap()
        };
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The lines since the last time.
    fn logged(&self) -> Vec<Value> {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap());
        lines
            .iter()
            .map(|line| {
                for token in [BLOCKED, MONITORED, SCOPED] {
                    assert!(!line.contains(token), "{line}");
                }
                serde_json::from_str(line).unwrap()
            })
            .collect()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("set")
    }
}

/// A set that blocks these tokens, the second one on one host only, and monitors another.
fn compile(key: &ImprintKey, serial: u64, blocked: &[&str], path: &Path) {
    let mut builder = PatchSetBuilder::new(key).serial(serial);
    let imprint = |token: &str| key.imprint(&Secret::new("test", token)).unwrap();
    for (leak, token) in (7..).zip(blocked) {
        let scope = Scope::new().with_host("api.example.com").unwrap();
        let patch = Patch::block(leak);
        let patch = if leak == 7 { patch } else { patch.with_scope(scope) };
        builder.add(&imprint(token), patch).unwrap();
    }
    builder.add(&imprint(MONITORED), Patch::monitor(9)).unwrap();
    builder.build().unwrap().save(path).unwrap();
}

/// A request, as both versions take it.
fn request(
    http2: bool,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Request<Full<Bytes>> {
    let host = "www.example.com";
    let mut request = Request::builder().method(method);
    request = if http2 {
        request.uri(format!("http://{host}{target}"))
    } else {
        request.uri(target).header("host", host)
    };
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_leaked_token_is_refused_wherever_it_stands() {
    let server = Server::start().await;
    let percent = BLOCKED.replace('t', "%74");
    let body = format!("{{\"key\":\"{BLOCKED}\"}}");
    let far = format!("{}{BLOCKED}", "x".repeat(50_000));
    let (bearer, cookie) = (format!("Bearer {BLOCKED}"), format!("a=b; session={BLOCKED}"));
    let (query, path) = (format!("/v1?key={percent}"), format!("/v1/{BLOCKED}/x"));
    type Row<'r> = (&'r str, &'r [(&'r str, &'r str)], Vec<u8>, &'r str);
    let rows: [Row<'_>; 7] = [
        (&query, &[], vec![], "query"),
        (&path, &[], vec![], "path"),
        ("/v1", &[("authorization", &bearer)], vec![], "header"),
        ("/v1", &[("cookie", &cookie)], vec![], "cookie"),
        ("/v1", &[], body.clone().into(), "body"),
        ("/v1", &[], far.into(), "body"),
        ("/v1", &[("content-encoding", "gzip")], gzip(&body), "body"),
    ];
    for http2 in [false, true] {
        for (target, headers, body, part) in &rows {
            let asked = request(http2, "POST", target, headers, body);
            let (status, answer) = server.ask(http2, asked).await;
            assert_eq!((status.as_u16(), answer.as_str()), (403, ""), "{http2} {part} {target}");
            let lines = server.logged();
            assert_eq!(lines.len(), 1, "{lines:?}");
            let line = &lines[0];
            assert_eq!(line["part"], *part, "{line}");
            let found =
                ["node", "client", "host", "method", "action"].map(|name| line[name].as_str());
            let expected = ["edge-1", "127.0.0.1", "www.example.com", "POST", "block"].map(Some);
            assert_eq!((found, &line["leak"]), (expected, &Value::from(7)), "{line}");
            let logged_path = if *part == "path" { None } else { Some("/v1") };
            assert_eq!(line["path"].as_str(), logged_path, "{line}");
        }
        // Where one token stands in the query and another in the path, neither is logged.
        let both = format!("/v1/{MONITORED}?key={BLOCKED}");
        server.ask(http2, request(http2, "GET", &both, &[], b"")).await;
        assert!(server.logged()[0]["path"].is_null());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_else_passes_as_it_was_sent() {
    let server = Server::start().await;
    let clean = &BLOCKED[..BLOCKED.len() - 1];
    let whole = vec![b'x'; LIMIT];
    for http2 in [false, true] {
        for (body, code, answer) in [
            (clean.as_bytes(), 200, clean.len().to_string()),
            (b"", 200, "0".to_owned()),
            (&whole, 200, LIMIT.to_string()),
            (&[&whole[..], b"x"].concat(), 413, String::new()),
        ] {
            let asked = request(http2, "POST", "/", &[("x-key", clean)], body);
            let (status, text) = server.ask(http2, asked).await;
            assert_eq!((status.as_u16(), text), (code, answer), "{http2} {}", body.len());
        }
        // What cannot be read is not let through.
        for (encoding, body) in [("br", &b"abc"[..]), ("gzip", b"no gzip at all")] {
            let asked = request(http2, "POST", "/", &[("content-encoding", encoding)], body);
            assert_eq!(server.ask(http2, asked).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        assert!(server.logged().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitored_token_passes_and_is_told_once() {
    let server = Server::start().await;
    for http2 in [false, true] {
        let asked = request(http2, "PUT", "/x", &[("x-key", MONITORED)], b"some body");
        assert_eq!(server.ask(http2, asked).await, (StatusCode::OK, "9".to_owned()));
        let lines = server.logged();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((&lines[0]["action"], &lines[0]["leak"]), (&"monitor".into(), &9.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_ask_for_the_host() {
    let server = Server::start().await;
    for (host, code) in [("api.example.com", 403), ("www.example.com", 200)] {
        let target = format!("/?t={SCOPED}");
        let asked = Request::get(&target).header("host", host).body(Full::default()).unwrap();
        assert_eq!(server.ask(false, asked).await.0, code, "{host}");
        let asked = Request::get(format!("http://{host}{target}")).body(Full::default()).unwrap();
        assert_eq!(server.ask(true, asked).await.0, code, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_set_counts_from_the_next_request_on() {
    let server = Server::start().await;
    let asked = || request(false, "GET", "/", &[("x-key", BLOCKED)], b"");
    assert_eq!(server.ask(false, asked()).await.0, StatusCode::FORBIDDEN);
    compile(&server.key, 2, &[], &server.path());
    assert_eq!(server.ask(false, asked()).await.0, StatusCode::OK);
    // An older one does not.
    compile(&server.key, 1, &[BLOCKED], &server.path());
    assert_eq!(server.ask(false, asked()).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attack_does_not_fill_the_log() {
    let server = Server::start().await;
    for _ in 0..3 * Log::LINES {
        let asked = request(false, "GET", "/", &[("x-key", BLOCKED)], b"");
        assert_eq!(server.ask(false, asked).await.0, StatusCode::FORBIDDEN);
    }
    let logged = server.logged().len();
    assert!((Log::LINES as usize..3 * Log::LINES as usize).contains(&logged), "{logged}");
}
