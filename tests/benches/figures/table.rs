//! A table of whole nodes, and how long it takes to do one thing.
//!
//! All nodes are in this process, each with its own store on disk and its own sockets, every one
//! linked to every other over loopback TCP. The first is a person's, the others are bots', so the
//! right to shoot goes round. What is timed starts when the table is quiet: the thing before has
//! been told everywhere and the log has stood still, so secrets for rolls to come are dealt.

use anyhow::{Context as _, Result, bail};
use bitcraps_core::{
    craps::{Chips, Rules, Wager},
    id::TableId,
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
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{sync::broadcast, time::timeout};

const STARTED_MAX: Duration = Duration::from_secs(60);
const DONE_MAX: Duration = Duration::from_secs(30);

/// The log has not grown for so long: nothing is on its way.
const QUIET: Duration = Duration::from_millis(60);

/// Whole nodes, linked, without a table.
pub struct Nodes(Vec<Node>);

/// The same with a table that all of them sit at.
pub struct Table {
    id: TableId,
    nodes: Vec<Node>,
}

/// One roll, from the shooter's word to the dice on every node.
pub struct Roll {
    pub whole: Duration,
    /// Until every node had decided that no more bets are taken.
    pub agreement: Duration,
}

struct Node {
    started: Started,
    _data: TempDir,
}

impl Nodes {
    pub async fn start(members: usize) -> Result<Nodes> {
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
        Ok(Nodes(nodes))
    }

    /// From the host's word until every member was told of its table.
    pub async fn create(&self, name: &str) -> Result<(TableId, Duration)> {
        let invite = self.0[1..].iter().map(|node| node.handle().peer_id()).collect();
        let opened = |event: &Event| match event {
            Event::TableOpened { table } => Some(*table),
            _ => None,
        };
        let told: Vec<_> = self.0.iter().map(|node| node.told(opened)).collect();
        let command =
            Command::CreateTable { name: name.to_owned(), invite, rules: Rules::default() };
        let asked = Instant::now();
        let host = self.0[0].handle().clone();
        let answer = tokio::spawn(async move { host.command(command).await });
        let mut last = asked;
        for node in told {
            last = last.max(timeout(DONE_MAX, node).await???.0);
        }
        let id = answer.await???.context("a table was made without an id")?;
        Ok((id, last - asked))
    }

    pub async fn stop(self) -> Result<()> {
        for node in self.0 {
            node.started.stop().await?;
        }
        Ok(())
    }
}

impl Table {
    pub async fn form(members: usize) -> Result<Table> {
        let nodes = Nodes::start(members).await?;
        let (id, _) = nodes.create("bench").await?;
        Ok(Table { id, nodes: nodes.0 })
    }

    pub async fn stop(self) -> Result<()> {
        Nodes(self.nodes).stop().await
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

    /// One bet of a person, from its word until it stands in every node's log.
    pub async fn entry(&self) -> Result<Duration> {
        self.quiet().await?;
        let height = self.height().await?;
        let (asked, last) = self
            .decided(
                height,
                Command::PlaceBet { table: self.id, wager: Wager::Field, chips: Chips(1) },
                &self.nodes[0],
            )
            .await?;
        Ok(last - asked)
    }

    pub async fn roll(&self) -> Result<Roll> {
        let shooter = self.quiet().await?;
        let height = self.height().await?;
        let table = self.id;
        let rolled = move |event: &Event| match event {
            Event::Rolled { table: at, .. } if *at == table => Some(()),
            _ => None,
        };
        let told: Vec<_> = self.nodes.iter().map(|node| node.told(rolled)).collect();
        let (asked, closed) = self.decided(height, Command::Roll { table }, shooter).await?;
        let mut last = closed;
        for node in told {
            last = last.max(timeout(DONE_MAX, node).await???.0);
        }
        Ok(Roll { whole: last - asked, agreement: closed - asked })
    }

    async fn height(&self) -> Result<u64> {
        let view = self.nodes[0].handle().view().await?;
        let table = view.tables.iter().find(|table| table.table_id == self.id);
        Ok(table.context("the table is gone")?.height)
    }

    /// When a command was given, and when the last node's log had grown because of it.
    async fn decided(
        &self,
        height: u64,
        command: Command,
        by: &Node,
    ) -> Result<(Instant, Instant)> {
        let table = self.id;
        let grown = move |event: &Event| match event {
            Event::TableChanged { table: at, height: now } if *at == table && *now > height => {
                Some(())
            }
            _ => None,
        };
        let told: Vec<_> = self.nodes.iter().map(|node| node.told(grown)).collect();
        let by = by.handle().clone();
        let asked = Instant::now();
        let answer = tokio::spawn(async move { by.command(command).await });
        let mut last = asked;
        for node in told {
            last = last.max(timeout(DONE_MAX, node).await???.0);
        }
        answer.await???;
        Ok((asked, last))
    }
}

impl Node {
    fn handle(&self) -> &NodeHandle {
        &self.started.node
    }

    /// When this node tells of something, from now on.
    fn told<T: Send + 'static>(
        &self,
        wanted: impl Fn(&Event) -> Option<T> + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<(Instant, T)>> {
        let mut events = self.handle().events();
        tokio::spawn(async move {
            loop {
                match events.recv().await {
                    Ok(event) => {
                        if let Some(found) = wanted(&event) {
                            return Ok((Instant::now(), found));
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(lost)) => bail!("lost {lost} events"),
                    Err(broadcast::error::RecvError::Closed) => bail!("the node ended"),
                }
            }
        })
    }
}

fn is_open(view: &TableView) -> bool {
    view.state == TableState::Playing && view.phase == TablePhase::Betting && view.pending == 0
}
