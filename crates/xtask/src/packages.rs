//! The Debian packages that the tests need: installed where that is allowed, named otherwise.

use std::path::Path;

use anyhow::{Result, bail};

use crate::command::program;
use crate::report::Report;

/// One package and a file that tells whether it is there. Files are looked for instead of asking
/// the package manager, so that a system of another family can be prepared by hand.
pub struct Package {
    pub name: &'static str,
    pub file: &'static str,
}

const PACKAGES: &[Package] = &[
    Package { name: "gcc", file: "bin/gcc" },
    Package { name: "g++", file: "bin/g++" },
    Package { name: "libc6-dev", file: "include/stdio.h" },
    Package { name: "binutils", file: "bin/nm" },
    Package { name: "make", file: "bin/make" },
    Package { name: "openssl", file: "bin/openssl" },
    // What the pages' commands are typed beside.
    Package { name: "git", file: "bin/git" },
    Package { name: "jq", file: "bin/jq" },
    Package { name: "sqlite3", file: "bin/sqlite3" },
    Package { name: "python3", file: "bin/python3" },
    Package { name: "curl", file: "bin/curl" },
    Package { name: "pkgconf", file: "bin/pkg-config" },
    // Builds packages, and works out what they depend on.
    Package { name: "dpkg-dev", file: "bin/dpkg-shlibdeps" },
    // A clean root to install them in.
    Package { name: "mmdebstrap", file: "bin/mmdebstrap" },
    Package { name: "valgrind", file: "bin/valgrind" },
    Package { name: "nginx", file: "sbin/nginx" },
    Package { name: "nginx-dev", file: "share/nginx/src/conf_flags" },
    // The reports are opened, clicked and printed.
    Package { name: "chromium", file: "bin/chromium" },
    Package {
        name: "fonts-liberation",
        file: "share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    },
    Package { name: "poppler-utils", file: "bin/pdftotext" },
    // The ledger's tests start a server of their own; the one that the package brings stays down.
    Package { name: "postgresql", file: "lib/postgresql/15/bin/initdb" },
    // Envoy comes from PyPI, into an environment of its own.
    Package { name: "python3-venv", file: "lib/python3.11/ensurepip/__init__.py" },
    // A peer that the benchmarks are linked with.
    Package { name: "libhyperscan-dev", file: "include/hs/hs.h" },
];

/// Makes sure that every package is there. When one is not and cannot be installed, the step
/// fails with the names, and nothing else should run.
pub fn ensure(report: &mut Report) -> bool {
    report.step("system packages", |_| install_missing(PACKAGES))
}

/// Installs what is missing of a list.
pub fn install_missing(packages: &[Package]) -> Result<()> {
    let missing = missing_of(packages);
    if missing.is_empty() {
        return Ok(());
    }
    if !may_install() {
        bail!("these packages are missing (not root, or no apt-get): {}", missing.join(" "));
    }
    install(&missing)?;
    let still = missing_of(packages);
    if !still.is_empty() {
        bail!("these packages are missing after their installation: {}", still.join(" "));
    }
    Ok(())
}

fn missing_of(packages: &[Package]) -> Vec<&'static str> {
    packages.iter().filter(|package| !is_there(package)).map(|package| package.name).collect()
}

fn is_there(package: &Package) -> bool {
    ["/usr", "/usr/local", "/"].iter().any(|base| Path::new(base).join(package.file).exists())
}

fn may_install() -> bool {
    rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists()
}

/// Installs packages without questions, and without starting the system's nginx: its
/// maintainer scripts ask `policy-rc.d`, which says no for as long as this runs.
fn install(names: &[&str]) -> Result<()> {
    let _quiet = ServicesStayDown::begin()?;
    let apt = |arguments: &[&str]| {
        program("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").show()
    };
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(names);
    // The lists may be missing or old: only then are they fetched.
    if apt(&arguments).is_ok() {
        return Ok(());
    }
    apt(&["update"])?;
    apt(&arguments)
}

/// Keeps installed services from being started while it lives.
struct ServicesStayDown {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl ServicesStayDown {
    fn begin() -> Result<ServicesStayDown> {
        use std::os::unix::fs::PermissionsExt as _;
        if Path::new(POLICY).exists() {
            // The system has a policy already: it is not ours to change.
            return Ok(ServicesStayDown { ours: false });
        }
        std::fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        std::fs::set_permissions(POLICY, std::fs::Permissions::from_mode(0o755))?;
        Ok(ServicesStayDown { ours: true })
    }
}

impl Drop for ServicesStayDown {
    fn drop(&mut self) {
        if self.ours {
            // The worst that stays behind is a policy that starts no services.
            let _ = std::fs::remove_file(POLICY);
        }
    }
}
