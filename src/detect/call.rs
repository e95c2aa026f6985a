//! Calls that revoke a token: one command for a shell, in a form so narrow that a person sees at a glance
//! what it does, and that nothing in it surprises.
//!
//! The build checks the built-in ones with this, [`RuleFile`](super::RuleFile) those of users.

/// The programs that a call begins with.
const TOOLS: [&str; 21] = [
    "aliyun",
    "atlas",
    "aws",
    "az",
    "confluent",
    "consul",
    "curl",
    "databricks",
    "exo",
    "fly",
    "gcloud",
    "gh",
    "heroku",
    "ibmcloud",
    "nomad",
    "npm",
    "oc",
    "tccli",
    "turso",
    "vault",
    "yc",
];
/// No longer call is taken, in bytes: it is to be read before it is run.
const LONGEST: usize = 512;

/// Why `call` may not stand in a rule, if so.
///
/// It is one line of visible ASCII and begins with one of [`TOOLS`]. What it needs stands in it as
/// `$NAMES` between double quotes, at least one of them; `$TOKEN` is the leaked token. Nothing else that
/// a shell acts upon is in it: no second command, no redirection, no substitution. Its links are https.
pub(crate) fn check(call: &str) -> Result<(), String> {
    if call.len() > LONGEST || !call.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(format!("a revoke_call is one line of ASCII, {LONGEST} bytes at most"));
    }
    let tool = call.split(' ').next().unwrap_or_default();
    if !TOOLS.contains(&tool) {
        return Err(format!("revoke_call begins with {tool:?}, not one of {}", TOOLS.join(", ")));
    }
    let is_https = !call.contains("http://") && (tool != "curl" || call.contains("https://"));
    if !is_https {
        return Err("revoke_call goes somewhere else than https".into());
    }
    match names(call)? {
        0 => Err("revoke_call needs nothing: neither $TOKEN nor what stands for it".into()),
        _ => Ok(()),
    }
}

/// How many names the call needs.
fn names(call: &str) -> Result<usize, String> {
    let mut names = 0;
    let mut is_quoted = false;
    let mut rest = call.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, is_quoted) {
            (b'"', _) => is_quoted = !is_quoted,
            (b'\\', true) if after.first() == Some(&b'"') => rest = &after[1..],
            (b'$', true) if after.first().is_some_and(u8::is_ascii_uppercase) => names += 1,
            (b'\\' | b'$' | b'`' | b'!', _) => return Err(surprise(*byte)),
            (_, true) => {}
            (byte, false) if byte.is_ascii_alphanumeric() || b" -_./:=,".contains(byte) => {}
            _ => return Err(surprise(*byte)),
        }
    }
    match is_quoted {
        true => Err("a double quote of revoke_call is not closed".into()),
        false => Ok(names),
    }
}

fn surprise(byte: u8) -> String {
    format!("revoke_call has a {:?} where a shell would act upon it", char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_may_be() {
        for call in [
            "curl -X DELETE -H \"Authorization: Bearer $TOKEN\" https://api.acme.example/v1/self",
            "curl -d \"{\\\"tokens\\\": [\\\"$TOKEN\\\"]}\" \"https://$ACME_HOST/revoke?a=1&b=2\"",
            "aws iam update-access-key --access-key-id \"$TOKEN\" --status Inactive",
            "vault token revoke -accessor \"$ACCESSOR\"",
        ] {
            assert_eq!(check(call), Ok(()), "{call}");
        }
    }

    #[test]
    fn calls_that_may_not_be() {
        let cases = [
            ("", "begins with"),
            ("rm -rf \"$TOKEN\"", "begins with"),
            ("curl -d \"$TOKEN\" http://acme.example", "https"),
            ("curl -d \"$TOKEN\" acme.example", "https"),
            ("curl https://acme.example", "needs nothing"),
            ("curl -d $TOKEN https://acme.example", "'$'"),
            ("curl -d \"$(id)$TOKEN\" https://acme.example", "'$'"),
            ("curl -d \"${TOKEN}\" https://acme.example", "'$'"),
            ("curl -d \"$token\" https://acme.example", "'$'"),
            ("curl -d '$TOKEN' https://acme.example", "'\\''"),
            ("curl -d \"`id`$TOKEN\" https://acme.example", "'`'"),
            ("curl -d \"\\$TOKEN\" https://acme.example", "'\\\\'"),
            ("curl -d \"$TOKEN\" https://acme.example; id", "';'"),
            ("curl -d \"$TOKEN\" https://acme.example | sh", "'|'"),
            ("curl -d \"$TOKEN\" https://acme.example > a", "'>'"),
            ("curl -d \"$TOKEN\" https://acme.example?a", "'?'"),
            ("curl -d \"$TOKEN https://acme.example", "not closed"),
            ("curl -d \"$TOKEN\"\nid https://acme.example", "one line"),
            ("curl -d \"$TOKEN\" https://acme.example/é", "one line"),
        ];
        for (call, expected) in cases {
            let said = check(call).err().unwrap_or_default();
            assert!(said.contains(expected), "{call}: {said}");
        }
        let long = format!("curl -d \"$TOKEN\" https://acme.example/{}", "a".repeat(LONGEST));
        assert!(check(&long).is_err());
    }
}
