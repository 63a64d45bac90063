//! Who may be connected: a fixed number of seats, and who loses one when all are taken.
//!
//! Rules. A connection that has not yet proved anything (no handshake, no whole request) gives its
//! seat to a newcomer, the oldest first: an honest handshake takes a round trip, a connection
//! opened to fill the table sits. A settled connection is never evicted; when all are settled the
//! newcomer is refused. So ten thousand half-open connections cost their sender, not the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// A room with a fixed number of seats. Clones share the seats.
#[derive(Clone, Debug)]
pub struct Admission {
    seats: Arc<Mutex<Seats>>,
    seats_max: usize,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: BTreeMap<u64, Taken>,
}

#[derive(Debug)]
enum Taken {
    HalfOpen { evict: oneshot::Sender<()> },
    Settled,
}

/// One taken seat; free again when dropped.
#[derive(Debug)]
pub struct Seat {
    number: u64,
    seats: Arc<Mutex<Seats>>,
    evicted: oneshot::Receiver<()>,
}

/// Settles a seat from somewhere else than where it is held.
#[derive(Clone, Debug)]
pub struct SeatKey {
    number: u64,
    seats: Arc<Mutex<Seats>>,
}

/// What happened to a newcomer.
#[derive(Debug)]
pub enum Admitted {
    Seated(Seat),
    /// Seated in the place of the oldest half-open connection.
    SeatedByEviction(Seat),
    /// Every seat is held by a settled connection.
    Refused,
}

impl Admission {
    pub fn new(seats_max: usize) -> Admission {
        Admission { seats: Arc::default(), seats_max }
    }

    pub fn admit(&self) -> Admitted {
        let mut seats = lock(&self.seats);
        let mut evicted = false;
        if seats.taken.len() >= self.seats_max {
            let oldest = seats
                .taken
                .iter()
                .find(|(_, taken)| matches!(taken, Taken::HalfOpen { .. }))
                .map(|(number, _)| *number);
            let Some(Taken::HalfOpen { evict }) = oldest.and_then(|n| seats.taken.remove(&n))
            else {
                return Admitted::Refused;
            };
            // The holder may have left in this moment; then there is nobody to tell.
            let _ = evict.send(());
            evicted = true;
        }
        let number = seats.next;
        seats.next += 1;
        let (evict, notice) = oneshot::channel();
        seats.taken.insert(number, Taken::HalfOpen { evict });
        let seat = Seat { number, seats: self.seats.clone(), evicted: notice };
        if evicted { Admitted::SeatedByEviction(seat) } else { Admitted::Seated(seat) }
    }

    /// Seats in use.
    pub fn taken(&self) -> usize {
        lock(&self.seats).taken.len()
    }
}

impl Seat {
    pub fn key(&self) -> SeatKey {
        SeatKey { number: self.number, seats: self.seats.clone() }
    }

    /// Resolves when the seat went to a newcomer; never when it was settled first.
    pub async fn evicted(&mut self) {
        if (&mut self.evicted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl SeatKey {
    /// From now on the seat cannot be taken by a newcomer.
    pub fn settle(&self) {
        if let Some(taken) = lock(&self.seats).taken.get_mut(&self.number) {
            *taken = Taken::Settled;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.seats).taken.remove(&self.number);
    }
}

fn lock(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    // No panic can happen between two related changes of the table, so it is sound after one.
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(admitted: Admitted) -> Seat {
        match admitted {
            Admitted::Seated(seat) | Admitted::SeatedByEviction(seat) => seat,
            Admitted::Refused => panic!("refused"),
        }
    }

    #[tokio::test]
    async fn a_full_room_evicts_the_oldest_half_open_connection() {
        let room = Admission::new(2);
        let mut first = seat(room.admit());
        let mut second = seat(room.admit());
        let third = room.admit();
        assert!(matches!(third, Admitted::SeatedByEviction(_)));
        first.evicted().await;
        assert!(second.evicted.try_recv().is_err());
        assert_eq!(room.taken(), 2);
        drop(first);
        assert_eq!(room.taken(), 2, "an evicted seat is not freed twice");
        drop(third);
        assert_eq!(room.taken(), 1);
    }

    #[test]
    fn settled_connections_keep_their_seats() {
        let room = Admission::new(1);
        let first = seat(room.admit());
        first.key().settle();
        assert!(matches!(room.admit(), Admitted::Refused));
        assert_eq!(room.taken(), 1, "a refusal takes nobody's seat");
        drop(first);
        assert!(matches!(room.admit(), Admitted::Seated(_)));
    }
}
