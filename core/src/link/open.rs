//! Traffic on an open link: what is sealed, opened, asked and measured.
//!
//! Rules. Only what opened under the link's keys has an effect; a handshake frame or a refusal
//! that comes late is counted and nothing more.

use super::{
    Goodbye, Links, Output, SEALED_BYTES_MAX, UNFINISHED_AGE_MAX,
    connection::Phase,
    emit,
    frame::{self, Frame, Place, Step},
    message::{self, Message},
    piece_reason,
    session::OpenError,
    told,
};
use crate::{
    id::LinkId,
    limits::PACKET_BYTES_MAX,
    time::{Duration, Instant},
    transport::CloseReason,
};

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
                    Err(error) => self.close(link, piece_reason(error), None, Goodbye::Say),
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
                self.close(link, told(reason), None, Goodbye::Heard);
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
            Err(OpenError::Short { .. }) => {
                return self.close(link, CloseReason::Garbage, None, Goodbye::Say);
            }
            Err(OpenError::Forged) => {
                return self.close(link, CloseReason::BadSignature, None, Goodbye::Say);
            }
        };
        session.heard = now;
        session.unconfirmed = None;
        let from = session.peer();
        match message::decode(&plain) {
            Ok(Message::Ping { token }) => self.say(link, &Message::Pong { token }),
            Ok(Message::Pong { token }) => {
                if let Some((_, left)) = session.asked.take_if(|(asked, _)| *asked == token) {
                    session.quality.on_answer(now - left);
                    self.tell_if_moved(link);
                }
            }
            Ok(Message::Close { reason }) => {
                self.close(link, told(reason), None, Goodbye::Heard);
            }
            Ok(Message::Packet(packet)) if packet.len() > PACKET_BYTES_MAX => {
                self.close(link, CloseReason::Limit, None, Goodbye::Say);
            }
            Ok(Message::Packet(packet)) => {
                self.counters.packets_in += 1;
                let header = plain.len() - packet.len();
                plain.drain(..header);
                self.outputs.push_back(Output::Received { from, packet: plain });
            }
            Err(message::Malformed) => {
                self.close(link, CloseReason::Garbage, None, Goodbye::Say);
            }
        }
    }

    pub(super) fn ping(&mut self, link: LinkId, now: Instant) {
        let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
        else {
            return;
        };
        // A token that nobody can guess: an answer cannot leave before its question came.
        let token = self.rng.next_u64();
        let tenth = self.config.ping_every / 10;
        let jitter = Duration::from_micros(self.rng.below(2 * tenth.as_micros() as u64 + 1));
        session.asked = Some((token, now));
        session.ping_at = now + (self.config.ping_every - tenth) + jitter;
        let ping_at = session.ping_at;
        self.wake_by(ping_at);
        self.say(link, &Message::Ping { token });
    }

    pub(super) fn tell_if_moved(&mut self, link: LinkId) {
        if let Some(Phase::Open(session)) = self.connections.get_mut(&link).map(|c| &mut c.phase)
            && session.quality.take_moved()
        {
            let peer = session.peer();
            self.outputs.push_back(Output::Measured { peer });
        }
    }

    /// Seals `message` and sends it in one frame or in pieces.
    pub(super) fn say(&mut self, link: LinkId, message: &Message) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        let Phase::Open(session) = &mut connection.phase else { return };
        let sealed = session.sealer.seal(message);
        if sealed.len() <= connection.mtu {
            return emit(&mut self.outputs, &mut self.counters, link, sealed);
        }
        let id = session.next_piece_id;
        session.next_piece_id = id.wrapping_add(1);
        for piece in frame::pieces(id, &sealed[1..], connection.mtu) {
            emit(&mut self.outputs, &mut self.counters, link, piece);
        }
    }
}
