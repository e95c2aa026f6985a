//! What `nginx -t` says to a set, a key or a directive that cannot be used.

use std::path::Path;

use anyhow::{Result, ensure};

use super::config::{self, Workers};
use super::server;
use crate::command::both;
use crate::proxy::free_port;
use crate::proxy::material::Material;
use crate::report::Report;
use crate::workspace;

/// The line of the configuration that a case's directives stand on.
const FIRST_LINE: usize = 10;

pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let material = Material::create()?;
    material.save_spoilt()?;
    let good = "stanch on; stanch_patches patches; stanch_key key;";

    let next = material.next_public_key();
    let signed_good_with = |set: &str| {
        format!("stanch on; stanch_patches {set}; stanch_key key; stanch_public_key sign.pub;")
    };

    // Each case: directives, and what the message must hold.
    let cases: &[(&str, String, &[&str])] = &[
        (
            "set that is not there",
            "stanch_patches none; stanch_key key; stanch on;".to_owned(),
            &["none", "o such file"],
        ),
        (
            "set that is a folder",
            "stanch_patches folder; stanch_key key; stanch on;".to_owned(),
            &["folder"],
        ),
        (
            "set that is empty",
            "stanch_patches empty; stanch_key key; stanch on;".to_owned(),
            &["empty"],
        ),
        (
            "truncated set",
            "stanch_patches truncated; stanch_key key; stanch on;".to_owned(),
            &["truncated"],
        ),
        (
            "damaged set",
            "stanch_patches damaged; stanch_key key; stanch on;".to_owned(),
            &["damaged"],
        ),
        (
            "set of another key",
            "stanch_patches patches; stanch_key foreign; stanch on;".to_owned(),
            &["patches", "key"],
        ),
        (
            "key that is not there",
            "stanch_patches patches; stanch_key none; stanch on;".to_owned(),
            &["none", "o such file"],
        ),
        (
            "key that others can read",
            "stanch_patches patches; stanch_key readable; stanch on;".to_owned(),
            &["readable"],
        ),
        (
            "key that is no key",
            "stanch_patches patches; stanch_key empty-key; stanch on;".to_owned(),
            &["empty-key"],
        ),
        ("unsigned set", signed_good_with("unsigned"), &["unsigned", "not signed"]),
        ("set that a stranger signed", signed_good_with("strange"), &["strange", "not trusted"]),
        ("set with a wrong signature", signed_good_with("forged"), &["forged", "signature"]),
        ("expired set", signed_good_with("expired"), &["expired: refused", "expired at"]),
        (
            "expired set where none need be signed",
            "stanch_patches expired; stanch_key key; stanch on;".to_owned(),
            &["expired: refused", "expired at"],
        ),
        (
            "set older than the lowest that is taken",
            format!("{} stanch_min_serial 2;", signed_good_with("patches")),
            &["patches", "serial 1 is older than 2"],
        ),
        (
            "set older than a location takes",
            format!("{} location /x {{ stanch_min_serial 2; }}", signed_good_with("patches")),
            &["patches", "serial 1 is older than 2"],
        ),
        (
            "set of another signer than a location takes",
            format!(
                "{} location /x {{ stanch_public_key '{next}'; }}",
                signed_good_with("patches")
            ),
            &["patches", "not trusted"],
        ),
        (
            "public key that is not there",
            format!("{} stanch_public_key none;", good),
            &["none", "o such file", "stanch_public_key in"],
        ),
        (
            "public key that is a secret one",
            format!("{} stanch_public_key key;", good),
            &["key", "stanch-public-key-v1", "stanch_public_key in"],
        ),
        (
            "public key that is cut off",
            format!("{} stanch_public_key '{}';", good, &next[..next.len() - 1]),
            &["not a public key", "64 hexadecimal digits", "stanch_public_key in"],
        ),
        (
            "public key without a name",
            "stanch_public_key \"\";".to_owned(),
            &["stanch_public_key", "name of a file"],
        ),
        (
            "unknown word for unreadable bodies",
            "stanch_body_unreadable maybe;".to_owned(),
            &["maybe"],
        ),
        ("ratio of nothing", "stanch_inflate_ratio 0;".to_owned(), &["1 and 1032"]),
        (
            "ratio beyond what deflate can do",
            "stanch_inflate_ratio 1033;".to_owned(),
            &["1 and 1032"],
        ),
        (
            "inflation that is no size",
            "stanch_inflate_limit much;".to_owned(),
            &["stanch_inflate_limit"],
        ),
        ("serial that is no number", "stanch_min_serial new;".to_owned(), &["invalid number"]),
        ("no set", "stanch_key key; stanch on;".to_owned(), &["stanch_patches"]),
        ("no key", "stanch_patches patches; stanch monitor;".to_owned(), &["stanch_key"]),
        ("unknown mode", "stanch maybe;".to_owned(), &["maybe"]),
        ("unknown policy", "stanch_fail ajar;".to_owned(), &["ajar"]),
        ("status below 400", "stanch_status 399;".to_owned(), &["400 and 599"]),
        ("status above 599", "stanch_status 600;".to_owned(), &["400 and 599"]),
        ("status that is no number", "stanch_status no;".to_owned(), &["invalid number"]),
        ("limit that is no size", "stanch_body_limit much;".to_owned(), &["stanch_body_limit"]),
        (
            "set given twice",
            "stanch_patches patches; stanch_patches other;".to_owned(),
            &["stanch_patches", "duplicate"],
        ),
        (
            "set without a name",
            "stanch_patches \"\";".to_owned(),
            &["stanch_patches", "name of a file"],
        ),
    ];
    let of_http: [(&str, &str, &[&str]); 10] = [
        ("zone that is too small", "stanch_zone 16k;", &["stanch_zone", "too small"]),
        ("zone that is no size", "stanch_zone much;", &["stanch_zone", "invalid value"]),
        ("watching that is no word", "stanch_watch maybe;", &["stanch_watch", "maybe"]),
        ("rate that is none", "stanch_attempt_rate 5;", &["stanch_attempt_rate", "1r/s"]),
        ("rate of nothing", "stanch_attempt_rate 0r/s;", &["stanch_attempt_rate", "1r/s"]),
        ("rate a minute", "stanch_attempt_rate 60r/m;", &["stanch_attempt_rate", "1r/s"]),
        ("burst of nothing", "stanch_attempt_rate 5r/s burst=0;", &["burst from 1"]),
        ("rate with more", "stanch_attempt_rate 5r/s nodelay;", &["stanch_attempt_rate", "burst"]),
        ("no rate with more", "stanch_attempt_rate off burst=5;", &["stanch_attempt_rate"]),
        ("metrics outside a location", "stanch_metrics on;", &["stanch_metrics", "not allowed"]),
    ];
    for (name, directives, wanted) in of_http {
        report.case(name, check_refused(&material, module, Level::Http, directives, wanted));
    }
    report.case("a good configuration passes", {
        let (success, text) = check(&material, module, Level::Server, good)?;
        if success { Ok(()) } else { Err(anyhow::anyhow!("{text}")) }
    });
    for (name, directives) in [
        ("a signed set", signed_good_with("patches")),
        (
            "any of several keys",
            format!("{} stanch_public_key '{next}';", signed_good_with("patches")),
        ),
        (
            "an unsigned set where none need be signed",
            good.replace("patches patches", "patches unsigned"),
        ),
        (
            "a set of one signer in a location",
            format!(
                "stanch_patches patches; stanch_key key; stanch_public_key '{next}'; \
                 location /x {{ stanch on; stanch_public_key sign.pub; stanch_min_serial 1; }}"
            ),
        ),
    ] {
        report.case(&format!("{name} passes"), {
            let (success, text) = check(&material, module, Level::Server, &directives)?;
            if success { Ok(()) } else { Err(anyhow::anyhow!("{text}")) }
        });
    }
    for (name, directives, wanted) in cases {
        report.case(name, check_refused(&material, module, Level::Server, directives, wanted));
    }
    report.case("the sample configuration passes", sample(&material, module));
    report.case("off needs neither set nor key, and opens none", {
        let (success, text) = check(
            &material,
            module,
            Level::Server,
            "stanch off; stanch_patches none; stanch_key none; stanch_public_key none;",
        )?;
        if success { Ok(()) } else { Err(anyhow::anyhow!("{text}")) }
    });
    Ok(())
}

/// Which block a case's directives stand in.
#[derive(Clone, Copy)]
enum Level {
    Http,
    Server,
}

fn check_refused(
    material: &Material,
    module: &Path,
    level: Level,
    directives: &str,
    wanted: &[&str],
) -> Result<()> {
    let (success, text) = check(material, module, level, directives)?;
    ensure!(!success, "nginx accepts it");
    for part in wanted {
        ensure!(text.contains(part), "the message does not say `{part}`: {text}");
    }
    let place = format!("nginx.conf:{FIRST_LINE}");
    ensure!(text.contains(&place), "the message does not say `{place}`: {text}");
    material.check_absent(&text)
}

/// Runs `nginx -t` with these directives: whether it passed, and what it said.
fn check(
    material: &Material,
    module: &Path,
    level: Level,
    directives: &str,
) -> Result<(bool, String)> {
    let folder = material.folder();
    let head = config::head(folder, module, Workers::Two);
    let lines = head.lines().count() + 2;
    let blank = "\n".repeat(FIRST_LINE - lines);
    // Whichever it is, it stands on the same line.
    let inner = match level {
        Level::Http => format!("\n{directives} server {{"),
        Level::Server => format!(" server {{\n{directives}"),
    };
    let text = format!(
        "{head}{blank}\nhttp {{{inner}\nlisten 127.0.0.1:{port}; location / {{ return 204; }} }}\n\
         {temporary}\naccess_log off; }}\n",
        port = free_port()?,
        temporary = config::temporary_files(folder),
    );
    std::fs::write(folder.join("nginx.conf"), text)?;
    let output = server::check(folder)?;
    Ok((output.status.success(), both(&output)))
}

/// `examples/nginx/nginx.conf` as it stands, but for where its files are.
fn sample(material: &Material, module: &Path) -> Result<()> {
    let folder = material.folder();
    let text = std::fs::read_to_string(workspace::root().join("examples/nginx/nginx.conf"))?;
    for (from, to) in
        [("stanch/patches", "patches"), ("stanch/key", "key"), ("stanch/sign.pub", "sign.pub")]
    {
        ensure!(text.contains(from), "the sample does not name {from}");
        std::fs::create_dir_all(folder.join("stanch"))?;
        std::fs::copy(folder.join(to), folder.join(from))?;
    }
    std::fs::create_dir_all(folder.join("logs"))?;
    let text = text
        .replace("modules/ngx_http_stanch_module.so", &module.display().to_string())
        .replace(
            "worker_processes auto;",
            &format!("worker_processes 2; pid {}/pid;", folder.display()),
        )
        .replace("http {\n", &format!("http {{\n{}\n", config::temporary_files(folder)));
    std::fs::write(folder.join("nginx.conf"), text)?;
    let output = server::check(folder)?;
    ensure!(output.status.success(), "{}", both(&output));
    Ok(())
}
