//! Encryption on the way to PostgreSQL.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use postgres::config::SslMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StoreError;

/// What an address asks for of the connection to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tls {
    mode: Mode,
    roots: Option<PathBuf>,
}

/// As libpq's `sslmode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// In the clear.
    Disable,
    /// Encrypted if the server offers it, whoever that is.
    Prefer,
    /// Encrypted, whoever the server is.
    Require,
    /// Encrypted, and the server is the one that the address names.
    VerifyFull,
}

impl Tls {
    /// Takes out of a URL what it says of encryption.
    pub(crate) fn split(url: &str) -> Result<(String, Tls), StoreError> {
        let mut tls = Tls { mode: Mode::Prefer, roots: None };
        // Where the parameters begin, as whoever reads the rest of the URL finds it.
        let host = url.find('@').map_or(0, |at| at + 1);
        let Some(at) = url[host..].find('?') else { return Ok((url.to_owned(), tls)) };
        let (rest, parameters) = (&url[..host + at], &url[host + at + 1..]);
        let mut others = Vec::new();
        for parameter in parameters.split('&') {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "sslmode" => tls.mode = Mode::named(value)?,
                "sslrootcert" => {
                    let path = percent_decode_str(value).decode_utf8().ok();
                    let path = path.filter(|path| !path.is_empty());
                    tls.roots = Some(path.ok_or_else(no_roots)?.as_ref().into());
                }
                _ => others.push(parameter),
            }
        }
        if tls.roots.is_some() && tls.mode != Mode::VerifyFull {
            return Err(StoreError::Address(
                "sslrootcert says whom to trust: it needs sslmode=verify-full".into(),
            ));
        }
        let others = others.join("&");
        let joint = if others.is_empty() { "" } else { "?" };
        Ok((format!("{rest}{joint}{others}"), tls))
    }

    /// The same, as the client of PostgreSQL knows it.
    pub(crate) fn mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// What makes connections so.
    pub(crate) fn connector(&self) -> Result<MakeRustlsConnect, StoreError> {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        let config = match self.mode {
            Mode::VerifyFull => config.with_root_certificates(self.roots()?),
            Mode::Disable | Mode::Prefer | Mode::Require => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(Whoever(provider)))
            }
        };
        Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
    }

    /// Whom to trust: who is named, or else whom the system trusts.
    fn roots(&self) -> Result<RootCertStore, StoreError> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                for certificate in read(path)? {
                    let added = roots.add(certificate);
                    added.map_err(|_| no_certificate(path, "it holds what is no certificate"))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        match (roots.is_empty(), &self.roots) {
            (false, _) => Ok(roots),
            (true, Some(path)) => Err(no_certificate(path, "it holds no certificate")),
            (true, None) => Err(StoreError::Address(
                "the system trusts nobody; say sslrootcert=FILE to name whom to trust".into(),
            )),
        }
    }
}

impl Mode {
    fn named(name: &str) -> Result<Mode, StoreError> {
        match name {
            "disable" => Ok(Mode::Disable),
            "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-full" => Ok(Mode::VerifyFull),
            _ => Err(StoreError::Address(
                "sslmode is one of disable, prefer, require and verify-full".into(),
            )),
        }
    }
}

/// Takes whoever answers for the server. That it holds the key of its certificate is checked all the same.
#[derive(Debug)]
struct Whoever(Arc<CryptoProvider>);

impl ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let io = |reason: String| StoreError::Io { path: path.into(), reason };
    let text = std::fs::read(path).map_err(|error| io(error.to_string()))?;
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| no_certificate(path, "it is no PEM file of certificates"))
}

fn no_certificate(path: &Path, why: &str) -> StoreError {
    StoreError::Io { path: path.into(), reason: why.into() }
}

fn no_roots() -> StoreError {
    StoreError::Address("sslrootcert names no file".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(mode: Mode, roots: Option<&str>) -> Tls {
        Tls { mode, roots: roots.map(PathBuf::from) }
    }

    #[test]
    fn what_an_address_says_of_encryption_is_taken_out_of_it() {
        let url = "postgres://ann:pa?ss@host/ledger";
        let rows = [
            ("", "", tls(Mode::Prefer, None)),
            ("?sslmode=disable", "", tls(Mode::Disable, None)),
            ("?sslmode=prefer", "", tls(Mode::Prefer, None)),
            ("?connect_timeout=2&sslmode=require", "?connect_timeout=2", tls(Mode::Require, None)),
            ("?sslmode=verify-full&options=a", "?options=a", tls(Mode::VerifyFull, None)),
            (
                "?sslrootcert=%2Fetc%2Fca%20x.pem&sslmode=verify-full",
                "",
                tls(Mode::VerifyFull, Some("/etc/ca x.pem")),
            ),
        ];
        for (parameters, left, expected) in rows {
            let split = Tls::split(&format!("{url}{parameters}")).unwrap();
            assert_eq!(split, (format!("{url}{left}"), expected), "{parameters}");
        }
        for wrong in [
            "sslmode=allow",
            "sslmode=",
            "sslmode=verify-ca",
            "sslrootcert=a",
            "sslrootcert=&sslmode=verify-full",
        ] {
            let error = Tls::split(&format!("{url}?{wrong}")).unwrap_err();
            assert!(matches!(&error, StoreError::Address(_)), "{wrong}: {error}");
            assert!(!error.to_string().contains("pa?ss"), "{error}");
        }
    }

    #[test]
    fn whom_to_trust_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let connector = || tls(Mode::VerifyFull, path.to_str()).connector().map(drop).unwrap_err();
        assert!(matches!(connector(), StoreError::Io { .. }));
        for (text, why) in [
            ("", "no certificate"),
            ("no PEM", "no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "what is no certificate",
            ),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "no PEM file"),
        ] {
            std::fs::write(&path, text).unwrap();
            assert!(connector().to_string().contains(why), "{text}: {}", connector());
        }
    }
}
