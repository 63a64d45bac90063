//! Draws the picture that dashboards and tests look at. Reads everything, changes nothing.

use super::{
    BetView, ChatView, Counters, DepartureView, EdgeView, HandView, HistoryView, LinkState,
    LinkView, LobbyView, MapView, MeasuredSample, MeasuredView, NeighbourView, Node, NodeView,
    PauseView, PeerView, SeatView, SwitchView, TablePhase, TableState, TableView,
    dispatch::Counted, message::Announced,
};
use crate::{
    game::{Departure, Phase, Rolled, Said, Session, Standing},
    id::{PeerId, TableId},
    limits::TABLE_MEMBERS_MAX,
    link::{self, LinkPhase},
    map::KnownPeer,
    sorted::SortedMap,
    time::{Duration, Instant},
};

impl Node {
    /// A picture of everything this node knows.
    pub fn view(&self, now: Instant) -> NodeView {
        NodeView {
            peer_id: self.identity.id(),
            name: self.config.name.clone(),
            kind: self.config.kind,
            role: self.config.role,
            uptime_ms: millis(now, self.started),
            links: self.link_views(now),
            neighbours: self.neighbour_views(now),
            nearby: self.nearby_views(now),
            radio: self.discover.radio().cloned(),
            map: self.map_view(now),
            partitions: self.map.parts().to_vec(),
            tables: self.tables.sessions().map(|s| self.table_view(s, now)).collect(),
            lobby: self.lobby_view(),
            health: self.health(now),
            components: Vec::new(),
            counters: self.counters(),
        }
    }

    fn link_views(&self, now: Instant) -> Vec<LinkView> {
        let ms = |time: Duration| time.as_micros() as f64 / 1000.0;
        let share = |ppm: u64| ppm as f64 / 1e6;
        let sample = |sample: &link::Sample| MeasuredSample {
            age_ms: millis(now, sample.at),
            rtt_ms: sample.rtt.map(ms),
            loss: Some(share(sample.loss_ppm)),
            rssi_dbm: sample.rssi_dbm,
        };
        let view = |l: link::LinkInfo| LinkView {
            peer_id: l.peer,
            rtt_ms: l.rtt.map(ms),
            age_ms: Some(millis(now, l.since)),
            path: Some(l.path),
            measured: MeasuredView {
                jitter_ms: l.rtt_variation.map(ms),
                loss: l.loss_ppm.map(share),
                reliability: l.reliability.map(f64::from),
                delivered_bytes_per_s: l.bytes_per_s.map(|rate| rate as f64),
                rssi_dbm: l.rssi_dbm,
                history: l.history.iter().map(sample).collect(),
            },
            breaker: l.breaker,
            serves: l.serves,
            ..LinkView::new(
                l.link,
                l.transport,
                match l.phase {
                    LinkPhase::Handshaking => LinkState::Handshaking,
                    LinkPhase::Open => LinkState::Open,
                },
            )
        };
        self.links.links().map(view).collect()
    }

    fn neighbour_views(&self, now: Instant) -> Vec<NeighbourView> {
        let switch = |switch: &link::Switch| SwitchView {
            age_ms: millis(now, switch.at),
            class: switch.class,
            from: switch.from,
            to: switch.to,
            reason: switch.reason,
            interruption_ms: switch.interruption.map(|time| time.as_micros() as f64 / 1000.0),
        };
        let view = |peer: link::PeerInfo| NeighbourView {
            peer_id: peer.peer,
            unacknowledged: peer.unacknowledged,
            switches: peer.switches.iter().rev().map(switch).collect(),
        };
        self.links.peers().map(view).collect()
    }

    fn map_view(&self, now: Instant) -> MapView {
        let me = self.identity.id();
        let peer = |p: &KnownPeer| PeerView {
            peer_id: p.id(),
            kind: p.kind(),
            name: p.name().to_owned(),
            role: Announced::decode(p.extra()).role,
            reachable: p.id() == me || self.router.reachable(p.id()),
            age_ms: millis(now, p.heard_at()),
        };
        let edge = |e: &crate::map::Edge| EdgeView {
            a: e.a,
            b: e.b,
            transport: e.transport,
            latency_ms: e.latency.map(|l| l.as_micros() as f64 / 1000.0),
        };
        MapView {
            nodes: self.map.peers().map(peer).collect(),
            edges: self.map.edges().iter().map(edge).collect(),
        }
    }

    fn table_view(&self, session: &Session, now: Instant) -> TableView {
        let ledger = session.ledger();
        let seat = |(seat, state): (_, &crate::game::SeatState)| SeatView {
            peer_id: state.peer,
            name: state.name.clone(),
            role: state.role,
            stack: state.stack,
            bets: ledger
                .felt()
                .bets_of(seat)
                .map(|(spot, chips)| BetView { spot: spot.to_string(), chips })
                .collect(),
            reachable: session.reaches(state.peer),
            ready: state.ready,
            deals: ledger.deals_in_stock(seat),
            opened: session.has_share(seat),
            brought: state.brought,
            silent_ms: session.silence(state.peer, now).map(|time| time.as_millis() as u64),
            absent_claims: state.absent_claims(),
            away: state.away,
            leaving: state.leaving,
            offence: ledger.offence_of(&state.key),
        };
        TableView {
            table_id: session.id(),
            name: ledger.name().to_owned(),
            state: match session.standing() {
                Standing::Joining => TableState::Joining,
                Standing::Seated if session.is_frozen() => TableState::Frozen,
                Standing::Seated => TableState::Playing,
                Standing::Watching => TableState::Watching,
                Standing::Left => TableState::Left,
                Standing::Halted => TableState::Halted,
            },
            phase: match ledger.phase() {
                Phase::Dealing => TablePhase::Dealing,
                Phase::Betting => TablePhase::Betting,
                Phase::Opening => TablePhase::Opening,
            },
            members: ledger.seats().map(|(_, s)| s.peer).collect(),
            seats: ledger.seats().map(seat).collect(),
            height: ledger.height(),
            log_hash: TableId::from_bytes(ledger.log_hash()).to_string(),
            shooter: ledger.shooter(),
            point: ledger.felt().point(),
            rules: *ledger.felt().rules(),
            hand: HandView {
                points_made: ledger.felt().hand().points_made().collect(),
                totals: *ledger.felt().hand().totals(),
            },
            roll: ledger.roll(),
            bank: ledger.bank(),
            minted: ledger.minted(),
            cashed_out: ledger.cashed_out(),
            reachable: session.reachable(),
            quorum: session.quorum(),
            pending: session.pending(),
            paused: session
                .pause()
                .map(|pause| PauseView { risk: pause.risk, since_ms: millis(now, pause.since) }),
            history: session.history().map(history_view).collect(),
            buy_in: ledger.buy_in(),
            phase_ms: millis(now, session.moved_at()),
            departures: ledger.departures().map(departure_view).collect(),
            watchers: session.watchers(),
            chat: session.lines().map(|said| self.chat_view(session, said, now)).collect(),
        }
    }

    fn chat_view(&self, session: &Session, said: &Said, now: Instant) -> ChatView {
        let seat = session.ledger().seat(said.peer).map(|(_, state)| state.name.clone());
        let known = || self.map.peer(said.peer).map(|peer| peer.name().to_owned());
        ChatView {
            number: said.number,
            peer_id: said.peer,
            name: seat.or_else(known).unwrap_or_else(|| said.peer.short()),
            text: said.text.clone(),
            age_ms: millis(now, said.at),
        }
    }

    /// Tables that peers in reach announce and this node does not sit at.
    fn lobby_view(&self) -> Vec<LobbyView> {
        let mut found: SortedMap<TableId, LobbyView> = SortedMap::new();
        for peer in self.map.peers().filter(|p| self.router.reachable(p.id())) {
            for ad in Announced::decode(peer.extra()).tables {
                if self.tables.session(ad.table).is_some() {
                    continue;
                }
                let entry = found.or_insert_with(ad.table, || LobbyView {
                    table_id: ad.table,
                    name: ad.name,
                    hosts: Vec::new(),
                    members: usize::from(ad.members),
                    members_max: TABLE_MEMBERS_MAX,
                });
                entry.hosts.push(peer.id());
                entry.members = entry.members.max(usize::from(ad.members));
            }
        }
        found.into_values().collect()
    }
}

fn departure_view(departure: &Departure) -> DepartureView {
    DepartureView {
        peer_id: departure.peer,
        name: departure.name.clone(),
        parting: departure.parting,
        brought: departure.brought,
        chips: departure.chips,
        height: departure.height,
    }
}

fn history_view(rolled: &Rolled) -> HistoryView {
    HistoryView {
        roll: rolled.roll,
        height: rolled.height,
        dice: rolled.dice,
        shooter: rolled.shooter,
        point: rolled.point,
        dealers: rolled.dealers.clone(),
        openers: rolled.openers.clone(),
        opened: PeerId::from_bytes(rolled.opened).to_string(),
        paid: rolled.paid.clone(),
    }
}

pub(super) fn millis(now: Instant, then: Instant) -> u64 {
    now.since(then).as_micros() as u64 / 1000
}

/// Gathers what every room counts under one roof.
pub(super) fn counters(node: &Node, counted: &Counted) -> Counters {
    let (link, map, route) = (node.links.counters(), node.map.counters(), node.router.counters());
    let (health, discover) = (node.health.counters(), node.discover.counters());
    let mut all = Counters {
        frames_in: link.frames_in,
        frames_out: link.frames_out,
        bytes_in: link.bytes_in,
        bytes_out: link.bytes_out,
        links_opened: link.opened,
        links_closed: link.closed.clone(),
        congested: link.congested,
        handshakes_failed: link.handshakes_failed,
        link_switches: link.switches.clone(),
        messages_lost: link.lost,
        messages_resent: link.resent,
        messages_moved: link.moved,
        messages_again: link.again,
        messages_given_up: link.given_up,
        announcements_accepted: map.accepted,
        announcements_refused: map.refused,
        floods_forwarded: route.floods_relayed,
        floods_duplicate: route.floods_duplicate,
        packets_sent: route.sent,
        packets_forwarded: route.forwarded,
        packets_delivered: route.delivered,
        packets_duplicate: route.duplicate,
        packets_refused: route.refused + counted.decode_refused,
        packets_retried: route.retried,
        packets_unreachable: route.unreachable,
        partitions_formed: map.partitions_formed,
        snapshots: health.snapshots,
        alerts_raised: health.alerts_raised,
        alerts_cleared: health.alerts_cleared,
        anomalies: health.anomalies,
        repairs: node.repair_counts(),
        sightings_refused: discover.sightings_refused,
        signals_sent: discover.signals_sent,
        signals_delivered: discover.signals_delivered,
        signals_refused: discover.signals_refused,
        tables_lost: counted.tables_lost,
        ..Counters::default()
    };
    for session in node.tables.sessions() {
        let table = session.counters();
        all.decisions += table.decisions;
        all.rounds_failed += table.rounds_failed;
        all.ops_refused += table.ops_refused;
        all.rolls += table.rolls;
        all.lines_refused += table.lines_refused;
        all.equivocations += table.equivocations;
        all.agree_refused += session.agree_refused();
    }
    all
}
