//! The dashboard: web client, health, metrics, the view as JSON, events, commands, and the door
//! for peers that come over WebSocket. `docs/API.md` is its manual.

mod api;
pub mod certificate;
pub mod guard;
pub mod invitation;
mod metrics;
mod page;
pub mod serve;

use crate::{
    components::Components,
    driver::NodeHandle,
    transport::{Connection, FRAME_BYTES_MAX, Ports, websocket},
};
use axum::{
    Router,
    extract::{ConnectInfo, State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use bitcraps_core::node::{LinkRole, Transport};
use guard::{Refused, Token};
use invitation::Invitation;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::watch;

/// What every request can see.
pub struct Dashboard {
    pub node: NodeHandle,
    pub components: Components,
    pub ports: Ports,
    pub token: Token,
    pub allowed_origins: Vec<String>,
    pub invitation: Arc<Invitation>,
    /// Set once the node is ready: how long that took.
    pub startup: Arc<OnceLock<Duration>>,
    /// Becomes true when the node stops.
    pub stopping: watch::Receiver<bool>,
}

type Shared = State<Arc<Dashboard>>;

/// All paths of the server.
pub fn router(dashboard: Dashboard) -> Router {
    Router::new()
        .route("/mesh", any(mesh))
        .route("/health", get(api::health))
        .route("/ready", get(api::ready))
        .route("/metrics", get(scrape))
        .route("/api/v1/view", get(api::view))
        .route("/api/v1/history", get(api::history))
        .route("/api/v1/invitation", get(invitation::invitation))
        .route("/api/v1/invitation.svg", get(invitation::svg))
        .route("/invitation", get(invitation::page))
        .route("/api/v1/events", get(api::events))
        .route("/api/v1/tables/{id}/log", get(api::table_log))
        .route("/api/v1/tables/{id}/transcript", get(api::transcript))
        .route("/api/v1/command", post(api::command))
        .fallback_service(get(page::file))
        .layer(middleware::from_fn(page::secure))
        .with_state(Arc::new(dashboard))
}

/// An error as JSON: a word for programs, a sentence for people.
fn refusal(status: StatusCode, error: &str, message: &str) -> Response {
    json(status, &serde_json::json!({ "error": error, "message": message }))
}

fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let headers =
                [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
            (status, headers, body).into_response()
        }
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

fn busy() -> Response {
    let message = "the node is stopping or too busy; try again in a moment";
    refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
}

async fn scrape(State(dashboard): Shared) -> Response {
    let Ok(Ok(view)) = api::in_time(dashboard.node.view()).await else { return busy() };
    match metrics::text(&dashboard, view) {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// Turns a WebSocket into a link.
async fn mesh(
    State(dashboard): Shared,
    ConnectInfo(remote): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let counters = &dashboard.ports.counters;
    if let Err(refused) = guard::check_origin(&headers, &dashboard.allowed_origins) {
        counters.origin_refused.one();
        return refuse(refused);
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let (accepted, refused) = (&counters.websocket_accepted, &counters.websocket_refused);
    let Some(seat) = dashboard.ports.admit(accepted, refused) else { return busy() };
    let ports = dashboard.ports.clone();
    let path = ports.interfaces.class(remote, None);
    websocket::limit(upgrade).on_upgrade(async move |socket| {
        let (transport, role) = (Transport::WebSocket, LinkRole::Listener);
        let (mtu, address) = (FRAME_BYTES_MAX, None);
        let connection = Connection { transport, path, mtu, role, address, seat: Some(seat) };
        if let Some(ends) = ports.open(connection).await {
            websocket::carry(socket, ends).await;
        }
    })
}

fn refuse(refused: Refused) -> Response {
    let (status, error) = match refused {
        Refused::Origin => (StatusCode::FORBIDDEN, "foreign_origin"),
        Refused::NotLoopback => (StatusCode::FORBIDDEN, "not_loopback"),
        Refused::Token => (StatusCode::UNAUTHORIZED, "token_needed"),
    };
    refusal(status, error, &refused.to_string())
}
