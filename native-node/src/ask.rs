//! `bitcraps status` and `bitcraps table`: questions to a running node.

use crate::{
    cli::{self, Ask, Key},
    client::Client,
    terminal::say,
};
use anyhow::{Context as _, bail};
use bitcraps_core::{
    id::{PeerId, TableId},
    node::{BreakerState, Command, LinkState, LobbyView, NodeView, SwitchReason, TableView},
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
    for line in links(&view) {
        say(&format!("           {line}"));
    }
    let reach = match view.partitions.len() {
        0 | 1 => String::new(),
        parts => format!(", in {parts} parts"),
    };
    let (nodes, edges) = (view.map.nodes.len(), view.map.edges.len());
    say(&format!("  mesh     {nodes} nodes, {edges} links{reach}"));
    say(&format!("  tables   {} seated, {} to join", view.tables.len(), view.lobby.len()));
    Ok(())
}

/// A line for each open link, and one for the last switch of each neighbour.
fn links(view: &NodeView) -> Vec<String> {
    let known = |id: &PeerId| {
        let named = view.map.nodes.iter().find(|peer| peer.peer_id == *id && !peer.name.is_empty());
        named.map_or_else(|| id.short(), |peer| format!("{} {}", id.short(), peer.name))
    };
    let open = view.links.iter().filter(|link| link.state == LinkState::Open);
    let mut lines: Vec<String> = open
        .map(|link| {
            let who = link.peer_id.as_ref().map_or_else(|| "unknown".to_owned(), known);
            let used: Vec<&str> = link.serves.iter().map(|class| class.name()).collect();
            let used = match (used.len(), link.breaker) {
                (_, BreakerState::Open) => "not trusted: it failed too often".to_owned(),
                (0, BreakerState::Closed) => "in reserve".to_owned(),
                (0, BreakerState::HalfOpen) => "on trial".to_owned(),
                (_, _) => format!("for {}", used.join(", ")),
            };
            let ms = |figure: Option<f64>| figure.map(|ms| format!("{ms:.1} ms"));
            let round_trip = match (ms(link.rtt_ms), ms(link.measured.jitter_ms)) {
                (None, _) => "–".to_owned(),
                (Some(rtt), None) => rtt,
                (Some(rtt), Some(jitter)) => format!("{rtt} ± {jitter}"),
            };
            let loss = link.measured.loss.map(|loss| format!(", {:.1} % lost", loss * 100.0));
            let loss = loss.unwrap_or_default();
            format!("{:<9}  {who}, {round_trip}{loss}, {used}", link.transport.name())
        })
        .collect();
    for neighbour in &view.neighbours {
        let Some(last) = neighbour.switches.first() else { continue };
        let Some(from) = last.from else { continue };
        let waited = last.interruption_ms.map(|ms| format!(", {ms:.0} ms without delivery"));
        lines.push(format!(
            "{}: {} moved from {} to {} {} s ago ({}){}",
            known(&neighbour.peer_id),
            last.class.name(),
            from.name(),
            last.to.name(),
            last.age_ms / 1000,
            why(last.reason),
            waited.unwrap_or_default(),
        ));
    }
    lines
}

fn why(reason: SwitchReason) -> &'static str {
    match reason {
        SwitchReason::First => "the first link",
        SwitchReason::Better => "clearly better",
        SwitchReason::Fading => "the old one was fading",
        SwitchReason::Ended => "the old one ended",
        SwitchReason::Silent => "the old one fell silent",
        SwitchReason::Lossy => "the old one lost too much",
    }
}

pub fn table(task: &cli::Table) -> anyhow::Result<()> {
    match task {
        cli::Table::List(ask) => list(ask),
        cli::Table::Create { name, invite, rules, ask, key } => {
            let (name, invite) = (name.clone(), invite.clone());
            let command = Command::CreateTable { name, invite, rules: rules.unwrap_or_default() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::{
        crypto::identity::Identity,
        id::LinkId,
        node::{Class, Config, LinkView, NeighbourView, Node, SwitchView, Transport},
        seed::Seed,
        time::Instant,
    };

    #[test]
    fn status_tells_every_link_what_it_serves_and_why_the_last_switch_was() {
        let seed = Seed::from_number(1);
        let identity = Identity::generate(&seed, 0);
        let node = Node::new(Config::default(), identity, &seed, Vec::new(), Instant::ZERO, 0);
        let mut view = node.view(Instant::ZERO);
        let peer = PeerId::from_bytes([7; 32]);
        let link = |transport| LinkView {
            peer_id: Some(peer),
            ..LinkView::new(LinkId(1), transport, LinkState::Open)
        };
        let mut quic = link(Transport::Quic);
        quic.rtt_ms = Some(1.24);
        quic.measured.jitter_ms = Some(0.3);
        quic.measured.loss = Some(0.015);
        quic.serves = vec![Class::Dice, Class::Bets];
        let broken = LinkView { breaker: BreakerState::Open, ..link(Transport::Ble) };
        let greeting = LinkView { state: LinkState::Handshaking, ..link(Transport::Udp) };
        view.links = vec![quic, link(Transport::Tcp), broken, greeting];
        let switch = SwitchView {
            age_ms: 12_300,
            class: Class::Dice,
            from: Some(Transport::Tcp),
            to: Transport::Quic,
            reason: SwitchReason::Silent,
            interruption_ms: Some(340.0),
        };
        let switches = vec![switch];
        view.neighbours = vec![NeighbourView { peer_id: peer, unacknowledged: 0, switches }];
        let said = links(&view);
        assert_eq!(
            said,
            [
                "quic       07070707, 1.2 ms ± 0.3 ms, 1.5 % lost, for dice, bets",
                "tcp        07070707, –, in reserve",
                "ble        07070707, –, not trusted: it failed too often",
                "07070707: dice moved from tcp to quic 12 s ago (the old one fell silent), 340 ms \
                 without delivery",
            ]
        );
    }
}
