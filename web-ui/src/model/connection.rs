//! The face of the connection: to whom, since when, why not.

use super::{
    story::{Failure, Story},
    text,
};
use bitcraps_core::{
    node::{CloseReason, LinkState, NodeView},
    time::Instant,
};

/// Whether the browser believes that there is a network at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    Online,
    Offline,
}

/// Exactly one holds at any time.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// The first dial is under way.
    Connecting {
        for_ms: u64,
    },
    Joined {
        through: String,
        rtt_ms: Option<f64>,
        links: usize,
    },
    /// There was a link before.
    Reconnecting {
        for_ms: u64,
        why: Option<String>,
        retry_ms: Option<u64>,
    },
    /// The other side, or this one, would not have it.
    Refused {
        why: String,
        retry_ms: Option<u64>,
    },
    Offline {
        for_ms: u64,
    },
}

impl Connection {
    pub fn of(view: &NodeView, story: &Story, network: Network, now: Instant) -> Connection {
        let open = view.links.iter().filter(|l| l.state == LinkState::Open);
        let best = open.clone().min_by(|a, b| {
            let cost = |rtt: Option<f64>| rtt.unwrap_or(f64::INFINITY);
            cost(a.rtt_ms).total_cmp(&cost(b.rtt_ms))
        });
        if let Some(link) = best {
            let through = link.peer_id.map_or_else(
                || text::transport(link.transport).to_owned(),
                |id| super::mesh::name_of(view, &id),
            );
            return Connection::Joined { through, rtt_ms: link.rtt_ms, links: open.count() };
        }
        let for_ms = millis(now, story.apart_since);
        if network == Network::Offline {
            return Connection::Offline { for_ms };
        }
        let (why, retry_ms) = match &story.last_failure {
            None => (None, None),
            Some(Failure::Dial { why, retry_at, .. }) => {
                (Some(why.clone()), Some(millis(*retry_at, now)))
            }
            Some(Failure::Closed { reason }) if is_refusal(*reason) => {
                let why = text::close_reason(*reason).to_owned();
                return Connection::Refused { why, retry_ms: None };
            }
            Some(Failure::Closed { reason }) => {
                (Some(text::close_reason(*reason).to_owned()), None)
            }
        };
        match (story.last_peer, why) {
            (Some(_), why) => Connection::Reconnecting { for_ms, why, retry_ms },
            (None, Some(why)) => Connection::Refused { why, retry_ms },
            (None, None) => Connection::Connecting { for_ms },
        }
    }

    /// One word for a badge and for tests.
    pub fn word(&self) -> &'static str {
        match self {
            Connection::Connecting { .. } => "connecting",
            Connection::Joined { .. } => "joined",
            Connection::Reconnecting { .. } => "reconnecting",
            Connection::Refused { .. } => "refused",
            Connection::Offline { .. } => "offline",
        }
    }

    /// The whole sentence. `home` is the address that this page dials.
    pub fn sentence(&self, home: &str) -> String {
        match self {
            Connection::Connecting { for_ms } => {
                ["Connecting to ", home, " for ", &text::span(*for_ms), "."].concat()
            }
            Connection::Joined { through, rtt_ms, links } => [
                "Joined through ",
                through,
                ", round trip ",
                &text::latency(*rtt_ms),
                ", ",
                &text::counted(*links, "link", "links"),
                ".",
            ]
            .concat(),
            Connection::Reconnecting { for_ms, why, retry_ms } => [
                "Reconnecting to ",
                home,
                " for ",
                &text::span(*for_ms),
                &why.as_ref().map_or_else(String::new, |why| [": ", why].concat()),
                &next(*retry_ms),
            ]
            .concat(),
            Connection::Refused { why, retry_ms } => {
                ["No connection to ", home, ": ", why, &next(*retry_ms)].concat()
            }
            Connection::Offline { for_ms } => [
                "This device has been offline for ",
                &text::span(*for_ms),
                ". You can still read tables and rolls; the peer joins again by itself.",
            ]
            .concat(),
        }
    }
}

/// Ends that dialling again will hardly change.
fn is_refusal(reason: CloseReason) -> bool {
    match reason {
        CloseReason::WrongVersion
        | CloseReason::BadSignature
        | CloseReason::NoWork
        | CloseReason::Garbage
        | CloseReason::Limit => true,
        CloseReason::TransportClosed
        | CloseReason::TooSlow
        | CloseReason::Silent
        | CloseReason::HandshakeTimeout
        | CloseReason::Duplicate
        | CloseReason::PeerLeft
        | CloseReason::Stopping => false,
    }
}

fn next(retry_ms: Option<u64>) -> String {
    match retry_ms {
        None => ".".to_owned(),
        Some(0..1_000) => ". Trying again now.".to_owned(),
        Some(millis) => [". Trying again in ", &text::span(millis), "."].concat(),
    }
}

fn millis(later: Instant, earlier: Instant) -> u64 {
    u64::try_from(later.since(earlier).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;
    use bitcraps_core::{
        id::{LinkId, PeerId},
        node::{Address, Event, LinkView, Transport},
    };

    const HOME: &str = "ws://host/mesh";

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn face(view: &NodeView, story: &Story, millis: u64) -> Connection {
        Connection::of(view, story, Network::Online, at(millis))
    }

    fn closed(reason: CloseReason) -> Event {
        Event::LinkClosed { link: LinkId(1), peer_id: None, reason }
    }

    fn opened() -> Event {
        let peer_id = sample::peer(1);
        Event::LinkOpened { link: LinkId(1), peer_id, transport: Transport::WebSocket }
    }

    #[test]
    fn a_first_dial_is_connecting_with_its_time_and_address() {
        let connection = face(&sample::view(), &Story::new(at(1_000)), 6_000);
        assert_eq!(connection.word(), "connecting");
        assert_eq!(connection.sentence(HOME), "Connecting to ws://host/mesh for 5 s.");
    }

    #[test]
    fn an_open_link_is_joined_through_the_nearest_neighbour() {
        let mut view = sample::view();
        let link = |n: u8, state, rtt_ms| LinkView {
            peer_id: Some(PeerId::from_bytes([n; 32])),
            rtt_ms,
            ..LinkView::new(LinkId(u64::from(n)), Transport::WebSocket, state)
        };
        view.links = vec![
            link(1, LinkState::Open, None),
            link(2, LinkState::Open, Some(3.0)),
            link(3, LinkState::Handshaking, Some(0.1)),
        ];
        let connection = face(&view, &Story::new(at(0)), 10);
        assert_eq!(
            connection.sentence(HOME),
            "Joined through 02020202, round trip 3.0 ms, 2 links."
        );
        view.links.truncate(0);
        view.links.push(link(3, LinkState::Handshaking, None));
        assert_eq!(face(&view, &Story::new(at(0)), 10).word(), "connecting");
    }

    #[test]
    fn a_lost_link_is_reconnecting_and_says_why_and_when() {
        let (view, mut story) = (sample::view(), Story::new(at(0)));
        story.take(&opened(), &[], at(100));
        story.take(&closed(CloseReason::TransportClosed), &[], at(2_000));
        assert_eq!(
            face(&view, &story, 5_000).sentence(HOME),
            "Reconnecting to ws://host/mesh for 3 s: the connection broke."
        );
        let address = Address(HOME.to_owned());
        let failed = Event::DialFailed { address, why: "no answer".to_owned(), retry_ms: 4_000 };
        story.take(&failed, &[], at(5_000));
        assert_eq!(
            face(&view, &story, 6_000).sentence(HOME),
            "Reconnecting to ws://host/mesh for 4 s: no answer. Trying again in 3 s."
        );
    }

    #[test]
    fn a_dial_that_never_led_anywhere_and_a_refused_handshake_are_refused() {
        let (view, mut story) = (sample::view(), Story::new(at(0)));
        let address = Address(HOME.to_owned());
        let failed = Event::DialFailed { address, why: "no answer".to_owned(), retry_ms: 100 };
        story.take(&failed, &[], at(50));
        let connection = face(&view, &story, 60);
        assert_eq!(connection.word(), "refused");
        assert!(connection.sentence(HOME).ends_with("no answer. Trying again now."));
        story.take(&opened(), &[], at(70));
        story.take(&closed(CloseReason::WrongVersion), &[], at(80));
        let connection = face(&view, &story, 90);
        assert_eq!(connection.word(), "refused");
        assert!(connection.sentence(HOME).contains("another version"));
    }

    #[test]
    fn a_device_without_a_network_is_offline_only_when_no_link_is_open() {
        let (mut view, story) = (sample::view(), Story::new(at(0)));
        let offline = |view: &NodeView| Connection::of(view, &story, Network::Offline, at(9_000));
        assert_eq!(offline(&view).word(), "offline");
        view.links = vec![LinkView::new(LinkId(1), Transport::WebSocket, LinkState::Open)];
        assert_eq!(offline(&view).word(), "joined");
    }
}
