//! `GET /metrics`: the counts of the core and of the shell as OpenMetrics text.
//!
//! The core's counters appear under their own names as they are added to the view; nothing is
//! shown that was not counted.

use super::Dashboard;
use crate::counters::{Seconds, ShellCounters};
use bitcraps_core::node::{AlertKind, ComponentState, ComponentView, METRICS, NodeView};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{TypedMetric, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What OpenMetrics calls itself.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
