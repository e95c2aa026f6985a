//! Whether a name speaks of a secret.

/// No longer name is read.
const LONGEST: usize = 64;

/// Words that make a name speak of a secret, written without separators.
const SECRET: [&str; 22] = [
    "secret",
    "token",
    "passw",
    "pwd",
    "passphrase",
    "passkey",
    "apikey",
    "accesskey",
    "privatekey",
    "privkey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "licensekey",
    "accountkey",
    "authkey",
    "sharedkey",
    "credential",
    "authorization",
    "bearer",
    "webhook",
    "apiauth",
];

/// Words that make a name speak of something about a secret, or of something that only sounds so.
const HARMLESS: [&str; 41] = [
    "public",
    "pubkey",
    "tokenid",
    "keyid",
    "secretid",
    "secretname",
    "keyname",
    "tokenname",
    "tokentype",
    "keytype",
    "tokenizer",
    "tokenize",
    "keyword",
    "keyboard",
    "keypath",
    "keyfile",
    "tokenfile",
    "tokenpath",
    "secretpath",
    "secretfile",
    "keyring",
    "url",
    "uri",
    "endpoint",
    "expire",
    "expiry",
    "hash",
    "sha1",
    "sha256",
    "sha512",
    "checksum",
    "algorithm",
    "complexity",
    "policy",
    "length",
    "integrity",
    "digest",
    "fingerprint",
    "thumbprint",
    "bypass",
    "compass",
];

/// How names end that hold the digest of something, which looks like a token in hexadecimal.
const DIGESTS: [&str; 17] = [
    "md5",
    "gitsha",
    "commitsha",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "checksum",
    "checksums",
    "digest",
    "integrity",
    "commit",
    "commitid",
    "commithash",
    "revision",
    "etag",
];

/// Names ending in `key` whose keys open nothing.
const OTHER_KEYS: [&str; 12] = [
    "cachekey",
    "primarykey",
    "foreignkey",
    "sortkey",
    "partitionkey",
    "hotkey",
    "monkey",
    "indexkey",
    "groupkey",
    "translationkey",
    "messagekey",
    "sitekey",
];

/// Whether `name` speaks of a secret: `api_key`, `dbPassword`, `X-Auth-Token`.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let name = plain(name);
    if HARMLESS.iter().any(|word| name.contains(word)) {
        return false;
    }
    SECRET.iter().any(|word| name.contains(word))
        || name.ends_with("auth")
        || name.ends_with("pass")
        || name.ends_with("key") && !OTHER_KEYS.iter().any(|word| name.ends_with(word))
}

/// Whether `name` speaks of a digest: `sha256`, `image_digest`, `git-commit`.
pub(super) fn is_digest(name: &[u8]) -> bool {
    let name = plain(name);
    DIGESTS.iter().any(|word| name.ends_with(word))
}

/// Whether `name` speaks of a password.
pub(super) fn is_password(name: &[u8]) -> bool {
    let name = plain(name);
    let known = ["passw", "pwd", "passphrase", "secret"].iter().any(|word| name.contains(word))
        || name.ends_with("pass");
    known && !HARMLESS.iter().any(|word| name.contains(word))
}

/// The name in lower case without separators; of a long one the end.
fn plain(name: &[u8]) -> String {
    name[name.len().saturating_sub(LONGEST)..]
        .iter()
        .filter(|b| b.is_ascii_alphanumeric())
        .map(|b| char::from(b.to_ascii_lowercase()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "api_key",
            "API-KEY",
            "dbPassword",
            "X-Auth-Token",
            "client.secret",
            "ACME_KEY",
            "db_pass",
            "npm_auth",
        ] {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_of_other_things() {
        for name in [
            "public_key",
            "key_id",
            "token_url",
            "monkey",
            "primaryKey",
            "author",
            "keyboard",
            "password_hash",
            "",
        ] {
            assert!(!is_secret(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn names_of_passwords() {
        assert!(
            is_password(b"DB_PASSWORD") && is_password(b"sshpass") && is_password(b"client_secret")
        );
        assert!(
            !is_password(b"api_key") && !is_password(b"password_hash") && !is_password(b"COMPASS")
        );
    }

    #[test]
    fn names_of_digests() {
        for name in ["sha256", "SHA-1", "imageDigest", "git-commit", "meilisearch@sha256", "etag"] {
            assert!(is_digest(name.as_bytes()), "{name}");
        }
        for name in ["api_key", "commit_token", "digest_secret", "api_hash", "token"] {
            assert!(!is_digest(name.as_bytes()), "{name}");
        }
    }
}
