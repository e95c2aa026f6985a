//! The Debian packages in a Debian that has nothing of stanch: installed, used, removed.
//!
//! The root is made anew by mmdebstrap, with what the packages are used with (nginx, a C compiler, pkg-config) and
//! no more. It is a folder that programs are started in with `chroot`, which takes root. They share the network
//! with everybody else; nginx listens on a free port of 127.0.0.1.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use stanch::patch::{Patch, PatchSetBuilder};
use stanch::secret::{ImprintKey, Secret};
use tempfile::TempDir;

use crate::command::{Run, both, program};
use crate::dist::{self, Packages, Release, VERSION};
use crate::documents;
use crate::report::Report;
use crate::workspace;

/// What the packages are used with. Their own dependencies are among it, so that nothing is fetched later.
const INSTALLED: &str = "apt,nginx,gcc,libc6-dev,pkgconf";

/// What installing and running other programs leaves, whatever the package: the package manager's own records, the
/// linker's cache, logs, what nginx keeps at run time.
const NOT_OURS: &[&str] = &[
    "/etc/ld.so.cache",
    "/run",
    "/tmp",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/nginx",
    "/var/log",
];

/// How long nginx may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// An invented token, and one that is none.
const TOKEN: &str = "tst_7mQx2Vb9Lk4Rz8Wn1Hc6Ty3Pd5Sf0Gj";
const CLEAN: &str = "tst_7mQx2Vb9Lk4Rz8Wn1Hc6Ty3Pd5Sf0Gx";
const LEAK: u64 = 31;

/// Builds the packages and tries them.
pub fn run(report: &mut Report) {
    let Some((release, packages)) = dist::run(report, dist::Command::With) else { return };
    let mut root = None;
    report.step("packages: a clean root", |_| {
        root = Some(Root::make()?);
        Ok(())
    });
    let Some(root) = root else { return };
    report.step("packages: installed, used, removed", |report| {
        let before = root.files()?;
        root.take(&packages)?;
        for place in [documents::INSTALL_NGINX, documents::INSTALL_COMMAND] {
            report.case(&format!("{}: {} …", place.0, place.1), root.types(place, "packages"));
        }
        report.case("the command, its manual and completions", command(&root));
        report.case("a C program with the installed library", c_program(&root));
        report.case("nginx loads the module and refuses a token", nginx(&root));
        report.case("an administrator's choice survives an upgrade", upgrade(&root, &packages));
        report.case("without the module nginx is as before", removal(&root, &packages));
        root.run("dpkg", &["--purge"], &names(&packages))?;
        report.case("nothing stays behind", {
            let after = root.files()?;
            let left: Vec<_> = after.difference(&before).collect();
            let lost: Vec<_> = before.difference(&after).collect();
            if left.is_empty() && lost.is_empty() {
                Ok(())
            } else {
                Err(anyhow::anyhow!("left: {left:?}, lost: {lost:?}"))
            }
        });
        report.case("the release folder, put under /usr/local", folder(&root, &release));
        Ok(())
    });
}

/// A Debian in a folder.
struct Root {
    folder: TempDir,
}

impl Root {
    fn make() -> Result<Root> {
        ensure!(rustix::process::geteuid().is_root(), "a root of one's own takes root");
        let release = std::fs::read_to_string("/etc/os-release")?;
        let suite = release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
            .context("/etc/os-release names no VERSION_CODENAME")?;
        let sources = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"]
            .into_iter()
            .find(|file| Path::new(file).exists())
            .context("there is no list of sources for packages")?;
        let folder = tempfile::Builder::new().prefix("stanch-root-").tempdir()?;
        let root = Root { folder };
        program("mmdebstrap")
            .args(&["--mode=root", "--variant=essential", "--quiet"])
            // It need not survive a power cut.
            .args(&["--dpkgopt=force-unsafe-io", "--include", INSTALLED, suite])
            .arg(root.path(""))
            .arg(sources)
            .capture()?;
        // No service is started or reloaded here.
        let policy = root.path("usr/sbin/policy-rc.d");
        dist::write(&policy, "#!/bin/sh\nexit 101\n")?;
        dist::set_mode(&policy, 0o755)?;
        Ok(root)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program in there.
    fn program(&self, name: &str) -> Run {
        program("chroot")
            .arg(self.folder.path())
            .arg(name)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
    }

    fn run(&self, name: &str, options: &[&str], arguments: &[impl AsRef<str>]) -> Result<String> {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        Ok(both(&self.program(name).args(options).args(&arguments).capture()?))
    }

    /// Copies the packages into it, and a program that is to be linked with them.
    fn take(&self, packages: &Packages) -> Result<()> {
        let folder = self.path("tmp/packages");
        std::fs::create_dir_all(&folder)?;
        for (_, file) in packages.all() {
            std::fs::copy(file, folder.join(file.file_name().context("no file")?))?;
        }
        std::fs::copy(workspace::root().join("examples/c/check.c"), folder.join("program.c"))?;
        Ok(())
    }

    /// Types what a page says, in a folder below `/tmp`.
    fn types(&self, place: documents::Place, folder: &str) -> Result<()> {
        let script = format!("cd /tmp/{folder}\n{}", documents::script(place)?);
        self.run("bash", &["-ec", &script], &[""; 0]).map(drop)
    }

    /// Installs all packages at once, with nothing but what is there to depend on.
    fn install(&self, packages: &Packages) -> Result<()> {
        let file = |(_, file): (&str, &Path)| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            format!("/tmp/packages/{name}")
        };
        let inside: Vec<String> = packages.all().map(file).collect();
        self.run("dpkg", &["--install"], &inside)?;
        Ok(())
    }

    /// Every file, folder and link, but for those that are nobody's in particular.
    fn files(&self) -> Result<BTreeSet<String>> {
        let list = program("find")
            .arg(self.folder.path())
            .args(&["-xdev", "-printf", "/%P\\n"])
            .capture()?
            .stdout;
        let ours = |name: &&str| {
            !NOT_OURS.iter().any(|folder| {
                name.strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        Ok(String::from_utf8(list)?.lines().filter(ours).map(str::to_owned).collect())
    }
}

fn names(packages: &Packages) -> Vec<&str> {
    packages.all().map(|(name, _)| name).collect()
}

fn command(root: &Root) -> Result<()> {
    let said = root.run("stanch", &["--version"], &[""; 0])?;
    ensure!(said.trim() == format!("stanch {VERSION}"), "it says {said}");
    for file in [
        "usr/share/man/man1/stanch.1.gz",
        "usr/share/bash-completion/completions/stanch",
        "usr/share/zsh/vendor-completions/_stanch",
        "usr/share/fish/vendor_completions.d/stanch.fish",
        "usr/share/doc/stanch/sbom.cdx.json",
    ] {
        ensure!(root.path(file).exists(), "no /{file}");
    }
    // It does what it is for, too.
    std::fs::write(root.path("tmp/text"), format!("password = \"{TOKEN}\"\n"))?;
    let found = root.program("stanch").args(&["scan", "/tmp/text"]).output()?;
    ensure!(found.status.code() == Some(1), "a leaked token was not found: {}", both(&found));
    Ok(())
}

/// The folder is checked and installed as the page says; what it brings runs from there.
fn folder(root: &Root, release: &Release) -> Result<()> {
    program("cp").arg("-a").arg(release.folder()).arg(root.path("tmp/release")).capture()?;
    for place in [documents::CHECK_FOLDER, documents::INSTALL_FOLDER] {
        root.types(place, "release")?;
    }
    let said = root.run("/usr/local/bin/stanch", &["--version"], &[""; 0])?;
    ensure!(said.trim() == format!("stanch {VERSION}"), "it says {said}");
    let linker = root.run("ldconfig", &["-p"], &[""; 0])?;
    ensure!(linker.contains("/usr/local/lib/libstanch.so"), "the linker knows of none: {linker}");
    Ok(())
}

/// Writes a key, and a set with the token, for the nginx and the program in the root.
fn material(root: &Root) -> Result<()> {
    let folder = root.path("etc/nginx/stanch");
    if folder.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let key = ImprintKey::create(&folder.join("key"))?;
    let mut builder = PatchSetBuilder::new(&key);
    builder.add(&key.imprint(&Secret::new("test", TOKEN.as_bytes()))?, Patch::block(LEAK))?;
    builder.build()?.save(&folder.join("patches"))?;
    dist::set_mode(&folder.join("patches"), 0o644)
}

fn c_program(root: &Root) -> Result<()> {
    material(root)?;
    std::fs::copy(workspace::root().join("examples/c/check.c"), root.path("tmp/check.c"))?;
    root.run(
        "sh",
        &[
            "-ec",
            "cd /tmp && gcc -std=c11 -Wall -Werror -D_POSIX_C_SOURCE=200809L -o check check.c \
             $(pkg-config --cflags --libs stanch)",
        ],
        &[""; 0],
    )?;
    for (token, status, says) in [(TOKEN, 1, "block leak 31"), (CLEAN, 0, "pass")] {
        let header = format!("X-Key: {token}");
        let output = root
            .program("/tmp/check")
            .args(&["-H", &header, "/etc/nginx/stanch/patches", "/etc/nginx/stanch/key"])
            .output()?;
        let said = both(&output);
        ensure!(output.status.code() == Some(status) && said.starts_with(says), "{said}");
    }
    Ok(())
}

/// Debian's own configuration of nginx, which loads what is enabled, and one server more.
fn nginx(root: &Root) -> Result<()> {
    material(root)?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    // Debian's sample server would listen on port 80.
    let _ = std::fs::remove_file(root.path("etc/nginx/sites-enabled/default"));
    std::fs::write(
        root.path("etc/nginx/conf.d/stanch.conf"),
        format!(
            "server {{\n    listen 127.0.0.1:{port};\n    root /var/www/html;\n    \
             index index.nginx-debian.html;\n    stanch on;\n    \
             stanch_patches stanch/patches;\n    stanch_key stanch/key;\n}}\n"
        ),
    )?;
    root.run("nginx", &["-t"], &[""; 0])?;
    let mut nginx = Nginx::start(root)?;
    let outcome = (|| {
        nginx.wait(port)?;
        for (token, status) in [(CLEAN, 200), (TOKEN, 403)] {
            let got = answer(port, token)?;
            ensure!(got == status, "answered {got} instead of {status}");
        }
        Ok(())
    })();
    nginx.stop()?;
    outcome
}

/// The nginx in the root, in the foreground.
struct Nginx {
    child: Child,
}

impl Nginx {
    fn start(root: &Root) -> Result<Nginx> {
        let child = Command::new("chroot")
            .arg(root.folder.path())
            .args(["nginx", "-g", "daemon off;"])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Nginx { child })
    }

    fn wait(&mut self, port: u16) -> Result<()> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("nginx ended with {status}");
            }
            ensure!(began.elapsed() < PATIENCE, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        // `chroot` has become nginx, so this is its process.
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.context("nginx has no process")?;
        if self.child.try_wait()?.is_none() {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        }
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// The status of the answer to a request with this token.
fn answer(port: u16, token: &str) -> Result<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Key: {token}\r\nConnection: close\r\n\r\n"
    )?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.with_context(|| format!("no answer but {text:?}"))
}

const ENABLED: &str = "etc/nginx/modules-enabled/50-mod-http-stanch.conf";

/// A link that an administrator took away does not come back with the next version.
fn upgrade(root: &Root, packages: &Packages) -> Result<()> {
    let enabled = root.path(ENABLED);
    ensure!(enabled.is_symlink(), "the module was not enabled");
    std::fs::remove_file(&enabled)?;
    root.install(packages)?;
    ensure!(!enabled.is_symlink(), "the module was enabled again");
    std::os::unix::fs::symlink("/usr/share/nginx/modules-available/mod-http-stanch.conf", enabled)?;
    Ok(())
}

/// Once the module is removed, nginx starts without it; once it is back, it is loaded again.
fn removal(root: &Root, packages: &Packages) -> Result<()> {
    let module = "libnginx-mod-http-stanch";
    let site = root.path("etc/nginx/conf.d/stanch.conf");
    root.run("dpkg", &["--remove"], &[module])?;
    ensure!(!root.path(ENABLED).exists(), "the removed module is still enabled");
    let refused = both(&root.program("nginx").arg("-t").output()?);
    ensure!(refused.contains("unknown directive \"stanch\""), "{refused}");
    root.install(packages)?;
    root.run("nginx", &["-t"], &[""; 0]).context("installed again")?;
    // What the administrator wrote goes with the administrator.
    std::fs::remove_file(site)?;
    std::fs::remove_dir_all(root.path("etc/nginx/stanch"))?;
    std::os::unix::fs::symlink(
        "/etc/nginx/sites-available/default",
        root.path("etc/nginx/sites-enabled/default"),
    )?;
    root.run("dpkg", &["--remove"], &[module])?;
    root.run("nginx", &["-t"], &[""; 0]).context("without the module")?;
    Ok(())
}
