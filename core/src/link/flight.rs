//! What is under way on one link and not acknowledged.
//!
//! Rules. Every sending has a number of the link's own, so that a later one that was acknowledged
//! shows an earlier one of its class to be lost. Of its class only: each class is acknowledged by
//! itself and holds that back by itself, so another's says nothing. A message that was sent again
//! by another link leaves its old sending behind in the list; it is recognised by its number.

use super::{
    neighbour::{CLASSES, index},
    quality::Quality,
};
use crate::{
    time::{Duration, Instant},
    transport::Class,
};
use std::collections::VecDeque;

/// Sendings after one that were acknowledged before it counts as lost (RFC 9002, section 6.1.1).
const OVERTAKEN: u64 = 3;

/// An acknowledgement alone is held back this long, for more of them or a message that takes it
/// along. Guess, RFC 9000's default.
pub const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(25);

/// Shortest wait for an acknowledgement. Above two retransmissions of TCP, which are the links'
/// own business; four of these are within the 1.5 s in which the dice must go on.
const WAIT_MIN: Duration = Duration::from_millis(400);
/// Longest wait for a small message, unless its round trip alone is as long.
const WAIT_MAX: Duration = Duration::from_millis(1100);
/// Longest wait in all, with what is in front and repeated.
const WAIT_EVER: Duration = Duration::from_secs(4);
/// Until a round trip was measured.
const WAIT_UNMEASURED: Duration = Duration::from_millis(600);

#[derive(Clone, Copy)]
pub struct Sending {
    pub sending: u64,
    pub class: Class,
    pub number: u64,
}

pub struct Flight {
    next: u64,
    /// By class, ascending; some are over already.
    lists: [VecDeque<Sending>; CLASSES],
    /// Of those that are not over.
    pub messages: usize,
    pub bytes: usize,
    /// By class: the latest sending that was acknowledged, plus one.
    beyond: [u64; CLASSES],
    /// Bytes acknowledged since the link opened.
    pub delivered: u64,
    /// Waits in a row that ended in vain.
    pub timeouts: u32,
    /// When the wait began.
    since: Instant,
    /// Messages given to this link since it opened, for its share.
    pub sent: u64,
}

impl Flight {
    pub fn new(now: Instant) -> Flight {
        Flight {
            next: 0,
            lists: Default::default(),
            messages: 0,
            bytes: 0,
            beyond: [0; CLASSES],
            delivered: 0,
            timeouts: 0,
            since: now,
            sent: 0,
        }
    }

    /// Something leaves now; gives the number of its sending.
    pub fn leave(&mut self, class: Class, number: u64, bytes: usize, now: Instant) -> u64 {
        let sending = self.next;
        self.next += 1;
        if self.messages == 0 {
            self.since = now;
        }
        self.lists[index(class)].push_back(Sending { sending, class, number });
        self.messages += 1;
        self.bytes += bytes;
        self.sent += 1;
        sending
    }

    /// A sending is over: acknowledged, lost or moved.
    pub fn over(&mut self, bytes: usize) {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// The earliest sending of a class.
    pub fn first_of(&self, class: Class) -> Option<Sending> {
        self.lists[index(class)].front().copied()
    }

    pub fn forget_first_of(&mut self, class: Class) {
        self.lists[index(class)].pop_front();
    }

    /// Whether enough later sendings of its class were acknowledged.
    pub fn is_overtaken(&self, sending: &Sending) -> bool {
        sending.sending + OVERTAKEN < self.beyond[index(sending.class)]
    }

    /// Takes the earliest sending of all out.
    pub fn take_first(&mut self) -> Option<Sending> {
        let list = self.lists.iter_mut().filter(|list| !list.is_empty());
        list.min_by_key(|list| list.front().map(|first| first.sending))?.pop_front()
    }

    pub fn on_acknowledged(&mut self, class: Class, sending: u64, bytes: usize, now: Instant) {
        self.over(bytes);
        self.delivered += bytes as u64;
        let beyond = &mut self.beyond[index(class)];
        *beyond = (*beyond).max(sending + 1);
        self.timeouts = 0;
        self.since = now;
    }

    /// Nothing is under way any more.
    pub fn clear(&mut self) {
        self.lists.iter_mut().for_each(VecDeque::clear);
        self.messages = 0;
        self.bytes = 0;
    }

    pub fn restart(&mut self, now: Instant) {
        self.since = now;
    }

    /// When an answer is overdue.
    pub fn deadline(&self, quality: &Quality, bytes_per_s: u64) -> Instant {
        if self.messages == 0 {
            return Instant::NEVER;
        }
        self.since + self.wait(quality, bytes_per_s)
    }

    /// How long to wait for an answer. `bytes_per_s`: what the kind of link manages at least.
    pub fn wait(&self, quality: &Quality, bytes_per_s: u64) -> Duration {
        let round_trip = match (quality.rtt(), quality.rtt_variation()) {
            (Some(rtt), Some(variation)) => {
                let wait = rtt + variation * 4 + ACKNOWLEDGE_WITHIN;
                wait.clamp(WAIT_MIN, WAIT_MAX.max(rtt * 2))
            }
            _ => WAIT_UNMEASURED,
        };
        let rate = quality.bytes_per_s().unwrap_or(0).max(bytes_per_s).max(1);
        let in_front = Duration::from_micros(self.bytes as u64 * 1_000_000 / rate);
        let wait = round_trip.saturating_add(in_front);
        wait.saturating_mul(1 << self.timeouts.min(4)).min(WAIT_EVER.max(round_trip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    #[test]
    fn only_later_sendings_of_its_own_class_show_one_to_be_lost() {
        let mut flight = Flight::new(NOW);
        let bet = flight.leave(Class::Bets, 0, 1, NOW);
        for number in 0..10 {
            let sending = flight.leave(Class::Dice, number, 1, NOW);
            flight.on_acknowledged(Class::Dice, sending, 1, NOW);
        }
        let first = flight.first_of(Class::Bets).expect("it is under way");
        assert_eq!(first.sending, bet);
        assert!(!flight.is_overtaken(&first), "dice are acknowledged by themselves");
        let sending = flight.leave(Class::Bets, 1, 1, NOW);
        flight.on_acknowledged(Class::Bets, sending, 1, NOW);
        assert!(flight.is_overtaken(&first));
    }

    #[test]
    fn it_takes_three_later_sendings_to_show_one_to_be_lost() {
        let mut flight = Flight::new(NOW);
        flight.leave(Class::Bets, 0, 1, NOW);
        let first = flight.first_of(Class::Bets).expect("it is under way");
        for later in 1..=OVERTAKEN {
            assert!(!flight.is_overtaken(&first), "{later}");
            let sending = flight.leave(Class::Bets, later, 1, NOW);
            flight.on_acknowledged(Class::Bets, sending, 1, NOW);
        }
        assert!(flight.is_overtaken(&first));
    }
}
