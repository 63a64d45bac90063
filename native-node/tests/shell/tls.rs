//! `wss://` over real sockets: what is trusted and what is not.

use crate::{rig::DEADLINE, transport::Desk};
use bitcraps_core::node::{Address, Transport};
use bitcraps_node::{driver::Mail, transport::Trust};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, time::timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

/// A server that echoes over WebSocket and TLS, and its certificate as PEM.
async fn echo() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Who does not trust the certificate hangs up here.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(Message::Binary(bytes))) = socket.next().await {
                socket.send(Message::Binary(bytes)).await.unwrap();
            }
        }
    });
    (address, pem(made.cert.der()))
}

fn pem(der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

async fn why_not(desk: &mut Desk, url: &str) -> String {
    desk.ports.clone().dial(Address(url.to_owned())).await;
    match desk.next().await {
        Mail::DialFailed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wss_link_rests_on_a_certificate_that_somebody_trusts() {
    let (address, pem) = echo().await;
    let url = format!("wss://{address}/mesh");
    let refused = why_not(&mut Desk::new(1), &url).await;
    assert!(refused.contains("--trust FILE"), "{refused}");

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, pem).unwrap();
    let mut desk = Desk::new(1);
    desk.ports.trust = Trust::with_file(&file).unwrap();
    desk.ports.clone().dial(Address(url)).await;
    let (queue, transport, ..) = timeout(DEADLINE, desk.link_up()).await.unwrap();
    assert_eq!(transport, Transport::WebSocket);
    queue.push(b"through TLS".to_vec());
    assert_eq!(desk.frame().await, b"through TLS");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 No\r\n\r\n").await.unwrap();
    });
    let why = why_not(&mut desk, &format!("wss://{address}")).await;
    assert_eq!(why, "the server does not speak TLS");
}

#[test]
fn a_file_that_holds_no_certificate_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    let why = |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        Trust::with_file(&file).err().unwrap().to_string()
    };
    assert!(why(b"").ends_with("it holds 0 certificates, from 1 to 64 are allowed"));
    assert!(why(b"-----BEGIN CERTIFICATE-----\nno base64!\n").ends_with("it is not PEM"));
    assert!(
        why(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .contains("a certificate in it is damaged")
    );
    let made = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    assert!(why(pem(made.cert.der()).repeat(65).as_bytes()).contains("65 certificates"));
    let missing = Trust::with_file(&dir.path().join("missing")).err().unwrap().to_string();
    assert!(missing.ends_with("entity not found"), "{missing}");
}
