//! `stanch rules`, and `stanch scan --rules`.

use crate::place::{GITHUB, Place};

const FILE: &str = r#"
off = ["github-personal-access-token"]

[[rule]]
id = "acme-key"
provider = "Acme"
class = "Acme API key"
privilege = "write"
consequence = "breach"
confidence = "high"
source = "https://acme.example/docs/keys"
shapes = [{ prefixes = ["acme_"], parts = [{ alphabet = "base62", length = 16 }] }]
positives = ["key: «acme_q8Zr2LmX0vTc5NbW»", "ACME_KEY=«acme_7Kd0PzY4sHt9GaUe»"]
negatives = ["acme_q8Zr2LmX0vTc5Nb", "acme-q8Zr2LmX0vTc5NbW"]
"#;

#[test]
fn a_file_of_rules_is_proven() {
    let place = Place::new();
    place.write("rules.toml", FILE);
    let run = place.run(&["rules", "check", "rules.toml"]);
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (0, "1 rule, 0 examples wrong\n", "")
    );

    // One character less makes it a mutilated token of Acme, one more a secret of no known form.
    for (token, complaint) in [
        ("«acme_7Kd0PzY4sHt9GaU»", "is not found"),
        ("«acme_7Kd0PzY4sHt9GaUe5»", "is found as generic-secret"),
    ] {
        place.write("rules.toml", FILE.replace("«acme_7Kd0PzY4sHt9GaUe»", token));
        let run = place.run(&["rules", "check", "rules.toml"]);
        assert_eq!((run.code, run.stdout.as_str()), (1, "1 rule, 1 example wrong\n"));
        let expected = format!("stanch: rules.toml: rule acme-key: positive 2 {complaint}\n");
        assert_eq!(run.stderr, expected);
    }
}

#[test]
fn what_is_no_file_of_rules_is_an_error() {
    let place = Place::new();
    let cases = [
        (
            "[[rule]]\nid = 1",
            "stanch: rules.toml: line 2: invalid type: integer `1`, expected a string\n",
        ),
        ("off = [\"nothing\"]", "stanch: rules.toml: off: \"nothing\" is no built-in rule\n"),
    ];
    for (text, expected) in cases {
        place.write("rules.toml", text);
        for command in
            [&["rules", "check", "rules.toml"][..], &["scan", "--rules", "rules.toml", "."]]
        {
            let run = place.run(command);
            assert_eq!((run.code, run.stderr.as_str()), (2, expected));
        }
    }
}

#[test]
fn a_scan_goes_by_the_rules_of_a_file() {
    let place = Place::new();
    place.write("rules/own.toml", FILE);
    place.write("src/a.py", format!("a = '{GITHUB}'\nb = 'acme_q8Zr2LmX0vTc5NbW'\n"));
    let rules = |run: &crate::place::Run| -> Vec<String> {
        run.lines().iter().map(|line| line["rule"].as_str().unwrap().to_owned()).collect()
    };
    let run = place.run(&["scan", "--format", "jsonl", "src"]);
    assert_eq!(rules(&run), ["github-personal-access-token"]);
    let run = place.run(&["scan", "--format", "jsonl", "--rules", "rules/own.toml", "src"]);
    assert_eq!((run.code, rules(&run)), (1, vec!["acme-key".to_owned()]));
}

#[test]
fn the_rules_are_listed() {
    let place = Place::new();
    place.write("rules.toml", FILE);
    let run = place.run(&["rules", "list"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.lines().count() > 1000 && run.stdout.lines().is_sorted());
    assert!(run.stdout.contains("github-personal-access-token"));
    let run = place.run(&["rules", "list", "--rules", "rules.toml"]);
    assert!(
        run.stdout.contains("acme-key ") && !run.stdout.contains("github-personal-access-token")
    );
}

#[test]
fn a_rule_is_shown_with_the_call_that_revokes_its_token() {
    let place = Place::new();
    let call = "curl -X DELETE -H \"Authorization: Bearer $TOKEN\" https://acme.example/self";
    let with = FILE.replace("shapes =", &format!("revoke_call = '{call}'\nshapes ="));
    place.write("rules.toml", with);
    let run = place.run(&["rules", "show", "acme-key", "--rules", "rules.toml"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("id           acme-key\nprovider     Acme\n"));
    assert!(run.stdout.ends_with(&format!("\nrevoke_call  {call}\n")), "{}", run.stdout);

    let run = place.run(&["rules", "show", "acme-key"]);
    assert_eq!((run.code, run.stderr.as_str()), (2, "stanch: acme-key: there is no such rule\n"));
}

#[test]
fn a_call_that_does_more_is_refused() {
    let place = Place::new();
    let call = "curl -d \"$TOKEN\" https://acme.example/self; id";
    place.write(
        "rules.toml",
        FILE.replace("shapes =", &format!("revoke_call = '{call}'\nshapes =")),
    );
    let run = place.run(&["rules", "check", "rules.toml"]);
    let said = "rule acme-key: revoke_call has a ';' where a shell would act upon it";
    assert_eq!((run.code, run.stderr), (2, format!("stanch: rules.toml: {said}\n")));
}

#[test]
fn sarif_says_how_to_revoke() {
    let place = Place::new();
    place.write("a.py", format!("a = '{GITHUB}'\n"));
    let run = place.run(&["scan", "--format", "sarif", "a.py"]);
    assert!(run.stdout.contains("https://api.github.com/credentials/revoke"), "{}", run.stdout);
}

/// A rule for what a shape cannot say: a token that stands before the word it is known by.
const PATTERN: &str = r#"
[[rule]]
id = "acme-mailbox"
provider = "Acme"
class = "Acme mailbox password"
privilege = "read"
consequence = "breach"
confidence = "medium"
source = "https://acme.example/docs/mailboxes"
keywords = [["mailbox.acme"]]
pattern = '\b[a-z]+!([a-z]{4}(?:-[a-z]{4}){2})@mailbox\.acme\b'
positives = ["to: anna!«qwer-tzui-opas»@mailbox.acme", "<bob!«yxcv-bnma-sdfg»@mailbox.acme>"]
negatives = ["anna!qwer-tzui@mailbox.acme", "anna!qwer-tzui-opas@mailbox.acmes"]
"#;

#[test]
fn a_rule_with_a_pattern_is_proven_and_used() {
    let place = Place::new();
    place.write("rules/own.toml", PATTERN);
    let run = place.run(&["rules", "check", "rules/own.toml"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (0, "1 rule, 0 examples wrong\n"),
        "{}",
        run.stderr
    );

    place.write("src/a.txt", "carla!hjkl-qwer-uiop@mailbox.acme\n");
    let run = place.run(&["scan", "--format", "jsonl", "--rules", "rules/own.toml", "src"]);
    assert_eq!((run.code, run.lines()[0]["rule"].as_str()), (1, Some("acme-mailbox")));

    let wrong = PATTERN.replace("(?:-[a-z]{4}){2}", "(-[a-z]{4}){2}");
    place.write("rules/own.toml", wrong);
    let run = place.run(&["rules", "check", "rules/own.toml"]);
    let said = "rule acme-mailbox: a pattern has one group that captures, the token, or none";
    assert_eq!((run.code, run.stderr), (2, format!("stanch: rules/own.toml: {said}\n")));
}
