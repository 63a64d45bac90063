//! The tables' place in the node: who may be asked to one, what tables send, and what is told.
//!
//! Tables send again what matters to them, so a message that cannot be sent now is dropped.

use super::{Event, Node, Output, message::Announced};
use crate::{
    game::{self, Happened, SeatRole},
    id::{PeerId, TableId},
    route::Delivery,
    sorted::SortedSet,
    time::Instant,
    transport::Class,
    trust::{self, Deed},
    wire::Body,
};

impl Node {
    /// Bots and witnesses in reach that nothing speaks against, nearest first.
    pub(super) fn willing(&self, now: Instant) -> Vec<PeerId> {
        let found: SortedSet<_> = self
            .map
            .peers()
            .filter(|peer| Announced::decode(peer.extra()).role != SeatRole::Player)
            .filter(|peer| peer.id() != self.identity.id())
            .filter(|peer| self.trust.of(peer.id(), now) >= trust::DOUBTFUL)
            .filter_map(|peer| Some((self.router.distance(peer.id())?, peer.id())))
            .collect();
        found.into_iter().map(|(_, peer)| peer).collect()
    }

    /// Who announces this table and can be reached, nearest first.
    pub(super) fn hosts_of(&self, table: TableId) -> Vec<PeerId> {
        let announces =
            |extra: &[u8]| Announced::decode(extra).tables.iter().any(|ad| ad.table == table);
        let hosts: SortedSet<_> = self
            .map
            .peers()
            .filter(|peer| announces(peer.extra()))
            .filter_map(|peer| Some((self.router.distance(peer.id())?, peer.id())))
            .collect();
        hosts.into_iter().map(|(_, peer)| peer).collect()
    }

    pub(super) fn drain_tables(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some(output) = self.tables.poll_output() {
            busy = true;
            match output {
                game::Output::Send { to, message } => {
                    // An unreachable or crowded peer is told again by the table's own timers.
                    let (class, delivery) = delivery(&message);
                    let body = Body::Game(&message.encode()).encode();
                    let _ = self.router.send(to, &body, class, delivery, now);
                }
                game::Output::Store { ticket, writes } => {
                    self.out.push_back(Output::Persist { ticket, writes });
                }
                game::Output::Answer { request, result } => {
                    self.tell(Event::CommandDone { request, result });
                }
                game::Output::Opened { table } => self.tell(Event::TableOpened { table }),
                game::Output::Happened { table, what } => self.happened(table, what, now),
                game::Output::Changed { table } => {
                    let height = self.tables.session(table).map_or(0, |s| s.ledger().height());
                    self.tell(Event::TableChanged { table, height });
                }
                game::Output::AdsChanged => self.announce_attached(now),
                game::Output::Frozen { table, reachable, needed } => {
                    self.tell(Event::TableFrozen { table, reachable, needed });
                }
                game::Output::Thawed { table } => self.tell(Event::TableThawed { table }),
                game::Output::Paused { table, percent } => {
                    self.tell(Event::BettingPaused { table, percent });
                }
                game::Output::Resumed { table } => self.tell(Event::BettingResumed { table }),
                game::Output::Equivocation { table, culprit } => {
                    self.trust.on_deed(culprit, Deed::Equivocated, now);
                    self.tell(Event::Equivocation { table, culprit });
                }
                game::Output::Said { table, peer, text } => {
                    self.tell(Event::Said { table, peer_id: peer, text });
                }
            }
        }
        busy
    }

    fn happened(&mut self, table: TableId, what: Happened, now: Instant) {
        match what {
            Happened::Rolled(rolled) => {
                let (roll, dice) = (rolled.roll, rolled.dice);
                self.tell(Event::Rolled { table, roll, dice });
                if let Some(chips) = rolled.paid.get(&self.identity.id()) {
                    self.tell(Event::Paid { table, roll, chips: *chips });
                }
            }
            Happened::Away { peer } => self.tell(Event::MemberAway { table, peer_id: peer }),
            Happened::Expelled { peer, offence } => {
                self.trust.on_deed(peer, Deed::Equivocated, now);
                self.tell(Event::MemberExpelled { table, peer_id: peer, offence });
            }
            Happened::MembersChanged
            | Happened::BetsOpened { .. }
            | Happened::BetsClosed { .. } => {}
        }
    }
}

/// What it is for, and whether the router repeats it end to end: not what its sender sends again
/// anyway.
fn delivery(message: &game::message::Message) -> (Class, Delivery) {
    use game::message::Message;
    match message {
        Message::Agree { .. } | Message::Share { .. } => (Class::Dice, Delivery::Once),
        Message::GetLog { .. } | Message::Log { .. } | Message::Watch { .. } => {
            (Class::Sync, Delivery::Once)
        }
        Message::Chat { .. } => (Class::Chat, Delivery::Acked),
        Message::Invite(_)
        | Message::Accept { .. }
        | Message::Decline { .. }
        | Message::Start(_)
        | Message::GetTable { .. }
        | Message::Evidence { .. }
        | Message::Submit { .. } => (Class::Bets, Delivery::Acked),
    }
}
