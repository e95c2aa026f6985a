//! `stanch patch pull`, from a server on loopback.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::place::{GITHUB, Place, Run};

/// What a server does with one connection.
enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// The same, then is silent for so long before it closes.
    Stuck(Vec<u8>, Duration),
    /// Sends a head and this many MiB of a chunked body.
    Flood(usize),
}

/// A server on loopback that replies to one connection after the other, and then closes.
struct Server {
    port: u16,
    requests: Receiver<String>,
}

impl Server {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Server {
        let replies: Vec<Reply> = replies.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, requests) = channel();
        thread::spawn(move || {
            for reply in replies {
                let (mut stream, _) = listener.accept().unwrap();
                let head = head(&mut stream);
                let _ = told.send(head);
                // A client that has heard enough closes; that is its right.
                let _ = reply.send(&mut stream);
            }
        });
        Server { port, requests }
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}/live.set", self.port)
    }

    /// The head of the next request, in lower case.
    #[track_caller]
    fn request(&self) -> String {
        self.requests.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

impl Reply {
    fn send(self, stream: &mut TcpStream) -> std::io::Result<()> {
        match self {
            Reply::Bytes(bytes) => stream.write_all(&bytes),
            Reply::Stuck(bytes, silence) => {
                stream.write_all(&bytes)?;
                thread::sleep(silence);
                Ok(())
            }
            Reply::Flood(mebibytes) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                let chunk = [b"100000\r\n", &vec![b'x'; 1 << 20][..], b"\r\n"].concat();
                (0..mebibytes).try_for_each(|_| stream.write_all(&chunk))?;
                stream.write_all(b"0\r\n\r\n")
            }
        }
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).to_lowercase()
}

/// An answer with a body and its length.
fn answer(status: &str, headers: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    Reply::Bytes([head.as_bytes(), body].concat())
}

fn ok(headers: &str, set: &[u8]) -> Reply {
    answer("200 OK", headers, set)
}

/// A place with keys and signed sets `set-1` to `set-3`, and a node's set `live`: the second one.
fn node() -> Place {
    let place = Place::new();
    place.write("tokens", format!("{GITHUB}\n"));
    for arguments in [&["key", "new", "key"][..], &["key", "new", "--sign", "sign"]] {
        assert_eq!(place.run(arguments).code, 0);
    }
    for serial in ["1", "2", "3"] {
        compile(&place, &format!("set-{serial}"), &["--serial", serial, "--sign", "sign"]);
    }
    place.write("live", place.read("set-2"));
    place
}

#[track_caller]
fn compile(place: &Place, output: &str, more: &[&str]) {
    let arguments = ["patch", "compile", "--key", "key", "-o", output, "tokens"];
    let run = place.run(&[&arguments, more].concat());
    assert_eq!(run.code, 0, "{run:?}");
}

/// A fetch into `live` by a node that knows the public key.
fn pull(place: &Place, address: &str, more: &[&str]) -> Run {
    let arguments = ["patch", "pull", address, "-o", "live", "--public-key", "sign.pub"];
    place.run(&[&arguments, more].concat())
}

/// Checks that a fetch ended with this status and these words, and that the set is as it was; nor is
/// anything else there that was not.
#[track_caller]
fn declined(place: &Place, replies: Vec<Reply>, more: &[&str], code: i32, words: &[&str]) -> Run {
    let (before, names) = (place.read("live"), place.names());
    let server = Server::new(replies);
    let run = pull(place, &server.address(), more);
    assert_eq!(run.code, code, "{run:?}");
    run.told(words);
    assert_eq!(place.read("live"), before);
    assert_eq!(place.names(), names);
    run
}

#[test]
fn a_newer_set_takes_the_place_of_the_old_one() {
    let place = node();
    fs::set_permissions(place.path("live"), Permissions::from_mode(0o640)).unwrap();
    let server = Server::new([ok("ETag: \"v3\"\r\n", &place.read("set-3"))]);
    let run = pull(&place, &server.address(), &["--key", "key"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    assert!(run.stdout.starts_with("live: taken: serial 3 in place of 2, signed"), "{run:?}");
    assert_eq!(place.read("live"), place.read("set-3"));
    let mode = fs::metadata(place.path("live")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o640);
    let request = server.request();
    assert!(request.starts_with("get /live.set http/1.1\r\n"), "{request}");
    assert!(!request.contains("if-none-match") && !request.contains("authorization"), "{request}");
    place.write("request", format!("GET /?a={GITHUB} HTTP/1.1\r\n\r\n"));
    let matching = ["match", "--patches", "live", "--key", "key", "request"];
    assert_eq!(place.run(&matching).code, 1);
}

#[test]
fn the_first_set_is_made_for_its_owner_alone() {
    let place = node();
    fs::remove_file(place.path("live")).unwrap();
    let server = Server::new([ok("", &place.read("set-1"))]);
    let run = pull(&place, &server.address(), &[]);
    assert!(run.code == 0 && run.stdout.contains("taken: serial 1,"), "{run:?}");
    let mode = fs::metadata(place.path("live")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    // Without an ETag there is nothing to keep.
    assert!(!place.names().contains(&"live.etag".to_owned()));
}

#[test]
fn a_set_that_did_not_change_is_not_sent_again() {
    let place = node();
    let unchanged = || answer("304 Not Modified", "", b"");
    let server = Server::new([
        ok("ETag: \"v3\"\r\n", &place.read("set-3")),
        unchanged(),
        ok("ETag: \"v3\"\r\n", &place.read("set-3")),
        ok("ETag: \"v3\"\r\n", &place.read("set-3")),
        unchanged(),
    ]);
    let address = server.address();
    assert_eq!(pull(&place, &address, &[]).code, 0);
    server.request();
    let run = pull(&place, &address, &[]);
    assert!(run.code == 0 && run.stdout.starts_with("live: nothing new: serial 3"), "{run:?}");
    assert!(server.request().contains("\r\nif-none-match: \"v3\"\r\n"));
    // The ETag is that of another set if somebody changed the file, or asks elsewhere.
    place.write("live", place.read("set-2"));
    assert!(pull(&place, &address, &[]).stdout.contains("taken: serial 3 in place of 2"));
    assert!(!server.request().contains("if-none-match"));
    let run = pull(&place, &format!("{address}?other"), &[]);
    assert!(run.code == 0 && run.stdout.contains("nothing new: serial 3"), "{run:?}");
    assert!(!server.request().contains("if-none-match"));
    // Nobody asked this server for a 304.
    let run = pull(&place, &address, &[]);
    assert_eq!(run.code, 11, "{run:?}");
    run.told(&["304"]);
    assert!(!server.request().contains("if-none-match"));
}

#[test]
fn an_expired_set_is_asked_for_in_full() {
    let place = node();
    let expiring = ["--serial", "4", "--sign", "sign", "--expires", "2s"];
    compile(&place, "brief", &expiring);
    let brief = place.read("brief");
    let server = Server::new([ok("ETag: \"v4\"\r\n", &brief), ok("ETag: \"v4\"\r\n", &brief)]);
    assert_eq!(pull(&place, &server.address(), &[]).code, 0);
    server.request();
    thread::sleep(Duration::from_millis(2100));
    let run = pull(&place, &server.address(), &[]);
    assert_eq!(run.code, 12, "{run:?}");
    run.told(&["refused", "expired", "live stays"]);
    assert!(!server.request().contains("if-none-match"));
    assert_eq!(place.read("live"), brief);
}

#[test]
fn what_a_node_would_not_take_is_refused() {
    let place = node();
    assert_eq!(place.run(&["key", "new", "--sign", "other"]).code, 0);
    assert_eq!(place.run(&["key", "new", "other-key"]).code, 0);
    compile(&place, "unsigned", &["--serial", "9"]);
    compile(&place, "foreign", &["--serial", "9", "--sign", "other"]);
    place.write("tokens", format!("{GITHUB}x\n"));
    compile(&place, "again", &["--serial", "2", "--sign", "sign"]);
    let whole = place.read("set-3");
    let mut forged = whole.clone();
    // The signature's first byte (docs/patch-set-format.md).
    forged[352] ^= 1;
    let cases: [(Vec<u8>, &[&str]); 8] = [
        (place.read("unsigned"), &["not signed"]),
        (place.read("foreign"), &["not trusted"]),
        (forged, &["the signature is not one of key"]),
        (place.read("set-1"), &["serial 1 is older than 2"]),
        (place.read("again"), &["serial 2 is that of the set in use"]),
        (whole[..whole.len() - 1].to_vec(), &["truncated"]),
        (b"<html>Please log in</html>".to_vec(), &["not a patch set"]),
        (Vec::new(), &["not a patch set"]),
    ];
    for (served, words) in cases {
        declined(
            &place,
            vec![ok("ETag: \"x\"\r\n", &served)],
            &[],
            12,
            &[&["refused"], words].concat(),
        );
    }
    let served = || vec![ok("", &place.read("set-3"))];
    declined(&place, served(), &["--key", "other-key"], 12, &["refused", "compiled with key"]);
}

#[test]
fn without_a_public_key_a_warning_is_given() {
    let place = node();
    compile(&place, "unsigned", &["--serial", "9"]);
    let server = Server::new([ok("", &place.read("unsigned")), ok("", &place.read("set-3"))]);
    let arguments = ["patch", "pull", &server.address(), "-o", "live"];
    let run = place.run(&arguments);
    assert!(run.code == 0 && run.stdout.contains("serial 9 in place of 2, not signed"), "{run:?}");
    run.told(&["warning", "without --public-key"]);
    let run = place.run(&arguments);
    assert_eq!(run.code, 12, "{run:?}");
    run.told(&["serial 3 is older than 9"]);
}

#[test]
fn an_answer_that_breaks_off_leaves_the_old_set() {
    let place = node();
    let whole = place.read("set-3");
    let half = &whole[..whole.len() / 2];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
    let chunk =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", whole.len());
    for bytes in [
        [head.as_bytes(), half].concat(),
        [chunk.as_bytes(), half].concat(),
        [chunk.as_bytes(), &whole, b"\r\n"].concat(),
        b"HTTP/1.1 200 OK\r\nContent-Le".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        Vec::new(),
    ] {
        declined(&place, vec![Reply::Bytes(bytes)], &[], 10, &["no answer"]);
    }
}

#[test]
fn a_server_that_is_slow_or_gone_is_given_up() {
    let place = node();
    let whole = place.read("set-3");
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", whole.len());
    for bytes in [Vec::new(), [head.as_bytes(), &whole[..100]].concat()] {
        let began = Instant::now();
        let stuck = Reply::Stuck(bytes, Duration::from_secs(30));
        declined(&place, vec![stuck], &["--timeout", "1s"], 10, &["no answer"]);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = pull(&place, &format!("http://{gone}/live.set"), &[]);
    assert_eq!(run.code, 10, "{run:?}");
    run.told(&["no answer", "refused"]);
    // What speaks no TLS is not believed.
    let server = Server::new([ok("", &whole)]);
    let run = pull(&place, &server.address().replace("http:", "https:"), &["--timeout", "2s"]);
    assert_eq!(run.code, 10, "{run:?}");
    assert_eq!(place.read("live"), place.read("set-2"));
}

#[test]
fn an_answer_without_a_set_is_told() {
    let place = node();
    for (status, headers, words) in [
        ("401 Unauthorized", "", &["answered 401 Unauthorized"][..]),
        ("404 Not Found", "", &["answered 404 Not Found"]),
        ("500 Internal Server Error", "", &["answered 500"]),
        ("429 Too Many Requests", "Retry-After: 120\r\n", &["answered 429", "again in 120 s"]),
        ("204 No Content", "", &["answered 204"]),
    ] {
        declined(&place, vec![answer(status, headers, b"")], &[], 11, words);
    }
    let busy = answer("503 Service Unavailable", "Retry-After: 7\r\n", b"");
    let run = declined(&place, vec![busy], &["--json"], 11, &["answered 503"]);
    let line = &run.lines()[0];
    assert_eq!((&line["result"], &line["retry_after"]), (&json!("declined"), &json!(7)), "{line}");
}

#[test]
fn too_large_an_answer_is_not_read() {
    let place = node();
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    declined(&place, vec![Reply::Bytes(announced)], &[], 11, &["more than 256 MiB", "--limit"]);
    let flood = vec![Reply::Flood(3)];
    declined(&place, flood, &["--limit", "2"], 11, &["more than 2 MiB"]);
    declined(&place, vec![Reply::Flood(2)], &["--limit", "2"], 12, &["not a patch set"]);
}

#[test]
fn a_redirect_is_followed_on_the_same_server_only() {
    let place = node();
    place.write("token", "invented-bearer-token-4711\n");
    fs::set_permissions(place.path("token"), Permissions::from_mode(0o600)).unwrap();
    let token = ["--token-file", "token"];
    let moved = |to: &str| answer("302 Found", &format!("Location: {to}\r\n"), b"");
    let other = Server::new([ok("", &place.read("set-3"))]);
    let elsewhere = moved(&format!("{}?signature=hidden", other.address()));
    let run = declined(&place, vec![elsewhere], &token, 11, &["another server", "127.0.0.1:"]);
    run.hides("hidden");
    assert!(other.requests.try_recv().is_err(), "the other server was asked");
    let names = "led elsewhere, and did not say where to";
    declined(&place, vec![answer("302 Found", "", b"")], &token, 11, &[names]);
    let circle = (0..4).map(|_| moved("/live.set")).collect();
    declined(&place, circle, &token, 11, &["more than 3 times"]);
    let server = Server::new([moved("/sets/3"), ok("", &place.read("set-3"))]);
    let run = pull(&place, &server.address(), &token);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    for path in ["/live.set", "/sets/3"] {
        let request = server.request();
        assert!(request.starts_with(&format!("get {path} ")), "{request}");
        assert!(
            request.contains("authorization: bearer invented-bearer-token-4711\r\n"),
            "{request}"
        );
    }
}

#[test]
fn a_token_comes_from_a_file_that_others_cannot_read() {
    let place = node();
    let server = Server::new([]);
    let refused = |content: &[u8], mode: u32, words: &[&str]| {
        place.write("token", content);
        fs::set_permissions(place.path("token"), Permissions::from_mode(mode)).unwrap();
        let run = pull(&place, &server.address(), &["--token-file", "token"]);
        run.failed(&[&["token file token"], words].concat());
        run.hides("invented-bearer");
    };
    refused(b"invented-bearer", 0o644, &["0644"]);
    refused(b"invented-bearer", 0o620, &["0620"]);
    for content in [&b""[..], b" \n", b"invented-bearer two", b"invented-bearer\xff", &[b'x'; 5000]]
    {
        refused(content, 0o640, &["holds no token"]);
    }
    pull(&place, &server.address(), &["--token-file", "none"]).failed(&["token file none"]);
}

#[test]
fn http_is_for_this_machine() {
    let place = node();
    for address in ["http://192.0.2.1/live.set", "http://sets.example.com/live.set?key=hidden"] {
        let run = pull(&place, address, &[]);
        run.failed(&["neither private nor safe", "--insecure-http"]);
        run.hides("hidden");
    }
    for (address, words) in [
        ("https://user:invented-password@example.com/", "--token-file"),
        ("ftp://example.com/live.set", "https://"),
        ("live.set", "https://"),
    ] {
        let run = pull(&place, address, &[]);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
    }
    let server = Server::new([ok("", &place.read("set-3"))]);
    // What is meant for this machine is not given to a proxy.
    let address = server.address();
    let arguments = ["patch", "pull", &address, "-o", "live", "--public-key", "sign.pub"];
    let run = Run::of(place.command().args(arguments).env("HTTP_PROXY", "http://192.0.2.1:3128"));
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_file_that_is_no_set_is_not_replaced() {
    let place = node();
    place.write("live", "GIF89a, certainly");
    let server = Server::new([]);
    pull(&place, &server.address(), &[]).failed(&["live", "no patch set"]);
    // Nor is anything fetched where it could not be put.
    let arguments = ["patch", "pull", &server.address(), "-o", ".", "--public-key", "sign.pub"];
    place.run(&arguments).failed(&["is no file"]);
    // What is left of a set, and what mktemp makes, is replaced.
    for content in [&place.read("set-3")[..500], b""] {
        place.write("live", content);
        let server = Server::new([ok("", &place.read("set-1"))]);
        let run = pull(&place, &server.address(), &[]);
        assert!(run.code == 0 && run.stdout.contains("taken: serial 1,"), "{run:?}");
    }
}

#[test]
fn json_says_what_came_of_it() {
    let place = node();
    let server = Server::new([
        ok("ETag: \"v3\"\r\n", &place.read("set-3")),
        answer("304 Not Modified", "", b""),
        ok("", b"nonsense"),
    ]);
    let lines: Vec<Value> =
        (0..3).map(|_| pull(&place, &server.address(), &["--json"]).lines().remove(0)).collect();
    let id = place.run(&["key", "id", "sign.pub"]).stdout;
    let found = |line: &Value| {
        ["set", "result", "serial", "before", "tokens", "signer"].map(|name| line[name].clone())
    };
    let told = |result: &str, before: u64| {
        [json!("live"), json!(result), json!(3), json!(before), json!(1), json!(id.trim())]
    };
    assert_eq!(found(&lines[0]), told("taken", 2));
    assert_eq!(found(&lines[1]), told("unchanged", 3));
    assert_eq!(lines[2]["result"], "refused");
    assert!(lines[2]["error"].as_str().unwrap().contains("not a patch set"), "{}", lines[2]);
}

/// A sidecar goes on when the server fails, and takes what comes then.
#[test]
fn with_an_interval_it_goes_on() {
    let place = node();
    let server = Server::new([
        answer("500 Internal Server Error", "", b""),
        ok("", b"nonsense"),
        ok("ETag: \"v3\"\r\n", &place.read("set-3")),
        answer("304 Not Modified", "", b""),
    ]);
    let mut sidecar = Command::new(env!("CARGO_BIN_EXE_stanch"))
        .args(["patch", "pull", &server.address(), "-o", "live", "--public-key", "sign.pub"])
        .args(["--interval", "1s"])
        .current_dir(place.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let requests: Vec<String> = (0..4).map(|_| server.request()).collect();
    sidecar.kill().unwrap();
    let output = sidecar.wait_with_output().unwrap();
    assert!(requests[3].contains("if-none-match: \"v3\""), "{requests:?}");
    assert_eq!(place.read("live"), place.read("set-3"));
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("live: taken: serial 3") && stdout.lines().count() == 1, "{stdout}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("answered 500") && stderr.contains("is refused"), "{stderr}");
}
