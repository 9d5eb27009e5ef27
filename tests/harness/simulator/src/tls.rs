//! A certificate authority of the simulator's own, and a server certificate signed by it.

use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// What a server needs for https, and what its clients need to trust it.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's side.
    pub server: Arc<ServerConfig>,
    /// The authority's certificate as PEM.
    pub ca_pem: String,
}

/// Makes an authority and a certificate for these names and addresses.
///
/// # Errors
/// When a name cannot stand in a certificate.
pub fn make(names: &[String]) -> io::Result<Tls> {
    let failed = |error: rcgen::Error| io::Error::other(error.to_string());
    let ca_key = KeyPair::generate().map_err(failed)?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name
        .push(DnType::CommonName, "launchdarkly-simulator CA");
    let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();
    let key = KeyPair::generate().map_err(failed)?;
    let mut leaf = CertificateParams::new(names).map_err(failed)?;
    leaf.distinguished_name
        .push(DnType::CommonName, "launchdarkly-simulator");
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf
        .signed_by(&key, &Issuer::new(ca, ca_key))
        .map_err(failed)?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls {
        server: Arc::new(server),
        ca_pem,
    })
}
