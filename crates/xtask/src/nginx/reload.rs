//! Reloads while requests come in, and reloads that fail.

use anyhow::Result;

use super::Bench;
use crate::proxy::reload;
use crate::report::Report;

/// In every emergency that the suite causes in the running nginx: what the module says of a set
/// or key that cannot be opened.
pub const EXPECTED_EMERGENCY: &str = "(stanch_patches in ";
/// The same for a public key.
pub const EXPECTED_KEY_EMERGENCY: &str = "(stanch_public_key in ";

pub fn run(report: &mut Report, bench: &mut Bench) -> Result<()> {
    reload::under_load(report, bench);
    reload::refused(report, bench);
    report.case("with a public key that is none", bad_public_key(bench));
    reload::restored(report, bench);
    Ok(())
}

fn bad_public_key(bench: &mut Bench) -> Result<()> {
    bench.material.save_patches(false)?;
    let path = bench.material.folder().join("sign.pub");
    let good = std::fs::read(&path)?;
    std::fs::write(&path, &good[..good.len() - 2])?;
    bench.server.refuses_reload(EXPECTED_KEY_EMERGENCY)?;
    reload::still_serving(bench, "bad-public-key")?;
    std::fs::write(&path, good)?;
    Ok(())
}
