//! Traffic on an open link: what is sealed, opened, asked and measured.
//!
//! Rules. Only what opened under the link's keys has an effect; a handshake frame or a refusal
//! that comes late is counted and nothing more.

use super::{
    Goodbye, Links, Output, SEALED_BYTES_MAX, UNFINISHED_AGE_MAX, WATCHED_PING_EVERY,
    connection::Phase,
    deliver::transmit,
    frame::{Frame, Place, Step},
    message::{self, Arrived, Message, Numbered},
    piece_reason,
    policy::Standing,
    session::OpenError,
    told,
};
use crate::{
    id::{LinkId, PeerId},
    limits::PACKET_BYTES_MAX,
    time::{Duration, Instant},
    transport::{BreakerState, CloseReason, Transport},
};

/// Between two pings on a link that does not answer. Guess: a link that is back is known within a
/// second.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Pings in a row without an answer that make a link silent. One alone may be lost.
const UNANSWERED: u32 = 2;

impl Links {
    pub(super) fn on_open_frame(&mut self, link: LinkId, frame: Frame, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        match frame {
            Frame::Sealed(sealed) => self.on_sealed(link, sealed, now),
            Frame::Piece { id, place, chunk } => {
                let added = session.unfinished.add(id, place, chunk, SEALED_BYTES_MAX, now);
                self.counters.unfinished += session.unfinished.take_forgotten();
                match added {
                    Ok(None) => self.wake_by(now + UNFINISHED_AGE_MAX),
                    Ok(Some(sealed)) => self.on_sealed(link, &sealed, now),
                    Err(error) => self.refuse(link, piece_reason(error), now),
                }
            }
            // The listener repeats message 2: message 3 was lost.
            Frame::Handshake { step: Step::Two, place: Place { index: 0, .. }, .. } => {
                let due = session.unconfirmed.as_mut().filter(|u| u.resend_at <= now);
                match due {
                    Some(unconfirmed) => {
                        unconfirmed.resend_at = now + self.config.resend_every / 2;
                        let third = unconfirmed.third.clone();
                        self.say_handshake(link, Step::Three, &third);
                    }
                    None => self.counters.early += 1,
                }
            }
            Frame::Refusal { reason } if session.unconfirmed.is_some() => {
                self.close(link, told(reason), None, Goodbye::Heard, now);
            }
            // Late repetitions, or somebody else's words: nothing here is authenticated.
            Frame::Handshake { .. } | Frame::Refusal { .. } => self.counters.early += 1,
        }
    }

    fn on_sealed(&mut self, link: LinkId, sealed: &[u8], now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let mut plain = match session.opener.open(sealed) {
            Ok(plain) => plain,
            Err(OpenError::Replayed) => return self.counters.replayed += 1,
            Err(OpenError::TooOld | OpenError::TooNew) => return self.counters.stale += 1,
            Err(OpenError::Short { .. }) => return self.refuse(link, CloseReason::Garbage, now),
            Err(OpenError::Forged) => return self.refuse(link, CloseReason::BadSignature, now),
        };
        session.heard = now;
        session.unconfirmed = None;
        let from = session.peer();
        match message::decode(&plain) {
            Ok(Message::Ping { token }) => self.say(link, &Message::Pong { token }),
            Ok(Message::Pong { token }) => {
                if let Some((_, left)) = session.asked.take_if(|(asked, _)| *asked == token) {
                    session.on_success();
                    session.unanswered = 0;
                    session.quality.on_round_trip(now - left);
                    session.quality.sample(session.signal.rssi_dbm(), now);
                    if session.standing() > Standing::Fading {
                        session.ping_at = session.ping_at.min(now + PROBE_EVERY);
                    }
                    self.tell_if_moved(link, now);
                    self.choose(from, now);
                    self.pump(from, now);
                }
            }
            Ok(Message::Close { reason }) => {
                self.close(link, told(reason), None, Goodbye::Heard, now);
            }
            Ok(Message::Packet(packet)) if packet.len() > PACKET_BYTES_MAX => {
                self.close(link, CloseReason::Limit, None, Goodbye::Say, now);
            }
            Ok(Message::Packet(packet)) => {
                self.counters.packets_in += 1;
                session.active_at = now;
                let header = plain.len() - packet.len();
                plain.drain(..header);
                self.outputs.push_back(Output::Received { from, packet: plain });
            }
            Ok(Message::Numbered(numbered)) if numbered.packet.len() > PACKET_BYTES_MAX => {
                self.close(link, CloseReason::Limit, None, Goodbye::Say, now);
            }
            Ok(Message::Numbered(numbered)) => {
                session.active_at = now;
                let header = plain.len() - numbered.packet.len();
                let head = Numbered { packet: &[], ..numbered };
                plain.drain(..header);
                self.on_numbered(link, from, &head, plain, now);
            }
            Ok(Message::Arrived(arrived)) => {
                let Arrived { class, era, next, delay_us, beyond } = arrived;
                let alone = Some((link, Duration::from_micros(delay_us.into())));
                self.on_arrived(from, alone, class, (era, next), beyond, now);
            }
            Err(message::Malformed) => {
                self.close(link, CloseReason::Garbage, None, Goodbye::Say, now);
            }
        }
    }

    /// What is no frame, or did not verify, on an open link. Most transports keep frames whole and
    /// apart, so it is the peer's doing or tampering with all of them, and ends the link. Over UDP
    /// whoever sees a datagram can add one, so it is dropped and counted.
    pub(super) fn refuse(&mut self, link: LinkId, reason: CloseReason, now: Instant) {
        match self.connections.get(&link).map(|c| (c.transport, &c.phase)) {
            Some((Transport::Udp, Phase::Open(_))) => self.counters.forged += 1,
            _ => self.close(link, reason, None, Goodbye::Say, now),
        }
    }

    /// Asks this peer often whether it is still there, and nobody else.
    pub fn watch(&mut self, peer: Option<PeerId>, now: Instant) {
        if self.watched == peer {
            return;
        }
        self.watched = peer;
        for connection in self.connections.values_mut() {
            if let Phase::Open(session) = &mut connection.phase {
                let watched = Some(session.peer()) == peer;
                if watched && !session.watched {
                    // Its silence so far was within what was allowed until now.
                    session.heard = session.heard.max(now);
                    session.ping_at = now;
                }
                session.watched = watched;
            }
        }
        self.wake_by(now);
    }

    pub(super) fn ping(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        // A token that nobody can guess: an answer cannot leave before its question came.
        let token = self.rng.next_u64();
        let every = if session.watched { WATCHED_PING_EVERY } else { self.config.ping_every };
        let tenth = every / 10;
        let jitter = Duration::from_micros(self.rng.below(2 * tenth.as_micros() as u64 + 1));
        session.asked = Some((token, now));
        let hurried = session.silent || session.breaker.state() == BreakerState::HalfOpen;
        let pause = (every - tenth) + jitter;
        session.ping_at = now + if hurried { pause.min(PROBE_EVERY) } else { pause };
        let ping_at = session.ping_at;
        self.wake_by(ping_at);
        self.say(link, &Message::Ping { token });
    }

    /// A ping before its time, to see whether a link that does not answer is there at all.
    pub(super) fn probe(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        if session.asked.is_some_and(|(_, left)| now.since(left) < PROBE_EVERY) {
            session.ping_at = session.ping_at.min(now + PROBE_EVERY);
            let ping_at = session.ping_at;
            return self.wake_by(ping_at);
        }
        self.ping(link, now);
    }

    /// A ping is due; the last one may be unanswered.
    pub(super) fn on_ping_due(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        let peer = session.peer();
        if session.asked.take().is_some() {
            session.unanswered += 1;
            session.on_failure(now);
            let silent = session.unanswered >= UNANSWERED || session.standing() == Standing::Broken;
            if silent && !session.silent && self.has_other(peer, link) {
                self.fall_silent(link, now);
            }
            self.tell_if_moved(link, now);
        }
        self.ping(link, now);
    }

    pub(super) fn tell_if_moved(&mut self, link: LinkId, now: Instant) {
        if let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
            && session.quality.take_moved()
        {
            let peer = session.peer();
            self.outputs.push_back(Output::Measured { peer });
            self.choose(peer, now);
        }
    }

    /// Seals `message` and sends it in one frame or in pieces.
    pub(super) fn say(&mut self, link: LinkId, message: &Message) {
        if let Some(connection) = self.connections.get_mut(&link) {
            transmit(connection, (link, &mut self.outputs, &mut self.counters), message);
        }
    }
}
