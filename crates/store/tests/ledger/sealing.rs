//! Tokens that an operator can have again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use stanch::leak::{LeakId, Role};
use stanch::secret::Secret;
use stanch_store::{By, Identity, Recipient, StoreError};

use crate::fixture::{Fixture, ann, both, register, token, user};

both!(what_is_sealed_comes_back_to_the_operator_alone);

const TOKEN: &str = "ghp_w3tR7kQx9ZbN4mVc8YhD2pLs6JfG1a0ETuXo";

fn what_is_sealed_comes_back_to_the_operator_alone(fixture: &Fixture) {
    let store = &fixture.store;
    let folder = tempfile::tempdir().unwrap();
    let key = x25519::Identity::generate();
    let path = folder.path().join("operator");
    fs::write(&path, key.to_string().expose_secret()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let recipient: Recipient = key.to_public().to_string().parse().unwrap();
    let identity = Identity::open(&path).unwrap();

    let id = register(store, &[1, 2], "a.env");
    let digest = *token("github-pat", 1).digest();
    let sealed = recipient.seal(&Secret::new("github-pat", TOKEN)).unwrap();
    store.keep_sealed(&ann(), id, &digest, &sealed).unwrap();
    // A second time takes the place of the first.
    let sealed = recipient.seal(&Secret::new("github-pat", TOKEN)).unwrap();
    store.keep_sealed(&ann(), id, &digest, &sealed).unwrap();

    let kept = fixture.open().sealed(&ann(), id).unwrap();
    assert_eq!(kept, [(digest, sealed.clone())]);
    assert_eq!(identity.unseal(&kept[0].1, "github-pat").unwrap().expose(), TOKEN.as_bytes());

    let stranger = *token("github-pat", 3).digest();
    let error = store.keep_sealed(&ann(), id, &stranger, &sealed).unwrap_err();
    assert!(matches!(error, StoreError::Unknown(_)), "{error}");
    assert!(matches!(store.sealed(&ann(), LeakId(9)), Err(StoreError::UnknownLeak(_))));
    let analyst = By { who: user(Role::Analyst, "default"), ..ann() };
    assert!(matches!(store.sealed(&analyst, id), Err(StoreError::Denied(_))));

    if fixture.is_file {
        // Nothing in the files has as much as half of the token.
        for entry in fs::read_dir(std::path::Path::new(&fixture.address).parent().unwrap()).unwrap()
        {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(12).any(|part| part == &TOKEN.as_bytes()[8..20]));
        }
    }
}
