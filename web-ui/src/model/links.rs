//! The links of one node as people read them: which carries what, how good each is, and why
//! messages changed from one to another.

use super::{
    chart::{self, Chart, Point, Words},
    text,
};
use bitcraps_core::{
    id::PeerId,
    node::{
        BreakerState, Class, LinkState, LinkView, MeasuredSample, NodeView, PathClass,
        SwitchReason, SwitchView,
    },
};

/// Switches that are listed, of one peer or of all.
pub const SWITCHES_LISTED_MAX: usize = 12;

/// Classes that left a link for the same reason so close together changed as one.
const TOGETHER_MS: u64 = 1_000;

/// Fainter than this nothing is received (dBm); the drawing of a signal starts there.
const FAINTEST_DBM: f64 = -100.0;

/// All links to a peer, those in use first.
pub fn links_to<'a>(view: &'a NodeView, peer: &PeerId) -> Vec<&'a LinkView> {
    let to = view.links.iter().filter(|link| link.peer_id.as_ref() == Some(peer));
    let (used, idle): (Vec<_>, Vec<_>) = to.partition(|link| !link.serves.is_empty());
    used.into_iter().chain(idle).collect()
}

pub fn class(class: Class) -> &'static str {
    match class {
        Class::Dice => "dice",
        Class::Bets => "bets",
        Class::Chat => "chat",
        Class::Sync => "logs",
        Class::Mesh => "the mesh itself",
    }
}

fn classes(all: &[Class]) -> String {
    match all.len() == Class::ALL.len() {
        true => "everything".to_owned(),
        false => {
            let words: Vec<String> = all.iter().map(|one| class(*one).to_owned()).collect();
            text::list(&words)
        }
    }
}

pub fn path(path: Option<PathClass>) -> &'static str {
    match path {
        Some(PathClass::Lan) => "this network",
        Some(PathClass::Internet) => "the Internet",
        Some(PathClass::Bluetooth) => "Bluetooth",
        None => text::UNKNOWN,
    }
}

/// "dice and bets", or why nothing.
pub fn used_for(link: &LinkView) -> String {
    match (link.state, link.breaker, link.serves.is_empty()) {
        (LinkState::Handshaking, _, _) => "saying hello".to_owned(),
        (LinkState::Open, _, false) => classes(&link.serves),
        (LinkState::Open, BreakerState::Open, true) => "not used".to_owned(),
        (LinkState::Open, _, true) => "in reserve".to_owned(),
    }
}

/// "Over this network, for dice and bets."
pub fn way(link: &LinkView) -> String {
    let used = match link.serves.is_empty() {
        true => used_for(link),
        false => ["for ", &used_for(link)].concat(),
    };
    match link.path {
        Some(known) => ["Over ", path(Some(known)), ", ", &used, "."].concat(),
        None => first_upper([&used, "."].concat()),
    }
}

fn first_upper(mut said: String) -> String {
    if let Some(letter) = said.get_mut(..1) {
        letter.make_ascii_uppercase();
    }
    said
}

/// Whether a link is trusted: a word, its class, and what it means where that is not plain.
pub fn breaker(state: BreakerState) -> (&'static str, &'static str, &'static str) {
    match state {
        BreakerState::Closed => ("trusted", "good", ""),
        BreakerState::Open => {
            ("not trusted", "bad", "It failed too often: nothing is sent on it for a while.")
        }
        BreakerState::HalfOpen => {
            ("on trial", "warn", "It failed before: a few messages try it, then it is decided.")
        }
    }
}

/// "12 ms ± 3 ms".
pub fn round_trip(link: &LinkView) -> String {
    let jitter = link.rtt_ms.and(link.measured.jitter_ms);
    let spread = jitter.map(|jitter| [" ± ", &text::latency(Some(jitter))].concat());
    text::latency(link.rtt_ms) + &spread.unwrap_or_default()
}

pub fn loss(share: Option<f64>) -> String {
    share.filter(|s| s.is_finite()).map_or_else(|| text::UNKNOWN.to_owned(), text::percent)
}

pub fn delivered(link: &LinkView) -> String {
    let rate = link.measured.delivered_bytes_per_s.filter(|rate| rate.is_finite());
    rate.map_or_else(|| text::UNKNOWN.to_owned(), |rate| text::bytes_per_second(rate.max(0.0)))
}

pub fn signal(dbm: Option<i8>) -> String {
    dbm.map_or_else(|| text::UNKNOWN.to_owned(), |dbm| decibels(f64::from(dbm)))
}

fn decibels(dbm: f64) -> String {
    let sign = if dbm < 0.0 { "−" } else { "" };
    [sign, &text::decimal(dbm.abs(), 0), " dBm"].concat()
}

pub fn age(link: &LinkView) -> String {
    link.age_ms.map_or_else(|| text::UNKNOWN.to_owned(), text::span)
}

/// Round trip, loss and signal over time, as far as each was measured.
pub fn charts(link: &LinkView) -> Vec<Chart> {
    let draw = |name, of: fn(&MeasuredSample) -> Option<f64>, write: fn(f64) -> String| {
        let past = link.measured.history.iter().map(|sample| (sample.age_ms, of(sample)));
        let past: Vec<Point> = chart::thin(past.collect());
        let write = |value: Option<f64>| value.map_or_else(|| text::UNKNOWN.to_owned(), write);
        // One point is no line.
        let line = past.len() > 1;
        line.then(|| Chart::of(Words { name, meaning: "" }, &past, None, &write)).flatten()
    };
    let signal = |sample: &MeasuredSample| Some(f64::from(sample.rssi_dbm?) - FAINTEST_DBM);
    [
        draw("Round trip", |sample| sample.rtt_ms, |ms| text::latency(Some(ms))),
        draw("Loss", |sample| sample.loss, text::percent),
        draw("Signal", signal, |above| decibels(above + FAINTEST_DBM)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One change of link, of one class or of several at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    pub peer: PeerId,
    pub age_ms: u64,
    /// A sentence.
    pub said: String,
}

/// The last changes of link to this peer, or to all of them, newest first.
pub fn switches(view: &NodeView, peer: Option<&PeerId>) -> Vec<Switch> {
    let wanted = view.neighbours.iter().filter(|n| peer.is_none_or(|peer| *peer == n.peer_id));
    let mut groups: Vec<(PeerId, Vec<&SwitchView>)> = Vec::new();
    for neighbour in wanted {
        for switch in &neighbour.switches {
            match groups.last_mut() {
                Some((peer, group))
                    if *peer == neighbour.peer_id
                        && group.first().is_some_and(|first| together(first, switch)) =>
                {
                    group.push(switch);
                }
                _ => groups.push((neighbour.peer_id, vec![switch])),
            }
        }
    }
    let age = |group: &[&SwitchView]| group.first().map_or(0, |first| first.age_ms);
    // Age above, place below: sorting plain numbers is one function for the whole page.
    let aged = groups.iter().zip(0_u128..);
    let mut order: Vec<u128> =
        aged.map(|((_, group), place)| u128::from(age(group)) << 64 | place).collect();
    order.sort_unstable();
    let newest = order.into_iter().take(SWITCHES_LISTED_MAX);
    newest
        .filter_map(|entry| groups.get(entry as u64 as usize))
        .map(|(peer, group)| Switch { peer: *peer, age_ms: age(group), said: switch_said(group) })
        .collect()
}

fn together(first: &SwitchView, other: &SwitchView) -> bool {
    (first.from, first.to, first.reason) == (other.from, other.to, other.reason)
        && first.age_ms.abs_diff(other.age_ms) < TOGETHER_MS
        && first.class != other.class
}

/// "Dice moved from TCP to QUIC: TCP fell silent; nothing was delivered for 340 ms."
fn switch_said(group: &[&SwitchView]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let moved: Vec<Class> =
        Class::ALL.into_iter().filter(|c| group.iter().any(|s| s.class == *c)).collect();
    let mut said = first_upper(classes(&moved));
    let to = text::transport(first.to);
    let from = first.from.map_or("the one before", text::transport);
    let why = match first.reason {
        SwitchReason::First => [to, " was the first link"].concat(),
        SwitchReason::Better => [to, " was clearly better"].concat(),
        SwitchReason::Fading => [from, " was fading"].concat(),
        SwitchReason::Ended => [from, " ended"].concat(),
        SwitchReason::Silent => [from, " fell silent"].concat(),
        SwitchReason::Lossy => [from, " lost too much"].concat(),
    };
    match first.from {
        Some(_) => said.extend([" moved from ", from, " to ", to, ": ", &why]),
        None => said.extend([" took ", to, ": ", &why]),
    }
    let waited = group.iter().filter_map(|switch| switch.interruption_ms).reduce(f64::max);
    if let Some(waited) = waited {
        said.extend(["; nothing was delivered for ", &text::latency(Some(waited))]);
    }
    said.push('.');
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;
    use bitcraps_core::{
        id::LinkId,
        node::{NeighbourView, Transport},
    };

    fn link(transport: Transport, serves: &[Class]) -> LinkView {
        LinkView {
            peer_id: Some(sample::peer(1)),
            serves: serves.to_vec(),
            ..LinkView::new(LinkId(1), transport, LinkState::Open)
        }
    }

    fn switch(class: Class, age_ms: u64, reason: SwitchReason) -> SwitchView {
        SwitchView {
            age_ms,
            class,
            from: Some(Transport::Tcp),
            to: Transport::Quic,
            reason,
            interruption_ms: None,
        }
    }

    fn view(switches: Vec<SwitchView>) -> NodeView {
        let mut view = sample::view();
        view.neighbours =
            vec![NeighbourView { peer_id: sample::peer(1), unacknowledged: 0, switches }];
        view
    }

    #[test]
    fn every_link_of_a_peer_is_listed_and_those_in_use_come_first() {
        let mut view = sample::view();
        view.links = vec![
            link(Transport::Tcp, &[]),
            link(Transport::Quic, &[Class::Dice, Class::Bets]),
            LinkView { peer_id: None, ..link(Transport::Udp, &[]) },
            LinkView { peer_id: Some(sample::peer(2)), ..link(Transport::Ble, &[]) },
        ];
        let found = links_to(&view, &sample::peer(1));
        let kinds: Vec<Transport> = found.iter().map(|link| link.transport).collect();
        assert_eq!(kinds, [Transport::Quic, Transport::Tcp]);
        assert_eq!(used_for(found[0]), "dice and bets");
        assert_eq!(
            (used_for(found[1]), way(found[1])),
            ("in reserve".into(), "In reserve.".into())
        );
        let mut all = link(Transport::Tcp, &Class::ALL);
        all.path = Some(PathClass::Lan);
        assert_eq!(way(&all), "Over this network, for everything.");
        all.serves.clear();
        all.breaker = BreakerState::Open;
        assert_eq!(way(&all), "Over this network, not used.");
        all.state = LinkState::Handshaking;
        assert_eq!(way(&all), "Over this network, saying hello.");
    }

    #[test]
    fn what_was_not_measured_is_a_dash_and_what_was_has_its_unit() {
        let mut link = link(Transport::Ble, &[]);
        let said = |l: &LinkView| {
            [
                round_trip(l),
                loss(l.measured.loss),
                delivered(l),
                signal(l.measured.rssi_dbm),
                age(l),
            ]
        };
        assert_eq!(said(&link), [text::UNKNOWN; 5]);
        assert!(charts(&link).is_empty());
        link.rtt_ms = Some(24.0);
        link.age_ms = Some(200_000);
        link.measured.jitter_ms = Some(3.25);
        link.measured.loss = Some(0.004);
        link.measured.delivered_bytes_per_s = Some(12_300.0);
        link.measured.rssi_dbm = Some(-63);
        assert_eq!(said(&link), ["24 ms ± 3.3 ms", "0.4 %", "12 kB/s", "−63 dBm", "3 min"]);
        link.rtt_ms = None;
        assert_eq!(round_trip(&link), text::UNKNOWN, "no spread around nothing");
        link.measured.loss = Some(f64::NAN);
        assert_eq!(loss(link.measured.loss), text::UNKNOWN);
    }

    #[test]
    fn each_figure_of_a_link_that_was_measured_over_time_is_drawn() {
        let mut link = link(Transport::Ble, &[]);
        let sample = |age_ms, rssi_dbm| MeasuredSample {
            age_ms,
            rtt_ms: Some(20.0),
            loss: None,
            rssi_dbm: Some(rssi_dbm),
        };
        link.measured.history = vec![sample(10_000, -90)];
        assert!(charts(&link).is_empty(), "one point is no line");
        link.measured.history.push(sample(0, -60));
        let drawn = charts(&link);
        let names: Vec<&str> = drawn.iter().map(|chart| chart.words.name).collect();
        assert_eq!(names, ["Round trip", "Signal"]);
        assert_eq!(
            drawn[1].said(),
            "Signal over the last 10 s: −60 dBm now, between −90 dBm and −60 dBm."
        );
        // From the faintest up: a stronger signal is higher.
        assert_eq!(drawn[1].lines, ["0,92 600,16 "]);
    }

    #[test]
    fn a_switch_is_told_with_its_reason_and_how_long_nothing_was_delivered() {
        let mut one = switch(Class::Dice, 12_000, SwitchReason::Silent);
        one.interruption_ms = Some(340.0);
        let told = switches(&view(vec![one.clone()]), None);
        assert_eq!(
            told[0].said,
            "Dice moved from TCP to QUIC: TCP fell silent; nothing was delivered for 340 ms."
        );
        one.interruption_ms = None;
        one.from = None;
        for (reason, said) in [
            (SwitchReason::First, "Dice took QUIC: QUIC was the first link."),
            (SwitchReason::Better, "Dice took QUIC: QUIC was clearly better."),
            (SwitchReason::Fading, "Dice took QUIC: the one before was fading."),
            (SwitchReason::Ended, "Dice took QUIC: the one before ended."),
            (SwitchReason::Silent, "Dice took QUIC: the one before fell silent."),
            (SwitchReason::Lossy, "Dice took QUIC: the one before lost too much."),
        ] {
            one.reason = reason;
            assert_eq!(switches(&view(vec![one.clone()]), None)[0].said, said);
        }
    }

    #[test]
    fn classes_that_move_together_are_one_sentence_with_the_longest_interruption() {
        let mut all: Vec<SwitchView> =
            Class::ALL.map(|class| switch(class, 5_000, SwitchReason::Ended)).into();
        all[1].interruption_ms = Some(20.0);
        all[3].interruption_ms = Some(80.0);
        // Not the same change: another reason, another time, the same class again.
        all.push(switch(Class::Dice, 5_500, SwitchReason::Lossy));
        all.push(switch(Class::Chat, 9_000, SwitchReason::Lossy));
        all.push(switch(Class::Chat, 9_200, SwitchReason::Lossy));
        let told: Vec<String> = switches(&view(all), None).into_iter().map(|s| s.said).collect();
        assert_eq!(
            told,
            [
                "Everything moved from TCP to QUIC: TCP ended; nothing was delivered for 80 ms.",
                "Dice moved from TCP to QUIC: TCP lost too much.",
                "Chat moved from TCP to QUIC: TCP lost too much.",
                "Chat moved from TCP to QUIC: TCP lost too much.",
            ]
        );
    }

    #[test]
    fn switches_of_all_peers_are_newest_first_and_bounded() {
        let mut view = view(
            (0..40).map(|n| switch(Class::Dice, 2_000 * n + 1_000, SwitchReason::Better)).collect(),
        );
        view.neighbours.push(NeighbourView {
            peer_id: sample::peer(2),
            unacknowledged: 0,
            switches: vec![switch(Class::Dice, 2_000, SwitchReason::Better)],
        });
        let told = switches(&view, None);
        assert_eq!(told.len(), SWITCHES_LISTED_MAX);
        let first: Vec<(PeerId, u64)> = told[..3].iter().map(|s| (s.peer, s.age_ms)).collect();
        let (one, two) = (sample::peer(1), sample::peer(2));
        assert_eq!(first, [(one, 1_000), (two, 2_000), (one, 3_000)]);
        assert_eq!(switches(&view, Some(&two)).len(), 1);
        assert!(switches(&view, Some(&sample::peer(3))).is_empty());
    }
}
