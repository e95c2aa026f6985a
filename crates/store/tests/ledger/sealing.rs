//! Tokens that an operator can have again.

use std::fs;
use std::path::Path;

use stanch::leak::{Actor, Event, LeakId, Role, Sighting, Source, TenantId};
use stanch::secret::{Digest, Secret};
use stanch_store::{By, Identity, Recipient, Sealed, Store, StoreError};

use crate::fixture::{Fixture, ann, both, own, register, token, user};

both!(
    what_is_sealed_comes_back_to_the_operator_alone,
    each_token_is_opened_by_whom_it_is_sealed_to,
    what_is_refused_opens_nothing_and_writes_nothing,
);

const TOKEN: &str = "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

fn operator(folder: &Path, name: &str) -> (Recipient, Identity) {
    let path = folder.join(name);
    (Identity::create(&path).unwrap(), Identity::open(&path).unwrap())
}

/// The token of that number, sealed as if it were `text`.
fn sealed(to: &Recipient, number: u64, text: &str) -> (Digest, Sealed) {
    let secret = Secret::new("github-pat", text);
    (*token("github-pat", number).digest(), to.seal(&secret).unwrap())
}

fn found(numbers: &[u64], place: &str) -> Vec<Sighting> {
    let tokens = numbers.iter().map(|number| (token("github-pat", *number), own()));
    vec![Sighting::new(Source::file(place, 1), tokens)]
}

fn opened(store: &Store, leak: u64, identity: &Identity) -> Vec<(Digest, Vec<u8>)> {
    let unsealed = store.unseal(&ann(), LeakId(leak), identity).unwrap();
    unsealed.iter().map(|one| (one.digest, one.secret.expose().to_vec())).collect()
}

fn what_is_sealed_comes_back_to_the_operator_alone(fixture: &Fixture) {
    let store = &fixture.store;
    let folder = tempfile::tempdir().unwrap();
    let (recipient, identity) = operator(folder.path(), "operator");
    let done =
        store.register_sealed(&ann(), found(&[1, 2], "a.env"), &[sealed(&recipient, 1, TOKEN)]);
    assert_eq!(done.unwrap()[0].new, Some(LeakId(1)));
    // Found again, it is sealed anew, which takes the place of the first time.
    let again =
        store.register_sealed(&ann(), found(&[1], "b.env"), &[sealed(&recipient, 1, TOKEN)]);
    assert_eq!(again.unwrap()[0].seen_again, [LeakId(1)]);

    let by = By { actor: Actor::Person("bob".into()), ..ann() };
    let unsealed = fixture.open().unseal(&by, LeakId(1), &identity).unwrap();
    assert_eq!(unsealed.len(), 1);
    assert_eq!(unsealed[0].secret.expose(), TOKEN.as_bytes());
    assert_eq!(unsealed[0].digest, *token("github-pat", 1).digest());
    // Who had it stands in the history.
    let history = store.history(&ann().who, LeakId(1)).unwrap();
    let last = history.last().unwrap();
    let digest = *token("github-pat", 1).digest();
    let event = Event::Unsealed { digest, recipient: recipient.to_string() };
    assert_eq!((&last.by, &last.event), (&by.actor, &event));
    store.verify(&ann().who).unwrap();

    if fixture.is_file {
        // Nothing in the files has as much as half of the token.
        for entry in fs::read_dir(Path::new(&fixture.address).parent().unwrap()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(12).any(|part| part == &TOKEN.as_bytes()[8..20]));
        }
    }
}

fn each_token_is_opened_by_whom_it_is_sealed_to(fixture: &Fixture) {
    let store = &fixture.store;
    let folder = tempfile::tempdir().unwrap();
    let (ann_key, anns) = operator(folder.path(), "ann");
    let (bob_key, bobs) = operator(folder.path(), "bob");
    let kept = [
        sealed(&ann_key, 1, "token one"),
        sealed(&ann_key, 2, "token two"),
        sealed(&bob_key, 2, "token two"),
    ];
    store.register_sealed(&ann(), found(&[1, 2, 3], "a.env"), &kept).unwrap();
    let digest = |number| *token("github-pat", number).digest();
    let one = (digest(1), b"token one".to_vec());
    let two = (digest(2), b"token two".to_vec());
    assert_eq!(opened(store, 1, &anns), [one, two.clone()]);
    assert_eq!(opened(store, 1, &bobs), [two]);
    // The same tokens of another tenant are not theirs, though they have the same digests.
    let shop = TenantId("shop".into());
    store.switch(&ann(), &shop, true).unwrap();
    let of_shop = found(&[1, 2], "a.env").remove(0).tenant(shop);
    let done = store
        .register_sealed(&ann(), vec![of_shop], &[sealed(&bob_key, 1, "token of shop")])
        .unwrap();
    assert_eq!(done[0].new, Some(LeakId(2)));
    assert_eq!(opened(store, 2, &bobs), [(digest(1), b"token of shop".to_vec())]);
    assert_eq!(opened(store, 1, &bobs).len(), 1);
}

fn what_is_refused_opens_nothing_and_writes_nothing(fixture: &Fixture) {
    let store = &fixture.store;
    let folder = tempfile::tempdir().unwrap();
    let (ann_key, anns) = operator(folder.path(), "ann");
    let (_, bobs) = operator(folder.path(), "bob");
    let stranger = sealed(&ann_key, 9, TOKEN);
    let error = store.register_sealed(&ann(), found(&[1], "a.env"), &[stranger]).unwrap_err();
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");
    // Nothing of it was registered.
    assert!(matches!(store.leak(&ann().who, LeakId(1)), Err(StoreError::UnknownLeak(_))));

    store.register_sealed(&ann(), found(&[1], "a.env"), &[sealed(&ann_key, 1, TOKEN)]).unwrap();
    register(store, &[5], "b.env");
    let error = store.unseal(&ann(), LeakId(1), &bobs).unwrap_err();
    assert!(
        matches!(&error, StoreError::OtherKey { recipients } if *recipients == ann_key.to_string()),
        "{error}"
    );
    assert!(matches!(store.unseal(&ann(), LeakId(2), &anns), Err(StoreError::Unknown(_))));
    assert!(matches!(store.unseal(&ann(), LeakId(9), &anns), Err(StoreError::UnknownLeak(_))));
    for role in [Role::Analyst, Role::GlobalAnalyst, Role::None] {
        let by = By { who: user(role, "default"), ..ann() };
        assert!(
            matches!(store.unseal(&by, LeakId(1), &anns), Err(StoreError::Denied(_))),
            "{role}"
        );
    }
    let system = By { actor: Actor::System, ..ann() };
    assert!(matches!(store.unseal(&system, LeakId(1), &anns), Err(StoreError::Refused(_))));
    assert_eq!(store.history(&ann().who, LeakId(1)).unwrap().len(), 1);
    assert_eq!(opened(store, 1, &anns).len(), 1);
}
