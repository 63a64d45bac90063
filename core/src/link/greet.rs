//! From a fresh connection to an open link.
//!
//! Rules. Nothing is believed before the handshake's last check; a message that is out of turn
//! ends the connection, one that only comes late is counted. Of two links to one peer the same
//! stays at both ends; see [`Links`].

use super::{
    Goodbye, HANDSHAKE_BYTES_MAX, Links, Output,
    connection::{Connection, Phase, Session, Stage, Unconfirmed},
    emit,
    frame::{self, Frame, Place, Step},
    handshake::{Answered, HandshakeError, Proven},
    handshake_seed, piece_reason,
    pieces::Assembly,
    told,
};
use crate::{
    id::LinkId,
    time::Instant,
    transport::{CloseReason, LinkRole},
};
use core::cmp::Reverse;

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
                self.close(link, told(reason), None, Goodbye::Heard);
            }
            // A repeated message 1, or packets that overtook message 3.
            Frame::Handshake { step: Step::One, .. } | Frame::Sealed(_) | Frame::Piece { .. }
                if awaits == Step::Three =>
            {
                self.counters.early += 1;
            }
            Frame::Handshake { .. } | Frame::Sealed(_) | Frame::Piece { .. } => {
                self.close(link, CloseReason::Garbage, None, Goodbye::Say);
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
            Err(error) => return self.close(link, piece_reason(error), None, Goodbye::Say),
        };
        greeting.pieces = None;
        let read = match &mut greeting.stage {
            Stage::First => {
                let seed = handshake_seed(&self.seed, &mut self.handshakes);
                self.own.answer(link, &message, seed).map(Read::First)
            }
            Stage::Second(dialled) => dialled.finish(&self.own, link, &message).map(Read::Second),
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
                self.close(link, error.reason(), peer, Goodbye::Say);
            }
        }
    }

    fn on_proven(&mut self, link: LinkId, proven: Proven, third: Option<Vec<u8>>, now: Instant) {
        let peer = proven.card.id();
        let older = self.peers.get(&peer).copied();
        if older.is_some_and(|older| self.older_stays(older, link, &proven)) {
            return self.close(link, CloseReason::Duplicate, Some(peer), Goodbye::Say);
        }
        if let Some(third) = &third {
            self.say_handshake(link, Step::Three, third);
        }
        let resend_at = now + self.config.resend_every / 2;
        let unconfirmed = third.map(|third| Unconfirmed { third, resend_at });
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let (card, link_key, transport) = (proven.card, proven.link_key, connection.transport);
        connection.phase = Phase::Open(Box::new(Session::new(proven, unconfirmed, now)));
        self.peers.insert(peer, link);
        self.counters.opened += 1;
        self.outputs.push_back(Output::Opened { link, peer: Box::new(card), link_key, transport });
        if let Some(older) = older {
            self.close(older, CloseReason::Duplicate, None, Goodbye::Say);
        }
        self.ping(link, now);
        self.wake_by(now + self.config.idle_max);
    }

    fn older_stays(&self, older: LinkId, newer: LinkId, proven: &Proven) -> bool {
        let Some(session) = self.connections.get(&older).and_then(Connection::session) else {
            return false;
        };
        if session.instance != proven.instance {
            return false;
        }
        let rank = |link: LinkId, peer_link| match self.connections.get(&link).map(|c| c.role) {
            Some(LinkRole::Dialer) => (self.own.id(), Reverse(link.0)),
            _ => (proven.card.id(), Reverse(peer_link)),
        };
        rank(older, session.peer_link) < rank(newer, proven.link)
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
