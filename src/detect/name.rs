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

/// Words that say of what is named that it is no secret, or none that opens anything.
const DENIALS: [&str; 13] = [
    "not",
    "non",
    "invalid",
    "incorrect",
    "wrong",
    "bogus",
    "fake",
    "dummy",
    "mock",
    "mocked",
    "example",
    "sample",
    "placeholder",
];

/// Whether `name` speaks of a secret: `api_key`, `dbPassword`, `X-Auth-Token`.
pub(super) fn is_secret(name: &[u8]) -> bool {
    let plain = plain(name);
    let known = SECRET.iter().any(|word| plain.contains(word))
        || plain.ends_with("auth")
        || plain.ends_with("pass")
        || plain.ends_with("key") && !OTHER_KEYS.iter().any(|word| plain.ends_with(word));
    known && !is_harmless(&plain) && !denies(name)
}

/// Whether `name` speaks of a digest: `sha256`, `image_digest`, `git-commit`.
pub(super) fn is_digest(name: &[u8]) -> bool {
    let name = plain(name);
    DIGESTS.iter().any(|word| name.ends_with(word))
}

/// Whether `name` speaks of a password.
pub(super) fn is_password(name: &[u8]) -> bool {
    let plain = plain(name);
    let known = ["passw", "pwd", "passphrase", "secret"].iter().any(|word| plain.contains(word))
        || plain.ends_with("pass");
    known && !is_harmless(&plain) && !denies(name)
}

fn is_harmless(plain: &str) -> bool {
    HARMLESS.iter().any(|word| plain.contains(word))
}

/// The words of `name` in lower case: of `acmeAPIKey_2` they are `acme`, `api`, `key` and `2`.
pub(super) fn words(name: &[u8]) -> Vec<String> {
    let name = &name[name.len().saturating_sub(LONGEST)..];
    let mut all = Vec::new();
    let mut word = String::new();
    for (at, byte) in name.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| name.get(at));
        let after = name.get(at + 1);
        let hump = byte.is_ascii_uppercase()
            && (before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                || after.is_some_and(u8::is_ascii_lowercase));
        if (hump || !byte.is_ascii_alphanumeric()) && !word.is_empty() {
            all.push(std::mem::take(&mut word));
        }
        if byte.is_ascii_alphanumeric() {
            word.push(char::from(byte.to_ascii_lowercase()));
        }
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

/// Whether `name` denies that it names a secret: `invalid_token`, `notPassword`, `notsecret`.
fn denies(name: &[u8]) -> bool {
    words(name).iter().any(|word| {
        DENIALS.contains(&word.as_str())
            || word
                .strip_prefix("not")
                .or_else(|| word.strip_prefix("non"))
                .is_some_and(|rest| SECRET.iter().any(|secret| rest.starts_with(secret)))
    })
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
    fn names_that_deny() {
        for name in [
            "invalid_token",
            "notPassword",
            "notsecret",
            "NON_MATCHING_KEY",
            "fakeApiKey",
            "example.api-key",
            "MOCK_TOKEN",
        ] {
            assert!(!is_secret(name.as_bytes()) && !is_password(name.as_bytes()), "{name}");
        }
        for name in
            ["notify_token", "notion_secret", "nonce_key", "notary-password", "examples_ag_key"]
        {
            assert!(is_secret(name.as_bytes()), "{name}");
        }
        assert!(is_password(b"notification_password") && is_password(b"invalidatorSecret"));
    }

    #[test]
    fn words_of_names() {
        for (name, expected) in [
            ("acmeAPIKey_2", &["acme", "api", "key", "2"][..]),
            ("ACME_KEY", &["acme", "key"]),
            ("x-auth.token", &["x", "auth", "token"]),
            ("s3Bucket", &["s3", "bucket"]),
            ("--", &[]),
        ] {
            assert_eq!(words(name.as_bytes()), expected, "{name}");
        }
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
