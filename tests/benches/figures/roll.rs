//! One roll, end to end: from the shooter's word on its node until every node was told the dice.
//!
//! Whole nodes in this process, each with its own store on disk and its own sockets, every one
//! linked to every other over loopback TCP. The first is a person's, the others are bots', so the
//! right to shoot goes round. A roll starts when the table is quiet: the one before has been told
//! everywhere and the log has stood still.

use crate::figures::{Figure, Samples, Target};
use anyhow::{Context as _, Result, bail};
use bitcraps_core::{
    craps::Rules,
    id::{PeerId, TableId},
    node::{Address, Command, Event, SeatRole, TablePhase, TableState, TableView},
};
use bitcraps_node::{
    config::Settings,
    driver::NodeHandle,
    start::{self, Started},
};
use bitcraps_tests::wait::{Look, until};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{sync::broadcast, time::timeout};

const STARTED_MAX: Duration = Duration::from_secs(60);
const ROLLED_MAX: Duration = Duration::from_secs(30);

/// The log has not grown for so long: nothing is on its way.
const QUIET: Duration = Duration::from_millis(60);

/// Rolls before the first that counts: code and caches are cold, and everybody deals.
const WARM_UP: usize = 5;

/// Rolls the 95th percentile rests on.
const ROLLS: usize = 150;

/// Median and 95th percentile at tables of four and of seven.
pub async fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for members in [4, 7] {
        let samples = rolls(members).await.with_context(|| format!("a table of {members}"))?;
        let what = format!("one roll, {members} nodes");
        figures.push(Figure::ms(format!("{what}, p50"), samples.quantile(0.5), None));
        let target = Some(Target::below(30.0));
        figures.push(Figure::ms(format!("{what}, p95"), samples.quantile(0.95), target));
    }
    Ok(figures)
}

struct Table {
    id: TableId,
    nodes: Vec<Node>,
}

struct Node {
    started: Started,
    _data: TempDir,
}

async fn rolls(members: usize) -> Result<Samples> {
    let table = Table::form(members).await?;
    let mut samples = Samples::default();
    for roll in 0..WARM_UP + ROLLS {
        let took = table.roll().await?;
        if roll >= WARM_UP {
            samples.push(took);
        }
    }
    for node in table.nodes {
        node.started.stop().await?;
    }
    Ok(samples)
}

impl Table {
    async fn form(members: usize) -> Result<Table> {
        let mut nodes: Vec<Node> = Vec::new();
        for place in 0..members {
            let data = tempfile::tempdir()?;
            let urls = nodes.iter().flat_map(|node| &node.started.listen.tcp);
            let settings = Settings {
                name: format!("node {place}"),
                http: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
                listen: Some(vec![Address("tcp://127.0.0.1:0".to_owned())]),
                connect: urls.map(|address| Address(format!("tcp://{address}"))).collect(),
                bots: 0,
                role: if place == 0 { SeatRole::Player } else { SeatRole::Bot },
                ..Settings::new(data.path().to_path_buf())
            };
            let started = start::start(&settings, Instant::now()).await?;
            nodes.push(Node { started, _data: data });
        }
        let others = members - 1;
        for node in &nodes {
            until("every node to be linked with every other", STARTED_MAX, async || {
                let view = node.handle().view().await?;
                let measured = view.links.iter().filter(|link| link.rtt_ms.is_some()).count();
                let edges = view.map.edges.len();
                let whole = measured == others && edges == members * others / 2;
                Ok(if whole { Look::Yes(()) } else { Look::NotYet((measured, edges)) })
            })
            .await?;
        }
        let invite: Vec<PeerId> = nodes[1..].iter().map(|node| node.handle().peer_id()).collect();
        let command =
            Command::CreateTable { name: "bench".to_owned(), invite, rules: Rules::default() };
        let made = nodes[0].handle().command(command).await?;
        let id = made?.context("a table was made without an id")?;
        Ok(Table { id, nodes })
    }

    /// Waits until nothing is on its way, and gives who shoots.
    async fn quiet(&self) -> Result<&Node> {
        let mut last = (0, Instant::now());
        until("a quiet table", STARTED_MAX, async || {
            let mut views = Vec::new();
            for node in &self.nodes {
                let view = node.handle().view().await?;
                let Some(table) = view.tables.iter().find(|table| table.table_id == self.id) else {
                    return Ok(Look::NotYet(Vec::new()));
                };
                views.push(table.clone());
            }
            let height = views.iter().map(|view| view.height).max().unwrap_or_default();
            if last.0 != height {
                last = (height, Instant::now());
            }
            let ready = views.iter().all(|view| view.height == height && is_open(view));
            let shooter = views[0].shooter;
            let shooter = self.nodes.iter().find(|n| Some(n.handle().peer_id()) == shooter);
            Ok(match shooter {
                Some(node) if ready && last.1.elapsed() >= QUIET => Look::Yes(node),
                _ => Look::NotYet(views),
            })
        })
        .await
    }

    async fn roll(&self) -> Result<Duration> {
        let shooter = self.quiet().await?.handle().clone();
        let told: Vec<_> = self.nodes.iter().map(|node| self.rolled(node)).collect();
        let command = Command::Roll { table: self.id };
        let asked = Instant::now();
        let answer = tokio::spawn(async move { shooter.command(command).await });
        let mut last = asked;
        for node in told {
            last = last.max(timeout(ROLLED_MAX, node).await???);
        }
        answer.await???;
        Ok(last - asked)
    }

    /// When this node told of the next roll.
    fn rolled(&self, node: &Node) -> tokio::task::JoinHandle<Result<Instant>> {
        let mut events = node.handle().events();
        let table = self.id;
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) if is_roll(&event, table) => return Ok(Instant::now()),
                    Ok(_) => {}
                    Err(broadcast::error::RecvError::Lagged(lost)) => bail!("lost {lost} events"),
                    Err(broadcast::error::RecvError::Closed) => bail!("the node ended"),
                }
            }
        })
    }
}

impl Node {
    fn handle(&self) -> &NodeHandle {
        &self.started.node
    }
}

fn is_open(view: &TableView) -> bool {
    view.state == TableState::Playing && view.phase == TablePhase::Betting && view.pending == 0
}

fn is_roll(event: &Arc<Event>, in_table: TableId) -> bool {
    matches!(**event, Event::Rolled { table, .. } if table == in_table)
}
