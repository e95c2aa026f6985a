//! What policies decide, in tables and on random leaks.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stanch::class::{Confidence, Consequence, Facts, Issuer, Privilege};
use stanch::leak::{
    Actor, Circumstances, Decision, Entry, Event, Leak, LeakId, Mode, Refusal, Source, SourceKind,
    Target, TenantId, Time,
};
use stanch::risk::{Assessment, Policy};
use stanch::secret::{ImprintKey, Secret};

use crate::policy::{DecisionPolicy, Planned};
use crate::rate;

const NOW: i64 = 1_760_000_000;
const DAY: i64 = 86_400;
const CLASSES: [&str; 3] = ["github-pat", "stripe-key", "jwt"];
const PROVIDERS: [&str; 2] = ["GitHub", "Stripe"];
const TARGETS: [&str; 4] = ["shop.example", "api.shop.example", "example", "Bank.example"];

fn ann() -> Actor {
    Actor::Person("ann".into())
}

fn token(number: usize, facts: Facts, class: &str) -> (stanch::secret::Imprint, Facts) {
    let text = format!("{number}Rk2mZ9qXc4TnW8bLp3vHd6sGf1JyUeA");
    (ImprintKey::from_bytes([4; 32]).imprint(&Secret::new(class, text)).unwrap(), facts)
}

fn leak(tokens: Vec<(&str, Facts)>, kinds: &[SourceKind], target: Option<&str>) -> Leak {
    let source = |n: usize| Source::new(kinds[n], format!("place {n}"));
    let tokens = tokens.into_iter().enumerate();
    let event = Event::Registered {
        tenant: TenantId::default(),
        manual: false,
        source: source(0),
        target: target.map(|target| Target(target.into())),
        tokens: tokens.map(|(n, (class, facts))| token(n, facts, class)).collect(),
    };
    let entry = |event| Entry { leak: LeakId(1), at: Time(NOW), by: Actor::System, event };
    let mut leak = Leak::begin(&entry(event)).unwrap();
    for n in 1..kinds.len() {
        leak.apply(&entry(Event::SeenAgain { source: source(n) })).unwrap();
    }
    leak
}

fn own() -> Facts {
    Facts { issuer: Issuer::Own, provider: "GitHub".into(), ..Facts::reported() }
}

fn assessment(leak: &Leak, now: i64) -> Assessment {
    rate::rate(&Policy::default(), leak, &[], Time(now)).unwrap().assessment
}

fn policy(rules: &str) -> DecisionPolicy {
    DecisionPolicy::parse(&format!("name = \"ours\"\n{rules}")).unwrap()
}

fn planned(rules: &str, leak: &Leak, now: i64) -> Option<(String, Decision, Option<Refusal>)> {
    let nodes = ["edge".to_owned()];
    let planned = policy(rules).plan(leak, &assessment(leak, now), &nodes, Time(now), &ann())?;
    Some((planned.rule, planned.decision, planned.entry.err()))
}

/// Each condition: a rule that fits, and one that does not, for the same leak.
#[test]
fn conditions_hold_or_do_not() {
    let admin = Facts { privilege: Privilege::Admin, confidence: Confidence::Medium, ..own() };
    let leak = leak(
        vec![("github-pat", admin)],
        &[SourceKind::Paste, SourceKind::File],
        Some("API.shop.example"),
    );
    let rows = [
        ("level = 'high'", true),
        ("level = 'informational'", true),
        ("classes = ['jwt', 'github-pat']", true),
        ("classes = ['github']", false),
        ("providers = ['GitHub']", true),
        ("providers = ['Stripe']", false),
        ("consequences = ['breach']", true),
        ("consequences = ['fraud', 'disruption']", false),
        ("confidence = 'medium'", true),
        ("confidence = 'high'", false),
        ("kinds = ['file']", true),
        ("kinds = ['bucket']", false),
        ("targets = ['api.SHOP.example']", true),
        ("targets = ['*.example']", true),
        ("targets = ['*.shop.example']", true),
        ("targets = ['*.api.shop.example']", false),
        ("targets = ['shop.example']", false),
        ("targets = ['*.hop.example']", false),
        ("days = 0", true),
        ("days = 7", true),
        ("days = 8", false),
        ("days = 7\nclasses = ['github-pat']\nproviders = ['Stripe']", false),
    ];
    for (condition, fits) in rows {
        let rules = format!("[[rule]]\nname = 'r'\ndecide = 'block'\n{condition}");
        let plan = planned(&rules, &leak, NOW + 7 * DAY);
        assert_eq!(plan.is_some(), fits, "{condition}");
    }
}

#[test]
fn levels_are_the_least() {
    let all = ["informational", "low", "medium", "high", "critical"];
    let of = |privilege, kind| leak(vec![("jwt", Facts { privilege, ..own() })], &[kind], None);
    for privilege in [Privilege::Public, Privilege::Read, Privilege::Write, Privilege::Admin] {
        for kind in [SourceKind::File, SourceKind::Paste, SourceKind::Market] {
            let leak = of(privilege, kind);
            let found = assessment(&leak, NOW);
            let name = if found.critical { "critical" } else { found.level.as_str() };
            let rank = all.iter().position(|level| *level == name).unwrap();
            for (least, level) in all.iter().enumerate() {
                let rules = format!("[[rule]]\nname = 'r'\ndecide = 'monitor'\nlevel = '{level}'");
                assert_eq!(planned(&rules, &leak, NOW).is_some(), least <= rank, "{level} {name}");
            }
        }
    }
}

#[test]
fn the_first_rule_that_fits_holds() {
    let rules = "[[rule]]\nname = 'other'\ndecide = 'close'\nclasses = ['stripe-key']\n\
                 [[rule]]\nname = 'first'\ndecide = 'monitor'\nproviders = ['GitHub']\n\
                 [[rule]]\nname = 'second'\ndecide = 'block'\nlevel = 'informational'";
    let found = leak(vec![("github-pat", own())], &[SourceKind::File], None);
    let monitor = Decision::Patch(Mode::Monitor);
    assert_eq!(planned(rules, &found, NOW), Some(("first".into(), monitor, None)));
}

/// A patch takes one token that fits; what gives a leak up takes all of them.
#[test]
fn a_leak_is_given_up_only_where_all_of_it_fits() {
    let mixed = leak(
        vec![("github-pat", own()), ("jwt", own())],
        &[SourceKind::File, SourceKind::Paste],
        None,
    );
    let both = ["classes = ['github-pat', 'jwt']", "kinds = ['file', 'paste']"];
    let some = ["classes = ['github-pat']", "kinds = ['file']"];
    for (decide, takes_some) in
        [("block", true), ("monitor", true), ("close", false), ("false", false)]
    {
        let fits = |condition: &str| {
            let rules = format!("[[rule]]\nname = 'r'\ndecide = '{decide}'\n{condition}");
            planned(&rules, &mixed, NOW).is_some()
        };
        for (both, some) in both.iter().zip(some) {
            assert!(fits(both), "{decide} {both}");
            assert_eq!(fits(some), takes_some, "{decide} {some}");
        }
    }
    // Conditions about tokens must hold for the same one.
    let stripe = Facts { provider: "Stripe".into(), ..own() };
    let two = leak(vec![("github-pat", own()), ("stripe-key", stripe)], &[SourceKind::File], None);
    let rules =
        "[[rule]]\nname = 'r'\ndecide = 'block'\nclasses = ['github-pat']\nproviders = ['Stripe']";
    assert_eq!(planned(rules, &two, NOW), None);
}

#[test]
fn a_policy_is_refused_as_a_person_is() {
    let stranger = Facts { issuer: Issuer::Stranger, ..own() };
    let found = leak(vec![("stripe-key", stranger)], &[SourceKind::File], None);
    let block = "[[rule]]\nname = 'r'\ndecide = 'block'\nlevel = 'informational'";
    let refusal = planned(block, &found, NOW).unwrap().2;
    assert_eq!(refusal, Some(Refusal::NotApplicable));
    let anyway = format!("{block}\nanyway = true");
    assert_eq!(planned(&anyway, &found, NOW).unwrap().2, None);
    let ours = leak(vec![("jwt", own())], &[SourceKind::File], None);
    let without_node = |rules: &str| {
        let planned = policy(rules).plan(&ours, &assessment(&ours, NOW), &[], Time(NOW), &ann());
        planned.unwrap().entry.err()
    };
    assert_eq!(without_node(block), Some(Refusal::DetectOnly));
    assert_eq!(without_node(&anyway), None);
}

#[test]
fn the_ledger_names_the_policy_the_rule_and_who_applied_it() {
    let found = leak(vec![("jwt", own())], &[SourceKind::File], None);
    let rules = "[[rule]]\nname = 'old'\ndecide = 'close'\ndays = 0\nnote = 'nobody cares'";
    let plan = policy(rules).plan(&found, &assessment(&found, NOW), &[], Time(NOW), &ann());
    let entry = plan.unwrap().entry.unwrap();
    assert_eq!(entry.by, Actor::Policy("ours".into()));
    let note = Some("rule \"old\", applied by ann: nobody cares".to_owned());
    let event = Event::Decided { decision: Decision::Close, anyway: false, note };
    assert_eq!(entry.event, event);
}

fn facts() -> impl Strategy<Value = (&'static str, Facts)> {
    (
        select(&CLASSES[..]),
        select(&PROVIDERS[..]),
        select(vec![Consequence::Breach, Consequence::Fraud]),
        select(vec![Confidence::Low, Confidence::High]),
        select(vec![Privilege::Public, Privilege::Write, Privilege::Admin]),
        select(vec![Issuer::Own, Issuer::Stranger]),
    )
        .prop_map(|(class, provider, consequence, confidence, privilege, issuer)| {
            let provider = provider.to_owned();
            (class, Facts { provider, consequence, confidence, privilege, issuer, ..own() })
        })
}

fn any_leak() -> impl Strategy<Value = Leak> {
    let kinds = vec![SourceKind::File, SourceKind::Paste, SourceKind::Market];
    (
        prop::collection::vec(facts(), 1..4),
        subsequence(kinds, 1..=3),
        prop::option::of(select(&TARGETS[..])),
    )
        .prop_map(|(tokens, kinds, target)| leak(tokens, &kinds, target))
}

/// A rule's text, without its name.
fn any_rule() -> impl Strategy<Value = (String, Vec<String>)> {
    let quoted = |all: Vec<&str>| format!("['{}']", all.join("', '"));
    let list = move |field: &'static str, all: &'static [&'static str]| {
        subsequence(all, 1..=2).prop_map(move |some| format!("{field} = {}", quoted(some)))
    };
    let condition = prop_oneof![
        select(vec!["informational", "low", "medium", "high", "critical"])
            .prop_map(|level| format!("level = '{level}'")),
        list("classes", &CLASSES),
        list("providers", &PROVIDERS),
        list("consequences", &["breach", "fraud"]),
        list("kinds", &["file", "paste", "market"]),
        list("targets", &["shop.example", "*.example", "*.shop.example"]),
        select(vec!["low", "medium", "high"]).prop_map(|one| format!("confidence = '{one}'")),
        (0..20u32).prop_map(|days| format!("days = {days}")),
    ];
    let decide = select(vec!["block", "monitor", "false", "close"]);
    (decide, prop::collection::vec(condition, 1..4)).prop_map(|(decide, mut conditions)| {
        let name = |condition: &String| condition.split(' ').next().map(str::to_owned);
        conditions.sort();
        conditions.dedup_by_key(|condition| name(condition));
        (decide.to_owned(), conditions)
    })
}

fn text(rules: &[(String, Vec<String>)]) -> String {
    let rules = rules.iter().enumerate().map(|(number, (decide, conditions))| {
        format!("[[rule]]\nname = '{number}'\ndecide = '{decide}'\n{}\n", conditions.join("\n"))
    });
    rules.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A policy is its rules, one by one: the first that fits alone holds; a rule fits if each of its conditions
    /// alone does, where these are about different things; and what was decided once is not decided again.
    #[test]
    fn a_policy_is_its_rules_in_order(
        found in any_leak(),
        rules in prop::collection::vec(any_rule(), 1..5),
        days in 0..20i64,
    ) {
        let now = Time(NOW + days * DAY);
        let risk = assessment(&found, now.0);
        let fits = |rules: &[(String, Vec<String>)]| {
            policy(&text(rules)).rule(&found, &risk, now).map(|rule| rule.name().to_owned())
        };
        let alone = |rule: &(String, Vec<String>)| fits(std::slice::from_ref(rule)).is_some();
        let first = rules.iter().position(alone).map(|number| number.to_string());
        prop_assert_eq!(fits(&rules), first);
        for rule in &rules {
            let each = rule.1.iter().all(|one| alone(&(rule.0.clone(), vec![one.clone()])));
            // Of several tokens each may fit another condition.
            prop_assert!(each || !alone(rule));
            if found.tokens().len() == 1 {
                prop_assert_eq!(each, alone(rule));
            }
        }

        let policy = policy(&text(&rules));
        let nodes = ["edge".to_owned()];
        if let Some(Planned { entry: Ok(entry), .. }) =
            policy.plan(&found, &risk, &nodes, now, &ann())
        {
            let mut after = found.clone();
            after.apply(&entry).unwrap();
            prop_assert_eq!(policy.plan(&after, &risk, &nodes, now, &ann()), None);
        }
    }

    /// Whoever has decided about a leak has the last word.
    #[test]
    fn a_policy_leaves_alone_what_a_person_decided(
        found in any_leak(),
        rules in prop::collection::vec(any_rule(), 1..5),
        decisions in prop::collection::vec(select(vec![
            Decision::Patch(Mode::Block),
            Decision::Patch(Mode::Monitor),
            Decision::Close,
            Decision::MarkFalse,
            Decision::Reopen,
        ]), 1..4),
    ) {
        let mut leak = found;
        let circumstances = Circumstances { nodes: &[], anyway: true };
        for decision in decisions {
            if let Ok(entry) = leak.decide(decision, None, &circumstances, Time(NOW), ann()) {
                leak.apply(&entry).unwrap();
                let risk = assessment(&leak, NOW);
                let policy = policy(&text(&rules));
                prop_assert_eq!(policy.rule(&leak, &risk, Time(NOW)), None);
            }
        }
    }
}
