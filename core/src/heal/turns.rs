//! Which of the planned pairs are this node's to try, and how long each waits for its turn.
//!
//! Rules. A node dials what its driver can dial and nobody else keeps up. Loopback is dialled only
//! by a node that announces nothing else itself: from anybody else such an address leads to some
//! other program of this machine, which a stranger has no business to reach through us.

use super::{
    Heal, Kind, LINKS_MAX, Listening, Mesh,
    io::is_loopback,
    plan::{self, Rules, Want},
    words::Gain,
};
use crate::{
    id::PeerId,
    time::{Duration, Instant},
};

/// Before the other end of a pair steps in.
pub(super) const SECOND_END_AFTER: Duration = Duration::from_millis(600);

/// Peers without a path that are planned for, nearest first. Guess.
pub const JOINS_MAX: usize = 64;

/// Tables of this node whose seats are brought nearer to their leader.
pub const TABLES_MAX: usize = 16;

/// Before peers without a path are dialled: a link that comes back by itself does so sooner.
pub(super) const JOIN_AFTER: Duration = Duration::from_millis(300);

/// Between two peers without a path, and for every hop that they were further away.
pub(super) const JOIN_SLOT: Duration = Duration::from_millis(200);

/// Peers without a path that stood further away than this are left to those who stood nearer. Of a
/// hundred split meshes of 50 radios one was left in parts at 8 and 32 peers.
pub(super) const JOIN_HOPS_MAX: u32 = 16;

impl Heal {
    /// The pairs of the plan that this node is an end of.
    pub(super) fn wants(&mut self, mesh: &Mesh<'_>, own: u32, tables: &[Vec<PeerId>]) -> Vec<Want> {
        let listens: Vec<bool> = mesh
            .ids
            .iter()
            .map(|peer| match self.book.get(peer) {
                _ if *peer == self.own => self.config.listening != Listening::Nowhere,
                Some(entry) => !entry.addresses.is_empty(),
                None => false,
            })
            .collect();
        let (spare, spare_for_thickness) = self.spare(mesh);
        let rules = Rules {
            listens: &listens,
            links_max: LINKS_MAX,
            spare,
            spare_for_thickness,
            diameter_max: self.config.diameter_max,
            clustering_min: self.config.clustering_min,
        };
        let mut wants = Vec::new();
        let place = |peer: &PeerId| mesh.ids.binary_search(peer).ok().map(|at| at as u32);
        for seats in tables.iter().take(TABLES_MAX) {
            let mut seats = seats.iter().filter_map(place);
            let Some(leader) = seats.next() else { continue };
            let players = seats.filter(|player| own == leader || own == *player);
            wants.extend(players.flat_map(|player| plan::nearer(mesh, &rules, player, leader)));
        }
        wants.extend(plan::plan(mesh, &rules, &mut self.analyser));
        wants.retain(|want| want.a == own || want.b == own);
        wants
    }

    /// Links that may be added to the mesh, and how many of these to make it thicker: half of what
    /// may be added at all, so that a thin mesh keeps something for its wounds. A tenth is left
    /// for those who add at the same moment.
    fn spare(&self, mesh: &Mesh<'_>) -> (usize, usize) {
        let mended = |(place, peer): (u32, &PeerId)| match self.book.get(peer) {
            _ if *peer == self.own => self.made.len(),
            // Nobody made more links than it has.
            Some(entry) => usize::from(entry.mended).min(mesh.graph.degree(place) as usize),
            None => 0,
        };
        let mended: usize = (0..).zip(mesh.ids).map(mended).sum();
        let without = mesh.graph.edges().saturating_sub(mended);
        let growth = self.config.growth.saturating_sub(100) as usize;
        let allowed = (without * growth * 9 / 1000).max(1);
        (allowed.saturating_sub(mended), (allowed / 2).saturating_sub(mended))
    }

    /// Peers that no path leads to, nearest first by where they stood.
    pub(super) fn plan_joins(&mut self, now: Instant) {
        let lost = self.book.lost(self.own, &self.part);
        let dialled = |peer: &PeerId| self.turn(*peer).is_some();
        let far = |hops| match hops {
            // A link that was cut has somebody who redials it, and is likely to stay cut.
            0..=1 => Some(2),
            // Who stood further away has others nearer to it than this node.
            2..=JOIN_HOPS_MAX => Some(hops - 2),
            u32::MAX => Some(JOIN_HOPS_MAX),
            _ => None,
        };
        let lost = lost.into_iter().filter(|(_, peer)| dialled(peer));
        let mut lost: Vec<(u32, PeerId)> =
            lost.filter_map(|(hops, peer)| Some((far(hops)?, peer))).collect();
        lost.sort_unstable();
        lost.truncate(JOINS_MAX);
        let wait = |rank, far| JOIN_AFTER + JOIN_SLOT.saturating_mul(rank + 2 * far);
        let due = (0..).zip(lost).map(|(rank, (far, peer))| (peer, Gain::Reaches, wait(rank, far)));
        let due = due.collect();
        self.adopt(Kind::Join, due, now);
    }

    /// How long this node waits before it dials a peer whose turn it is; `None` when it cannot.
    pub(super) fn turn(&self, peer: PeerId) -> Option<Duration> {
        self.address(peer, 0)?;
        let second = self.config.listening != Listening::Nowhere && peer < self.own;
        Some(if second { SECOND_END_AFTER } else { Duration::ZERO })
    }

    /// One of the addresses of a peer that this node can dial and nobody else keeps up.
    pub(super) fn address(&self, peer: PeerId, failures: usize) -> Option<String> {
        let can_dial = |address: &&String| {
            let scheme = address.split_once("://").map(|(scheme, _)| scheme);
            scheme.is_some_and(|s| self.config.schemes.iter().any(|known| known == s))
                && !self.config.kept.contains(address)
                && (self.config.listening == Listening::OnThisMachine || !is_loopback(address))
        };
        let addresses = self.book.get(&peer)?.addresses.iter().filter(can_dial);
        let addresses: Vec<&String> = addresses.collect();
        addresses.get(failures % addresses.len().max(1)).map(|address| (*address).clone())
    }
}
