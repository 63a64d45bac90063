//! What is kept of one peer across all its links.
//!
//! Not here: what to do with it; [`super::Links`] decides, because that takes the links too.

use super::stream::{Inbox, Outbox};
use crate::{
    id::LinkId,
    time::{Duration, Instant},
    transport::{Class, SwitchReason, Transport},
};
use std::collections::VecDeque;

/// Changes of link that are remembered for people, per peer.
pub const SWITCHES_MAX: usize = 16;

pub const CLASSES: usize = Class::ALL.len();

/// Two for each class: what is small, and on battery what is not.
pub const SLOTS: usize = 2 * CLASSES;

pub struct Peer {
    /// Which run of it this is. All its links are of this run.
    pub instance: [u8; 8],
    /// Its open links in the order of opening.
    pub links: Vec<LinkId>,
    /// From which beginning we count what we send.
    pub era: u32,
    pub outboxes: [Outbox; CLASSES],
    pub inboxes: [Inbox; CLASSES],
    pub dues: [Due; CLASSES],
    /// Of all outboxes.
    pub unacknowledged_bytes: usize,
    pub slots: [Slot; SLOTS],
    /// The credit of each link in balanced turns.
    pub credits: Vec<(LinkId, i64)>,
    /// When its last link closed.
    pub gone_at: Option<Instant>,
    /// When the node was last asked to prepare another link.
    pub prepared_at: Option<Instant>,
    pub switches: VecDeque<Switch>,
    /// What came over all its links, those that are gone too.
    pub frames_in: u64,
    pub bytes_in: u64,
    pub congested: u64,
}

/// The acknowledgement owed in one class.
#[derive(Clone, Copy)]
pub struct Due {
    /// Messages since the last one.
    pub messages: u32,
    pub bytes: usize,
    pub at: Instant,
    /// By which link the last message came.
    pub via: LinkId,
    /// The highest number, and when it came.
    pub highest: u64,
    pub highest_at: Instant,
}

/// Which link a class of messages takes.
#[derive(Clone, Copy, Default)]
pub struct Slot {
    pub link: Option<LinkId>,
    /// The one that it is or was, and its kind.
    pub last: Option<(LinkId, Transport)>,
    /// There is none because no link is trusted, not because all ended.
    pub broken: bool,
    /// A link that is clearly better, and since when.
    pub better: Option<(LinkId, Instant)>,
    pub switched_at: Option<Instant>,
    /// The last change interrupted something that has not gone on yet: when it was made, and since
    /// when nothing was delivered.
    pub interrupted: Option<(Instant, Instant)>,
}

/// A change of link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switch {
    pub at: Instant,
    pub class: Class,
    pub from: Option<Transport>,
    pub to: Transport,
    pub reason: SwitchReason,
    /// From the last acknowledgement before it, or the first message that waited if that is later,
    /// to the first acknowledgement after it. Missing when nothing waited, or still does.
    pub interruption: Option<Duration>,
}

impl Peer {
    pub fn new(instance: [u8; 8], era: u32) -> Peer {
        Peer {
            instance,
            links: Vec::new(),
            era,
            outboxes: Default::default(),
            inboxes: Default::default(),
            dues: [Due::NONE; CLASSES],
            unacknowledged_bytes: 0,
            slots: Default::default(),
            credits: Vec::new(),
            gone_at: None,
            prepared_at: None,
            switches: VecDeque::new(),
            frames_in: 0,
            bytes_in: 0,
            congested: 0,
        }
    }

    pub fn is_linked(&self) -> bool {
        !self.links.is_empty()
    }

    /// Messages sent and not acknowledged.
    pub fn unacknowledged(&self) -> usize {
        self.outboxes.iter().map(Outbox::len).sum()
    }

    /// Gives everything up that was not acknowledged. Gives how many messages.
    pub fn give_up(&mut self) -> usize {
        let given_up = self.unacknowledged();
        self.outboxes = Default::default();
        self.unacknowledged_bytes = 0;
        given_up
    }

    /// The link by which this peer is announced.
    pub fn primary(&self) -> Option<LinkId> {
        self.slots[slot(Class::Dice, true)].link.or_else(|| self.links.first().copied())
    }
}

impl Due {
    const NONE: Due = Due {
        messages: 0,
        bytes: 0,
        at: Instant::NEVER,
        via: LinkId(0),
        highest: 0,
        highest_at: Instant::ZERO,
    };

    /// It was said, alone or along with something.
    pub fn said(&mut self) {
        self.messages = 0;
        self.bytes = 0;
        self.at = Instant::NEVER;
    }

    pub fn start_anew(&mut self) {
        *self = Due::NONE;
    }
}

pub fn index(class: Class) -> usize {
    match class {
        Class::Dice => 0,
        Class::Bets => 1,
        Class::Chat => 2,
        Class::Sync => 3,
        Class::Mesh => 4,
    }
}

pub fn slot(class: Class, small: bool) -> usize {
    2 * index(class) + usize::from(!small)
}
