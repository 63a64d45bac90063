//! The answers under `/api/v1`, `/health` and `/ready`.

use super::{
    Shared, busy,
    guard::{self, Refused},
    json, refusal, refuse,
    serve::stopped,
};
use crate::components;
use axum::{
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{
        IntoResponse as _, Response,
        sse::{self, Sse},
    },
};
use bitcraps_core::{
    id::TableId,
    node::{Command, Event, NodeView, transcript::Part},
};
use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{error::Elapsed, timeout},
};

/// How long the node may take to answer before it counts as stuck.
const LOOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a command may take; forming a table asks peers.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);

/// How long the body of a command may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a command: invitations of a whole table fit many times.
const COMMAND_BYTES_MAX: usize = 16 * 1024;

/// How often a quiet event stream says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Elapsed> {
    timeout(LOOP_TIMEOUT, answer).await
}

/// 200 while the loop turns and no part is unhealthy.
pub async fn health(State(dashboard): Shared) -> Response {
    match in_time(dashboard.node.ping()).await {
        Ok(Ok(())) => {
            let components = dashboard.components.views();
            let status = components::worst(&components);
            let code = match status {
                "unhealthy" => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            };
            let body = serde_json::json!({
                "status": status,
                "components": components,
                "peer_id": dashboard.node.peer_id(),
                "inbox_depth": dashboard.node.inbox_depth(),
                "version": env!("CARGO_PKG_VERSION"),
            });
            json(code, &body)
        }
        Ok(Err(_)) | Err(_) => {
            let message = "the node's loop does not answer; its log says why";
            refusal(StatusCode::SERVICE_UNAVAILABLE, "stuck", message)
        }
    }
}

/// 200 from the moment everything listens until the node is asked to stop.
pub async fn ready(State(dashboard): Shared) -> Response {
    match dashboard.startup.get() {
        Some(_) if !*dashboard.stopping.borrow() => {
            json(StatusCode::OK, &serde_json::json!({ "status": "ready" }))
        }
        _ => refusal(StatusCode::SERVICE_UNAVAILABLE, "not_ready", "starting or stopping"),
    }
}

pub async fn view(State(dashboard): Shared) -> Response {
    match in_time(dashboard.node.view()).await {
        Ok(Ok(view)) => {
            let components = dashboard.components.views();
            json(StatusCode::OK, &NodeView { components, ..(*view).clone() })
        }
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// The health of the mesh over time, oldest first.
pub async fn history(State(dashboard): Shared) -> Response {
    match in_time(dashboard.node.history()).await {
        Ok(Ok(history)) => json(StatusCode::OK, &history),
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// The decided batches of a table as bytes.
pub async fn table_log(State(dashboard): Shared, Path(id): Path<String>) -> Response {
    let id: TableId = match id.parse() {
        Ok(id) => id,
        Err(e) => return refusal(StatusCode::BAD_REQUEST, "bad_table_id", &format!("{e}")),
    };
    match in_time(dashboard.node.table_log(id)).await {
        Ok(Ok(Some(log))) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, log).into_response()
        }
        Ok(Ok(None)) => {
            let message = "this node does not sit at that table";
            refusal(StatusCode::NOT_FOUND, "unknown_table", message)
        }
        Ok(Err(_)) | Err(_) => busy(),
    }
}

/// A table's transcript as a file. It is sent while it is read: a log may be longer than a node
/// wants to copy at once. Where the node stops in between, the answer ends without its last chunk,
/// so that nobody takes it for whole.
pub async fn transcript(State(dashboard): Shared, Path(id): Path<String>) -> Response {
    let id: TableId = match id.parse() {
        Ok(id) => id,
        Err(e) => return refusal(StatusCode::BAD_REQUEST, "bad_table_id", &format!("{e}")),
    };
    let first = match in_time(dashboard.node.transcript(id, 0)).await {
        Ok(Ok(Some(first))) => first,
        Ok(Ok(None)) => {
            let message = "this node does not sit at that table";
            return refusal(StatusCode::NOT_FOUND, "unknown_table", message);
        }
        Ok(Err(_)) | Err(_) => return busy(),
    };
    let state = Some((dashboard, first));
    let parts = futures_util::stream::unfold(state, move |state| async move {
        let (dashboard, Part { bytes, next }) = state?;
        if bytes.is_empty() {
            return None;
        }
        match in_time(dashboard.node.transcript(id, next)).await {
            Ok(Ok(Some(part))) => Some((Ok(bytes), Some((dashboard, part)))),
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let gone = std::io::Error::other("the node gave the table up or is stopping");
                Some((Err(gone), None))
            }
        }
    });
    let name = format!("attachment; filename=\"{}.transcript\"", id.short());
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(parts)).into_response()
}

/// Every event as it happens; see `docs/API.md`.
pub async fn events(State(dashboard): Shared) -> Response {
    let events = dashboard.node.events();
    let state = (events, dashboard.clone());
    let stream = futures_util::stream::unfold(state, |(mut events, dashboard)| async move {
        let mut stopping = dashboard.stopping.clone();
        let next = tokio::select! {
            next = next_event(&mut events) => next?,
            () = stopped(&mut stopping) => return None,
        };
        let text = match next {
            Next::Event(event) => serde_json::to_string(&*event),
            Next::Lagged(missed) => {
                dashboard.node.counters.events_lagged.add(missed);
                Ok(serde_json::json!({ "event": "lagged", "missed": missed }).to_string())
            }
        };
        let event = sse::Event::default().data(text.ok()?);
        Some((Ok::<_, Infallible>(event), (events, dashboard)))
    });
    Sse::new(stream).keep_alive(sse::KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// What a subscriber is told next.
enum Next {
    Event(Arc<Event>),
    /// It was too slow and lost this many.
    Lagged(u64),
}

async fn next_event(events: &mut broadcast::Receiver<Arc<Event>>) -> Option<Next> {
    match events.recv().await {
        Ok(event) => Some(Next::Event(event)),
        Err(RecvError::Lagged(missed)) => Some(Next::Lagged(missed)),
        Err(RecvError::Closed) => None,
    }
}

/// Hands one command to the node and waits for its answer.
pub async fn command(
    State(dashboard): Shared,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(refused) = guard::check_origin(&headers, &dashboard.allowed_origins) {
        dashboard.node.counters.origin_refused.one();
        return refuse(refused);
    }
    if !peer.ip().to_canonical().is_loopback() {
        return refuse(Refused::NotLoopback);
    }
    if let Err(refused) = guard::check_token(&headers, &dashboard.token) {
        return refuse(refused);
    }
    let body = match timeout(BODY_TIMEOUT, axum::body::to_bytes(body, COMMAND_BYTES_MAX)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let message = "a command is at most 16 KiB";
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
        }
        Err(_) => {
            let message = "the command did not arrive in time";
            return refusal(StatusCode::REQUEST_TIMEOUT, "too_slow", message);
        }
    };
    let command: Command = match serde_json::from_slice(&body) {
        Ok(command) => command,
        Err(e) => return refusal(StatusCode::BAD_REQUEST, "bad_command", &e.to_string()),
    };
    match timeout(COMMAND_TIMEOUT, dashboard.node.command(command)).await {
        Ok(Ok(Ok(table))) => json(StatusCode::OK, &serde_json::json!({ "table": table })),
        Ok(Ok(Err(error))) => {
            let mut body = serde_json::to_value(&error).unwrap_or_default();
            body["message"] = error.to_string().into();
            json(StatusCode::CONFLICT, &body)
        }
        Ok(Err(_)) => busy(),
        Err(_) => {
            let message = "the node did not answer in time; the command may still be carried out";
            refusal(StatusCode::GATEWAY_TIMEOUT, "timed_out", message)
        }
    }
}
