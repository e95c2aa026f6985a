//! What Envoy says to a set, a key or a setting that cannot be used: the listener is rejected, and the log
//! says why.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Bench;
use super::config::{structured, textual};
use crate::command::{both, program};
use crate::proxy::client::exchange;
use crate::proxy::free_port;
use crate::proxy::message::Message;
use crate::report::Report;
use crate::workspace;

pub fn run(report: &mut Report, bench: &Bench, envoy: &Path, module: &Path) -> Result<()> {
    let material = &bench.material;
    material.save_spoilt()?;
    let file = |name: &str| material.folder().join(name).display().to_string();
    let set = |patches: &str, key: &str, more: &str| {
        let (patches, key) = (file(patches), file(key));
        format!(r#"{{"mode":"on","patches":"{patches}","key":"{key}"{more}}}"#)
    };
    let good = |more: &str| set("patches", "key", more);
    let (signer, next) = (file("sign.pub"), material.next_public_key());
    let signed = |patches: &str| set(patches, "key", &format!(r#","public_keys":["{signer}"]"#));
    let keys = |list: &str| good(&format!(r#","public_keys":{list}"#));

    for (name, config) in [
        ("a good configuration", good("")),
        ("white space and escapes", good(" , \"st\\u0061tus\"\t:\r\n 451 ").replace('/', "\\/")),
        ("one public key as a text", keys(&format!("\"{signer}\""))),
        ("any of several keys", keys(&format!(r#"["{signer}","{next}"]"#))),
        ("an unsigned set where none need be signed", set("unsigned", "key", "")),
        ("off without set or key", r#"{"mode":"off"}"#.to_owned()),
        ("off opens nothing", set("none", "none", "").replace("\"on\"", "\"off\"")),
    ] {
        report.case(&format!("{name} passes"), taken(bench, textual(&config)));
    }
    report.case("a structure passes", {
        let settings: Value = serde_json::from_str(&good(r#","status":451,"min_serial":0"#))?;
        taken(bench, structured(&settings))
    });

    // Each case: the configuration, and what the message must hold.
    let cases: &[(&str, String, &[&str])] = &[
        ("set that is not there", set("none", "key", ""), &["none", "o such file"]),
        ("set that is a folder", set("folder", "key", ""), &["folder"]),
        ("set that is empty", set("empty", "key", ""), &["empty"]),
        ("truncated set", set("truncated", "key", ""), &["truncated"]),
        ("damaged set", set("damaged", "key", ""), &["damaged"]),
        ("set of another key", set("patches", "foreign", ""), &["patches", "key"]),
        ("key that is not there", set("patches", "none", ""), &["none", "o such file"]),
        ("key that others can read", set("patches", "readable", ""), &["readable"]),
        ("key that is no key", set("patches", "empty-key", ""), &["empty-key"]),
        ("unsigned set", signed("unsigned"), &["unsigned", "not signed"]),
        ("set that a stranger signed", signed("strange"), &["strange", "not trusted"]),
        ("set with a wrong signature", signed("forged"), &["forged", "signature"]),
        ("expired set", signed("expired"), &["expired: refused", "expired at"]),
        (
            "expired set where none need be signed",
            set("expired", "key", ""),
            &["expired: refused", "expired at"],
        ),
        (
            "set older than the lowest that is taken",
            good(&format!(r#","public_keys":["{signer}"],"min_serial":2"#)),
            &["patches", "serial 1 is older than 2"],
        ),
        (
            "public key that is not there",
            keys(&format!(r#"["{}"]"#, file("none"))),
            &["`public_keys`", "none", "o such file"],
        ),
        (
            "public key that is a secret one",
            keys(&format!(r#"["{}"]"#, file("key"))),
            &["`public_keys`", "stanch-public-key-v1"],
        ),
        (
            "public key that is cut off",
            keys(&format!(r#"["{}"]"#, &next[..next.len() - 1])),
            &["`public_keys`", "64 hexadecimal digits"],
        ),
        ("public key without a name", keys(r#"[""]"#), &["`public_keys`", "empty"]),
        ("no public key", keys("[]"), &["`public_keys` is empty"]),
        (
            "too many public keys",
            keys(&json!(vec![next.as_str(); 17]).to_string()),
            &["the array is too long"],
        ),
        ("no mode", good("").replace(r#""mode":"on","#, ""), &["`mode` is missing"]),
        ("unknown mode", r#"{"mode":"maybe"}"#.to_owned(), &["`mode`", "maybe"]),
        ("no set", r#"{"mode":"on","key":"x"}"#.to_owned(), &["`patches` is missing"]),
        ("no key", r#"{"mode":"monitor","patches":"x"}"#.to_owned(), &["`key` is missing"]),
        ("set without a name", r#"{"mode":"on","patches":""}"#.to_owned(), &["`patches` is empty"]),
        ("status below 400", good(r#","status":399"#), &["`status`", "400 and 599"]),
        ("status above 599", good(r#","status":600"#), &["`status`", "400 and 599"]),
        ("status beyond numbers", good(r#","status":18446744073709551616"#), &["too large"]),
        ("status that is a text", good(r#","status":"451""#), &["`status` is not a number"]),
        ("status with a fraction", good(r#","status":451.0"#), &["a whole number"]),
        ("negative status", good(r#","status":-451"#), &["a whole number"]),
        ("status with a zero before it", good(r#","status":0451"#), &["begin with 0"]),
        ("mode that is a number", r#"{"mode":1}"#.to_owned(), &["`mode` is not a string"]),
        ("unknown policy", good(r#","fail":"ajar""#), &["`fail`", "ajar"]),
        ("unknown way with bodies", good(r#","body":"drop""#), &["`body`", "drop"]),
        (
            "unknown word for unreadable bodies",
            good(r#","body_unreadable":"maybe""#),
            &["`body_unreadable`", "maybe"],
        ),
        ("ratio of nothing", good(r#","inflate_ratio":0"#), &["`inflate_ratio`", "1 and 1032"]),
        ("ratio beyond deflate", good(r#","inflate_ratio":1033"#), &["1 and 1032"]),
        ("inflation that is no size", good(r#","inflate_limit":"much""#), &["`inflate_limit`"]),
        ("limit that is no size", good(r#","body_limit":"64""#), &["`body_limit`", "64"]),
        ("limit with two letters", good(r#","body_limit":"64kb""#), &["`body_limit`", "64kb"]),
        ("serial that is no number", good(r#","min_serial":"new""#), &["`min_serial`"]),
        (
            "setting given twice",
            good(r#","status":451,"status":451"#),
            &["`status` is given twice"],
        ),
        ("unknown setting", good(r#","level":3"#), &["no setting `level`"]),
        ("true", good(r#","status":true"#), &["a string, a whole number"]),
        ("an object inside", good(r#","status":{}"#), &["a string, a whole number"]),
        ("comma at the end", good(","), &["a string is expected"]),
        ("something behind it", format!("{} x", good("")), &["nothing may follow"]),
        ("no end", good("").trim_end_matches('}').to_owned(), &["the end of the object"]),
        ("no object", "[]".to_owned(), &["an object"]),
        ("nothing at all", String::new(), &["an object"]),
        ("a line end in a text", "{\"mode\":\"o\nn\"}".to_owned(), &["control character"]),
        ("a NUL in a text", r#"{"mode":"on\u0000"}"#.to_owned(), &["NUL"]),
        ("half of a pair", r#"{"mode":"\ud800"}"#.to_owned(), &["surrogate"]),
        ("unknown escape", r#"{"mode":"\x6f"}"#.to_owned(), &["no such escape"]),
        ("text without an end", r#"{"mode":"on"#.to_owned(), &["has no end"]),
    ];
    for (name, config, wanted) in cases {
        report.case(name, refused(bench, config, wanted));
    }
    report.case("the listeners that were there serve on", serving(bench));
    report.case("the sample configuration passes", sample(bench, envoy, module));
    Ok(())
}

fn taken(bench: &Bench, config: Value) -> Result<()> {
    let (taken, log) = bench.server.offer(free_port()?, config)?;
    ensure!(taken, "Envoy refuses it: {log}");
    Ok(())
}

fn refused(bench: &Bench, config: &str, wanted: &[&str]) -> Result<()> {
    let refusals = bench.server.counter("dynamicmodulescustom.stanch_refusals")?;
    let (taken, log) = bench.server.offer(free_port()?, textual(config))?;
    ensure!(!taken, "Envoy takes it");
    let line = log.lines().find(|line| line.contains("stanch: configuration refused: "));
    let line = line.unwrap_or_default();
    for part in wanted {
        ensure!(line.contains(part), "the message does not say `{part}`: {log}");
    }
    ensure!(line.contains("[error]"), "{line}");
    bench.material.check_absent(&log)?;
    let counted = bench.server.counter("dynamicmodulescustom.stanch_refusals")? - refusals;
    ensure!(counted == 1, "{counted} refusals were counted");
    Ok(())
}

fn serving(bench: &Bench) -> Result<()> {
    let message = Message::get("/").header("X-Key", &bench.material.blocked);
    bench.check_refused(&exchange(bench.server.ports.on, "refusals-after", &message)?, 403)
}

/// `examples/envoy/envoy.yaml` as it stands, but for where its files are.
fn sample(bench: &Bench, envoy: &Path, module: &Path) -> Result<()> {
    let folder = bench.material.folder();
    let mut text = std::fs::read_to_string(workspace::root().join("examples/envoy/envoy.yaml"))?;
    for (from, to) in [
        ("/usr/lib/envoy/libstanch_envoy.so", module.to_owned()),
        ("/etc/stanch/", folder.join("")),
        ("/var/log/envoy/", folder.join("sample-")),
    ] {
        ensure!(text.contains(from), "the sample does not name {from}");
        text = text.replace(from, &to.display().to_string());
    }
    let file = folder.join("sample.yaml");
    std::fs::write(&file, text)?;
    let output = program(envoy).args(&["--mode", "validate", "-c"]).arg(&file).output()?;
    ensure!(output.status.success(), "{}", both(&output));
    Ok(())
}
