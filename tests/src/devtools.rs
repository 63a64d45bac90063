//! The browser's DevTools protocol: one WebSocket, commands with answers, and what goes wrong in
//! each tab.
//!
//! Commands are strings and JSON, so nothing here grows stale when the browser is renewed. Events
//! are not passed on: only complaints are kept, per session, and the newest list of devices that
//! a person is asked to choose from.

use anyhow::{Context as _, Result, anyhow};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, protocol::WebSocketConfig};

/// Longest wait for the answer to one command; evaluated promises may take this long.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Complaints kept of one tab.
const COMPLAINTS_MAX: usize = 200;

/// Bytes of one message: a picture of a large page.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A connection to one browser. Clones share it.
#[derive(Clone)]
pub struct DevTools {
    commands: mpsc::UnboundedSender<Message>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    last_id: u64,
    waiting: BTreeMap<u64, oneshot::Sender<Value>>,
    complaints: BTreeMap<String, Vec<String>>,
    prompts: BTreeMap<String, Prompt>,
}

/// The browser's list of devices, as a person would see it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub id: String,
    /// Identifier and name of each.
    pub devices: Vec<(String, String)>,
}

impl DevTools {
    pub async fn connect(url: &str) -> Result<DevTools> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let (socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(config), true)
            .await
            .with_context(|| format!("cannot reach the browser at {url}"))?;
        let (mut sink, mut stream) = socket.split();
        let (commands, mut outgoing) = mpsc::unbounded_channel::<Message>();
        tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                if sink.send(message).await.is_err() {
                    return;
                }
            }
        });
        let shared = Arc::<Mutex<Shared>>::default();
        let devtools = DevTools { commands, shared };
        let reader = devtools.clone();
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if let Message::Text(text) = message
                    && let Ok(value) = serde_json::from_str(&text)
                {
                    reader.take(value);
                }
            }
            // Whoever still waits learns that the browser is gone.
            reader.lock().waiting.clear();
        });
        Ok(devtools)
    }

    /// Runs one command and gives its result.
    pub async fn send(&self, method: &str, params: Value, session: Option<&str>) -> Result<Value> {
        let (answered, answer) = oneshot::channel();
        let id = {
            let mut shared = self.lock();
            shared.last_id += 1;
            let id = shared.last_id;
            shared.waiting.insert(id, answered);
            id
        };
        let mut command = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        self.commands.send(Message::text(command.to_string()))?;
        let answer = timeout(ANSWER_MAX, answer).await;
        self.lock().waiting.remove(&id);
        let mut answer = answer
            .with_context(|| format!("the browser did not answer {method}"))?
            .map_err(|_| anyhow!("the browser ended during {method}"))?;
        match answer.get("error") {
            Some(error) => Err(anyhow!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// Errors, exceptions and failed loads of a tab so far.
    pub fn complaints(&self, session: &str) -> Vec<String> {
        self.lock().complaints.get(session).cloned().unwrap_or_default()
    }

    /// The list that waits for an answer, if there is one. A list is to be answered once: the
    /// browser crashes over a second answer, so whoever answers takes it.
    pub fn prompt(&self, session: &str) -> Option<Prompt> {
        self.lock().prompts.get(session).cloned()
    }

    pub fn forget_prompt(&self, session: &str) {
        self.lock().prompts.remove(session);
    }

    fn take(&self, mut message: Value) {
        let mut shared = self.lock();
        if let Some(id) = message["id"].as_u64() {
            if let Some(waiting) = shared.waiting.remove(&id) {
                // A command that is no longer waited for may still be answered.
                let _ = waiting.send(message.take());
            }
            return;
        }
        let session = message["sessionId"].as_str().unwrap_or("").to_owned();
        if let Some(prompt) = prompt_of(&message) {
            shared.prompts.insert(session, prompt);
            return;
        }
        let Some(complaint) = complaint_of(&message) else { return };
        let complaints = shared.complaints.entry(session).or_default();
        if complaints.len() < COMPLAINTS_MAX {
            complaints.push(complaint);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prompt_of(event: &Value) -> Option<Prompt> {
    if event["method"] != "DeviceAccess.deviceRequestPrompted" {
        return None;
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let devices = event["params"]["devices"].as_array()?.iter();
    let devices = devices.map(|device| (text(&device["id"]), text(&device["name"]))).collect();
    Some(Prompt { id: text(&event["params"]["id"]), devices })
}

/// What an event says went wrong, if it does.
fn complaint_of(event: &Value) -> Option<String> {
    let params = &event["params"];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => {
            let details = &params["exceptionDetails"];
            let described = &details["exception"]["description"];
            let words = if described.is_string() { described } else { &details["text"] };
            Some(format!("exception: {}", text(words)))
        }
        "Runtime.consoleAPICalled" if params["type"] == "error" || params["type"] == "assert" => {
            let args = params["args"].as_array().into_iter().flatten();
            let words = args.map(|arg| {
                text(if arg["value"].is_null() { &arg["description"] } else { &arg["value"] })
            });
            Some(format!("console: {}", words.collect::<Vec<_>>().join(" ")))
        }
        "Log.entryAdded" if params["entry"]["level"] == "error" => {
            let entry = &params["entry"];
            Some(format!("log: {} {}", text(&entry["text"]), entry["url"].as_str().unwrap_or("")))
        }
        "Network.loadingFailed" if params["canceled"] != true => {
            Some(format!("load: {} {}", text(&params["type"]), text(&params["errorText"])))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_in_a_tab_is_told_in_words() {
        let cases = [
            (
                json!({"method": "Runtime.exceptionThrown", "params": {"exceptionDetails":
                    {"text": "Uncaught", "exception": {"description": "Error: x"}}}}),
                Some("exception: Error: x"),
            ),
            (
                json!({"method": "Runtime.consoleAPICalled", "params":
                    {"type": "error", "args": [{"value": "bad"}, {"description": "Thing"}]}}),
                Some("console: bad Thing"),
            ),
            (
                json!({"method": "Runtime.consoleAPICalled", "params":
                    {"type": "log", "args": []}}),
                None,
            ),
            (
                json!({"method": "Network.loadingFailed", "params":
                    {"canceled": true, "type": "Fetch", "errorText": "net::ERR_ABORTED"}}),
                None,
            ),
            (
                json!({"method": "Log.entryAdded", "params":
                    {"entry": {"level": "error", "text": "404", "url": "/x"}}}),
                Some("log: 404 /x"),
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(complaint_of(&event).as_deref(), expected, "{event}");
        }
    }
}
