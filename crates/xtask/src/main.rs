//! Tasks of the workspace: `cargo xtask TASK`.

mod ahead;
mod api;
mod assessments;
mod bench_proxy;
mod c_examples;
mod clean_root;
mod clock;
mod command;
mod dist;
mod documents;
mod encoded;
mod envoy;
mod exports;
mod fuzz;
mod header;
mod imports;
mod library;
mod lint;
mod nginx;
mod packages;
mod peers;
mod proxy;
mod publish;
mod report;
mod rust_tests;
mod workspace;

use std::process::ExitCode;

use report::Report;

const HELP: &str = "\
Tasks of the stanch workspace

Usage: cargo xtask TASK

Tasks:
  test       Install what is missing (as root, with apt-get) or name it; then run everything:
             format, clippy, rustdoc, tests, the benchmark's proofs, header, exports,
             import directions, API, C examples, seeds of the fuzz targets, nginx, Envoy,
             the commands of the documentation, the release without the command
  lint       Format, clippy and rustdoc only
  rust       The workspace's tests (unit, property and doc tests) and the benchmark's proofs only
  header     Write include/stanch.h from src/ffi
  api        Write docs/api.txt, the public interface of the crate
  contract   Header, exports, import directions, API and what would be published only
  c          The C examples under valgrind and the address sanitizer only
  seeds      The seeds of the fuzz targets only
  store      The ledger's tests only, against SQLite and PostgreSQL
  nginx      The nginx module against a real nginx on loopback only
  envoy      The Envoy module against a real Envoy on loopback only
  documents  Every command in the documentation, and its code in C and C++, only
  dist       Build target/dist: the release folder and the Debian packages, checked
  packages   Build them, install and try the packages in a clean Debian (as root), and build
             the crate as it would be published
  fuzz TARGET SECONDS
             Run a fuzz target under libFuzzer for so long; needs g++
  bench-proxy [--quick]
             Measure what stanch costs in nginx and Envoy, beside ModSecurity and a Lua look-up
  peers      Install the scanners that the detector is measured against
  help       Print this text

Every task but `header`, `api`, `peers`, `bench-proxy` and `fuzz` closes with a line `N passed, M failed` and exits with 1 when M is not 0.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let task = match arguments.as_slice() {
        [task] => task,
        [task, quick] if task == "bench-proxy" && quick == "--quick" => {
            return ended(bench_proxy::run(true));
        }
        [task, target, seconds] if task == "fuzz" => return ended(fuzz::run(target, seconds)),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };

    let mut report = Report::new();
    match task.as_str() {
        "test" => {
            if packages::ensure(&mut report) {
                lint::run(&mut report);
                ahead::begin();
                rust_tests(&mut report);
                contract(&mut report);
                nginx::run(&mut report);
                envoy::run(&mut report);
                documents::run(&mut report);
                c_examples::run(&mut report);
                fuzz::replay(&mut report);
                dist::run(&mut report, dist::Command::Without);
            }
        }
        "lint" => lint::run(&mut report),
        "rust" => rust_tests(&mut report),
        "contract" => contract(&mut report),
        "c" => c_examples::run(&mut report),
        "seeds" => fuzz::replay(&mut report),
        "store" => rust_tests::run(&mut report, &["--package", "stanch-store"]),
        "nginx" => nginx::run(&mut report),
        "envoy" => envoy::run(&mut report),
        "documents" => documents::run(&mut report),
        "dist" => {
            dist::run(&mut report, dist::Command::With);
        }
        "packages" => {
            if packages::ensure(&mut report) {
                report.step("the crate, built as it would be published", |_| publish::dry_run());
                clean_root::run(&mut report);
            }
        }
        "header" => {
            return ended(header::write().map(|path| println!("wrote {}", path.display())));
        }
        "api" => return ended(api::write().map(|path| println!("wrote {}", path.display()))),
        "peers" => return ended(peers::install()),
        "bench-proxy" => return ended(bench_proxy::run(false)),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("error: there is no task `{other}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    report.close()
}

/// How a task ends that has no steps to count.
fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn rust_tests(report: &mut Report) {
    rust_tests::run(report, &["--workspace"]);
    // Every engine proves its answers before it is measured. What a full run has measured stays:
    // the results of this one go to a folder of their own.
    report.step("benchmark: every engine's answers", |_| {
        command::cargo(&["bench", "--bench", "match_peers", "--target-dir"])
            .arg(workspace::target())
            .args(&["--", "--quick", "--tokens", "100,2000"])
            .env("CARGO_TARGET_DIR", workspace::target().join("quick"))
            .show()
    });
    report.step("benchmark: a million tokens scored and rated within a second", |_| {
        command::cargo(&["bench", "--bench", "risk", "--target-dir"])
            .arg(workspace::target())
            .args(&["--", "--rounds", "3"])
            .show()
    });
}

/// What C callers and the rooms of the library rely on.
fn contract(report: &mut Report) {
    report.step("include/stanch.h is what src/ffi says", |_| header::check());
    report.step("source, header and shared object export the same names", |_| exports::check());
    report.step("import directions of the rooms", |_| imports::check());
    report.step("docs/api.txt is the interface of the crate", |_| api::check());
    report.step("what would be published", |_| publish::list());
    report.step("CHANGELOG.md has this version", |_| publish::changelog());
}
