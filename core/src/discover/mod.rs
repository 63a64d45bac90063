//! Who is near and can be dialled: Bluetooth advertisements, records on the LAN, other tabs.
//!
//! One machine for all sources ([`Discover`]); each source is a file of its own. A source says
//! what is worth dialling and when; who answers is proved by the handshake (`link`) and nobody is
//! believed before.
//!
//! What this room does not do: keep up the links that the node was told to keep up (`link`), mend
//! the mesh (`heal`), or carry what shells signal (`route`).

mod attempts;
mod distance;
mod meeting;
mod message;
mod radio;
mod sighting;
mod signalling;

pub use attempts::ATTEMPTS_MAX;
pub use distance::{DISTANCE_MAX_M, DISTANCE_MIN_M, distance_m};
pub use meeting::{MEETING_DIALS_AT_ONCE, MEETING_LINKS_MAX, WEBRTC_SCHEME};
pub use message::{
    ADVERTISEMENT_BYTES, Advertisement, BLE_COMPANY_ID, Capabilities, LAN_RECORD_BYTES_MAX,
    LanRecord, LanRecordError, Prefix, prefix_of,
};
pub use radio::{Adapter, CHANNELS, CHANNELS_ALL, Circumstances, Knob, RadioPlan, RadioReport};
pub use sighting::{
    AUTO_CONNECT_M, BLE_LINKS_MAX, BLE_PATIENCE, LAN_LINKS_MAX, LAN_PATIENCE, Near, News,
    SIGHTING_RECORD_BYTES_MAX, SIGHTINGS_MAX, SILENCE_MAX, Sighting, SightingRefused,
};
pub use signalling::{SIGNAL_BYTES_MAX, SIGNALLERS_MAX, SIGNALS_BURST, SignalRefused};

use crate::{
    id::{LinkId, PeerId},
    seed::{Rng, Seed},
    time::{Duration, Instant},
    transport::Transport,
};
use meeting::Meeting;
use radio::Radio;
use sighting::Sightings;
use signalling::Allowances;

/// Settings of one node.
#[derive(Clone, Debug)]
pub struct Config {
    pub own: PeerId,
    /// Leading zero bits of work that the author of a record must show.
    pub work_bits: u8,
    /// What this node's driver can dial, as the part of an address in front of `://`.
    pub schemes: Vec<String>,
    /// Addresses that somebody else keeps up.
    pub kept: Vec<String>,
}

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub sightings_refused: u64,
    pub signals_sent: u64,
    pub signals_delivered: u64,
    /// Either way.
    pub signals_refused: u64,
}

/// See the module.
pub struct Discover {
    rng: Rng,
    sightings: Sightings,
    radio: Radio,
    /// Missing where the driver cannot dial by WebRTC.
    meeting: Option<Meeting>,
    outgoing: Allowances,
    incoming: Allowances,
    counters: Counters,
    /// When there is something to do: asked for after every frame, so it is kept.
    wake: Option<Instant>,
}

impl Discover {
    pub fn new(config: Config, seed: &Seed) -> Discover {
        let Config { own, work_bits, schemes, kept } = config;
        let meets = schemes.iter().any(|scheme| scheme == WEBRTC_SCHEME);
        let advertisement =
            Advertisement { prefix: prefix_of(own), capabilities: Capabilities::ALL };
        Discover {
            rng: seed.rng(),
            sightings: Sightings::new(own, work_bits, schemes, kept),
            radio: Radio::new(advertisement.encode()),
            meeting: meets.then(|| Meeting::new(own)),
            outgoing: Allowances::default(),
            incoming: Allowances::default(),
            counters: Counters::default(),
            wake: None,
        }
    }

    // ---- those in reach ------------------------------------------------------------------

    /// Somebody was noticed. An error changes nothing but a count.
    pub fn on_sighted(&mut self, sighting: Sighting, now: Instant) -> Result<(), SightingRefused> {
        let taken = self.sightings.on_sighted(sighting, &mut self.rng, now);
        self.counters.sightings_refused += u64::from(taken.is_err());
        self.rest();
        taken
    }

    /// What happened to those in reach.
    pub fn poll_news(&mut self) -> Option<News> {
        self.sightings.poll_news()
    }

    /// Everybody in reach, nearest first.
    pub fn near(&self) -> Vec<Near> {
        self.sightings.near()
    }

    // ---- the radio -----------------------------------------------------------------------

    pub fn on_radio(&mut self, report: RadioReport) {
        self.radio.on_report(report);
    }

    /// What feeds this device.
    pub fn on_power(&mut self, battery_percent: Option<u8>, charging: bool) {
        self.radio.on_power(battery_percent, charging);
    }

    /// The share of packets lost on each data channel, in percent, where it was measured.
    pub fn on_interference(&mut self, lost_percent: &[Option<u8>]) {
        self.radio.on_interference(lost_percent);
    }

    /// How strongly the other end of an open Bluetooth link is heard.
    pub fn on_signal(&mut self, link: LinkId, rssi_dbm: i8) {
        if self.sightings.is_ble(link) {
            self.radio.on_signal(link, rssi_dbm);
        }
    }

    /// What the shell said last of its adapter.
    pub fn radio(&self) -> Option<&RadioReport> {
        self.radio.report()
    }

    /// How to run the adapter, when that changed.
    pub fn poll_plan(&mut self, circumstances: Circumstances) -> Option<RadioPlan> {
        self.radio.on_circumstances(circumstances);
        self.radio.poll_plan()
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
        self.rest();
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
        self.sightings.on_up(link, address);
        if let Some(meeting) = &mut self.meeting {
            meeting.on_up(link, address);
        }
        self.rest();
    }

    /// Gives the time to the next try; `None` for an address that this room is not dialling.
    pub fn on_dial_failed(&mut self, address: &str, now: Instant) -> Option<Duration> {
        let rng = &mut self.rng;
        let met = self.meeting.as_mut().and_then(|m| m.on_dial_failed(address, rng, now));
        let retry = met.or_else(|| self.sightings.on_dial_failed(address, rng, now));
        self.rest();
        retry
    }

    /// Any link opened, dialled or not.
    pub fn on_opened(&mut self, link: LinkId, peer: PeerId, transport: Transport) {
        self.sightings.on_opened(link, peer, transport);
        if let Some(meeting) = self.meeting.as_mut().filter(|_| transport == Transport::WebRtc) {
            meeting.on_opened(link, peer);
        }
        self.rest();
    }

    /// Any connection ended, with what is known of it.
    pub fn on_closed(&mut self, link: LinkId, peer: Option<PeerId>, now: Instant) {
        self.sightings.on_closed(link, &mut self.rng, now);
        self.radio.on_closed(link);
        if let Some(meeting) = &mut self.meeting {
            meeting.on_closed(link, peer, &mut self.rng, now);
        }
        self.rest();
    }

    // ---- time ----------------------------------------------------------------------------

    /// The next address to dial now. Each must be answered by [`Discover::on_up`] or
    /// [`Discover::on_dial_failed`].
    pub fn poll_dial(&mut self, now: Instant) -> Option<String> {
        if self.wake.is_none_or(|at| at > now) {
            return None;
        }
        let met = self.meeting.as_mut().and_then(|meeting| meeting.poll_dial(now));
        let dial = met.or_else(|| self.sightings.poll_dial(now));
        self.rest();
        dial
    }

    /// Forgets the silent.
    pub fn on_timeout(&mut self, now: Instant) {
        self.sightings.on_timeout(now);
        self.rest();
    }

    /// When there is something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.wake
    }

    fn rest(&mut self) {
        let meeting = self.meeting.as_ref().and_then(Meeting::deadline);
        self.wake = [meeting, self.sightings.deadline()].into_iter().flatten().min();
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
