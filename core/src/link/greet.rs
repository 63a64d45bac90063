//! From a fresh connection to an open link.
//!
//! Rules. Nothing is believed before the handshake's last check; a message that is out of turn
//! ends the connection, one that only comes late is counted. Of two links to one peer that
//! cross the same stays at both ends; see [`Links`].

use super::{
    Goodbye, HANDSHAKE_BYTES_MAX, LINKS_PER_PEER_MAX, Links, Output,
    connection::{Phase, Session, Stage, Unconfirmed},
    emit,
    frame::{self, Frame, Place, Step},
    handshake::{Answered, HandshakeError, Proven},
    handshake_seed,
    neighbour::Peer,
    piece_reason,
    pieces::Assembly,
    told,
};
use crate::{
    id::{LinkId, PeerId},
    time::Instant,
    transport::{CloseReason, LinkRole},
};

/// What a whole handshake message led to.
enum Read {
    First((Answered, Vec<u8>)),
    Second((Vec<u8>, Proven)),
    Third(Proven),
}

impl Links {
    pub(super) fn on_greeting_frame(&mut self, link: LinkId, frame: Frame, now: Instant) {
        let Some(Phase::Greeting(greeting)) = self.connections.get(&link).map(|c| &c.phase) else {
            return;
        };
        let awaits = greeting.stage.awaits();
        match frame {
            Frame::Handshake { step, place, chunk } if step == awaits => {
                self.on_handshake_piece(link, place, chunk, now);
            }
            Frame::Refusal { reason } => {
                self.close(link, told(reason), None, Goodbye::Heard, now);
            }
            // A repeated message 1, or packets that overtook message 3.
            Frame::Handshake { step: Step::One, .. } | Frame::Sealed(_) | Frame::Piece { .. }
                if awaits == Step::Three =>
            {
                self.counters.early += 1;
            }
            Frame::Handshake { .. } | Frame::Sealed(_) | Frame::Piece { .. } => {
                self.close(link, CloseReason::Garbage, None, Goodbye::Say, now);
            }
        }
    }

    fn on_handshake_piece(&mut self, link: LinkId, place: Place, chunk: &[u8], now: Instant) {
        let Some(Phase::Greeting(greeting)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let pieces =
            greeting.pieces.get_or_insert_with(|| Assembly::new(place.count, HANDSHAKE_BYTES_MAX));
        let message = match pieces.add(place, chunk) {
            Ok(None) => return,
            Ok(Some(message)) => message,
            Err(error) => return self.close(link, piece_reason(error), None, Goodbye::Say, now),
        };
        greeting.pieces = None;
        let read = match &mut greeting.stage {
            Stage::First => {
                let seed = handshake_seed(&self.seed, &mut self.handshakes);
                self.own.answer(&message, seed).map(Read::First)
            }
            Stage::Second(dialled) => dialled.finish(&self.own, &message).map(Read::Second),
            Stage::Third(answered) => answered.finish(&self.own, &message).map(Read::Third),
        };
        match read {
            Ok(Read::First((answered, second))) => {
                self.next_stage(link, Stage::Third(answered), Step::Two, second, now);
            }
            Ok(Read::Second((third, proven))) => self.on_proven(link, proven, Some(third), now),
            Ok(Read::Third(proven)) => self.on_proven(link, proven, None, now),
            Err(error) => {
                let peer = (error == HandshakeError::Ourselves).then_some(self.own.id());
                self.close(link, error.reason(), peer, Goodbye::Say, now);
            }
        }
    }

    fn on_proven(&mut self, link: LinkId, proven: Proven, third: Option<Vec<u8>>, now: Instant) {
        let peer = proven.card.id();
        let known = self.peers.get(&peer).filter(|known| known.instance == proven.instance);
        let siblings: Vec<LinkId> = known.map_or(Vec::new(), |known| known.links.clone());
        if let Some(reason) = self.refuses(link, peer, &siblings) {
            return self.close(link, reason, Some(peer), Goodbye::Say, now);
        }
        if let Some(third) = &third {
            self.say_handshake(link, Step::Three, third);
        }
        let resend_at = now + self.config.resend_every / 2;
        let unconfirmed = third.map(|third| Unconfirmed { third, resend_at });
        let ends = self.ended_by(link, peer, &siblings);
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let (card, link_key, transport) = (proven.card, proven.link_key, connection.transport);
        let (frames_in, bytes_in) = (connection.frames_in, connection.bytes_in);
        let instance = proven.instance;
        let mut session = Session::new(proven, unconfirmed, now);
        session.watched = self.watched == Some(peer);
        connection.phase = Phase::Open(Box::new(session));
        let earlier_run = self.meet(peer, instance);
        if let Some(known) = self.peers.get_mut(&peer) {
            known.links.push(link);
            known.gone_at = None;
            known.frames_in += frames_in;
            known.bytes_in += bytes_in;
        }
        self.counters.opened += 1;
        let (card, first) = (Box::new(card), siblings.is_empty());
        self.outputs.push_back(Output::Opened { link, peer: card, link_key, transport, first });
        self.choose(peer, now);
        for ended in ends.into_iter().chain(earlier_run) {
            self.close(ended, CloseReason::Duplicate, None, Goodbye::Say, now);
        }
        self.ping(link, now);
        self.wake_by(now + self.config.idle_max);
        self.pump(peer, now);
    }

    /// Makes a peer known in this run of it. Gives the links of an earlier run.
    fn meet(&mut self, peer: PeerId, instance: [u8; 8]) -> Vec<LinkId> {
        match self.peers.get(&peer) {
            Some(known) if known.instance == instance => return Vec::new(),
            Some(earlier) => self.counters.given_up += earlier.unacknowledged() as u64,
            None => {}
        }
        self.eras += 1;
        let earlier = self.peers.insert(peer, Peer::new(instance, self.eras));
        earlier.map_or(Vec::new(), |earlier| earlier.links)
    }

    /// Why one more link to a peer is not wanted.
    fn refuses(&self, link: LinkId, peer: PeerId, siblings: &[LinkId]) -> Option<CloseReason> {
        let second = |other: &&LinkId| self.crosses(**other, link) && !self.stays(link, peer);
        if siblings.iter().find(second).is_some() {
            return Some(CloseReason::Duplicate);
        }
        let ended = self.ended_by(link, peer, siblings).len();
        (siblings.len() - ended >= LINKS_PER_PEER_MAX).then_some(CloseReason::Limit)
    }

    /// The links that a new one to the same peer replaces.
    fn ended_by(&self, link: LinkId, peer: PeerId, siblings: &[LinkId]) -> Vec<LinkId> {
        let ended = |other: &&LinkId| self.crosses(**other, link) && self.stays(link, peer);
        siblings.iter().filter(ended).copied().collect()
    }

    /// Whether two links of one kind to one peer were dialled by different ends.
    fn crosses(&self, a: LinkId, b: LinkId) -> bool {
        let way = |link| self.connections.get(&link).map(|c| (c.transport, c.role));
        let (Some((kind_a, role_a)), Some((kind_b, role_b))) = (way(a), way(b)) else {
            return false;
        };
        kind_a == kind_b && role_a != role_b
    }

    /// Of two that cross, whether it is this one that stays.
    fn stays(&self, link: LinkId, peer: PeerId) -> bool {
        match self.connections.get(&link).map(|c| c.role) {
            Some(LinkRole::Dialer) => self.own.id() < peer,
            Some(LinkRole::Listener) | None => peer < self.own.id(),
        }
    }

    pub(super) fn next_stage(
        &mut self,
        link: LinkId,
        stage: Stage,
        step: Step,
        message: Vec<u8>,
        now: Instant,
    ) {
        self.say_handshake(link, step, &message);
        if let Some(Phase::Greeting(greeting)) =
            self.connections.get_mut(&link).map(|c| &mut c.phase)
        {
            greeting.stage = stage;
            greeting.sent = Some((step, message));
            greeting.resend_at = now + self.config.resend_every;
            self.wake_by(now + self.config.resend_every);
        }
    }

    pub(super) fn say_handshake(&mut self, link: LinkId, step: Step, message: &[u8]) {
        let Some(connection) = self.connections.get(&link) else { return };
        for frame in frame::handshake(step, message, connection.mtu) {
            emit(&mut self.outputs, &mut self.counters, link, frame);
        }
    }
}
