//! The connection to PostgreSQL, encrypted.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use postgres::{Client, NoTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use stanch::leak::TenantId;
use stanch_store::{Store, StoreError};

use crate::fixture::{all, ann, register};
use crate::server::Server;

/// A server with a certificate for the name `localhost`, and files with whom to trust.
struct Encrypted {
    server: Server,
    folder: tempfile::TempDir,
}

impl Encrypted {
    fn start() -> Encrypted {
        let folder = tempfile::tempdir().unwrap();
        let [ca, stranger] = ["ca", "stranger"].map(|name| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, name);
            let issuer =
                CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), issuer.pem()).unwrap();
            issuer
        });
        drop(stranger);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let server = Server::start_encrypted(&certificate.pem(), &key.serialize_pem());
        Encrypted { server, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address of an empty database at this host, with parameters.
    fn database(&self, host: &str, parameters: &str) -> String {
        let own = self.server.database();
        let name = own.rsplit('/').next().unwrap();
        format!("postgres://postgres@{host}:{}/{name}?{parameters}", self.server.port())
    }

    /// Whether the connections of ledgers to the server are encrypted.
    fn are_encrypted(&self) -> Vec<bool> {
        let mut client = Client::connect(&self.server.url("postgres"), NoTls).unwrap();
        let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = 'stanch'";
        client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
    }
}

fn trusting(path: &Path) -> String {
    let path = path.to_str().unwrap().replace('/', "%2F");
    format!("sslmode=verify-full&sslrootcert={path}")
}

#[test]
fn a_connection_is_encrypted_as_the_address_asks() {
    let encrypted = Encrypted::start();
    let ca = trusting(&encrypted.file("ca"));
    let rows = [
        ("127.0.0.1", "sslmode=disable", false),
        ("127.0.0.1", "sslmode=prefer", true),
        ("127.0.0.1", "connect_timeout=10", true),
        ("127.0.0.1", "sslmode=require", true),
        ("localhost", "sslmode=require", true),
        ("localhost", &ca, true),
    ];
    for (host, parameters, expected) in rows {
        let address = encrypted.database(host, parameters);
        let store = Store::open(&address).unwrap_or_else(|error| panic!("{parameters}: {error}"));
        assert_eq!(encrypted.are_encrypted(), [expected], "{parameters}");
        store.switch(&ann(), &TenantId::default(), true).unwrap();
        register(&store, &[1], "a.env");
        assert_eq!(all(&store).total, 1, "{parameters}");
        drop(store);
        // The server needs a moment to see that nobody is there any more.
        while !encrypted.are_encrypted().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Nothing is said to a server that is not the one, nor to one that does not encrypt.
#[test]
fn whoever_is_not_the_server_is_refused() {
    let encrypted = Encrypted::start();
    let [ca, stranger] = ["ca", "stranger"].map(|name| trusting(&encrypted.file(name)));
    let rows = [
        // Signed by nobody who is trusted, by name or by the system.
        ("localhost", stranger.as_str(), "certificate"),
        ("localhost", "sslmode=verify-full", ""),
        // Signed, and for another name.
        ("127.0.0.1", ca.as_str(), "certificate"),
    ];
    for (host, parameters, words) in rows {
        let error = Store::open(&encrypted.database(host, parameters)).unwrap_err();
        assert!(
            matches!(error, StoreError::Unreachable(_) | StoreError::Address(_)),
            "{parameters}: {error:?}"
        );
        assert!(error.to_string().contains(words), "{parameters}: {error}");
        assert!(encrypted.are_encrypted().is_empty(), "{parameters}");
    }
}

#[test]
fn what_must_be_encrypted_is_never_said_in_the_clear() {
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    // A server that speaks no TLS: it says so, and hears what comes then.
    let heard = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut all = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = plain.accept().unwrap();
            let mut asked = [0; 8];
            stream.read_exact(&mut asked).unwrap();
            stream.write_all(b"N").unwrap();
            stream.read_to_end(&mut all).unwrap();
        }
        all
    });
    for mode in ["require", "verify-full"] {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        let path = folder.path().join("ca");
        std::fs::write(&path, own.pem()).unwrap();
        let parameters = match mode {
            "require" => "sslmode=require".to_owned(),
            _ => trusting(&path),
        };
        let address = format!("postgres://ann:hunter2-Zq8@127.0.0.1:{port}/ledger?{parameters}");
        let error = Store::open(&address).unwrap_err();
        assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
        assert!(error.to_string().contains("TLS"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    assert_eq!(heard.join().unwrap(), b"", "nothing was said");
}
