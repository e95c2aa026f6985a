//! What `nginx -t` says to a set, a key or a directive that cannot be used.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use stanch::secret::ImprintKey;

use super::config::{self, Workers};
use super::material::Material;
use super::server;
use crate::command::both;
use crate::report::Report;
use crate::workspace;

/// The line of the configuration that a case's directives stand on.
const FIRST_LINE: usize = 10;

pub fn run(report: &mut Report, module: &Path) -> Result<()> {
    let material = Material::create()?;
    spoil(&material)?;
    let good = "stanch on; stanch_patches patches; stanch_key key;";

    // Each case: directives, and what the message must hold.
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "set that is not there",
            "stanch_patches none; stanch_key key; stanch on;",
            &["none", "o such file"],
        ),
        ("set that is a folder", "stanch_patches folder; stanch_key key; stanch on;", &["folder"]),
        ("set that is empty", "stanch_patches empty; stanch_key key; stanch on;", &["empty"]),
        ("truncated set", "stanch_patches truncated; stanch_key key; stanch on;", &["truncated"]),
        ("damaged set", "stanch_patches damaged; stanch_key key; stanch on;", &["damaged"]),
        (
            "set of another key",
            "stanch_patches patches; stanch_key foreign; stanch on;",
            &["patches", "key"],
        ),
        (
            "key that is not there",
            "stanch_patches patches; stanch_key none; stanch on;",
            &["none", "o such file"],
        ),
        (
            "key that others can read",
            "stanch_patches patches; stanch_key readable; stanch on;",
            &["readable"],
        ),
        (
            "key that is no key",
            "stanch_patches patches; stanch_key empty-key; stanch on;",
            &["empty-key"],
        ),
        ("no set", "stanch_key key; stanch on;", &["stanch_patches"]),
        ("no key", "stanch_patches patches; stanch monitor;", &["stanch_key"]),
        ("unknown mode", "stanch maybe;", &["maybe"]),
        ("unknown policy", "stanch_fail ajar;", &["ajar"]),
        ("status below 400", "stanch_status 399;", &["400 and 599"]),
        ("status above 599", "stanch_status 600;", &["400 and 599"]),
        ("status that is no number", "stanch_status no;", &["invalid number"]),
        ("limit that is no size", "stanch_body_limit much;", &["stanch_body_limit"]),
        (
            "set given twice",
            "stanch_patches patches; stanch_patches other;",
            &["stanch_patches", "duplicate"],
        ),
        ("set without a name", "stanch_patches \"\";", &["stanch_patches", "name of a file"]),
    ];
    report.case("a good configuration passes", {
        let (success, text) = check(&material, module, good)?;
        if success { Ok(()) } else { Err(anyhow::anyhow!("{text}")) }
    });
    for (name, directives, wanted) in cases {
        report.case(name, check_refused(&material, module, directives, wanted));
    }
    report.case("the sample configuration passes", sample(&material, module));
    report.case("off needs neither set nor key, and opens none", {
        let (success, text) =
            check(&material, module, "stanch off; stanch_patches none; stanch_key none;")?;
        if success { Ok(()) } else { Err(anyhow::anyhow!("{text}")) }
    });
    Ok(())
}

fn check_refused(
    material: &Material,
    module: &Path,
    directives: &str,
    wanted: &[&str],
) -> Result<()> {
    let (success, text) = check(material, module, directives)?;
    ensure!(!success, "nginx accepts it");
    for part in wanted {
        ensure!(text.contains(part), "the message does not say `{part}`: {text}");
    }
    let place = format!("nginx.conf:{FIRST_LINE}");
    ensure!(text.contains(&place), "the message does not say `{place}`: {text}");
    material.check_absent(&text)
}

/// A port for `nginx -t`, which minds no other user of it.
fn some_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Runs `nginx -t` with these directives in a server: whether it passed, and what it said.
fn check(material: &Material, module: &Path, directives: &str) -> Result<(bool, String)> {
    let folder = material.folder();
    let head = config::head(folder, module, Workers::Two);
    let lines = head.lines().count() + 2;
    let blank = "\n".repeat(FIRST_LINE - lines);
    let text = format!(
        "{head}{blank}\nhttp {{ server {{\n{directives}\nlisten 127.0.0.1:{port}; location / {{ return 204; }} }}\n\
         {temporary}\naccess_log off; }}\n",
        port = some_port()?,
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
    for (from, to) in [("stanch/patches", "patches"), ("stanch/key", "key")] {
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

fn spoil(material: &Material) -> Result<()> {
    let folder = material.folder();
    let good = std::fs::read(material.patches())?;
    std::fs::write(folder.join("truncated"), &good[..good.len() / 2])?;
    let mut damaged = good.clone();
    let last = damaged.len() - 20;
    damaged[last] ^= 1;
    std::fs::write(folder.join("damaged"), damaged)?;
    std::fs::write(folder.join("empty"), b"")?;
    std::fs::create_dir(folder.join("folder"))?;
    ImprintKey::create(&folder.join("foreign"))?;
    ImprintKey::create(&folder.join("readable"))?;
    std::fs::set_permissions(folder.join("readable"), std::fs::Permissions::from_mode(0o644))?;
    std::fs::write(folder.join("empty-key"), b"")?;
    std::fs::set_permissions(folder.join("empty-key"), std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}
