//! The address book: where peers could be dialled and whom they stood next to.
//!
//! Rules. A peer is remembered for [`REMEMBERED`] after it vanished from the map, because a part
//! that was cut off for longer than the map remembers must still be found again. Everything in it
//! is what peers said of themselves, so every field is bounded and none is believed further than
//! a dial, which proves who answers.

use crate::{
    graph::{Edge, Graph},
    id::PeerId,
    limits::MAP_NODES_MAX,
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// A peer that is no longer in the map is forgotten after this.
pub const REMEMBERED: Duration = Duration::from_secs(3600);

/// Peers in the book; those that vanished longest ago make room.
pub const PEERS_MAX: usize = MAP_NODES_MAX;

/// Addresses of one peer.
pub const ADDRESSES_MAX: usize = 4;

/// Bytes of one address. Guess: a host name of 100 letters with its scheme, port and path.
pub const ADDRESS_BYTES_MAX: usize = 128;

/// Neighbours that are remembered of one peer. Guess: enough to tell how far away it was.
pub const NEAR_MAX: usize = 16;

/// What a peer of the map says of itself.
#[derive(Clone, Debug)]
pub struct Heard {
    pub peer: PeerId,
    /// Where it can be dialled; the first [`ADDRESSES_MAX`] count, and none that is too long.
    pub addresses: Vec<String>,
    /// Its neighbours by its own word; the first [`NEAR_MAX`] count. None at all is a goodbye.
    pub near: Vec<PeerId>,
    /// How many of its open links were made by repairs that it tried.
    pub mended: u16,
}

pub(super) struct Entry {
    pub addresses: Vec<String>,
    pub near: Vec<PeerId>,
    pub mended: u16,
    in_map_at: Instant,
}

#[derive(Default)]
pub(super) struct Book {
    peers: SortedMap<PeerId, Entry>,
}

impl Book {
    /// Everybody the map shows now.
    pub fn hear(&mut self, heard: Vec<Heard>, now: Instant) {
        for Heard { peer, mut addresses, mut near, mended } in heard {
            addresses.retain(|address| address.len() <= ADDRESS_BYTES_MAX);
            addresses.truncate(ADDRESSES_MAX);
            near.truncate(NEAR_MAX);
            self.peers.insert(peer, Entry { addresses, near, mended, in_map_at: now });
        }
        self.peers.retain(|_, entry| now.since(entry.in_map_at) < REMEMBERED);
        let excess = self.peers.len().saturating_sub(PEERS_MAX);
        if excess > 0 {
            let mut ages: Vec<Instant> = self.peers.values().map(|e| e.in_map_at).collect();
            ages.sort_unstable();
            let (bound, mut left) = (ages[excess - 1], excess);
            self.peers.retain(|_, entry| {
                let goes = entry.in_map_at <= bound && left > 0;
                left -= usize::from(goes);
                !goes
            });
        }
    }

    pub fn get(&self, peer: &PeerId) -> Option<&Entry> {
        self.peers.get(peer)
    }

    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Peers with neighbours by their last word, none of them in `part` (ascending), with the
    /// hops to them by all that was ever said; nearest first, then by id. O(n log n) for n peers.
    pub fn lost(&self, own: PeerId, part: &[PeerId]) -> Vec<(u32, PeerId)> {
        let is_lost = |peer: &PeerId, entry: &Entry| {
            !entry.near.is_empty() && part.binary_search(peer).is_err()
        };
        if !self.peers.iter().any(|(peer, entry)| is_lost(peer, entry)) {
            return Vec::new();
        }
        let hops = self.hops(own);
        let lost = self.peers.iter().zip(hops).filter(|((peer, entry), _)| is_lost(peer, entry));
        let mut lost: Vec<_> = lost.map(|((peer, _), hops)| (hops, *peer)).collect();
        lost.sort_unstable();
        lost
    }

    /// Hops from `own` to every peer in the order of the book, over links that either end named;
    /// `u32::MAX` where none lead.
    fn hops(&self, own: PeerId) -> Vec<u32> {
        let ids: Vec<PeerId> = self.peers.keys().copied().collect();
        let index = |peer: &PeerId| ids.binary_search(peer).ok().map(|at| at as u32);
        let mut edges = Vec::new();
        for (a, entry) in (0..).zip(self.peers.values()) {
            let named = entry.near.iter().filter_map(index);
            edges.extend(named.map(|b| Edge { a, b, cost: 1 }));
        }
        let graph = Graph::new(ids.len() as u32, &edges);
        match index(&own) {
            Some(own) => super::pieces::hops_from(&graph, own),
            None => vec![u32::MAX; ids.len()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u16) -> PeerId {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        PeerId::from_bytes(bytes)
    }

    fn heard(n: u16, near: &[u16]) -> Heard {
        let addresses = vec![format!("sim://{n}")];
        let near = near.iter().map(|n| id(*n)).collect();
        Heard { peer: id(n), addresses, near, mended: 0 }
    }

    const NOW: Instant = Instant::from_millis(5000);

    #[test]
    fn what_a_peer_says_of_itself_is_cut_to_its_bounds() {
        let mut book = Book::default();
        let mut loud = heard(1, &(2..99).collect::<Vec<_>>());
        loud.addresses = vec!["x".repeat(ADDRESS_BYTES_MAX + 1)];
        loud.addresses.extend((0..9).map(|n| n.to_string().repeat(ADDRESS_BYTES_MAX)));
        book.hear(vec![loud], NOW);
        let kept = book.get(&id(1)).unwrap();
        assert_eq!((kept.addresses.len(), kept.near.len()), (ADDRESSES_MAX, NEAR_MAX));
        assert_eq!(kept.addresses[0], "0".repeat(ADDRESS_BYTES_MAX));
    }

    #[test]
    fn the_book_holds_its_limit_and_those_who_vanished_first_make_room() {
        let mut book = Book::default();
        book.hear(vec![heard(9001, &[2]), heard(9002, &[1])], NOW);
        let later = NOW + Duration::from_secs(1);
        book.hear((10..10 + PEERS_MAX as u16 - 1).map(|n| heard(n, &[9])).collect(), later);
        assert_eq!(book.len(), PEERS_MAX);
        assert!(book.get(&id(9001)).is_none() && book.get(&id(9002)).is_some());
    }

    #[test]
    fn who_vanished_is_remembered_for_an_hour() {
        let mut book = Book::default();
        book.hear(vec![heard(1, &[2])], NOW);
        book.hear(Vec::new(), NOW + (REMEMBERED - Duration::from_micros(1)));
        assert_eq!(book.len(), 1);
        book.hear(Vec::new(), NOW + REMEMBERED);
        assert_eq!(book.len(), 0);
    }

    #[test]
    fn the_lost_come_nearest_first_by_links_that_either_end_named() {
        let mut book = Book::default();
        // 1 and 2 are ours; the link 2-3 was cut, which 3 does not know yet; 6 said goodbye.
        let said = [heard(1, &[2]), heard(2, &[1]), heard(3, &[2, 4]), heard(4, &[3])];
        book.hear(said.into_iter().chain([heard(6, &[]), heard(9, &[8])]).collect(), NOW);
        let lost = book.lost(id(1), &[id(1), id(2)]);
        assert_eq!(lost, [(2, id(3)), (3, id(4)), (u32::MAX, id(9))]);
        assert_eq!(book.lost(id(1), &[id(1), id(2), id(3), id(4), id(9)]), []);
    }
}
