//! The two ends of what one peer sends another in one class: numbered, kept until acknowledged,
//! taken once and put in order.
//!
//! Rules. Numbers belong to a peer and a class, never to a link, so a message keeps its number
//! whatever link it takes next. The *era* says from which beginning the numbers count: a sender
//! starts another one when it gave something up, because a hole would hold up what is ordered for
//! ever. Everything here has a bound; the sender keeps to those of the receiver, so an honest one
//! never meets them.
//!
//! Not here: links, time-outs, when to acknowledge ([`super::deliver`]).

use crate::{id::LinkId, time::Instant};
use std::collections::VecDeque;

/// Messages of one class that may be unacknowledged. Guess: at 64 bytes and a round trip of
/// 10 ms, a hundred thousand a second.
pub const WINDOW_MESSAGES: usize = 1024;

/// Bytes to one peer that may be unacknowledged, over all classes; and bytes of a peer that wait
/// for an earlier message. Guess: thirty of the largest packets.
pub const UNACKNOWLEDGED_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A message and what became of it.
pub struct Entry {
    pub packet: Vec<u8>,
    pub state: State,
    /// Times it was sent.
    pub sent: u32,
    /// When it was handed in.
    pub since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for a link, or for room on one.
    Waiting,
    /// Under way: the link's number of this sending, when it left, and what the link had
    /// delivered by then.
    Flying { link: LinkId, sending: u64, at: Instant, delivered: u64 },
    /// The peer has it, but not all before it.
    Arrived,
}

/// What is on its way to a peer in one class.
#[derive(Default)]
pub struct Outbox {
    /// The number of the first entry: everything below was acknowledged.
    first: u64,
    entries: VecDeque<Entry>,
    /// Numbers of those that wait, ascending.
    waiting: VecDeque<u64>,
    /// When something was last acknowledged.
    pub acknowledged_at: Option<Instant>,
}

/// An entry that was acknowledged just now.
pub struct Done {
    pub state: State,
    pub bytes: usize,
    pub sent: u32,
}

impl Outbox {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes that no link has taken yet.
    pub fn waiting_bytes(&self) -> usize {
        let bytes = |number: &u64| {
            let at = usize::try_from(number.checked_sub(self.first())?).ok()?;
            Some(self.entries.get(at)?.packet.len())
        };
        self.waiting.iter().filter_map(bytes).sum()
    }

    pub fn is_full(&self) -> bool {
        self.entries.len() >= WINDOW_MESSAGES
    }

    pub fn push(&mut self, packet: Vec<u8>, now: Instant) {
        let number = self.first + self.entries.len() as u64;
        self.entries.push_back(Entry { packet, state: State::Waiting, sent: 0, since: now });
        self.waiting.push_back(number);
    }

    pub fn get_mut(&mut self, number: u64) -> Option<&mut Entry> {
        let at = number.checked_sub(self.first)?;
        self.entries.get_mut(usize::try_from(at).ok()?)
    }

    pub fn next_waiting(&self) -> Option<u64> {
        self.waiting.front().copied()
    }

    /// The first that waits leaves; its state is the caller's to set.
    pub fn leave(&mut self) {
        self.waiting.pop_front();
    }

    /// Whether this sending of `number` is still the last one and unanswered.
    pub fn flies(&mut self, number: u64, by: LinkId, as_sending: u64) -> bool {
        let state = self.get_mut(number).map(|entry| entry.state);
        matches!(state, Some(State::Flying { link, sending, .. })
            if (link, sending) == (by, as_sending))
    }

    /// Makes one that flew wait again, in its place.
    pub fn wait_again(&mut self, number: u64) {
        if let Some(entry) = self.get_mut(number) {
            entry.state = State::Waiting;
            let place = self.waiting.partition_point(|waiting| *waiting < number);
            self.waiting.insert(place, number);
        }
    }

    /// Makes all that fly by this link wait again. Gives how many.
    pub fn ground(&mut self, by: LinkId) -> usize {
        let mut grounded = 0;
        for (number, entry) in (self.first..).zip(&mut self.entries) {
            if matches!(entry.state, State::Flying { link, .. } if link == by) {
                entry.state = State::Waiting;
                let place = self.waiting.partition_point(|waiting| *waiting < number);
                self.waiting.insert(place, number);
                grounded += 1;
            }
        }
        grounded
    }

    /// When the oldest that is not acknowledged was handed in.
    pub fn oldest(&self) -> Option<Instant> {
        self.entries.iter().find(|e| e.state != State::Arrived).map(|entry| entry.since)
    }

    /// The peer has everything below `next`. `None`: it cannot have that, or says that it lacks
    /// what it acknowledged before.
    pub fn acknowledge(&mut self, next: u64, mut each: impl FnMut(Done)) -> Option<()> {
        let count = next.checked_sub(self.first)?;
        let count = usize::try_from(count).ok().filter(|n| *n <= self.entries.len())?;
        for entry in self.entries.drain(..count) {
            if entry.state != State::Arrived {
                let (state, bytes, sent) = (entry.state, entry.packet.len(), entry.sent);
                each(Done { state, bytes, sent });
            }
        }
        self.first = next;
        while self.waiting.front().is_some_and(|waiting| *waiting < next) {
            self.waiting.pop_front();
        }
        Some(())
    }

    /// The peer has this one too.
    pub fn acknowledge_one(&mut self, number: u64) -> Option<Done> {
        let entry = self.get_mut(number).filter(|entry| entry.state != State::Arrived)?;
        let packet = core::mem::take(&mut entry.packet);
        let done = Done { state: entry.state, bytes: packet.len(), sent: entry.sent };
        entry.state = State::Arrived;
        if done.state == State::Waiting {
            self.waiting.retain(|waiting| *waiting != number);
        }
        Some(done)
    }

    pub fn first(&self) -> u64 {
        self.first
    }
}

/// What became of a message that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It and perhaps others go up now, or will when those before it came.
    New,
    /// It was here before.
    Again,
    /// Past what an honest sender may send. It is not acknowledged.
    Refused,
}

enum Slot {
    Missing,
    /// Handed up.
    Taken,
    /// It waits for those before it.
    Held(Vec<u8>),
}

/// What comes from a peer in one class.
#[derive(Default)]
pub struct Inbox {
    /// From which beginning the numbers count; 0: nothing came yet.
    era: u32,
    /// Everything below was taken.
    next: u64,
    /// From `next` on. The first is missing.
    slots: VecDeque<Slot>,
    held_bytes: usize,
}

impl Inbox {
    pub fn era(&self) -> u32 {
        self.era
    }

    /// The first number that is missing.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Whether something came after something that did not.
    pub fn has_hole(&self) -> bool {
        !self.slots.is_empty()
    }

    /// Bit by bit from `next + 1` on what arrived, without zeros at the end.
    pub fn arrived(&self) -> Vec<u8> {
        let mut bits = vec![0; self.slots.len().saturating_sub(1).div_ceil(8)];
        for (at, slot) in self.slots.iter().skip(1).enumerate() {
            if !matches!(slot, Slot::Missing) {
                bits[at / 8] |= 1 << (at % 8);
            }
        }
        bits
    }

    /// Whether `era` is the one that counts, or a newer one that counts from now on. Numbers start
    /// anew with it.
    pub fn enter(&mut self, era: u32) -> bool {
        if era > self.era {
            *self = Inbox { era, ..Inbox::default() };
        }
        era == self.era
    }

    /// Takes a message in; `up` gets what goes up, in order.
    pub fn take(
        &mut self,
        number: u64,
        packet: Vec<u8>,
        ordered: bool,
        mut up: impl FnMut(Vec<u8>),
    ) -> Taken {
        let Some(at) = number.checked_sub(self.next) else { return Taken::Again };
        if at == 0 && self.slots.is_empty() {
            self.next += 1;
            up(packet);
            return Taken::New;
        }
        let Some(at) = usize::try_from(at).ok().filter(|at| *at < WINDOW_MESSAGES) else {
            return Taken::Refused;
        };
        if self.slots.get(at).is_some_and(|slot| !matches!(slot, Slot::Missing)) {
            return Taken::Again;
        }
        let holds = ordered && at > 0;
        if holds && self.held_bytes + packet.len() > UNACKNOWLEDGED_BYTES_MAX {
            return Taken::Refused;
        }
        while self.slots.len() <= at {
            self.slots.push_back(Slot::Missing);
        }
        if holds {
            self.held_bytes += packet.len();
            self.slots[at] = Slot::Held(packet);
        } else {
            self.slots[at] = Slot::Taken;
            up(packet);
        }
        while let Some(Slot::Taken | Slot::Held(_)) = self.slots.front() {
            if let Some(Slot::Held(packet)) = self.slots.pop_front() {
                self.held_bytes -= packet.len();
                up(packet);
            }
            self.next += 1;
        }
        Taken::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::ZERO;

    fn take(inbox: &mut Inbox, number: u64, ordered: bool) -> (Taken, Vec<u8>) {
        let mut up = Vec::new();
        let taken = inbox.take(number, vec![number as u8], ordered, |packet| up.extend(packet));
        (taken, up)
    }

    #[test]
    fn what_came_is_taken_once_and_in_order_where_that_is_asked() {
        for (ordered, first) in [(true, vec![]), (false, vec![2])] {
            let mut inbox = Inbox::default();
            assert_eq!(take(&mut inbox, 0, ordered), (Taken::New, vec![0]));
            assert_eq!(take(&mut inbox, 2, ordered), (Taken::New, first));
            assert_eq!(take(&mut inbox, 2, ordered), (Taken::Again, vec![]));
            assert_eq!(take(&mut inbox, 0, ordered), (Taken::Again, vec![]));
            assert_eq!((inbox.next(), inbox.arrived()), (1, vec![1]));
            let rest = if ordered { vec![1, 2] } else { vec![1] };
            assert_eq!(take(&mut inbox, 1, ordered), (Taken::New, rest));
            assert_eq!((inbox.next(), inbox.has_hole()), (3, false));
        }
    }

    #[test]
    fn what_is_too_far_ahead_or_too_much_to_hold_is_refused() {
        let mut inbox = Inbox::default();
        let far = WINDOW_MESSAGES as u64;
        assert_eq!(take(&mut inbox, far, true).0, Taken::Refused);
        assert_eq!(take(&mut inbox, far - 1, true).0, Taken::New);
        assert_eq!(inbox.arrived().len(), WINDOW_MESSAGES / 8);
        let large = vec![0; UNACKNOWLEDGED_BYTES_MAX];
        assert_eq!(inbox.take(1, large, true, |_| ()), Taken::Refused);
        assert!(!inbox.arrived()[0] & 1 == 1, "what is refused leaves no trace");
        assert_eq!(take(&mut inbox, 1, true).0, Taken::New);
    }

    #[test]
    fn a_newer_era_counts_from_its_beginning_and_an_older_one_is_over() {
        let mut inbox = Inbox::default();
        assert!(inbox.enter(3));
        take(&mut inbox, 0, true);
        assert!(inbox.enter(3) && !inbox.enter(2));
        assert_eq!(inbox.next(), 1);
        assert!(inbox.enter(4));
        assert_eq!(inbox.next(), 0);
    }

    fn flying(number: u64) -> State {
        State::Flying { link: LinkId(number), sending: number, at: NOW, delivered: 0 }
    }

    #[test]
    fn an_outbox_forgets_what_arrived_and_sends_the_rest_again_in_order() {
        let mut outbox = Outbox::default();
        for n in 0..6u64 {
            outbox.push(vec![n as u8], NOW);
            assert_eq!(outbox.next_waiting(), Some(n));
            outbox.leave();
            outbox.get_mut(n).unwrap().state = flying(n % 2);
        }
        assert_eq!(outbox.acknowledge_one(3).map(|done| done.bytes), Some(1));
        assert!(outbox.acknowledge_one(3).is_none());
        let mut done = 0;
        assert_eq!(outbox.acknowledge(2, |_| done += 1), Some(()));
        assert_eq!(
            (done, outbox.acknowledge(1, |_| ()), outbox.acknowledge(9, |_| ())),
            (2, None, None)
        );
        assert_eq!(outbox.ground(LinkId(1)), 1);
        outbox.wait_again(2);
        assert_eq!(outbox.waiting, [2, 5]);
        let left: Vec<u8> = outbox.entries.iter().flat_map(|e| e.packet.clone()).collect();
        assert_eq!(left, [2, 4, 5], "3 arrived");
    }

    #[test]
    fn an_outbox_says_when_it_is_full() {
        let mut outbox = Outbox::default();
        while !outbox.is_full() {
            outbox.push(Vec::new(), NOW);
        }
        assert_eq!(outbox.len(), WINDOW_MESSAGES);
    }
}
