//! `stanch demo`: the whole trip from a leaked token to a refused request, on a sample.

mod replay;
mod sample;
mod show;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stanch::detect::Detector;
use stanch::leak::{
    Actor, Circumstances, Decision, LeakId, Mode, Registry, Sighting, Source, Target, Time,
};
use stanch::patch::{Context, Patch, PatchSet, PatchSetBuilder, Verdict};
use stanch::secret::{ImprintKey, Secret};

use self::replay::Case;
use crate::outcome::{Failure, Outcome, complain, reason};
use crate::palette;
use crate::request::Request;
use crate::scan::{self, Found, Look, Seen};

/// How often each request is matched to tell what that takes.
const ROUNDS: u32 = 200;

/// What the demo decides where it does not block, by the rule that found the leak.
const DECISIONS: [(&str, Decision); 2] =
    [("sendgrid-key", Decision::Patch(Mode::Monitor)), ("jwt", Decision::MarkFalse)];

/// The demo's requests all come by one proxy, whoever it is that accepts the tokens.
const CIRCUMSTANCES: Circumstances<'static> = Circumstances { nodes: &[], anyway: true };

/// A file of the sample, by its path there, and what was found in it.
type Looked = (PathBuf, Look);

/// What became of a request.
struct Replayed {
    case: Case,
    /// The leak whose token it carries, if any.
    leak: Option<u64>,
    verdict: Verdict,
    /// What matching it took at best.
    time: Duration,
}

/// Runs the command.
pub(crate) fn run() -> Result<Outcome, Failure> {
    let folder = tempfile::Builder::new().prefix("stanch-demo-").tempdir().map_err(local)?;
    let tree = folder.path().join("shop");
    sample::write(&tree).map_err(local)?;

    let looked = look(&tree)?;
    let key = ImprintKey::create(&folder.path().join("stanch.key"))?;
    let mut leaks = register(&looked, &key)?;
    decide(&mut leaks, &looked, &key)?;
    let path = folder.path().join("shop.set");
    compile(&leaks, &key)?.save(&path)?;
    let set = PatchSet::open(&path, &key)?;
    let replayed = replay(&leaks, &looked, &key, &set)?;
    folder.close().map_err(local)?;

    let mut unmet = differences(&looked);
    unmet.extend(replayed.iter().filter(|replayed| !replayed.is_met()).map(|replayed| {
        let expected = show::expected(replayed);
        format!(
            "request \"{}\": {expected} was expected, but it is {}",
            replayed.case.what,
            show::outcome(&replayed.verdict)
        )
    }));
    show::all(&mut palette::output(), &looked, &leaks, &set.info(), &replayed, unmet.is_empty())?;
    for unmet in &unmet {
        complain(&Failure::named("demo", unmet));
    }
    Ok(if unmet.is_empty() { Outcome::Clean } else { Outcome::Found })
}

/// Scans the sample.
fn look(tree: &Path) -> Result<Vec<Looked>, Failure> {
    let mut looked = Vec::new();
    let mut trouble = None;
    scan::each(tree, &Detector::new(), |Seen { path, look }| match look {
        Ok(look) => {
            looked.push((path.strip_prefix(tree).unwrap_or(&path).to_owned(), look));
            Ok(())
        }
        Err(error) => {
            trouble = Some(Failure::named("demo", error));
            Ok(())
        }
    })?;
    trouble.map_or(Ok(looked), Err)
}

/// Registers what was found: the tokens of a file are one leak, and a token that was seen before
/// is no new one.
fn register(looked: &[Looked], key: &ImprintKey) -> Result<Registry, Failure> {
    let mut registry = Registry::new();
    for (path, look) in looked {
        let findings = look.findings.iter();
        let (secrets, facts): (Vec<_>, Vec<_>) = findings
            .filter_map(|found| found.secret.as_ref().map(|secret| (secret, found.facts())))
            .unzip();
        let imprints: Result<Vec<_>, _> = key.imprint_all(secrets).collect();
        let imprints = imprints.map_err(|error| Failure::named(path.display(), error))?;
        let line = look.findings.first().map_or(1, |found| found.place.line);
        let source = Source::file(path.to_string_lossy(), line);
        let sighting = Sighting::new(source, imprints.into_iter().zip(facts))
            .target(Target("shop.invalid".into()));
        registry
            .register(sighting, now(), &Actor::System)
            .map_err(|error| Failure::named(path.display(), error))?;
    }
    Ok(registry)
}

/// Decides about each leak, as a person would.
fn decide(leaks: &mut Registry, looked: &[Looked], key: &ImprintKey) -> Result<(), Failure> {
    let mut others = Vec::new();
    for (rule, decision) in DECISIONS {
        others.push((leak_of(leaks, looked, key, rule), decision));
    }
    let ids: Vec<LeakId> = leaks.leaks().map(|leak| leak.id()).collect();
    for id in ids {
        let other = others.iter().find(|(leak, _)| *leak == Some(id));
        let decision = other.map_or(Decision::Patch(Mode::Block), |(_, decision)| *decision);
        let refused = |refusal| Failure::named(format_args!("leak {id}"), refusal);
        if let Some(leak) = leaks.leak(id) {
            let you = Actor::Person("you".into());
            let entry = leak.decide(decision, None, &CIRCUMSTANCES, now(), you).map_err(refused)?;
            leaks.apply(&entry).map_err(refused)?;
        }
    }
    Ok(())
}

/// Compiles the patches that were decided.
fn compile(leaks: &Registry, key: &ImprintKey) -> Result<PatchSet, Failure> {
    let mut builder = PatchSetBuilder::new(key).serial(1);
    for leak in leaks.leaks() {
        let patch = match leak.patch() {
            Some(Mode::Block) => Patch::block(leak.id().0),
            Some(Mode::Monitor) => Patch::monitor(leak.id().0),
            None => continue,
        };
        for token in leak.tokens() {
            builder.add(token.imprint(), patch.clone())?;
        }
    }
    Ok(builder.build()?)
}

/// Sends the sample requests past the set.
fn replay(
    leaks: &Registry,
    looked: &[Looked],
    key: &ImprintKey,
    set: &PatchSet,
) -> Result<Vec<Replayed>, Failure> {
    let mut state = vec![0; set.state_len()];
    let mut replayed = Vec::new();
    for case in replay::cases(|rule| secret(looked, rule))? {
        let request = Request::parse(&case.request)
            .map_err(|error| Failure::named(format_args!("request \"{}\"", case.what), error))?;
        let verdict = request.verdict(set, &mut state, &Context::default())?;
        let mut time = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let again = request.verdict(set, &mut state, &Context::default())?;
            time = time.min(began.elapsed());
            if again != verdict {
                let why = "the same request got another verdict the second time";
                return Err(Failure::named(format_args!("request \"{}\"", case.what), why));
            }
        }
        let leak = case.rule.and_then(|rule| leak_of(leaks, looked, key, rule)).map(|id| id.0);
        replayed.push(Replayed { case, leak, verdict, time });
    }
    Ok(replayed)
}

impl Replayed {
    fn is_met(&self) -> bool {
        self.case.is_met(&self.verdict, self.leak)
    }
}

/// Where what was found is not what is in the sample.
fn differences(looked: &[Looked]) -> Vec<String> {
    let place = |path: &Path, found: &Found| {
        (path.to_string_lossy().into_owned(), found.place.line, found.rule.id())
    };
    let found: Vec<_> = looked
        .iter()
        .flat_map(|(path, look)| look.findings.iter().map(move |found| place(path, found)))
        .collect();
    let known: Vec<_> = sample::LEAKED
        .iter()
        .map(|(path, line, rule)| ((*path).to_owned(), *line, *rule))
        .collect();
    let missing = known.iter().filter(|place| !found.contains(place)).map(|(path, line, rule)| {
        format!("{path}:{line}: a {rule} was expected, but was not found")
    });
    let surplus = found
        .iter()
        .filter(|place| !known.contains(place))
        .map(|(path, line, rule)| format!("{path}:{line}: a {rule} was found, but is not there"));
    missing.chain(surplus).collect()
}

/// The token that `rule` found.
fn secret<'l>(looked: &'l [Looked], rule: &str) -> Option<&'l Secret> {
    let mut all = looked.iter().flat_map(|(_, look)| &look.findings);
    all.find(|found| found.rule.id() == rule)?.secret.as_ref()
}

/// The leak with the token that `rule` found.
fn leak_of(leaks: &Registry, looked: &[Looked], key: &ImprintKey, rule: &str) -> Option<LeakId> {
    let imprint = key.imprint(secret(looked, rule)?).ok()?;
    leaks.leaks().find(|leak| leak.holds(imprint.digest())).map(|leak| leak.id())
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// What is wrong with the demo's own folder.
fn local(error: std::io::Error) -> Failure {
    Failure::named("temporary folder", reason(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_holds_what_it_says_and_every_difference_is_named() {
        let folder = tempfile::tempdir().unwrap();
        sample::write(folder.path()).unwrap();
        let mut looked = look(folder.path()).unwrap();
        assert_eq!(differences(&looked), [""; 0]);

        let (path, look) = looked.first_mut().unwrap();
        assert_eq!(path.as_path(), Path::new(".env"));
        look.findings.remove(0);
        look.findings[0].place.line = 9;
        assert_eq!(
            differences(&looked),
            [
                ".env:3: a stripe-secret-key was expected, but was not found",
                ".env:4: a slack-bot-token was expected, but was not found",
                ".env:9: a slack-bot-token was found, but is not there",
            ]
        );
    }

    #[test]
    fn a_wrong_verdict_is_not_met() {
        let folder = tempfile::tempdir().unwrap();
        sample::write(folder.path()).unwrap();
        let looked = look(folder.path()).unwrap();
        let key = ImprintKey::from_bytes([3; 32]);
        let mut leaks = register(&looked, &key).unwrap();
        decide(&mut leaks, &looked, &key).unwrap();
        let met = |leaks: &Registry, set: &PatchSet| -> Vec<bool> {
            let replayed = replay(leaks, &looked, &key, set).unwrap();
            replayed.iter().map(Replayed::is_met).collect()
        };
        let set = compile(&leaks, &key).unwrap();
        assert!(met(&leaks, &set).iter().all(|met| *met));

        // A set in which the leaks have other numbers, and one of them is missing.
        let mut builder = PatchSetBuilder::new(&key);
        for leak in leaks.leaks().skip(1) {
            for token in leak.tokens() {
                builder.add(token.imprint(), Patch::block(leak.id().0 + 7)).unwrap();
            }
        }
        let met = met(&leaks, &builder.build().unwrap());
        assert_eq!(met.iter().filter(|met| **met).count(), 2, "{met:?}");
    }
}
