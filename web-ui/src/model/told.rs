//! A node's view, read from its JSON by plain lookups: readers derived by serde made the page
//! 140 KB larger (measured; 34 KB of it after Brotli).
//!
//! Rules. Fields and words that are not known are left out, a list's entry that cannot be read is
//! left out alone, and what is missing is unknown: the JSON only ever grows (`docs/API.md`).
//! Tables, lobby and counters are not read: no page shows another peer's.

use bitcraps_core::{
    id::{LinkId, PeerId, TableId},
    node::{
        Adapter, AdviceView, AlertKind, AlertView, AnomalyView, BandView, BreakerState, Class,
        ComponentState, ComponentView, Counters, CutEdgeView, CutNodeView, Detector, EdgeView,
        ForecastView, HealthView, Knob, LeaderView, LinkState, LinkView, MapView, MeasuredSample,
        MeasuredView, Metric, NearbyView, NeighbourView, NodeKind, NodeView, PathClass, PeerView,
        RadioReport, RelayView, RepairGoal, RepairState, RepairView, Risk, RiskMethod, SampleView,
        SeatRole, Severity, Snapshot, Subject, SwitchReason, SwitchView, TableRiskView, Transport,
    },
};
use serde_json::Value;

/// `None` when the JSON is something else.
pub trait Read: Sized {
    fn read(json: &Value) -> Option<Self>;
}

impl Read for f64 {
    fn read(json: &Value) -> Option<f64> {
        json.as_f64()
    }
}

impl Read for u64 {
    fn read(json: &Value) -> Option<u64> {
        json.as_u64()
    }
}

impl Read for u32 {
    fn read(json: &Value) -> Option<u32> {
        u32::try_from(json.as_u64()?).ok()
    }
}

impl Read for usize {
    fn read(json: &Value) -> Option<usize> {
        usize::try_from(json.as_u64()?).ok()
    }
}

impl Read for i8 {
    fn read(json: &Value) -> Option<i8> {
        i8::try_from(json.as_i64()?).ok()
    }
}

impl Read for bool {
    fn read(json: &Value) -> Option<bool> {
        json.as_bool()
    }
}

impl Read for String {
    fn read(json: &Value) -> Option<String> {
        json.as_str().map(str::to_owned)
    }
}

impl Read for PeerId {
    fn read(json: &Value) -> Option<PeerId> {
        json.as_str()?.parse().ok()
    }
}

impl Read for TableId {
    fn read(json: &Value) -> Option<TableId> {
        json.as_str()?.parse().ok()
    }
}

impl Read for LinkId {
    fn read(json: &Value) -> Option<LinkId> {
        json.as_u64().map(LinkId)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(json: &Value) -> Option<Option<T>> {
        // A word that is not known is unknown.
        Some(T::read(json))
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(json: &Value) -> Option<Vec<T>> {
        let entries = json.as_array().map(Vec::as_slice).unwrap_or_default();
        Some(entries.iter().filter_map(T::read).collect())
    }
}

/// Objects, by the names of their fields.
macro_rules! objects {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Read for $name {
            fn read(json: &Value) -> Option<$name> {
                Some($name { $($field: Read::read(&json[stringify!($field)])?),* })
            }
        }
    )*};
}

/// Words, by what they are in JSON.
macro_rules! words {
    ($($name:ident { $($word:literal $variant:ident),* $(,)? })*) => {$(
        impl Read for $name {
            fn read(json: &Value) -> Option<$name> {
                match json.as_str()? {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

objects! {
    MapView { nodes, edges }
    PeerView { peer_id, kind, name, role, reachable, age_ms }
    EdgeView { a, b, transport, latency_ms }
    LinkView { link, peer_id, transport, state, rtt_ms, age_ms, path, measured, breaker, serves }
    MeasuredView { jitter_ms, loss, reliability, delivered_bytes_per_s, rssi_dbm, history }
    MeasuredSample { age_ms, rtt_ms, loss, rssi_dbm }
    NeighbourView { peer_id, unacknowledged, switches }
    SwitchView { age_ms, class, from, to, reason, interruption_ms }
    LeaderView { peer_id, term, age_ms, votes, electors }
    NearbyView { address, transport, peer_id, rssi_dbm, distance_m, age_ms }
    RadioReport { adapter, peripheral, not_applied }
    ComponentView { name, state, last_report_ms, latency_ms }
    HealthView {
        snapshot, age_ms, cut_nodes, cut_edges, clusters, tables, alerts, anomalies, forecasts,
        advice, relays, repairs, history,
    }
    CutNodeView { peer_id, cuts_off, load }
    CutEdgeView { a, b, cuts_off }
    TableRiskView { table_id, risk }
    AlertView { kind, severity, value, threshold, raised_ms, cleared_ms }
    AnomalyView {
        subject, metric, detector, severity, value, expected, score, age_ms, cause, action,
    }
    ForecastView { metric, now, horizon_ms, expected }
    BandView { value, low, high }
    AdviceView { severity, text, repair }
    RelayView { peer_id, table_id, seats_cut }
    RepairView { id, a, b, transport, goal, gain, state, age_ms }
    SampleView { age_ms, snapshot }
    Risk { probability, error, method, horizon_ms }
    Snapshot {
        nodes, links, parts, mean_latency_ms, mean_reliability, diameter, clustering, cut_nodes,
        cut_edges, clusters, cut_node_load, documents_risk, risk, link_changes, bytes_in,
        packets_in, congested,
    }
}

words! {
    Transport {
        "tcp" Tcp, "websocket" WebSocket, "quic" Quic, "udp" Udp, "ble" Ble, "webrtc" WebRtc,
    }
    PathClass { "lan" Lan, "internet" Internet, "bluetooth" Bluetooth }
    Class { "dice" Dice, "bets" Bets, "chat" Chat, "sync" Sync, "mesh" Mesh }
    LinkState { "handshaking" Handshaking, "open" Open }
    BreakerState { "closed" Closed, "open" Open, "half_open" HalfOpen }
    SwitchReason {
        "first" First, "better" Better, "fading" Fading, "ended" Ended, "silent" Silent,
        "lossy" Lossy,
    }
    NodeKind { "regular" Regular, "gateway" Gateway, "browser" Browser }
    SeatRole { "player" Player, "bot" Bot, "witness" Witness }
    Knob {
        "advertising_interval" AdvertisingInterval, "connection_interval" ConnectionInterval,
        "peripheral_latency" PeripheralLatency, "supervision_timeout" SupervisionTimeout,
        "tx_power" TxPower, "channel_map" ChannelMap,
    }
    AlertKind {
        "risk" Risk, "diameter" Diameter, "clustering" Clustering, "cut_node_load" CutNodeLoad,
        "partitioned" Partitioned,
    }
    Severity { "info" Info, "warning" Warning, "critical" Critical }
    Detector {
        "z_score" ZScore, "median" Median, "change_point" ChangePoint,
        "rate_of_change" RateOfChange,
    }
    RiskMethod { "exact" Exact, "sampled" Sampled }
    RepairGoal {
        "join_parts" JoinParts, "bypass" Bypass, "table" Table, "shortcut" Shortcut,
        "thicken" Thicken,
    }
    RepairState {
        "planned" Planned, "trying" Trying, "linked" Linked, "verified" Verified,
        "no_gain" NoGain, "failed" Failed, "given_up" GivenUp,
    }
    Metric {
        "nodes" Nodes, "links" Links, "parts" Parts, "mean_latency" MeanLatency,
        "mean_reliability" MeanReliability, "diameter" Diameter, "clustering" Clustering,
        "cut_nodes" CutNodes, "cut_edges" CutEdges, "cut_node_load" CutNodeLoad, "risk" Risk,
        "link_changes" LinkChanges, "bytes_in" BytesIn, "packets_in" PacketsIn,
        "congested" Congested,
    }
}

impl Read for Subject {
    fn read(json: &Value) -> Option<Subject> {
        match json.as_str() {
            Some("mesh") => Some(Subject::Mesh),
            _ => PeerId::read(&json["neighbour"]).map(Subject::Neighbour),
        }
    }
}

impl Read for Adapter {
    fn read(json: &Value) -> Option<Adapter> {
        match json["state"].as_str()? {
            "on" => Some(Adapter::On { name: Read::read(&json["name"])? }),
            "off" => Some(Adapter::Off { why: Read::read(&json["why"])? }),
            "absent" => Some(Adapter::Absent { why: Read::read(&json["why"])? }),
            _ => None,
        }
    }
}

impl Read for ComponentState {
    fn read(json: &Value) -> Option<ComponentState> {
        match json["state"].as_str()? {
            "healthy" => Some(ComponentState::Healthy),
            "degraded" => Some(ComponentState::Degraded { why: Read::read(&json["why"])? }),
            "unhealthy" => Some(ComponentState::Unhealthy { error: Read::read(&json["error"])? }),
            _ => Some(ComponentState::Unknown),
        }
    }
}

impl Read for NodeView {
    fn read(json: &Value) -> Option<NodeView> {
        fn at<T: Read>(json: &Value, key: &str) -> Option<T> {
            T::read(&json[key])
        }
        Some(NodeView {
            peer_id: at(json, "peer_id")?,
            name: at(json, "name")?,
            kind: at(json, "kind")?,
            role: at(json, "role")?,
            uptime_ms: at(json, "uptime_ms")?,
            links: at(json, "links")?,
            neighbours: at(json, "neighbours")?,
            nearby: at(json, "nearby")?,
            radio: at(json, "radio")?,
            map: at(json, "map")?,
            partitions: at(json, "partitions")?,
            leader: at(json, "leader")?,
            tables: Vec::new(),
            lobby: Vec::new(),
            health: at(json, "health")?,
            components: at(json, "components")?,
            counters: Counters::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;
    use bitcraps_core::node::METRICS;
    use core::fmt::Debug;
    use serde::Serialize;
    use serde_json::{json, to_value};

    fn same<T: Read + Serialize + PartialEq + Debug>(all: &[T]) {
        for one in all {
            let json = to_value(one).unwrap();
            assert_eq!(T::read(&json).as_ref(), Some(one), "{json}");
        }
    }

    fn snapshot() -> Snapshot {
        Snapshot {
            nodes: 1,
            links: 2,
            parts: 3,
            mean_latency_ms: Some(4.5),
            mean_reliability: None,
            diameter: 6,
            clustering: Some(0.7),
            cut_nodes: 8,
            cut_edges: 9,
            clusters: 10,
            cut_node_load: Some(0.11),
            documents_risk: 0.12,
            risk: Some(Risk {
                probability: 0.13,
                error: 0.01,
                method: RiskMethod::Sampled,
                horizon_ms: 14,
            }),
            link_changes: 15.0,
            bytes_in: 16.0,
            packets_in: 17.0,
            congested: 18.0,
        }
    }

    fn health() -> HealthView {
        let (a, b) = (sample::peer(1), sample::peer(2));
        let table_id = TableId::from_bytes([9; 32]);
        HealthView {
            snapshot: Some(snapshot()),
            age_ms: Some(1),
            cut_nodes: vec![CutNodeView { peer_id: a, cuts_off: 2, load: 0.5 }],
            cut_edges: vec![CutEdgeView { a, b, cuts_off: 3 }],
            clusters: vec![vec![a, b], Vec::new()],
            tables: vec![TableRiskView { table_id, risk: snapshot().risk.unwrap() }],
            alerts: vec![AlertView {
                kind: AlertKind::CutNodeLoad,
                severity: Severity::Critical,
                value: 0.5,
                threshold: 0.4,
                raised_ms: 7,
                cleared_ms: None,
            }],
            anomalies: vec![AnomalyView {
                subject: Subject::Neighbour(b),
                metric: Metric::BytesIn,
                detector: Detector::ChangePoint,
                severity: Severity::Info,
                value: 1.0,
                expected: 2.0,
                score: 3.0,
                age_ms: 4,
                cause: "so".to_owned(),
                action: "do".to_owned(),
            }],
            forecasts: vec![ForecastView {
                metric: Metric::Diameter,
                now: 1.0,
                horizon_ms: 2,
                expected: Some(BandView { value: 1.0, low: 0.0, high: 3.0 }),
            }],
            advice: vec![AdviceView {
                severity: Severity::Warning,
                text: "do".to_owned(),
                repair: Some(3),
            }],
            relays: vec![RelayView { peer_id: a, table_id, seats_cut: 1 }],
            repairs: vec![RepairView {
                id: 3,
                a,
                b,
                transport: Some(Transport::Tcp),
                goal: RepairGoal::Bypass,
                gain: "much".to_owned(),
                state: RepairState::NoGain,
                age_ms: 5,
            }],
            history: vec![SampleView { age_ms: 6, snapshot: snapshot() }],
        }
    }

    fn view() -> NodeView {
        let (a, b) = (sample::peer(1), sample::peer(2));
        let history =
            vec![MeasuredSample { age_ms: 1, rtt_ms: Some(2.0), loss: None, rssi_dbm: Some(-4) }];
        let mut view = sample::view();
        view.links = vec![LinkView {
            peer_id: Some(a),
            rtt_ms: Some(1.5),
            age_ms: Some(9),
            path: Some(PathClass::Lan),
            measured: MeasuredView {
                jitter_ms: Some(0.5),
                loss: Some(0.1),
                reliability: Some(0.9),
                delivered_bytes_per_s: Some(100.0),
                rssi_dbm: Some(-50),
                history,
            },
            breaker: BreakerState::HalfOpen,
            serves: vec![Class::Dice, Class::Mesh],
            ..LinkView::new(LinkId(7), Transport::Quic, LinkState::Open)
        }];
        let switches = vec![SwitchView {
            age_ms: 1,
            class: Class::Bets,
            from: Some(Transport::Udp),
            to: Transport::WebRtc,
            reason: SwitchReason::Fading,
            interruption_ms: Some(2.5),
        }];
        view.neighbours = vec![NeighbourView { peer_id: a, unacknowledged: 3, switches }];
        view.nearby = vec![NearbyView {
            address: "ble://x".to_owned(),
            transport: Transport::Ble,
            peer_id: Some(b),
            rssi_dbm: Some(-60),
            distance_m: Some(2.0),
            age_ms: 8,
        }];
        view.radio = Some(RadioReport {
            adapter: Adapter::On { name: "hci0".to_owned() },
            peripheral: true,
            not_applied: vec![Knob::TxPower],
        });
        view.map.nodes = vec![PeerView {
            peer_id: a,
            kind: NodeKind::Gateway,
            name: "Ann".to_owned(),
            role: SeatRole::Bot,
            reachable: true,
            age_ms: 4,
        }];
        view.map.edges = vec![EdgeView { a, b, transport: Transport::Tcp, latency_ms: Some(0.5) }];
        view.partitions = vec![vec![a, b]];
        view.leader = Some(LeaderView { peer_id: a, term: 3, age_ms: 9, votes: 2, electors: 2 });
        view.health = health();
        view.components = vec![ComponentView {
            name: "store".to_owned(),
            state: ComponentState::Degraded { why: "slow".to_owned() },
            last_report_ms: Some(1),
            latency_ms: None,
        }];
        view.counters = Counters::default();
        view
    }

    #[test]
    fn what_a_node_tells_is_what_is_read() {
        same(&[view(), sample::view()]);
    }

    #[test]
    fn every_word_of_the_view_is_known() {
        same(&Transport::ALL);
        same(&Class::ALL);
        same(&METRICS);
        same(&[PathClass::Lan, PathClass::Internet, PathClass::Bluetooth]);
        same(&[LinkState::Handshaking, LinkState::Open]);
        same(&[BreakerState::Closed, BreakerState::Open, BreakerState::HalfOpen]);
        same(&[
            SwitchReason::First,
            SwitchReason::Better,
            SwitchReason::Fading,
            SwitchReason::Ended,
            SwitchReason::Silent,
            SwitchReason::Lossy,
        ]);
        same(&[NodeKind::Regular, NodeKind::Gateway, NodeKind::Browser]);
        same(&[SeatRole::Player, SeatRole::Bot, SeatRole::Witness]);
        same(&[
            Knob::AdvertisingInterval,
            Knob::ConnectionInterval,
            Knob::PeripheralLatency,
            Knob::SupervisionTimeout,
            Knob::TxPower,
            Knob::ChannelMap,
        ]);
        same(&[
            AlertKind::Risk,
            AlertKind::Diameter,
            AlertKind::Clustering,
            AlertKind::CutNodeLoad,
            AlertKind::Partitioned,
        ]);
        same(&[Severity::Info, Severity::Warning, Severity::Critical]);
        same(&[Detector::ZScore, Detector::Median, Detector::ChangePoint, Detector::RateOfChange]);
        same(&[RiskMethod::Exact, RiskMethod::Sampled]);
        same(&[
            RepairGoal::JoinParts,
            RepairGoal::Bypass,
            RepairGoal::Table,
            RepairGoal::Shortcut,
            RepairGoal::Thicken,
        ]);
        same(&[
            RepairState::Planned,
            RepairState::Trying,
            RepairState::Linked,
            RepairState::Verified,
            RepairState::NoGain,
            RepairState::Failed,
            RepairState::GivenUp,
        ]);
        same(&[Subject::Mesh, Subject::Neighbour(sample::peer(3))]);
        let why = "so".to_owned();
        same(&[Adapter::Off { why: why.clone() }, Adapter::Absent { why: why.clone() }]);
        same(&[
            ComponentState::Healthy,
            ComponentState::Unhealthy { error: why },
            ComponentState::Unknown,
        ]);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_what_is_no_view_is_refused() {
        let mut json = to_value(view()).unwrap();
        json["later"] = json!({ "a": 1 });
        json["links"][0]["serves"] = json!(["dice", "carrier_pigeons"]);
        json["links"][0]["path"] = json!("moon");
        json["links"].as_array_mut().unwrap().push(json!("nonsense"));
        json["nearby"] = Value::Null;
        let read = NodeView::read(&json).unwrap();
        assert_eq!(read.links.len(), 1);
        assert_eq!((&read.links[0].serves[..], read.links[0].path), (&[Class::Dice][..], None));
        assert!(read.nearby.is_empty());
        for json in [json!(null), json!({}), json!([1]), json!({ "peer_id": "zz" })] {
            assert!(NodeView::read(&json).is_none(), "{json}");
        }
    }
}
