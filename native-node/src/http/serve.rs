//! The HTTP server below axum: seats, header time-out, and a prompt end.
//!
//! `axum::serve` takes any number of connections and waits for their headers for ever; a public
//! port must do neither.

use crate::{
    admission::{Admission, Admitted, Seat},
    components::{REPORT_EVERY, Reporter},
    counters::ShellCounters,
    transport::{ACCEPT_PAUSE, describe},
};
use axum::{Router, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// HTTP connections at once, event streams included. Guess: dashboards, scrapers and a page's
/// first load; peers on `/mesh` are counted elsewhere.
pub const HTTP_CONNECTIONS_MAX: usize = 256;

/// How long a request's head may take, and how long an idle connection is kept.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long answers under way may take when the node stops.
const STOP_TIMEOUT: Duration = Duration::from_millis(300);

/// Bytes of one request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What lies under HTTP.
#[derive(Clone)]
pub enum Security {
    Clear,
    Tls(TlsAcceptor),
}

/// Accepts until `stopping` becomes true or its sender is gone.
pub async fn serve(
    listener: TcpListener,
    security: Security,
    router: Router,
    (counters, reporter): (Arc<ShellCounters>, Reporter),
    mut stopping: watch::Receiver<bool>,
) {
    let admission = Admission::new(HTTP_CONNECTIONS_MAX);
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ticks.tick() => {
                reporter.healthy();
                continue;
            }
            () = stopped(&mut stopping) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                counters.accept_failed.one();
                let why = format!("cannot accept an HTTP connection: {}", describe(&e));
                tracing::warn!("{why}");
                reporter.degraded(why);
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let seat = match admission.admit() {
            Admitted::Seated(seat) => seat,
            Admitted::SeatedByEviction(seat) => {
                counters.http_evicted.one();
                seat
            }
            Admitted::Refused => {
                counters.http_refused.one();
                continue;
            }
        };
        counters.http_accepted.one();
        // A socket that is already gone shows itself at the first read.
        let _ = stream.set_nodelay(true);
        let (router, stopping) = (router.clone(), stopping.clone());
        match &security {
            Security::Clear => {
                tokio::spawn(connection(stream, peer, router, seat, stopping));
            }
            Security::Tls(acceptor) => {
                let (accepting, counters) = (acceptor.accept(stream), counters.clone());
                tokio::spawn(async move {
                    match tokio::time::timeout(HEADER_TIMEOUT, accepting).await {
                        Ok(Ok(stream)) => connection(stream, peer, router, seat, stopping).await,
                        // Most often a browser that does not trust the certificate yet.
                        Ok(Err(_)) | Err(_) => counters.tls_failed.one(),
                    }
                });
            }
        }
    }
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    mut seat: Seat,
    mut stopping: watch::Receiver<bool>,
) {
    let key = seat.key();
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        key.settle();
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Whatever the peer did wrong, its connection is closed.
        _ = connection.as_mut() => {}
        () = seat.evicted() => {}
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(STOP_TIMEOUT, connection).await;
        }
    }
}

/// Resolves when the node stops or is gone.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Without a sender there is no node left either.
    let _ = stopping.wait_for(|stop| *stop).await;
}
