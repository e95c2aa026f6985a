//! A headless Chromium, driven over its debugging pipe.
//!
//! The pipe takes and gives JSON messages that end with a zero byte ("Chrome DevTools Protocol",
//! `--remote-debugging-pipe`). It needs no port, so nothing else on the machine can interfere.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page. It ends when this is dropped.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    next: u64,
    /// What happened in the page since it was opened.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Browser {
    /// Starts one with an empty page. Panics, with what to install, if there is no Chromium.
    pub(crate) fn start() -> Browser {
        let profile = TempDir::new().unwrap();
        // The browser reads commands from descriptor 3 and writes to 4; the shell puts them there.
        let mut child = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>&2", "chromium"])
            .args(["--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu"])
            .args(["--no-first-run", "--disable-extensions", "--disable-background-networking"])
            .args(["--disable-dev-shm-usage", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh starts");
        let to = child.stdin.take().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, from) = channel();
        thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Browser {
            child,
            to,
            from,
            session: None,
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let id = &target["targetId"];
        let session =
            browser.call("Target.attachToTarget", json!({ "targetId": id, "flatten": true }));
        browser.session = Some(session["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Runtime", "Log", "Network", "Security"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Opens a file in a window of so many pixels, light or dark.
    pub(crate) fn open(&mut self, file: &Path, (width, height): (u32, u32), scheme: &str) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false
        });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.emulate(json!({ "media": "", "features": features }));
        self.events.clear();
        self.call("Page.navigate", json!({ "url": format!("file://{}", file.display()) }));
        self.wait("Page.loadEventFired");
    }

    /// Makes the page believe in other media: `print`, a dark scheme.
    pub(crate) fn emulate(&mut self, media: Value) {
        self.call("Emulation.setEmulatedMedia", media);
    }

    /// Evaluates an expression in the page.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let wish = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", wish);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"].get("value").cloned().unwrap_or(Value::Null)
    }

    /// Clicks with the mouse in the middle of the element.
    pub(crate) fn click(&mut self, selector: &str) {
        let at = self.eval(&format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center', behavior: 'instant'}});
               const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key: its name, its code, and the text that it types.
    pub(crate) fn press(&mut self, key: &str, code: u32, text: &str) {
        let mut event = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        if !text.is_empty() {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event);
        let up = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", up);
    }

    /// A picture of the window, or of the whole page, as PNG.
    pub(crate) fn screenshot(&mut self, whole: bool) -> Vec<u8> {
        let wish = json!({ "format": "png", "captureBeyondViewport": whole });
        let answer = self.call("Page.captureScreenshot", wish);
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// The page as PDF, as it prints.
    pub(crate) fn pdf(&mut self) -> Vec<u8> {
        let wish = json!({ "preferCSSPageSize": true, "printBackground": true });
        let answer = self.call("Page.printToPDF", wish);
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// Messages of the console, exceptions and entries of the log since the page was opened.
    pub(crate) fn complaints(&mut self) -> Vec<Value> {
        // An answer that comes later than what happened before.
        self.eval("1");
        let loud = ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"];
        self.events_of(&loud)
    }

    /// The addresses that were asked for since the page was opened.
    pub(crate) fn requests(&mut self) -> Vec<String> {
        self.eval("1");
        let address =
            |event: &Value| event["params"]["request"]["url"].as_str().unwrap().to_owned();
        self.events_of(&["Network.requestWillBeSent"]).iter().map(address).collect()
    }

    fn events_of(&self, methods: &[&str]) -> Vec<Value> {
        let of =
            |event: &&Value| event["method"].as_str().is_some_and(|one| methods.contains(&one));
        self.events.iter().filter(of).cloned().collect()
    }

    fn wait(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let message = self.receive();
            self.events.push(message);
        }
    }

    /// Calls a method of the protocol and waits for its answer.
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        if self.to.write_all(format!("{message}\0").as_bytes()).is_err() {
            self.mourn();
        }
        loop {
            let message = self.receive();
            if message["id"] == self.next {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn receive(&mut self) -> Value {
        match self.from.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(RecvTimeoutError::Timeout) => panic!("chromium does not answer"),
            Err(RecvTimeoutError::Disconnected) => self.mourn(),
        }
    }

    /// Says that the browser ended, and why it may never have begun.
    fn mourn(&mut self) -> ! {
        match self.child.wait().ok().and_then(|status| status.code()) {
            // The shell's word for a program that it does not find.
            Some(127) => panic!("chromium is not installed: it is the Debian package `chromium`"),
            code => panic!("chromium ended with status {code:?}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked first, so that it ends its own processes; then there is no way to complain.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
