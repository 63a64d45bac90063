//! Whose certificates `wss://` rests on: the system's roots, and those of a file that a person
//! named.
//!
//! Rules. The system's roots are read when the first `wss://` is dialled, because most nodes dial
//! none. The named file is read at the start, so that a mistake in it is told at once. TLS keeps
//! the names of a page's visitors from those who watch the network and gets through proxies; who
//! is at the other end is proved by the Noise handshake inside, as on every link.

use super::describe;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Certificates of the named file. Guess: a few authorities of a household or a company.
const NAMED_MAX: usize = 64;

/// What is trusted. Clones share it.
#[derive(Clone, Default)]
pub struct Trust {
    named: Arc<[CertificateDer<'static>]>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// Why the named file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot trust {}: {why}", path.display())]
pub struct TrustError {
    path: PathBuf,
    why: String,
}

impl Trust {
    /// The system's roots and the certificates of this PEM file.
    pub fn with_file(path: &Path) -> Result<Trust, TrustError> {
        let refused = |why: String| TrustError { path: path.to_path_buf(), why };
        let text = std::fs::read(path).map_err(|e| refused(describe(&e)))?;
        let read = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        let named = read.map_err(|_| refused("it is not PEM".to_owned()))?;
        if named.is_empty() || named.len() > NAMED_MAX {
            return Err(refused(format!(
                "it holds {} certificates, from 1 to {NAMED_MAX} are allowed",
                named.len()
            )));
        }
        let mut roots = RootCertStore::empty();
        if let Some(Err(e)) = named.iter().map(|c| roots.add(c.clone())).find(Result::is_err) {
            return Err(refused(format!("a certificate in it is damaged: {e}")));
        }
        Ok(Trust { named: named.into(), config: Arc::default() })
    }

    /// Speaks TLS with `host:port` on this stream. The error is for people.
    pub async fn connect(
        &self,
        stream: TcpStream,
        authority: &str,
    ) -> Result<TlsStream<TcpStream>, String> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|e| e.to_string())?;
        let connector = TlsConnector::from(self.config()?);
        connector.connect(name, stream).await.map_err(|e| {
            let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(rustls::Error::InvalidCertificate(why)) => {
                    format!("its certificate is not trusted ({why}); name it with --trust FILE")
                }
                Some(_) => "the server does not speak TLS".to_owned(),
                None => describe(&e),
            }
        })
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.config.get() {
            return Ok(config.clone());
        }
        let mut roots = RootCertStore::empty();
        // Files of the system that cannot be read or hold something else are its own business.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(self.named.iter().cloned());
        if roots.is_empty() {
            return Err(
                "this system has no certificates to trust; name one with --trust FILE".to_owned()
            );
        }
        let made = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(self.config.get_or_init(|| Arc::new(made)).clone())
    }
}
