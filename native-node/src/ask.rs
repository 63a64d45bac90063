//! `bitcraps status` and `bitcraps table`: questions to a running node.

use crate::{
    cli::{self, Ask, Key},
    client::Client,
    terminal::say,
};
use anyhow::{Context as _, bail};
use bitcraps_core::{
    id::TableId,
    node::{Command, LinkState, LobbyView, NodeView, TableView},
};
use bitcraps_node::http::guard::{TOKEN_FILE, Token};
use hyper::{Method, StatusCode};

pub fn status(ask: &Ask) -> anyhow::Result<()> {
    let view = view(ask)?;
    if ask.json {
        say(&serde_json::to_string(&view)?);
        return Ok(());
    }
    let open = view.links.iter().filter(|link| link.state == LinkState::Open).count();
    say(&format!("{} {}", view.name, view.peer_id));
    say(&format!("  up       {} s", view.uptime_ms / 1000));
    say(&format!("  links    {open} open, {} in handshake", view.links.len() - open));
    let reach = match view.partitions.len() {
        0 | 1 => String::new(),
        parts => format!(", in {parts} parts"),
    };
    let (nodes, edges) = (view.map.nodes.len(), view.map.edges.len());
    say(&format!("  mesh     {nodes} nodes, {edges} links{reach}"));
    say(&format!("  tables   {} seated, {} to join", view.tables.len(), view.lobby.len()));
    Ok(())
}

pub fn table(task: &cli::Table) -> anyhow::Result<()> {
    match task {
        cli::Table::List(ask) => list(ask),
        cli::Table::Create { name, invite, ask, key } => {
            let command = Command::CreateTable { name: name.clone(), invite: invite.clone() };
            command_done(ask, key, &command)
        }
        cli::Table::Join { table, ask, key } => {
            let table = resolve(table, ask)?;
            command_done(ask, key, &Command::JoinTable { table })
        }
    }
}

fn list(ask: &Ask) -> anyhow::Result<()> {
    let view = view(ask)?;
    if ask.json {
        let tables = serde_json::json!({ "tables": view.tables, "lobby": view.lobby });
        say(&tables.to_string());
        return Ok(());
    }
    if view.tables.is_empty() && view.lobby.is_empty() {
        say("no tables yet; make one with `bitcraps table create NAME`");
    }
    for TableView { table_id, name, members, height, .. } in &view.tables {
        say(&format!(
            "{}  seated   {} members, height {height}  {name}",
            table_id.short(),
            members.len()
        ));
    }
    for LobbyView { table_id, name, members, members_max, .. } in &view.lobby {
        say(&format!("{}  to join  {members} of {members_max} members  {name}", table_id.short()));
    }
    Ok(())
}

/// A whole id, or the only known table whose id starts so.
fn resolve(text: &str, ask: &Ask) -> anyhow::Result<TableId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let view = view(ask)?;
    let known = view.lobby.iter().map(|t| t.table_id).chain(view.tables.iter().map(|t| t.table_id));
    let mut matching = known.filter(|id| id.to_string().starts_with(text));
    match (matching.next(), matching.find(|_| true)) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => bail!("more than one table starts with {text}; write more of its id"),
        (None, _) => bail!("no table starts with {text}; see `bitcraps table list`"),
    }
}

fn view(ask: &Ask) -> anyhow::Result<NodeView> {
    let answer = Client::new(&ask.http)?.ask(Method::GET, "/api/v1/view", None, Vec::new())?;
    if answer.status != StatusCode::OK {
        bail!("{} answered {}", ask.http, answer.status);
    }
    serde_json::from_slice(&answer.body)
        .with_context(|| format!("{} does not answer like a BitCraps node", ask.http))
}

fn command_done(ask: &Ask, key: &Key, command: &Command) -> anyhow::Result<()> {
    let token = token(key)?;
    let body = serde_json::to_vec(command)?;
    let client = Client::new(&ask.http)?;
    let answer = client.ask(Method::POST, "/api/v1/command", Some(&token), body)?;
    let json: serde_json::Value = serde_json::from_slice(&answer.body)
        .with_context(|| format!("{} does not answer like a BitCraps node", ask.http))?;
    if answer.status != StatusCode::OK {
        let message = json["message"].as_str().unwrap_or("the node refused without a reason");
        bail!("{message}");
    }
    match (ask.json, json["table"].as_str()) {
        (true, _) => say(&json.to_string()),
        (false, Some(table)) => say(table),
        (false, None) => say("done"),
    }
    Ok(())
}

/// From `--token`, the environment, or the data directory.
fn token(key: &Key) -> anyhow::Result<String> {
    if let Some(token) = &key.token {
        return Ok(token.clone());
    }
    if let Ok(token) = std::env::var("BITCRAPS_TOKEN") {
        return Ok(token);
    }
    let settings = cli::settings(None, &[("data", key.data.iter().cloned().collect())])?;
    let path = settings.data.join(TOKEN_FILE);
    let token = Token::read(&settings.data).with_context(|| format!("{}", path.display()))?;
    let token = token.with_context(|| {
        format!("no token in {}; pass the node's directory with --data, or --token", path.display())
    })?;
    Ok(token.as_str().to_owned())
}
