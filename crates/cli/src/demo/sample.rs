//! The sample: the source of a small shop, with leaked tokens in it. All of them are invented.

use std::fs;
use std::io;
use std::path::Path;

/// The files, by path.
const FILES: [(&str, &[u8]); 8] = [
    (".env", include_bytes!("../../demo/tree/.env")),
    ("backup/cache.bin", include_bytes!("../../demo/tree/backup/cache.bin")),
    ("deploy/credentials", include_bytes!("../../demo/tree/deploy/credentials")),
    ("docs/runbook.md", include_bytes!("../../demo/tree/docs/runbook.md")),
    ("mail/send.py", include_bytes!("../../demo/tree/mail/send.py")),
    ("scripts/release.sh", include_bytes!("../../demo/tree/scripts/release.sh")),
    ("src/cart.js", include_bytes!("../../demo/tree/src/cart.js")),
    ("tests/fixtures/session.json", include_bytes!("../../demo/tree/tests/fixtures/session.json")),
];

/// What is to be found in them: path, line and rule, in the order of a scan.
pub(super) const LEAKED: [(&str, u64, &str); 10] = [
    (".env", 3, "stripe-secret-key"),
    (".env", 4, "slack-bot-token"),
    (".env", 5, "url-password"),
    ("backup/cache.bin", 1, "gitlab-personal-access-token"),
    ("deploy/credentials", 3, "aws-access-key-id"),
    ("deploy/credentials", 4, "aws-secret-access-key"),
    ("docs/runbook.md", 5, "github-personal-access-token"),
    ("mail/send.py", 7, "sendgrid-key"),
    ("scripts/release.sh", 5, "github-personal-access-token"),
    ("tests/fixtures/session.json", 3, "jwt"),
];

/// Writes the files into `folder`.
pub(super) fn write(folder: &Path) -> io::Result<()> {
    for (path, content) in FILES {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}
