//! The web servers of a node: pages and API in the clear, over TLS, or both.
//!
//! Rules. Both serve the same; what may be changed is asked from this machine alone either way.
//! Two servers cannot share an address, which is said before anything is bound.

use super::{StartError, advice, reach};
use crate::{
    clock::wall_ms,
    components::Components,
    config::Settings,
    http::{self, certificate::Certificate, invitation::Invitation, serve::Security},
    transport::{describe, tcp},
};
use axum::Router;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener},
    sync::Arc,
};
use tokio::{sync::watch, task::AbortHandle};
use tokio_rustls::TlsAcceptor;

/// Sockets that listen already, though nobody answers yet.
pub(super) struct WebSockets {
    http: Option<StdListener>,
    https: Option<StdListener>,
}

/// What the servers show of themselves.
pub(super) struct Front {
    pub https: Option<SocketAddr>,
    pub invitation: Arc<Invitation>,
    tls: Option<TlsAcceptor>,
}

impl WebSockets {
    pub(super) fn bind(settings: &Settings) -> Result<WebSockets, StartError> {
        if let (Some(http), Some(https)) = (settings.http, settings.https)
            && http == https
            && http.port() != 0
        {
            return Err(StartError::SharedAddress { address: http });
        }
        let http = settings.http.map(|address| {
            StdListener::bind(address).map_err(|e| {
                let (why, advice) = (describe(&e), advice(&e));
                StartError::Http { address, why, advice }
            })
        });
        let http = http.transpose()?;
        let https = settings.https.map(|address| {
            StdListener::bind(address).map_err(|e| {
                let (why, advice) = (describe(&e), advice(&e));
                StartError::Https { address, why, advice }
            })
        });
        Ok(WebSockets { http, https: https.transpose()? })
    }

    pub(super) fn http(&self) -> Option<SocketAddr> {
        self.http.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// Makes the certificate, if one is needed, and the invitation.
    pub(super) fn front(&self, settings: &Settings) -> Result<Front, StartError> {
        let http = self.http();
        let https = self.https.as_ref().and_then(|socket| socket.local_addr().ok());
        let (mut tls, mut fingerprint) = (None, None);
        if let Some(at) = https {
            let fault = |why: String| StartError::Certificate { data: settings.data.clone(), why };
            let certificate =
                Certificate::read_or_create(&settings.data, &ips(at), wall_ms() / 1000)
                    .map_err(|e| fault(describe(&e)))?;
            let server = certificate.server().map_err(|e| fault(e.to_string()))?;
            tls = Some(TlsAcceptor::from(server));
            fingerprint = Some(certificate.fingerprint());
        }
        let invitation = Arc::new(Invitation::new(http, https, fingerprint, reach::outbound));
        Ok(Front { https, invitation, tls })
    }

    /// Starts to answer.
    pub(super) fn serve(
        self,
        front: &Front,
        router: &Router,
        (components, counters): (&Components, &Arc<crate::counters::ShellCounters>),
        stopping: &watch::Receiver<bool>,
    ) -> Result<Vec<AbortHandle>, StartError> {
        let tls = front.tls.clone().map_or(Security::Clear, Security::Tls);
        let servers = [(self.http, "http", Security::Clear), (self.https, "https", tls)];
        let mut running = Vec::new();
        for (socket, name, security) in servers {
            let Some(socket) = socket else { continue };
            let at = socket.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
            let socket = tcp::adopt(socket).map_err(|e| StartError::Http {
                address: at,
                why: describe(&e),
                advice: "try again",
            })?;
            let report = (counters.clone(), components.part(name));
            let serving =
                http::serve::serve(socket, security, router.clone(), report, stopping.clone());
            running.push(tokio::spawn(serving).abort_handle());
        }
        Ok(running)
    }
}

/// What the certificate is to be valid for besides this machine's own names.
fn ips(at: SocketAddr) -> Vec<IpAddr> {
    if !at.ip().is_unspecified() {
        return vec![at.ip()];
    }
    let families = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    families.into_iter().filter_map(reach::outbound).collect()
}
