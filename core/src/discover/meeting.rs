//! Direct links between browser tabs: who dials whom over WebRTC.
//!
//! A tab cannot listen, so two tabs meet through the mesh that already joins them: one dials
//! `webrtc://<peer id in hex>`, and the two shells tell each other how to be reached
//! ([`super::signalling`]).
//!
//! Rules. Whoever announces that it can meet is put on a ring by its id, and each links to those
//! that stand 1, 2 and 4 places away, so that all tabs stay one mesh when the node that served
//! them dies, with at most six links each; up to seven tabs all know each other. Everybody
//! computes this from the same map. Of two the smaller id dials and the other never does, so that
//! no two offers cross. Only those whom a path leads to are dialled: without one nothing can be
//! signalled. Nothing is closed here when the ring changes.

use super::attempts::{Attempts, Backoff};
use crate::{
    id::{LinkId, PeerId},
    limits::MAP_NODES_MAX,
    seed::Rng,
    sorted::SortedSet,
    time::{Duration, Instant},
};

/// The scheme of addresses that are dialled by WebRTC, in front of `://`.
pub const WEBRTC_SCHEME: &str = "webrtc";

/// Places on the ring between two that link. Powers of two keep paths logarithmic (Stoica and
/// others, "Chord", SIGCOMM 2001, section 4).
const RING_STEPS: [usize; 3] = [1, 2, 4];

/// Tabs that all link to each other, with as many links each as the ring asks for.
const CIRCLE_MAX: usize = 2 * RING_STEPS.len() + 1;

/// Direct links at which no more are dialled: twice what the ring asks for, because links stay
/// when the ring turns. Guess: a phone carries so many data channels.
pub const MEETING_LINKS_MAX: usize = 4 * RING_STEPS.len();

/// Dials under way at once. Guess: each gathers candidates and holds sockets.
pub const MEETING_DIALS_AT_ONCE: usize = 3;

/// Guess: gathering, two messages across the mesh and a handshake take about a second.
pub const MEETING_BACKOFF: Backoff =
    Backoff { base: Duration::from_secs(2), max: Duration::from_secs(60) };

/// See the module.
pub struct Meeting {
    own: PeerId,
    /// Peers that can meet and can be reached, this one included; ascending.
    tabs: Vec<PeerId>,
    /// Whom to dial; ascending.
    wanted: Vec<PeerId>,
    attempts: Attempts,
    /// Direct links that are open, by either end.
    open: SortedSet<(PeerId, LinkId)>,
}

impl Meeting {
    pub fn new(own: PeerId) -> Meeting {
        Meeting {
            own,
            tabs: Vec::new(),
            wanted: Vec::new(),
            attempts: Attempts::new(MEETING_BACKOFF),
            open: SortedSet::new(),
        }
    }

    /// Everybody who can meet and be reached, this node left out; ascending.
    pub fn on_tabs(&mut self, mut tabs: Vec<PeerId>) {
        tabs.truncate(MAP_NODES_MAX);
        let place = tabs.partition_point(|peer| *peer < self.own);
        tabs.insert(place, self.own);
        if tabs == self.tabs {
            return;
        }
        let wanted: SortedSet<PeerId> = partners(tabs.len(), place)
            .map(|partner| tabs[partner])
            .filter(|peer| *peer > self.own)
            .collect();
        self.wanted = wanted.into_iter().collect();
        self.tabs = tabs;
    }

    pub fn poll_dial(&mut self, now: Instant) -> Option<String> {
        let due = self.due().filter(|(at, _)| *at <= now);
        let (_, peer) = due?;
        let address = address_of(peer);
        self.attempts.begin(&address, now).then_some(address)
    }

    /// When [`Meeting::poll_dial`] next has something.
    pub fn deadline(&self) -> Option<Instant> {
        self.due().map(|(at, _)| at)
    }

    fn due(&self) -> Option<(Instant, PeerId)> {
        let dialling = self.attempts.dialling();
        if dialling >= MEETING_DIALS_AT_ONCE || self.open.len() + dialling >= MEETING_LINKS_MAX {
            return None;
        }
        let missing = self.wanted.iter().filter(|peer| !self.is_met(peer));
        let ready = missing.filter_map(|peer| {
            let at = self.attempts.ready_at(&address_of(*peer))?;
            Some((at, *peer))
        });
        ready.min()
    }

    fn is_met(&self, peer: &PeerId) -> bool {
        self.open.iter().any(|(open, _)| open == peer)
    }

    pub fn on_up(&mut self, link: LinkId, address: &str) {
        self.attempts.on_up(link, address);
    }

    pub fn on_dial_failed(
        &mut self,
        address: &str,
        rng: &mut Rng,
        now: Instant,
    ) -> Option<Duration> {
        self.attempts.on_dial_failed(address, rng, now)
    }

    /// A direct link opened, dialled by either end.
    pub fn on_opened(&mut self, link: LinkId, peer: PeerId) {
        self.attempts.on_opened(link);
        self.open.insert((peer, link));
    }

    /// Any link closed.
    pub fn on_closed(&mut self, link: LinkId, peer: Option<PeerId>, rng: &mut Rng, now: Instant) {
        self.attempts.on_closed(link, rng, now);
        if let Some(peer) = peer {
            self.open.remove(&(peer, link));
        }
    }
}

fn address_of(peer: PeerId) -> String {
    format!("{WEBRTC_SCHEME}://{peer}")
}

/// The places that the place `own` of `count` on the ring links to.
fn partners(count: usize, own: usize) -> impl Iterator<Item = usize> {
    let steps = if count > CIRCLE_MAX { RING_STEPS } else { [1, 2, 3] };
    let steps = steps.into_iter().filter(move |step| *step < count);
    steps.flat_map(move |step| [(own + step) % count, (own + count - step) % count])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use crate::seed::Seed;

    const NOW: Instant = Instant::from_millis(9000);

    fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    fn tab(own: u8, count: u8) -> Meeting {
        let mut meeting = Meeting::new(peer(own));
        meeting.on_tabs((0..count).filter(|n| *n != own).map(peer).collect());
        meeting
    }

    fn dials(meeting: &mut Meeting) -> Vec<String> {
        core::iter::from_fn(|| meeting.poll_dial(NOW)).collect()
    }

    /// Who dials whom when nothing fails.
    fn pairs(count: u8) -> Vec<(u8, u8)> {
        let mut pairs = Vec::new();
        for own in 0..count {
            let mut meeting = tab(own, count);
            pairs.extend(meeting.wanted.iter().map(|other| (own, other.as_bytes()[0])));
            meeting.on_tabs(Vec::new());
            assert_eq!(meeting.deadline(), None);
        }
        pairs
    }

    #[test]
    fn the_smaller_id_dials_and_the_other_waits() {
        let (mut smaller, mut larger) = (tab(0, 2), tab(1, 2));
        assert_eq!(smaller.deadline(), Some(Instant::ZERO));
        assert_eq!(dials(&mut smaller), [format!("webrtc://{}", "01".repeat(32))]);
        assert_eq!((dials(&mut larger), larger.deadline()), (vec![], None));
        assert_eq!(smaller.deadline(), None, "it is being dialled");
    }

    #[test]
    fn up_to_seven_tabs_all_know_each_other() {
        for count in 0..=7 {
            assert_eq!(pairs(count).len(), usize::from(count * count.saturating_sub(1) / 2));
        }
    }

    #[test]
    fn many_tabs_are_one_mesh_with_six_links_each_even_when_one_leaves() {
        for count in [8, 9, 30, 200] {
            let pairs = pairs(count);
            for gone in 0..count {
                let left = pairs.iter().filter(|(a, b)| *a != gone && *b != gone);
                let mut part: Vec<u8> = (0..count).collect();
                for (a, b) in left {
                    let (a, b) = (part[usize::from(*a)], part[usize::from(*b)]);
                    part.iter_mut().filter(|p| **p == b).for_each(|p| *p = a);
                }
                part.remove(usize::from(gone));
                assert!(part.iter().all(|p| *p == part[0]), "{count} without {gone}");
            }
            for n in 0..count {
                let links = pairs.iter().filter(|(a, b)| *a == n || *b == n).count();
                assert!(links <= 6, "{n} of {count} has {links}");
            }
        }
    }

    #[test]
    fn dials_under_way_and_links_are_bounded_and_a_lost_link_is_dialled_again() {
        let mut rng = Seed::from_number(1).rng();
        let mut meeting = tab(0, 7);
        let first = dials(&mut meeting);
        assert_eq!(first.len(), MEETING_DIALS_AT_ONCE);
        assert!(meeting.on_dial_failed(&first[0], &mut rng, NOW).is_some());
        assert_eq!(dials(&mut meeting).len(), 1, "the next one takes its place");
        assert!(meeting.on_dial_failed("webrtc://stranger", &mut rng, NOW).is_none());

        for n in 0..MEETING_LINKS_MAX as u64 {
            meeting.on_opened(LinkId(100 + n), peer(200));
        }
        assert_eq!(meeting.deadline(), None, "it has links enough");
        for n in 0..MEETING_LINKS_MAX as u64 {
            meeting.on_closed(LinkId(100 + n), Some(peer(200)), &mut rng, NOW);
        }

        let mut pair = tab(0, 2);
        let address = dials(&mut pair).remove(0);
        pair.on_up(LinkId(1), &address);
        pair.on_opened(LinkId(1), peer(1));
        assert_eq!(pair.deadline(), None);
        pair.on_closed(LinkId(1), Some(peer(1)), &mut rng, NOW);
        assert!(pair.deadline().unwrap() <= NOW + MEETING_BACKOFF.base);
    }

    #[test]
    fn a_tab_that_is_met_already_or_out_of_reach_is_not_dialled() {
        let mut meeting = tab(0, 2);
        meeting.on_opened(LinkId(5), peer(1));
        assert_eq!(meeting.deadline(), None);
        let mut meeting = tab(0, 2);
        meeting.on_tabs(Vec::new());
        assert_eq!((dials(&mut meeting), meeting.deadline()), (vec![], None));
    }
}
