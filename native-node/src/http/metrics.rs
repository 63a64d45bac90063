//! `GET /metrics`: the counts of the core and of the shell as OpenMetrics text.
//!
//! The core's counters appear under their own names as they are added to the view; nothing is
//! shown that was not counted.

use super::Dashboard;
use crate::counters::{Seconds, ShellCounters};
use bitcraps_core::{
    limits::LINKS_MAX,
    node::{
        AlertKind, BreakerState, Class, ComponentState, ComponentView, LinkState, LinkView,
        METRICS, NodeView,
    },
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{TypedMetric, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What OpenMetrics calls itself.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A figure of a link: its name, what it is, and where it stands.
type LinkFigure = (&'static str, &'static str, fn(&LinkView) -> Option<f64>);

const LINK_FIGURES: [LinkFigure; 6] = [
    ("link_rtt_seconds", "Smoothed round trip of a link", |link| Some(link.rtt_ms? / 1000.0)),
    ("link_jitter_seconds", "Smoothed deviation of the round trip", |link| {
        Some(link.measured.jitter_ms? / 1000.0)
    }),
    ("link_loss", "Share of messages that were not acknowledged in time", |link| {
        link.measured.loss
    }),
    (
        "link_reliability",
        "Share of messages that got through, as the documents reckon it",
        |link| link.measured.reliability,
    ),
    ("link_delivered_bytes_per_second", "Acknowledged payload", |link| {
        link.measured.delivered_bytes_per_s
    }),
    ("link_rssi_dbm", "How strongly the other end is heard", |link| {
        link.measured.rssi_dbm.map(f64::from)
    }),
];

/// Everything one scrape tells.
#[derive(Debug)]
struct Scrape {
    view: Arc<NodeView>,
    counters: Arc<ShellCounters>,
    commits: u64,
    inbox_depth: usize,
    connections: usize,
    startup: Seconds,
    components: Vec<ComponentView>,
}

/// The text of one scrape.
pub fn text(dashboard: &Dashboard, view: Arc<NodeView>) -> Result<String, fmt::Error> {
    let startup = Seconds::default();
    if let Some(took) = dashboard.startup.get() {
        startup.observe(took.as_secs_f64());
    }
    let scrape = Scrape {
        view,
        counters: dashboard.node.counters.clone(),
        commits: dashboard.node.store_progress().commits,
        inbox_depth: dashboard.node.inbox_depth(),
        connections: dashboard.ports.admission.taken(),
        components: dashboard.components.views(),
        startup,
    };
    let mut registry = Registry::with_prefix("bitcraps");
    registry.register_collector(Box::new(scrape));
    let mut out = String::new();
    prometheus_client::encoding::text::encode(&mut out, &registry)?;
    Ok(out)
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let out = &mut encoder;
        self.core_counters(out)?;
        for (name, help, value) in self.counters.all() {
            let name = format!("shell_{name}");
            one(out, &name, help.trim(), &ConstCounter::new(value))?;
        }
        one(out, "store_commits", "Transactions of the store", &ConstCounter::new(self.commits))?;
        let help = "What each look at the mesh took, with all that followed from it";
        one(out, "analysis_seconds", help, self.counters.analysis.histogram())?;
        self.components(out)?;
        self.health(out)?;
        self.own_links(out)?;
        self.gauges(out)
    }
}

impl Scrape {
    fn core_counters(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counters = serde_json::to_value(&self.view.counters).unwrap_or_default();
        let Some(counters) = counters.as_object() else { return Ok(()) };
        for (name, value) in counters {
            let help = format!("The core's count {name}");
            if let Some(value) = value.as_u64() {
                one(out, name, &help, &ConstCounter::new(value))?;
            } else if let Some(counts) = value.as_object() {
                let label = if name == "repairs" { "state" } else { "reason" };
                let rows = counts
                    .iter()
                    .filter_map(|(key, n)| Some(([(label, key.as_str())], n.as_u64()?)));
                family(out, name, &help, rows.map(|(l, n)| (l, ConstCounter::new(n))))?;
            }
        }
        Ok(())
    }

    /// One row per part and state, 1 for the state it is in.
    fn components(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let states = ["healthy", "off", "degraded", "unhealthy", "unknown"];
        let rows = self.components.iter().flat_map(|part| {
            let now = match part.state {
                ComponentState::Healthy => "healthy",
                ComponentState::Off { .. } => "off",
                ComponentState::Degraded { .. } => "degraded",
                ComponentState::Unhealthy { .. } => "unhealthy",
                ComponentState::Unknown => "unknown",
            };
            let row = move |state| {
                let labels = [("component", part.name.as_str()), ("state", state)];
                (labels, ConstGauge::new(i64::from(state == now)))
            };
            states.into_iter().map(row)
        });
        family(out, "component_state", "State of the node's parts, 1 where it applies", rows)?;
        let rows = self.components.iter().filter_map(|part| {
            let seconds = part.latency_ms? / 1000.0;
            Some(([("component", part.name.as_str())], ConstGauge::new(seconds)))
        });
        family(out, "component_check_seconds", "What the last check of a part took", rows)
    }

    /// What the last look at the mesh found; nothing before the first, and no row for what could
    /// not be measured.
    fn health(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let health = &self.view.health;
        if let Some(snapshot) = &health.snapshot {
            for metric in METRICS {
                let Some(value) = snapshot.value(metric) else { continue };
                let metric = name(&metric);
                let help = format!("Of the mesh, as in the view: {metric}");
                one(out, &format!("mesh_{metric}"), &help, &ConstGauge::new(value))?;
            }
            let help = "The risk formula of the documents; nothing is decided by it";
            let risk = ConstGauge::new(snapshot.documents_risk);
            one(out, "mesh_documents_risk", help, &risk)?;
        }
        let standing = |kind: AlertKind| {
            health.alerts.iter().any(|alert| alert.kind == kind && alert.cleared_ms.is_none())
        };
        let kinds = [
            AlertKind::Risk,
            AlertKind::Diameter,
            AlertKind::Clustering,
            AlertKind::CutNodeLoad,
            AlertKind::Partitioned,
        ];
        let names = kinds.map(|kind| (kind, name(&kind)));
        let rows = names.iter().map(|(kind, name)| {
            ([("kind", name.as_str())], ConstGauge::new(i64::from(standing(*kind))))
        });
        family(out, "alert", "Alerts, 1 while one stands", rows)?;
        let names: Vec<_> =
            health.tables.iter().map(|t| (t.table_id.to_string(), t.risk.probability)).collect();
        let rows =
            names.iter().map(|(table, risk)| ([("table", table.as_str())], ConstGauge::new(*risk)));
        family(out, "table_risk", "That a table's members split within the horizon", rows)
    }

    /// A row for each figure of each open link that was measured, by transport and peer. The core
    /// keeps at most [`LINKS_MAX`] links; of two of one kind to one peer the number tells which.
    fn own_links(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let open = self.view.links.iter().filter(|link| link.state == LinkState::Open);
        let named = open.take(LINKS_MAX).filter_map(|link| {
            let labels = [link.transport.name().to_owned(), link.peer_id?.short()];
            Some((link, labels, link.link.0.to_string()))
        });
        let named: Vec<(&LinkView, [String; 2], String)> = named.collect();
        for (name, help, figure) in LINK_FIGURES {
            let rows = named.iter().filter_map(|(link, [transport, peer], number)| {
                let labels = [("transport", transport.as_str()), ("peer", peer), ("link", number)];
                Some((labels, ConstGauge::new(figure(link)?)))
            });
            family(out, name, help, rows)?;
        }
        let states = [BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen];
        let states = states.map(|state| (state, name(&state)));
        let rows = named.iter().flat_map(|(link, [transport, peer], number)| {
            states.iter().map(move |(state, word)| {
                let labels = [
                    ("transport", transport.as_str()),
                    ("peer", peer),
                    ("link", number),
                    ("state", word),
                ];
                (labels, ConstGauge::new(i64::from(link.breaker == *state)))
            })
        });
        let help = "Whether a link is trusted with messages, 1 for the state it is in";
        family(out, "link_breaker", help, rows)?;
        let rows = named.iter().flat_map(|(link, [transport, peer], number)| {
            Class::ALL.into_iter().map(move |class| {
                let labels = [
                    ("transport", transport.as_str()),
                    ("peer", peer),
                    ("link", number),
                    ("class", class.name()),
                ];
                (labels, ConstGauge::new(i64::from(link.serves.contains(&class))))
            })
        });
        family(out, "link_in_use", "1 where messages of a class take a link now", rows)?;
        let waiting = self.view.neighbours.iter().take(LINKS_MAX);
        let waiting: Vec<(String, i64)> = waiting
            .map(|n| (n.peer_id.short(), i64::try_from(n.unacknowledged).unwrap_or(i64::MAX)))
            .collect();
        let rows = waiting.iter().map(|(peer, n)| ([("peer", peer.as_str())], ConstGauge::new(*n)));
        family(out, "messages_unacknowledged", "Sent to a neighbour, not acknowledged yet", rows)
    }

    fn gauges(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let view = &self.view;
        let mut links = BTreeMap::<_, i64>::new();
        for link in &view.links {
            *links.entry((name(&link.transport), name(&link.state))).or_default() += 1;
        }
        let rows = links.iter().map(|((transport, state), n)| {
            ([("transport", transport.as_str()), ("state", state.as_str())], ConstGauge::new(*n))
        });
        family(out, "links", "Links by transport and state", rows)?;
        let mut tables = BTreeMap::<_, i64>::new();
        for table in &view.tables {
            *tables.entry(name(&table.state)).or_default() += 1;
        }
        let rows =
            tables.iter().map(|(state, n)| ([("state", state.as_str())], ConstGauge::new(*n)));
        family(out, "tables", "Tables this node has a seat at, by state", rows)?;
        for (name, help, value) in [
            ("map_nodes", "Nodes on the map", view.map.nodes.len()),
            ("map_edges", "Links on the map", view.map.edges.len()),
            ("partitions", "Connected parts of the map", view.partitions.len()),
            ("lobby_tables", "Tables that others announce", view.lobby.len()),
            ("inbox_depth", "Messages that wait for the node", self.inbox_depth),
            ("connections", "Accepted mesh connections that hold a seat", self.connections),
        ] {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            one(out, name, help, &ConstGauge::new(value))?;
        }
        let uptime = ConstGauge::new(view.uptime_ms as f64 / 1000.0);
        one(out, "uptime_seconds", "Since the node started", &uptime)?;
        let help = "From the start of the process to ready";
        one(out, "startup_seconds", help, self.startup.histogram())
    }
}

fn one(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> Result<(), fmt::Error> {
    metric.encode(out.encode_descriptor(name, help, None, metric.metric_type())?)
}

fn family<'a, const N: usize, M: EncodeMetric + TypedMetric>(
    out: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = ([(&'static str, &'a str); N], M)>,
) -> Result<(), fmt::Error> {
    let mut family = out.encode_descriptor(name, help, None, M::TYPE)?;
    for (labels, metric) in rows {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// The name an enum has in JSON.
fn name(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::{
        crypto::identity::Identity,
        id::{LinkId, PeerId},
        node::{Config, MeasuredView, NeighbourView, Node, SwitchReason, Transport},
        seed::Seed,
        time::Instant,
    };

    fn scrape(links: Vec<LinkView>) -> String {
        let seed = Seed::from_number(1);
        let node = Node::new(
            Config::default(),
            Identity::generate(&seed, 0),
            &seed,
            Vec::new(),
            Instant::ZERO,
            0,
        );
        let mut view = node.view(Instant::ZERO);
        view.neighbours = vec![NeighbourView {
            peer_id: PeerId::from_bytes([7; 32]),
            unacknowledged: 3,
            switches: Vec::new(),
        }];
        view.counters.link_switches.insert(SwitchReason::Silent, 4);
        view.counters.messages_moved = 5;
        view.links = links;
        let scrape = Scrape {
            view: Arc::new(view),
            counters: Arc::default(),
            commits: 0,
            inbox_depth: 0,
            connections: 0,
            startup: Seconds::default(),
            components: Vec::new(),
        };
        let mut registry = Registry::with_prefix("bitcraps");
        registry.register_collector(Box::new(scrape));
        let mut out = String::new();
        prometheus_client::encoding::text::encode(&mut out, &registry).unwrap();
        out
    }

    fn link(number: u64) -> LinkView {
        LinkView {
            peer_id: Some(PeerId::from_bytes([7; 32])),
            ..LinkView::new(LinkId(number), Transport::Quic, LinkState::Open)
        }
    }

    #[test]
    fn every_link_has_its_figures_its_breaker_and_what_it_serves() {
        let measured = LinkView {
            rtt_ms: Some(12.5),
            measured: MeasuredView {
                jitter_ms: Some(2.0),
                loss: Some(0.25),
                reliability: Some(0.5),
                delivered_bytes_per_s: Some(900.0),
                rssi_dbm: Some(-60),
                history: Vec::new(),
            },
            breaker: BreakerState::HalfOpen,
            serves: vec![Class::Dice],
            ..link(1)
        };
        let text = scrape(vec![measured, link(2)]);
        let labels = r#"{transport="quic",peer="07070707",link="1""#;
        for line in [
            format!("bitcraps_link_rtt_seconds{labels}}} 0.0125"),
            format!("bitcraps_link_jitter_seconds{labels}}} 0.002"),
            format!("bitcraps_link_loss{labels}}} 0.25"),
            format!("bitcraps_link_reliability{labels}}} 0.5"),
            format!("bitcraps_link_delivered_bytes_per_second{labels}}} 900.0"),
            format!("bitcraps_link_rssi_dbm{labels}}} -60.0"),
            format!("bitcraps_link_breaker{labels},state=\"half_open\"}} 1"),
            format!("bitcraps_link_breaker{labels},state=\"closed\"}} 0"),
            format!("bitcraps_link_in_use{labels},class=\"dice\"}} 1"),
            format!("bitcraps_link_in_use{labels},class=\"bets\"}} 0"),
            r#"bitcraps_link_switches_total{reason="silent"} 4"#.to_owned(),
            "bitcraps_messages_moved_total 5".to_owned(),
            r#"bitcraps_messages_unacknowledged{peer="07070707"} 3"#.to_owned(),
        ] {
            assert!(text.lines().any(|l| l == line), "{line}: {text}");
        }
        assert!(
            !text.contains(r#"loss{transport="quic",peer="07070707",link="2""#),
            "not measured"
        );
    }

    #[test]
    fn strangers_have_no_rows_and_rows_have_a_bound() {
        let stranger = LinkView { peer_id: None, ..link(9) };
        let greeting = LinkView { state: LinkState::Handshaking, ..link(9) };
        let rows = |text: &str| {
            text.lines().filter(|line| line.starts_with("bitcraps_link_breaker{")).count()
        };
        assert_eq!(rows(&scrape(vec![stranger, greeting])), 0);
        let many = (0..LINKS_MAX as u64 + 20).map(link).collect();
        assert_eq!(rows(&scrape(many)), 3 * LINKS_MAX);
    }
}
