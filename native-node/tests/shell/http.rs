//! The dashboard's answers, asked for over real sockets.

use crate::rig::{self, DEADLINE, get, request, until};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

async fn node(data: &tempfile::TempDir) -> (bitcraps_node::start::Started, SocketAddr) {
    let mut settings = rig::settings(data.path());
    settings.allowed_origins = vec!["https://play.example".to_owned()];
    let started = rig::start(&settings).await;
    let http = started.http.unwrap();
    (started, http)
}

#[tokio::test]
async fn health_ready_and_view_answer_in_json() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    let peer_id = started.node.peer_id().to_string();
    let health = get(http, "/health").await;
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["peer_id"], peer_id);
    let parts = || async {
        let parts = get(http, "/api/v1/view").await.json()["components"].clone();
        let parts = parts.as_array().unwrap().iter();
        parts.map(|p| (p["name"].to_string(), p["state"]["state"].to_string())).collect::<Vec<_>>()
    };
    until("every part has reported that it is well", || async {
        parts().await.iter().all(|(_, state)| state == "\"healthy\"")
    })
    .await;
    let names: Vec<String> = parts().await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["\"http\"", "\"node\"", "\"store\""]);
    assert!(names[3].starts_with("\"tcp 127.0.0.1:"), "{names:?}");
    assert_eq!(get(http, "/health").await.json()["status"], "ok");
    assert_eq!(get(http, "/ready").await.json()["status"], "ready");
    let view = get(http, "/api/v1/view").await;
    assert_eq!(view.status, 200);
    let view = view.json();
    assert_eq!(view["peer_id"], peer_id);
    for key in ["name", "uptime_ms", "links", "map", "partitions", "tables", "lobby", "counters"] {
        assert!(!view[key].is_null(), "{key} is missing in {view}");
    }
    started.stop().await.unwrap();
}

#[tokio::test]
async fn metrics_are_open_metrics_with_the_counts_of_core_and_shell() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    until("the first look at the mesh", || async {
        !get(http, "/api/v1/view").await.json()["health"]["snapshot"].is_null()
    })
    .await;
    let history = get(http, "/api/v1/history").await.json();
    assert_eq!(history[0]["snapshot"]["nodes"], 1);
    let metrics = get(http, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.head.contains("application/openmetrics-text"));
    assert!(metrics.body.ends_with("# EOF\n"));
    for line in [
        "bitcraps_frames_in_total ",
        "bitcraps_shell_http_accepted_total ",
        "bitcraps_shell_tcp_refused_total 0",
        "bitcraps_store_commits_total ",
        "bitcraps_inbox_depth ",
        "bitcraps_uptime_seconds ",
        "bitcraps_startup_seconds_count 1",
        "bitcraps_mesh_nodes 1",
        "bitcraps_mesh_documents_risk 0.0",
        "bitcraps_alert{kind=\"partitioned\"} 0",
        "# TYPE bitcraps_analysis_seconds histogram",
        "bitcraps_component_state{component=\"store\",state=\"unhealthy\"} 0",
        "# TYPE bitcraps_links gauge",
        "# TYPE bitcraps_links_closed counter",
    ] {
        assert!(metrics.body.lines().any(|l| l.starts_with(line)), "{line}: {}", metrics.body);
    }
    started.stop().await.unwrap();
}

#[tokio::test]
async fn the_first_page_and_every_answer_carry_the_security_headers() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    for (path, status) in [("/", 200), ("/nothing", 404), ("/api/v1/nothing", 404)] {
        let answer = get(http, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.head.contains("'wasm-unsafe-eval'"), "{}", answer.head);
        assert!(answer.head.contains(&format!("ws://{http}")), "{}", answer.head);
        assert!(answer.head.contains("x-content-type-options: nosniff"));
        assert!(answer.head.contains("referrer-policy: no-referrer"));
    }
    assert_eq!(request(http, "POST", "/health", "", "").await.status, 405);
    started.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_needs_the_token_an_honest_origin_and_sound_json() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    let bearer = format!("Authorization: Bearer {}\r\n", started.token.as_str());
    let command = |headers: String, body: &'static str| async move {
        request(http, "POST", "/api/v1/command", &headers, body).await
    };
    let body = r#"{"do":"rename","name":"x"}"#;
    assert_eq!(command(String::new(), body).await.status, 401);
    assert_eq!(command("Authorization: Bearer no\r\n".to_owned(), body).await.status, 401);
    let foreign = command(format!("{bearer}Origin: http://evil.example\r\n"), body).await;
    assert_eq!((foreign.status, foreign.json()["error"].as_str()), (403, Some("foreign_origin")));
    let nonsense = command(bearer.clone(), r#"{"do":"fly"}"#).await;
    assert_eq!((nonsense.status, nonsense.json()["error"].as_str()), (400, Some("bad_command")));
    let long: &'static str = "x".repeat(20_000).leak();
    assert_eq!(command(bearer, long).await.status, 413);
    started.stop().await.unwrap();
}

#[tokio::test]
async fn only_this_nodes_pages_listed_sites_and_programs_join_over_websocket() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    for (origin, status) in [
        (String::new(), "101"),
        (format!("Origin: http://{http}\r\n"), "101"),
        ("Origin: https://play.example\r\n".to_owned(), "101"),
        ("Origin: http://evil.example\r\n".to_owned(), "403"),
    ] {
        let mut client = TcpStream::connect(http).await.unwrap();
        let upgrade = format!(
            "GET /mesh HTTP/1.1\r\nHost: {http}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
             {origin}\r\n"
        );
        client.write_all(upgrade.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        timeout(DEADLINE, client.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, format!("HTTP/1.1 {status}").as_bytes(), "{origin:?}");
    }
    assert_eq!(started.node.counters.websocket_accepted.value(), 3);
    assert_eq!(started.node.counters.origin_refused.value(), 1);
    let plain = get(http, "/mesh").await;
    assert!((400..500).contains(&plain.status), "{plain:?}");
    started.stop().await.unwrap();
}

#[tokio::test]
async fn the_event_stream_opens_and_ends_with_the_node() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    let mut client = TcpStream::connect(http).await.unwrap();
    let text = format!("GET /api/v1/events HTTP/1.1\r\nHost: {http}\r\n\r\n");
    client.write_all(text.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    timeout(DEADLINE, client.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    started.stop().await.unwrap();
    let mut rest = Vec::new();
    timeout(DEADLINE, client.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("text/event-stream"));
}

#[tokio::test]
async fn connections_that_never_send_a_request_do_not_keep_others_out() {
    let data = tempfile::tempdir().unwrap();
    let (started, http) = node(&data).await;
    let mut held = Vec::new();
    let flood = bitcraps_node::http::serve::HTTP_CONNECTIONS_MAX + 40;
    for i in 0..flood {
        let mut client = TcpStream::connect(http).await.unwrap();
        if i % 2 == 0 {
            client.write_all(b"GET /health HT").await.unwrap();
        }
        held.push(client);
    }
    assert_eq!(get(http, "/health").await.status, 200);
    let counters = &started.node.counters;
    until("the oldest were evicted", async || counters.http_evicted.value() >= 41).await;
    assert_eq!(counters.http_refused.value(), 0);
    started.stop().await.unwrap();
}

#[tokio::test]
async fn many_readers_share_one_view_and_each_is_newer_than_its_question() {
    let data = tempfile::tempdir().unwrap();
    let (started, _) = node(&data).await;
    let first = started.node.view().await.unwrap();
    let readers: Vec<_> = (0..32)
        .map(|_| {
            let node = started.node.clone();
            tokio::spawn(async move { node.view().await.unwrap() })
        })
        .collect();
    let mut views = Vec::new();
    for reader in readers {
        views.push(reader.await.unwrap());
    }
    assert!(views.iter().all(|view| !std::sync::Arc::ptr_eq(view, &first)));
    let mut distinct: Vec<_> = views.iter().map(std::sync::Arc::as_ptr).collect();
    distinct.sort();
    distinct.dedup();
    assert!(distinct.len() < 8, "{} views for 32 readers", distinct.len());
    started.stop().await.unwrap();
}

#[tokio::test]
async fn a_stopped_node_answers_nobody_and_leaves_its_directory_free() {
    let data = tempfile::tempdir().unwrap();
    let (started, _) = node(&data).await;
    let (handle, peer_id) = (started.node.clone(), started.node.peer_id());
    started.stop().await.unwrap();
    assert!(handle.view().await.is_err());
    assert!(handle.ping().await.is_err());
    let (again, _) = node(&data).await;
    assert_eq!(again.node.peer_id(), peer_id);
    again.stop().await.unwrap();
}
