//! Putting the pieces of a message together again, in any order and however often they come.
//!
//! Rules. Memory follows the bytes that arrived, never the bytes that a header announces. Every
//! piece is charged its bytes and [`PIECE_COST_BYTES`]; when a link's unfinished packets cost too
//! much, are too many or too old, the oldest is forgotten and counted: on a lossy link that is
//! ordinary, and the layers above ask again.

use super::frame::Place;
use crate::{
    sorted::SortedMap,
    time::{Duration, Instant},
};

/// Unfinished packets of one link. Guess: far more than a link reorders.
pub const UNFINISHED_MAX: usize = 32;

/// What the unfinished packets of one link may cost, in bytes: two of the largest packets at the
/// smallest frame, or five at a large one.
pub const UNFINISHED_BYTES_MAX: usize = 384 * 1024;

/// What keeping one piece costs besides its own bytes. An upper bound on a map entry.
pub const PIECE_COST_BYTES: usize = 16;

/// How long an unfinished packet is kept. Guess: a slow radio has sent the rest by then.
pub const UNFINISHED_AGE_MAX: Duration = Duration::from_secs(10);

/// The pieces of one message.
#[derive(Debug)]
pub struct Assembly {
    count: u16,
    /// Chunks in order of arrival.
    data: Vec<u8>,
    /// Start and length in `data` by index.
    chunks: SortedMap<u16, (u32, u32)>,
    bytes_max: usize,
}

/// Why a piece does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    #[error("a piece of a message of {got} pieces, {expected} were announced before")]
    OtherCount { expected: u16, got: u16 },
    #[error("the message is longer than {max} bytes")]
    TooLong { max: usize },
}

impl Assembly {
    pub fn new(count: u16, bytes_max: usize) -> Assembly {
        Assembly { count, data: Vec::new(), chunks: SortedMap::new(), bytes_max }
    }

    /// Takes one piece; the whole message once none is missing. A piece that is there already is
    /// ignored, whatever it holds.
    pub fn add(&mut self, place: Place, chunk: &[u8]) -> Result<Option<Vec<u8>>, PieceError> {
        if place.count != self.count {
            return Err(PieceError::OtherCount { expected: self.count, got: place.count });
        }
        if !self.chunks.contains_key(&place.index) {
            if self.data.len() + chunk.len() > self.bytes_max {
                return Err(PieceError::TooLong { max: self.bytes_max });
            }
            let start = self.data.len() as u32;
            self.chunks.insert(place.index, (start, chunk.len() as u32));
            self.data.extend(chunk);
        }
        let whole = self.chunks.len() == usize::from(self.count);
        Ok(whole.then(|| self.take()))
    }

    fn take(&mut self) -> Vec<u8> {
        let data = core::mem::take(&mut self.data);
        let starts = self.chunks.values().map(|(start, _)| start);
        if starts.is_sorted() {
            return data;
        }
        self.chunks.values().fold(Vec::with_capacity(data.len()), |mut out, (start, len)| {
            out.extend(&data[*start as usize..][..*len as usize]);
            out
        })
    }

    fn cost(&self) -> usize {
        self.data.len() + self.chunks.len() * PIECE_COST_BYTES
    }
}

/// The unfinished packets of one link.
#[derive(Debug, Default)]
pub struct Unfinished {
    packets: SortedMap<u16, (Instant, Assembly)>,
    cost: usize,
    forgotten: u64,
}

impl Unfinished {
    /// Takes a piece of packet `id`; the packet once it is whole.
    pub fn add(
        &mut self,
        id: u16,
        place: Place,
        chunk: &[u8],
        bytes_max: usize,
        now: Instant,
    ) -> Result<Option<Vec<u8>>, PieceError> {
        // Another count under the same id: the numbers went round and the old packet never came.
        if self.packets.get(&id).is_some_and(|(_, old)| old.count != place.count) {
            self.forget(id);
        }
        let (since, mut packet) = match self.packets.remove(&id) {
            Some((since, packet)) => {
                self.cost -= packet.cost();
                (since, packet)
            }
            None => (now, Assembly::new(place.count, bytes_max)),
        };
        let whole = packet.add(place, chunk)?;
        if whole.is_none() {
            self.cost += packet.cost();
            self.packets.insert(id, (since, packet));
            while self.packets.len() > UNFINISHED_MAX || self.cost > UNFINISHED_BYTES_MAX {
                self.forget_oldest();
            }
        }
        Ok(whole)
    }

    /// When the oldest unfinished packet is given up.
    pub fn deadline(&self) -> Option<Instant> {
        self.packets.values().map(|(since, _)| *since + UNFINISHED_AGE_MAX).min()
    }

    pub fn on_timeout(&mut self, now: Instant) {
        while self.deadline().is_some_and(|at| at <= now) {
            self.forget_oldest();
        }
    }

    /// Packets given up since this was last asked.
    pub fn take_forgotten(&mut self) -> u64 {
        core::mem::take(&mut self.forgotten)
    }

    fn forget_oldest(&mut self) {
        let oldest = self.packets.iter().min_by_key(|(_, (since, _))| *since).map(|(id, _)| *id);
        if let Some(id) = oldest {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: u16) {
        if let Some((_, packet)) = self.packets.remove(&id) {
            self.cost -= packet.cost();
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn place(index: u16, count: u16) -> Place {
        Place { index, count }
    }

    #[test]
    fn pieces_in_any_order_and_twice_make_the_message() {
        let mut a = Assembly::new(3, 100);
        assert_eq!(a.add(place(2, 3), b"c"), Ok(None));
        assert_eq!(a.add(place(0, 3), b"aa"), Ok(None));
        assert_eq!(a.add(place(2, 3), b"x"), Ok(None));
        assert_eq!(a.add(place(1, 3), b"b"), Ok(Some(b"aabc".to_vec())));
    }

    #[test]
    fn a_message_is_no_longer_than_its_limit() {
        let mut a = Assembly::new(3, 4);
        assert_eq!(a.add(place(0, 3), b"abc"), Ok(None));
        assert_eq!(a.add(place(1, 3), b"de"), Err(PieceError::TooLong { max: 4 }));
    }

    #[test]
    fn too_many_unfinished_packets_cost_the_oldest() {
        let mut u = Unfinished::default();
        for id in 0..=UNFINISHED_MAX as u16 {
            let at = Instant::from_millis(id.into());
            assert_eq!(u.add(id, place(0, 2), b"first", 100, at), Ok(None));
        }
        assert_eq!(u.take_forgotten(), 1);
        assert_eq!(u.add(1, place(1, 2), b" last", 100, NOW), Ok(Some(b"first last".to_vec())));
        assert_eq!(u.add(0, place(1, 2), b" last", 100, NOW), Ok(None));
    }

    #[test]
    fn too_many_unfinished_bytes_cost_the_oldest() {
        let mut u = Unfinished::default();
        let chunk = vec![0; 100 * 1024];
        for id in 0..4 {
            let at = Instant::from_millis(id.into());
            assert_eq!(u.add(id, place(0, 2), &chunk, chunk.len() * 2, at), Ok(None));
        }
        assert_eq!(u.take_forgotten(), 1);
        assert!(u.cost <= UNFINISHED_BYTES_MAX);
    }

    #[test]
    fn an_unfinished_packet_is_given_up_at_its_age() {
        let mut u = Unfinished::default();
        assert_eq!(u.add(0, place(0, 2), b"first", 100, NOW), Ok(None));
        assert_eq!(u.deadline(), Some(NOW + UNFINISHED_AGE_MAX));
        u.on_timeout(NOW + UNFINISHED_AGE_MAX);
        assert_eq!((u.deadline(), u.take_forgotten(), u.cost), (None, 1, 0));
    }
}
