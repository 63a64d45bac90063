//! `GET /metrics`: the counts of the core and of the shell as OpenMetrics text.
//!
//! The core's counters appear under their own names as they are added to the view; nothing is
//! shown that was not counted.

use super::Dashboard;
use bitcraps_core::node::{ComponentState, ComponentView, NodeView};
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
    shell: Vec<(&'static str, &'static str, u64)>,
    commits: u64,
    inbox_depth: usize,
    connections: usize,
    startup_seconds: f64,
    components: Vec<ComponentView>,
}

/// The text of one scrape.
pub fn text(dashboard: &Dashboard, view: Arc<NodeView>) -> Result<String, fmt::Error> {
    let scrape = Scrape {
        view,
        shell: dashboard.node.counters.all(),
        commits: dashboard.node.store_progress().commits,
        inbox_depth: dashboard.node.inbox_depth(),
        connections: dashboard.ports.admission.taken(),
        components: dashboard.components.views(),
        startup_seconds: dashboard.startup.get().map_or(0.0, |startup| startup.as_secs_f64()),
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
        for (name, help, value) in &self.shell {
            let name = format!("shell_{name}");
            one(out, &name, help.trim(), &ConstCounter::new(*value))?;
        }
        one(out, "store_commits", "Transactions of the store", &ConstCounter::new(self.commits))?;
        self.components(out)?;
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
            } else if let Some(by_reason) = value.as_object() {
                let rows = by_reason
                    .iter()
                    .filter_map(|(reason, n)| Some(([("reason", reason.as_str())], n.as_u64()?)));
                family(out, name, &help, rows.map(|(l, n)| (l, ConstCounter::new(n))))?;
            }
        }
        Ok(())
    }

    /// One row per part and state, 1 for the state it is in.
    fn components(&self, out: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let states = ["healthy", "degraded", "unhealthy", "unknown"];
        let rows = self.components.iter().flat_map(|part| {
            let now = match part.state {
                ComponentState::Healthy => "healthy",
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
        let startup = ConstGauge::new(self.startup_seconds);
        one(out, "startup_seconds", "From the start of the process to ready", &startup)
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
