//! The C and C++ programs of `examples/c`: compiled against both libraries with every warning an error, and
//! run under valgrind's checkers and the address sanitizer.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use stanch::patch::{Patch, PatchSet, PatchSetBuilder, Scope};
use stanch::secret::{ImprintKey, Secret, SigningKey};
use tempfile::TempDir;

use crate::assessments;
use crate::clock::{soon, wait_for};
use crate::command::{Run, both, program};
use crate::encoded;
use crate::library::{self, Library};
use crate::report::Report;
use crate::workspace;

/// The leaks of the fixture's set, as `abi_test.h` has them.
const BLOCKED_LEAK: u64 = 7;
const MONITORED_LEAK: u64 = 8;

/// How many sets take each other's place under a guard, as `abi_guard.c` has it.
const GUARDED_SETS: u64 = 40;

/// Invented tokens.
const BLOCKED: &str = "tst_4fJq9XzW2mKc7LbT0vRy6NhE8sPd3GaUo1Bi5Zt";
const MONITORED: &str = "tst_Qe7Rk2Yw9Ux4Hn6Vb1Mz8Jd3Fs5Lp0Cg7Ta4Xi";

/// Where a set's signature stands (docs/patch-set-format.md).
const SIGNATURE_AT: usize = 352;

const CHECK_SOURCES: &[&str] = &["check.c"];
const ABI_SOURCES: &[&str] = &[
    "abi_test.c",
    "abi_sets.c",
    "abi_trust.c",
    "abi_scans.c",
    "abi_context.c",
    "abi_inflate.c",
    "abi_guard.c",
    "abi_attempt.c",
    "abi_sharing.c",
    "abi_detector.c",
    "abi_risk.c",
    "abi_versions.c",
];

/// How a program is linked with the library.
#[derive(Clone, Copy, PartialEq)]
enum Link {
    /// With `libstanch.a`.
    Static,
    /// With `libstanch.so`.
    Shared,
    /// With a `libstanch.a` of the feature `test-panic`.
    Panicking,
    /// With a `libstanch.a` that the address sanitizer watches, as it does the program.
    Sanitized,
}

/// Lets every call of an allocator, by the program and by the archive, come through the program.
const ALLOCATORS: &[&str] =
    &["-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=posix_memalign"];

/// How many children `abi_test` forks in all. Valgrind takes its time over each.
const FORKS: &str = "1000";
const FORKS_IN_VALGRIND: &str = "20";

impl Link {
    fn name(self) -> &'static str {
        match self {
            Link::Static => "static",
            Link::Shared => "shared",
            Link::Panicking => "panicking",
            Link::Sanitized => "sanitized",
        }
    }
}

pub fn run(report: &mut Report) {
    report.step("C examples under valgrind and the address sanitizer", |report| {
        let library = library::build()?;
        let fixture = Fixture::create()?;
        for (link, name) in [(Link::Static, "libstanch.a"), (Link::Shared, "libstanch.so")] {
            report.case(&format!("abi_test with {name}"), memcheck_all(&library, &fixture, link));
            report.case(&format!("check with {name}"), check(&library, &fixture, link));
        }
        report.case("abi_test with a library that panics", {
            let library = library::build_panicking(&library)?;
            memcheck_all(&library, &fixture, Link::Panicking)
        });
        report.case("threads that share a set, watched for races", races(&library, &fixture));
        report.case("a thousand forked scans over one set", forks(&library, &fixture));
        report.case("abi_test under the address sanitizer", sanitized(&library, &fixture));
        for (link, name) in [(Link::Static, "libstanch.a"), (Link::Shared, "libstanch.so")] {
            report.case(&format!("stanch.hpp with {name}"), cpp(&library, &fixture, link));
        }
        Ok(())
    });
}

/// The files that the programs are run on.
struct Fixture {
    folder: TempDir,
}

impl Fixture {
    fn create() -> Result<Fixture> {
        let fixture = Fixture { folder: tempfile::Builder::new().prefix("stanch-c-").tempdir()? };
        let key = ImprintKey::create(&fixture.path("key"))?;
        let usual = Patch::block(BLOCKED_LEAK);
        compile(&key, 0, 0, usual.clone())?.save(&fixture.path("set"))?;
        let scope = Scope::new()
            .with_host("api.example.com")?
            .with_method("POST")?
            .with_path("/v1")?
            .not_after(2000)
            .except("10.0.0.0/8".parse()?)
            .except("2001:db8::/32".parse()?);
        compile(&key, 0, 0, usual.clone().with_scope(scope))?.save(&fixture.path("scoped"))?;
        fixture.signed_sets(&key, &usual)?;
        for serial in 1..=GUARDED_SETS {
            let odd = !serial.is_multiple_of(2);
            let patch = if odd { Patch::block(BLOCKED_LEAK) } else { Patch::monitor(BLOCKED_LEAK) };
            compile(&key, serial, 0, patch)?.save(&fixture.path(&format!("guard-{serial}")))?;
        }
        fixture.bodies()?;

        std::fs::write(fixture.path("key-bytes"), key.expose())?;
        ImprintKey::create(&fixture.path("other-key"))?;
        fixture.spoilt_key("readable-key", 0o644, |bytes| bytes)?;
        fixture.spoilt_key("empty-key", 0o600, |_| Vec::new())?;
        fixture.spoilt_key("long-key", 0o600, |bytes| [bytes.clone(), bytes].concat())?;
        std::fs::write(fixture.path("blocked"), BLOCKED)?;
        std::fs::write(fixture.path("monitored"), MONITORED)?;
        std::fs::write(fixture.path("clean"), clean())?;
        std::fs::write(fixture.path("assessments"), assessments::lines())?;
        Ok(fixture)
    }

    /// Sets that are to be taken or not, and the public keys that say so.
    fn signed_sets(&self, key: &ImprintKey, patch: &Patch) -> Result<()> {
        let (usual, other) = (SigningKey::generate()?, SigningKey::generate()?);
        usual.public().create(&self.path("public-key"))?;
        other.public().create(&self.path("other-public-key"))?;
        let expires = soon();
        for (name, serial, expires, signer) in [
            ("signed-4", 4, 0, &usual),
            ("signed-5", 5, 0, &usual),
            ("signed-6", 6, 0, &usual),
            ("expired", 7, expires, &usual),
            ("other-signed", 5, 0, &other),
        ] {
            compile(key, serial, expires, patch.clone())?.sign(signer)?.save(&self.path(name))?;
        }
        let again = compile(key, 5, 0, Patch::monitor(BLOCKED_LEAK))?;
        again.sign(&usual)?.save(&self.path("signed-5-again"))?;
        let mut forged = std::fs::read(self.path("signed-5"))?;
        forged[SIGNATURE_AT] ^= 1;
        std::fs::write(self.path("forged"), forged)?;
        wait_for(expires);
        Ok(())
    }

    /// Bodies with a content encoding.
    fn bodies(&self) -> Result<()> {
        let body = format!("{{\"key\":\"{BLOCKED}\"}}");
        std::fs::write(self.path("gzip"), encoded::gzip(body.as_bytes())?)?;
        std::fs::write(self.path("deflate"), encoded::zlib(body.as_bytes())?)?;
        std::fs::write(self.path("bomb"), encoded::gzip(&vec![0; 8 << 20])?)?;
        Ok(())
    }

    fn spoilt_key(&self, name: &str, mode: u32, spoil: impl Fn(Vec<u8>) -> Vec<u8>) -> Result<()> {
        std::fs::write(self.path(name), spoil(std::fs::read(self.path("key"))?))?;
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode))?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn folder(&self) -> Result<&str> {
        path_text(self.folder.path())
    }
}

/// The set of the two tokens; `patch` is for the first one.
fn compile(key: &ImprintKey, serial: u64, expires: u64, patch: Patch) -> Result<PatchSet> {
    let mut builder = PatchSetBuilder::new(key).serial(serial).expires(expires);
    for (token, patch) in [(BLOCKED, patch), (MONITORED, Patch::monitor(MONITORED_LEAK))] {
        builder.add(&key.imprint(&Secret::new("test", token.as_bytes()))?, patch)?;
    }
    Ok(builder.build()?)
}

/// The blocked token but for its last character.
fn clean() -> String {
    format!("{}x", &BLOCKED[..BLOCKED.len() - 1])
}

/// Compiles `abi_test`.
fn abi_test(library: &Library, fixture: &Fixture, link: Link) -> Result<PathBuf> {
    let mut sources = ABI_SOURCES.to_vec();
    let mut options = vec!["-pthread"];
    match link {
        Link::Panicking => {
            sources.push("abi_panic.c");
            options.push("-DTEST_PANIC");
        }
        Link::Static => {
            sources.push("abi_allocations.c");
            options.push("-DCOUNT_ALLOCATIONS");
            options.extend(ALLOCATORS);
        }
        // Inside a shared object no call can be wrapped, and the sanitizer wraps them itself.
        Link::Shared => {}
        Link::Sanitized => options.extend(SANITIZER),
    }
    link_program(library, fixture, "abi_test", &sources, &options, link)
}

/// All of `abi_test` under valgrind's memory checker.
fn memcheck_all(library: &Library, fixture: &Fixture, link: Link) -> Result<()> {
    let binary = abi_test(library, fixture, link)?;
    passed(&valgrind(MEMCHECK, &binary, &[fixture.folder()?, FORKS_IN_VALGRIND])?)
}

/// The C++ header, and through it `stanch.h` as C++, under valgrind's memory checker.
fn cpp(library: &Library, fixture: &Fixture, link: Link) -> Result<()> {
    let operators = "-Wl,--wrap=_Znwm,--wrap=_ZnwmSt11align_val_t";
    let count = [&["-DCOUNT_ALLOCATIONS", operators], ALLOCATORS].concat();
    let options = if link == Link::Static { &count[..] } else { &[] };
    let options = [&["-pthread"], options].concat();
    let binary = link_program(library, fixture, "cpp_test", &["cpp_test.cpp"], &options, link)?;
    passed(&valgrind(MEMCHECK, &binary, &[fixture.folder()?])?)
}

/// Threads that share a set under valgrind's race detector.
fn races(library: &Library, fixture: &Fixture) -> Result<()> {
    let binary = abi_test(library, fixture, Link::Shared)?;
    passed(&valgrind(HELGRIND, &binary, &[fixture.folder()?, "0", "threads"])?)
}

/// As many forked scans as a proxy's workers begin in a moment, with nothing in between.
fn forks(library: &Library, fixture: &Fixture) -> Result<()> {
    let binary = abi_test(library, fixture, Link::Static)?;
    passed(&bare(&binary, &[fixture.folder()?, FORKS, "forks"])?)
}

/// All of `abi_test` under the address sanitizer, which also looks for leaks at the end.
fn sanitized(library: &Library, fixture: &Fixture) -> Result<()> {
    let library = library::build_sanitized(library)?;
    let binary = abi_test(&library, fixture, Link::Sanitized)?;
    passed(&bare(&binary, &[fixture.folder()?, FORKS])?)
}

/// Whether `abi_test` ended well. The counts are worth a look, and a run that checked nothing must
/// not pass.
fn passed((status, text): &(i32, String)) -> Result<()> {
    ensure!(*status == 0, "ended with {status}:\n{text}");
    let last =
        text.lines().find(|line| line.ends_with(" checks, 0 failed")).context(text.clone())?;
    ensure!(!last.starts_with("0 "), "nothing was checked");
    println!("      {last}");
    Ok(())
}

fn check(library: &Library, fixture: &Fixture, link: Link) -> Result<()> {
    let binary = link_program(library, fixture, "check", CHECK_SOURCES, &[], link)?;
    let (set, key) = (fixture.path("set"), fixture.path("key"));
    let (set, key) = (path_text(&set)?, path_text(&key)?);
    let body = fixture.path("body");
    std::fs::write(&body, format!("{}{BLOCKED}", "x".repeat(65_536 - 20)))?;
    let body = path_text(&body)?;
    let (blocked_header, clean_header) =
        (format!("Authorization: Bearer {BLOCKED}"), format!("Authorization: Bearer {}", clean()));
    let (query, monitored) = (format!("/?key={BLOCKED}"), format!("X-Key: {MONITORED}"));

    let rows: &[(&[&str], i32, &str)] = &[
        (&["-H", &clean_header], 0, "pass\n"),
        (&["-H", &blocked_header], 1, "block leak 7 part header view raw offset 7\n"),
        (&["-t", &query], 1, "block leak 7 part query view raw offset 6\n"),
        (&["-H", &monitored], 0, "monitor leak 8 part header view raw offset 0\n"),
        (&["-m", "POST", "-b", body], 1, "block leak 7 part body view raw offset 65516\n"),
    ];
    for (arguments, expected, printed) in rows {
        let all = [arguments, &[set, key][..]].concat();
        let (status, text) = valgrind(MEMCHECK, &binary, &all)?;
        ensure!(status == *expected && text == *printed, "{arguments:?}: {status}: {text}");
    }
    for (arguments, complaint) in [
        (&[][..], "usage"),
        (&[set, "/nowhere/key"], "/nowhere/key"),
        (&["/nowhere/set", key], "/nowhere/set"),
        (&["-b", "/nowhere/body", set, key], "/nowhere/body"),
    ] {
        let (status, text) = valgrind(MEMCHECK, &binary, arguments)?;
        ensure!(status == 2 && text.contains(complaint), "{arguments:?}: {status}: {text}");
    }
    Ok(())
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().context("a temporary folder with an odd name")
}

fn link_program(
    library: &Library,
    fixture: &Fixture,
    name: &str,
    sources: &[&str],
    options: &[&str],
    link: Link,
) -> Result<PathBuf> {
    let binary = fixture.path(&format!("{name}-{}", link.name()));
    let root = workspace::root();
    let is_cpp = sources.iter().all(|source| source.ends_with(".cpp"));
    let (compiler, standard) = if is_cpp { ("g++", "-std=c++17") } else { ("gcc", "-std=c11") };
    let mut run = program(compiler)
        .args(&[standard, "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-D_POSIX_C_SOURCE=200809L"])
        .args(options)
        .arg("-I")
        .arg(root.join("include"))
        .arg("-o")
        .arg(&binary);
    for source in sources {
        run = run.arg(root.join("examples/c").join(source));
    }
    match link {
        Link::Static | Link::Panicking | Link::Sanitized => {
            run.arg(&library.archive).args(&library.native)
        }
        Link::Shared => {
            let folder = library.shared.parent().context("libstanch.so has no folder")?;
            run.arg(&library.shared).arg(format!("-Wl,-rpath,{}", folder.display()))
        }
    }
    .capture()?;
    Ok(binary)
}

/// What valgrind looks for: memory that is used wrongly or leaks.
const MEMCHECK: &[&str] = &[
    "--leak-check=full",
    // What is still reachable at the end is the standard library's own.
    "--show-leak-kinds=definite,indirect,possible",
    "--errors-for-leak-kinds=definite,indirect,possible",
];

/// What valgrind looks for: memory that two threads use without an order.
const HELGRIND: &[&str] = &["--tool=helgrind", "--suppressions=examples/c/helgrind.supp"];

/// What the sanitizers of gcc look for: memory that is used wrongly or leaks, and whatever C leaves
/// undefined.
const SANITIZER: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// Runs a program under valgrind: its exit status and all it printed. Anything that valgrind finds
/// is an error here.
fn valgrind(
    what: &[&str],
    binary: &Path,
    arguments: &[impl AsRef<std::ffi::OsStr>],
) -> Result<(i32, String)> {
    const FOUND: i32 = 99;
    let run = program("valgrind").args(&["--quiet", "--error-exitcode=99"]).args(what).arg(binary);
    let (status, text) = ended(run.args(arguments))?;
    ensure!(status != FOUND, "valgrind found this:\n{text}");
    Ok((status, text))
}

/// Runs a program by itself: its exit status and all it printed. What a sanitizer finds ends it.
fn bare(binary: &Path, arguments: &[impl AsRef<std::ffi::OsStr>]) -> Result<(i32, String)> {
    ended(program(binary).args(arguments).env("ASAN_OPTIONS", "detect_leaks=1"))
}

fn ended(run: Run) -> Result<(i32, String)> {
    // The standard library keeps what it reads for a backtrace.
    let output = run.env("RUST_BACKTRACE", "0").output()?;
    let status = output.status.code().with_context(|| both(&output))?;
    Ok((status, both(&output)))
}
