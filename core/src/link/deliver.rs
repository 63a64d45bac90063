//! Nothing lost, nothing twice: sending, acknowledging, moving to another link.
//!
//! Rules.
//! - A message of an acknowledged class is kept until the peer has it. When its link ends, falls
//!   silent or opens its breaker, the message takes the next link under the same number; the
//!   receiver takes each number once.
//! - Acknowledgements ride on messages of their class where there are any; alone they are held
//!   back for [`ACKNOWLEDGE_WITHIN`], [`ACKNOWLEDGE_EVERY`] messages or half of what may fly by the
//!   link, but not where something is missing.
//! - While a peer has no link its messages are kept for [`KEEP`]; then they are given up and
//!   counted. What came from it is remembered far longer, or a message whose acknowledgement was
//!   lost would be taken twice.

use super::{
    Links, Output, SendError, Tried,
    connection::{Connection, Phase, Session},
    emit,
    flight::ACKNOWLEDGE_WITHIN,
    frame,
    message::{Arrived, Message, Numbered},
    neighbour::{CLASSES, Peer, index},
    outcome::Counters,
    policy::{Standing, profile},
    stream::{Done, State, Taken, UNACKNOWLEDGED_BYTES_MAX},
};
use crate::{
    id::{LinkId, PeerId},
    limits::{OUTPUTS_MAX, PACKET_BYTES_MAX},
    sorted::SortedMap,
    time::{Duration, Instant},
    transport::Class,
};
use std::collections::VecDeque;

/// Messages after which an acknowledgement is not held back. Guess: a sixteenth of a frame each.
const ACKNOWLEDGE_EVERY: u32 = 16;

/// An acknowledgement that says that something is missing is held back this long. Guess: longer
/// than two links of one network differ.
const MISSING_WITHIN: Duration = Duration::from_millis(5);

/// Unacknowledged messages wait this long for a link of a peer that has none. The game asks again
/// by itself after such a time.
pub const KEEP: Duration = Duration::from_secs(10);

/// What came from a peer is remembered this long after its last link: longer than any sender
/// keeps a message, and time to notice that a link is dead, twice over.
pub const REMEMBER: Duration = Duration::from_secs(60);

/// Peers without a link that are remembered. Past it the longest gone is forgotten. Guess: four
/// times the links a node has, gone within a minute.
pub const REMEMBERED_MAX: usize = 1024;

/// See [`Links::waiting_bytes_max`]. In simulation (`links`, 40 seeds, Bluetooth of 40 kB/s) every
/// table goes on with 1, 11 stall with 2.
const WAITING_FLIGHTS: usize = 1;

/// Messages sent again at once when an answer is overdue and there is no other link.
const AGAIN: usize = 2;

impl Links {
    /// Sends one packet to a neighbour. An acknowledged class is delivered once, as long as the
    /// peer runs and gets a link within [`KEEP`]; others may be lost. On an error nothing was sent.
    pub fn send(
        &mut self,
        peer: PeerId,
        class: Class,
        packet: &[u8],
        now: Instant,
    ) -> Result<(), SendError> {
        let service = self.config.services[index(class)];
        let to = self.peers.get_mut(&peer).filter(|p| p.is_linked()).ok_or(SendError::NotLinked)?;
        if packet.len() > PACKET_BYTES_MAX {
            return Err(SendError::TooLong { got: packet.len(), max: PACKET_BYTES_MAX });
        }
        let unacknowledged = to.unacknowledged_bytes + packet.len();
        let outbox = &to.outboxes[index(class)];
        let full =
            service.acknowledged && (outbox.is_full() || unacknowledged > UNACKNOWLEDGED_BYTES_MAX);
        let waiting = if service.acknowledged { outbox.waiting_bytes() } else { 0 };
        let late = waiting > 0 && waiting + packet.len() > self.waiting_bytes_max(peer);
        if full || late || self.outputs.len() >= OUTPUTS_MAX {
            self.counters.congested += 1;
            return Err(SendError::Busy);
        }
        if !self.may_send(peer) {
            return Err(SendError::NoneWorks { tried: self.tried(peer, class, packet.len()) });
        }
        if service.acknowledged {
            let Some(to) = self.peers.get_mut(&peer) else { return Err(SendError::NotLinked) };
            to.outboxes[index(class)].push(packet.to_vec(), now);
            to.unacknowledged_bytes = unacknowledged;
            self.counters.packets_out += 1;
            self.pump(peer, now);
            return Ok(());
        }
        let Some(link) = self.link_for(peer, class, packet.len()) else {
            return Err(SendError::NoneWorks { tried: self.tried(peer, class, packet.len()) });
        };
        self.counters.packets_out += 1;
        self.say(link, &Message::Packet(packet));
        Ok(())
    }

    /// How much of a class may wait for a link with room: [`WAITING_FLIGHTS`] of what the widest
    /// link takes at once. More would arrive so late that the game has moved on, and what it then
    /// says anew would wait behind it.
    fn waiting_bytes_max(&self, peer: PeerId) -> usize {
        let links = self.peers.get(&peer).map_or(&[][..], |p| &p.links);
        let kinds = links.iter().filter_map(|link| Some(self.connections.get(link)?.transport));
        let widest = kinds.map(|kind| profile(kind).flight_bytes_max).max();
        WAITING_FLIGHTS * widest.unwrap_or(0)
    }

    /// Whether any link of a peer is trusted with messages.
    fn may_send(&self, peer: PeerId) -> bool {
        let links = self.peers.get(&peer).map_or(&[][..], |p| &p.links);
        let mut sessions = links.iter().filter_map(|link| self.connections.get(link)?.session());
        sessions.any(|session| session.standing() != Standing::Broken)
    }

    /// Every link of a peer in the order of trying, with what is wrong with it.
    fn tried(&self, peer: PeerId, class: Class, bytes: usize) -> Vec<Tried> {
        let order = self.cascade(peer, class, bytes);
        let tried = order.into_iter().filter_map(|offer| {
            let connection = self.connections.get(&offer.link)?;
            let failures = connection.session()?.failures;
            Some(Tried { link: offer.link, transport: connection.transport, failures })
        });
        tried.collect()
    }

    /// Sends what waits and has a link with room.
    pub(super) fn pump(&mut self, peer: PeerId, now: Instant) {
        for class in Class::ALL {
            while let Some((number, bytes)) = self.next_waiting(peer, class) {
                let Some(link) = self.link_for(peer, class, bytes) else { break };
                if !self.has_room(link, bytes) || self.outputs.len() >= 2 * OUTPUTS_MAX {
                    break;
                }
                self.leave(peer, class, number, link, now);
            }
        }
    }

    fn next_waiting(&mut self, peer: PeerId, class: Class) -> Option<(u64, usize)> {
        let outbox = &mut self.peers.get_mut(&peer)?.outboxes[index(class)];
        let number = outbox.next_waiting()?;
        Some((number, outbox.get_mut(number)?.packet.len()))
    }

    /// Whether this many bytes more may be under way on a link.
    pub(super) fn has_room(&self, link: LinkId, bytes: usize) -> bool {
        let Some(connection) = self.connections.get(&link) else { return false };
        let kind = profile(connection.transport);
        let fits = |s: &Session| {
            let flight = &s.flight;
            let few = flight.messages < kind.flight_messages_max;
            flight.messages == 0 || few && flight.bytes + bytes <= kind.flight_bytes_max
        };
        connection.session().is_some_and(fits)
    }

    fn leave(&mut self, peer: PeerId, class: Class, number: u64, link: LinkId, now: Instant) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let bytes_per_s = profile(connection.transport).bytes_per_s;
        let Phase::Open(session) = &mut connection.phase else { return };
        let era = to.era;
        let outbox = &mut to.outboxes[index(class)];
        outbox.leave();
        let Some(entry) = outbox.get_mut(number) else { return };
        let delivered = session.flight.delivered;
        let sending = session.flight.leave(class, number, entry.packet.len(), now);
        entry.state = State::Flying { link, sending, at: now, delivered };
        self.counters.resent += u64::from(entry.sent > 0);
        entry.sent = entry.sent.saturating_add(1);
        session.active_at = now;
        let due = session.flight.deadline(&session.quality, bytes_per_s);
        let inbox = &to.inboxes[index(class)];
        let message = Numbered {
            class,
            era,
            number,
            their_era: inbox.era(),
            their_next: inbox.next(),
            packet: &entry.packet,
        };
        // By another link it may be lost with that one, and the healthy one would seem silent.
        let due_back = &mut to.dues[index(class)];
        if !inbox.has_hole() && due_back.via == link {
            due_back.said();
        }
        transmit(
            connection,
            (link, &mut self.outputs, &mut self.counters),
            &Message::Numbered(message),
        );
        self.wake_by(due);
    }

    /// A numbered message arrived; the packet was cut out of it.
    pub(super) fn on_numbered(
        &mut self,
        link: LinkId,
        peer: PeerId,
        head: &Numbered,
        packet: Vec<u8>,
        now: Instant,
    ) {
        let Numbered { class, era, number, their_era, their_next, .. } = *head;
        self.on_arrived(peer, None, class, (their_era, their_next), &[], now);
        let ordered = self.config.services[index(class)].ordered;
        let Some(from) = self.peers.get_mut(&peer) else { return };
        let (inbox, due) = (&mut from.inboxes[index(class)], &mut from.dues[index(class)]);
        if era > inbox.era() {
            due.start_anew();
        }
        if !inbox.enter(era) {
            self.counters.overdue += 1;
            return;
        }
        let bytes = packet.len();
        let (outputs, counters) = (&mut self.outputs, &mut self.counters);
        let taken = inbox.take(number, packet, ordered, |packet| {
            counters.packets_in += 1;
            outputs.push_back(Output::Received { from: peer, packet });
        });
        match taken {
            Taken::New => {}
            Taken::Again => counters.again += 1,
            Taken::Refused => {
                counters.overdue += 1;
                return;
            }
        }
        due.via = link;
        due.messages += 1;
        due.bytes += bytes;
        if number >= due.highest {
            (due.highest, due.highest_at) = (number, now);
        }
        let hole = inbox.has_hole();
        let kind = self.connections.get(&link).map(|c| profile(c.transport));
        let half = kind.is_some_and(|kind| due.bytes * 2 >= kind.flight_bytes_max);
        let enough = half || due.messages >= ACKNOWLEDGE_EVERY || hole && due.messages > 1;
        if enough || taken == Taken::Again {
            return self.acknowledge(peer, class, now);
        }
        due.at = due.at.min(now + if hole { MISSING_WITHIN } else { ACKNOWLEDGE_WITHIN });
        let at = due.at;
        self.wake_by(at);
    }

    /// Says what arrived, back on the link by which it came if that works.
    fn acknowledge(&mut self, peer: PeerId, class: Class, now: Instant) {
        let Some(from) = self.peers.get_mut(&peer) else { return };
        let due = &mut from.dues[index(class)];
        due.said();
        let (via, waited) = (due.via, now - due.highest_at);
        let inbox = &from.inboxes[index(class)];
        let (era, next, beyond) = (inbox.era(), inbox.next(), inbox.arrived());
        let works = |link: &LinkId| {
            let session = self.connections.get(link).and_then(Connection::session);
            session.is_some_and(|s| s.peer() == peer && s.standing() < Standing::Silent)
        };
        let primary = from.primary();
        let Some(link) = Some(via).filter(works).or(primary) else { return };
        let delay_us = u32::try_from(waited.as_micros()).unwrap_or(u32::MAX);
        self.say(link, &Message::Arrived(Arrived { class, era, next, delay_us, beyond: &beyond }));
    }

    /// The peer says what arrived of ours. `alone`: the link by which it said so without anything
    /// else, and how long it held that back.
    pub(super) fn on_arrived(
        &mut self,
        peer: PeerId,
        alone: Option<(LinkId, Duration)>,
        class: Class,
        (era, next): (u32, u64),
        beyond: &[u8],
        now: Instant,
    ) {
        let Some(to) = self.peers.get_mut(&peer).filter(|p| p.era == era) else { return };
        let outbox = &mut to.outboxes[index(class)];
        if outbox.len() == 0 {
            return;
        }
        let mut ledger = Credits::default();
        let first = outbox.first();
        let sound = outbox.acknowledge(next, |done| {
            to.unacknowledged_bytes -= done.bytes;
            credit(&mut self.connections, &mut ledger, class, &done, now);
        });
        if sound.is_none() && next >= first {
            // It cannot have what was never sent.
            self.counters.overdue += 1;
            return;
        }
        for (number, bit) in (next + 1..).zip(bits(beyond)) {
            if bit && let Some(done) = outbox.acknowledge_one(number) {
                to.unacknowledged_bytes -= done.bytes;
                credit(&mut self.connections, &mut ledger, class, &done, now);
            }
        }
        if ledger.touched.is_empty() {
            return;
        }
        outbox.acknowledged_at = Some(now);
        if let (Some((link, held)), Some((by, at))) = (alone, ledger.last)
            && link == by
            && let Some(Phase::Open(session)) =
                self.connections.get_mut(&link).map(|c| &mut c.phase)
        {
            session.quality.on_round_trip((now - at).saturating_sub(held));
        }
        for link in ledger.touched {
            self.find_lost(peer, class, link);
            self.tell_if_moved(link, now);
        }
        if ledger.revived {
            self.choose(peer, now);
        }
        self.went_on(peer, class, now);
        self.pump(peer, now);
    }

    /// What was overtaken by enough later sendings of its class and link is lost and waits again.
    fn find_lost(&mut self, peer: PeerId, class: Class, link: LinkId) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let outbox = &mut to.outboxes[index(class)];
        while let Some(first) = session.flight.first_of(class) {
            let flies = outbox.flies(first.number, link, first.sending);
            if flies && !session.flight.is_overtaken(&first) {
                return;
            }
            session.flight.forget_first_of(class);
            if flies && let Some(entry) = outbox.get_mut(first.number) {
                session.flight.over(entry.packet.len());
                session.quality.on_loss();
                outbox.wait_again(first.number);
                self.counters.lost += 1;
            }
        }
    }

    /// An answer is overdue on a link.
    pub(super) fn on_overdue(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let peer = session.peer();
        session.flight.timeouts += 1;
        session.flight.restart(now);
        session.on_failure(now);
        let broken = session.standing() == Standing::Broken;
        if broken || self.has_other(peer, link) {
            self.fall_silent(link, now);
        } else {
            self.send_again(peer, link, now);
        }
        self.tell_if_moved(link, now);
        self.probe(link, now);
    }

    /// Whether a peer has another link that answers.
    pub(super) fn has_other(&self, peer: PeerId, link: LinkId) -> bool {
        let links = self.peers.get(&peer).map_or(&[][..], |p| &p.links);
        links.iter().filter(|other| **other != link).any(|other| {
            let session = self.connections.get(other).and_then(Connection::session);
            session.is_some_and(|s| s.standing() < Standing::Silent)
        })
    }

    /// A link does not answer: everything moves to the others.
    pub(super) fn fall_silent(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        session.silent = true;
        let peer = session.peer();
        self.choose(peer, now);
        self.move_away(peer, link, now);
    }

    /// What flies by a link waits again and takes another.
    pub(super) fn move_away(&mut self, peer: PeerId, link: LinkId, now: Instant) {
        if let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase) {
            session.flight.clear();
        }
        if let Some(to) = self.peers.get_mut(&peer) {
            let moved: usize = to.outboxes.iter_mut().map(|outbox| outbox.ground(link)).sum();
            self.counters.moved += moved as u64;
        }
        self.pump(peer, now);
    }

    fn send_again(&mut self, peer: PeerId, link: LinkId, now: Instant) {
        let Some(to) = self.peers.get_mut(&peer) else { return };
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let mut again = 0;
        while again < AGAIN
            && let Some(front) = session.flight.take_first()
        {
            let outbox = &mut to.outboxes[index(front.class)];
            if outbox.flies(front.number, link, front.sending)
                && let Some(entry) = outbox.get_mut(front.number)
            {
                session.flight.over(entry.packet.len());
                outbox.wait_again(front.number);
                again += 1;
            }
        }
        self.pump(peer, now);
    }

    /// Acknowledges what is due, gives up and forgets those who are gone for too long.
    pub(super) fn on_peers_due(&mut self, now: Instant) {
        let due = self.peers.iter().filter(|(_, peer)| peer.deadline(&self.config) <= now);
        let due: Vec<PeerId> = due.map(|(peer, _)| *peer).collect();
        for id in due {
            for class in Class::ALL {
                let Some(peer) = self.peers.get(&id) else { break };
                if peer.dues[index(class)].at <= now {
                    self.acknowledge(id, class, now);
                }
            }
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            match peer.gone_at {
                Some(gone_at) if gone_at + REMEMBER <= now => {
                    self.peers.remove(&id);
                }
                Some(gone_at) if gone_at + KEEP <= now && peer.unacknowledged() > 0 => {
                    self.counters.given_up += peer.give_up() as u64;
                    self.eras += 1;
                    peer.era = self.eras;
                }
                Some(_) => {}
                None => self.choose(id, now),
            }
        }
    }

    /// Forgets the longest gone where too many are remembered.
    pub(super) fn forget_surplus(&mut self) {
        let gone = self.peers.iter().filter_map(|(id, peer)| Some((peer.gone_at?, *id)));
        if gone.clone().count() > REMEMBERED_MAX
            && let Some((_, oldest)) = gone.min()
            && let Some(peer) = self.peers.remove(&oldest)
        {
            self.counters.given_up += peer.unacknowledged() as u64;
        }
    }
}

impl Peer {
    /// When [`Links::on_peers_due`] has something to do for this peer.
    pub(super) fn deadline(&self, config: &super::Config) -> Instant {
        let dues = self.dues.iter().map(|due| due.at);
        let better = self.slots.iter().filter_map(|slot| {
            let (_, since) = slot.better?;
            let cool =
                slot.switched_at.map_or(Instant::ZERO, |at| at + config.hysteresis.cool_down);
            Some((since + config.hysteresis.stable_for).max(cool))
        });
        let soonest = dues.chain(better).min().unwrap_or(Instant::NEVER);
        match self.gone_at {
            // Nobody to acknowledge to, nothing to choose.
            Some(at) if self.unacknowledged() > 0 => at + KEEP,
            Some(at) => at + REMEMBER,
            None => soonest,
        }
    }
}

/// What one acknowledgement was good for.
#[derive(Default)]
struct Credits {
    touched: Vec<LinkId>,
    /// The link and the time of the sending of the highest number, if it was sent once.
    last: Option<(LinkId, Instant)>,
    /// A link answers again.
    revived: bool,
}

fn credit(
    connections: &mut SortedMap<LinkId, Connection>,
    credits: &mut Credits,
    class: Class,
    done: &Done,
    now: Instant,
) {
    credits.last = None;
    let State::Flying { link, sending, at, delivered } = done.state else { return };
    let Some(Phase::Open(session)) = connections.get_mut(&link).map(|c| &mut c.phase) else {
        return;
    };
    session.flight.on_acknowledged(class, sending, done.bytes, now);
    session.quality.on_delivered(session.flight.delivered - delivered, now - at);
    credits.revived |= session.on_success();
    if !credits.touched.contains(&link) {
        credits.touched.push(link);
    }
    if done.sent == 1 {
        credits.last = Some((link, at));
    }
}

/// Lowest bit of the first byte first.
fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1))
}

/// Seals a message and sends it in one frame or in pieces.
pub(super) fn transmit(
    connection: &mut Connection,
    (link, outputs, counters): (LinkId, &mut VecDeque<Output>, &mut Counters),
    message: &Message,
) {
    let Phase::Open(session) = &mut connection.phase else { return };
    let sealed = session.sealer.seal(message);
    if sealed.len() <= connection.mtu {
        return emit(outputs, counters, link, sealed);
    }
    let id = session.next_piece_id;
    session.next_piece_id = id.wrapping_add(1);
    for piece in frame::pieces(id, &sealed[1..], connection.mtu) {
        emit(outputs, counters, link, piece);
    }
}

const _: () = assert!(CLASSES == Class::ALL.len());
