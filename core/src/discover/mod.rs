//! Who is near and can be dialled: Bluetooth advertisements, records on the LAN, other tabs.
//!
//! One machine for all sources ([`Discover`]); each source is a file of its own. A source says
//! what is worth dialling and when; who answers is proved by the handshake (`link`) and nobody is
//! believed before.
//!
//! What this room does not do: keep up the links that the node was told to keep up (`link`), mend
//! the mesh (`heal`), or carry what shells signal (`route`).

mod attempts;
mod meeting;
mod radio;
mod sighting;
mod signalling;

pub use attempts::ATTEMPTS_MAX;
pub use meeting::{MEETING_DIALS_AT_ONCE, MEETING_LINKS_MAX, WEBRTC_SCHEME};
pub use radio::{Adapter, Knob, RadioPlan, RadioReport};
pub use sighting::{SIGHTING_RECORD_BYTES_MAX, Sighting};
pub use signalling::{SIGNAL_BYTES_MAX, SIGNALLERS_MAX, SIGNALS_BURST, SignalRefused};

use crate::{
    id::{LinkId, PeerId},
    seed::{Rng, Seed},
    time::{Duration, Instant},
    transport::Transport,
};
use meeting::Meeting;
use signalling::Allowances;

/// Settings of one node.
#[derive(Clone, Debug)]
pub struct Config {
    pub own: PeerId,
    /// What this node's driver can dial, as the part of an address in front of `://`.
    pub schemes: Vec<String>,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub signals_sent: u64,
    pub signals_delivered: u64,
    /// Either way.
    pub signals_refused: u64,
}

/// See the module.
pub struct Discover {
    rng: Rng,
    /// Missing where the driver cannot dial by WebRTC.
    meeting: Option<Meeting>,
    outgoing: Allowances,
    incoming: Allowances,
    counters: Counters,
}

impl Discover {
    pub fn new(config: Config, seed: &Seed) -> Discover {
        let meets = config.schemes.iter().any(|scheme| scheme == WEBRTC_SCHEME);
        Discover {
            rng: seed.rng(),
            meeting: meets.then(|| Meeting::new(config.own)),
            outgoing: Allowances::default(),
            incoming: Allowances::default(),
            counters: Counters::default(),
        }
    }

    // ---- meeting other tabs --------------------------------------------------------------

    /// Whether this node can link to others by WebRTC.
    pub fn meets(&self) -> bool {
        self.meeting.is_some()
    }

    /// Everybody who can meet and whom a path leads to, this node left out; ascending.
    pub fn on_tabs(&mut self, tabs: Vec<PeerId>) {
        if let Some(meeting) = &mut self.meeting {
            meeting.on_tabs(tabs);
        }
    }

    /// The shell wants to say this to a peer; `known` tells whether the map has it as one that
    /// can meet. An error changes nothing but a count.
    pub fn check_outgoing(
        &mut self,
        to: PeerId,
        body: &[u8],
        known: bool,
        now: Instant,
    ) -> Result<(), SignalRefused> {
        let taken = self.may_signal(known).and_then(|()| self.outgoing.take(to, body.len(), now));
        match taken {
            Ok(()) => self.counters.signals_sent += 1,
            Err(_) => self.counters.signals_refused += 1,
        }
        taken
    }

    /// The same of a body that arrived.
    pub fn check_incoming(
        &mut self,
        from: PeerId,
        body: &[u8],
        known: bool,
        now: Instant,
    ) -> Result<(), SignalRefused> {
        let taken = self.may_signal(known).and_then(|()| self.incoming.take(from, body.len(), now));
        match taken {
            Ok(()) => self.counters.signals_delivered += 1,
            Err(_) => self.counters.signals_refused += 1,
        }
        taken
    }

    fn may_signal(&self, known: bool) -> Result<(), SignalRefused> {
        if self.meeting.is_none() {
            return Err(SignalRefused::CannotMeet);
        }
        if known { Ok(()) } else { Err(SignalRefused::UnknownPeer) }
    }

    // ---- links ---------------------------------------------------------------------------

    /// A connection stands that answers a dial. What this room did not dial is none of its
    /// business.
    pub fn on_up(&mut self, link: LinkId, address: &str) {
        if let Some(meeting) = &mut self.meeting {
            meeting.on_up(link, address);
        }
    }

    /// Gives the time to the next try; `None` for an address that this room is not dialling.
    pub fn on_dial_failed(&mut self, address: &str, now: Instant) -> Option<Duration> {
        self.meeting.as_mut()?.on_dial_failed(address, &mut self.rng, now)
    }

    /// Any link opened, dialled or not.
    pub fn on_opened(&mut self, link: LinkId, peer: PeerId, transport: Transport) {
        if let Some(meeting) = self.meeting.as_mut().filter(|_| transport == Transport::WebRtc) {
            meeting.on_opened(link, peer);
        }
    }

    /// Any connection ended, with what is known of it.
    pub fn on_closed(&mut self, link: LinkId, peer: Option<PeerId>, now: Instant) {
        if let Some(meeting) = &mut self.meeting {
            meeting.on_closed(link, peer, &mut self.rng, now);
        }
    }

    // ---- time ----------------------------------------------------------------------------

    /// The next address to dial now. Each must be answered by [`Discover::on_up`] or
    /// [`Discover::on_dial_failed`].
    pub fn poll_dial(&mut self, now: Instant) -> Option<String> {
        self.meeting.as_mut()?.poll_dial(now)
    }

    /// When there is something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.meeting.as_ref()?.deadline()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
