//! A member that dies at every point of a height, and comes back among others who now say
//! something else: whatever it signed before, it never signs the opposite.
//!
//! Enumerated: every order of a handful of inputs; every habit of the disk; death after every
//! single step (an input taken, an output handed out, a record written, its acknowledgement); and,
//! of the records that were being written, how many made it.

use crate::{
    forge::{GROUP, Person},
    world::people,
};
use bitcraps_core::{
    agree::{
        Agree, Config, Decision, Input, Members, Output, digest,
        message::{Message, Step, ValueId},
    },
    time::Instant,
};
use std::collections::{BTreeMap, BTreeSet};

const HEIGHT: u64 = 4;

/// One thing that happens to the member; others are named by their place.
#[derive(Clone, Copy, Debug)]
enum Event {
    Proposal(&'static [u8]),
    Vote(usize, Step, &'static [u8]),
    /// The host's value, if it is asked for one.
    Offer(&'static [u8]),
    Clock,
}

/// When the disk says that a record is safe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disk {
    AtOnce,
    /// When the member has nothing else to say.
    WhenQuiet,
    /// Only when the next input has been taken.
    Late,
}

/// What it let out, by round: votes and proposals. A second, different one is a panic.
#[derive(Default)]
struct Signed(BTreeMap<(u32, Option<Step>), Option<ValueId>>);

impl Signed {
    fn add(&mut self, bytes: &[u8], me: usize) {
        let (key, id) = match Message::decode(bytes) {
            Ok(Message::Vote(vote)) if usize::from(vote.member) == me => {
                ((vote.round, Some(vote.step)), vote.value)
            }
            Ok(Message::Proposal(proposal)) if usize::from(proposal.member) == me => {
                ((proposal.round, None), Some(digest::value_id(proposal.value.0)))
            }
            _ => return,
        };
        let first = *self.0.entry(key).or_insert(id);
        assert_eq!(first, id, "SIGNED TWICE: {key:?}");
    }
}

/// Its life ended, or its height did.
enum End {
    Died,
    Decided,
    Alive,
}

struct Life<'a> {
    people: &'a [Person],
    members: &'a Members,
    me: usize,
    agree: Agree,
    now: Instant,
    disk: Disk,
    /// Steps until it dies.
    left: u32,
    durable: Vec<Vec<u8>>,
    writing: Vec<(u64, Vec<u8>)>,
    wants_value: Option<u32>,
    signed: Signed,
    decision: Option<Decision>,
}

fn sound(_: u64, _: &[u8]) -> bool {
    true
}

impl Life<'_> {
    /// One step done. `None`: it was the last.
    fn step(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    fn handle(&mut self, input: Input<'_>) -> Option<()> {
        self.agree.handle(self.now, input, &mut sound);
        self.step()
    }

    fn live(&mut self, events: &[Event]) -> End {
        let replay = self.durable.clone();
        let (height, members) = (HEIGHT, self.members.clone());
        let started = self.handle(Input::Height { height, members, replay: &replay });
        if started.and_then(|()| self.drain()).is_none() {
            return End::Died;
        }
        for event in events {
            if self.happen(*event).and_then(|()| self.drain()).is_none() {
                return End::Died;
            }
            if self.decision.is_some() {
                // Stored with the records taken out, in one transaction.
                return if self.step().is_some() { End::Decided } else { End::Died };
            }
        }
        End::Alive
    }

    fn happen(&mut self, event: Event) -> Option<()> {
        let proposer = self.members.place(&self.members.proposer(HEIGHT, 0)).unwrap();
        let (by, bytes) = match event {
            Event::Proposal(value) => {
                let bytes = self.people[proposer].proposal(self.members, (HEIGHT, 0), None, value);
                (proposer, bytes)
            }
            Event::Vote(by, step, value) => {
                let id = (!value.is_empty()).then(|| digest::value_id(value));
                let at = (HEIGHT, 0);
                (by, self.people[by].vote(&GROUP, self.members, step, at, id))
            }
            Event::Offer(value) => {
                let Some(round) = self.wants_value.take() else { return Some(()) };
                let value = value.to_vec();
                return self.handle(Input::Value { height: HEIGHT, round, value });
            }
            Event::Clock => {
                self.now = self.agree.deadline();
                return self.handle(Input::Tick);
            }
        };
        let from = self.people[by].key;
        self.handle(Input::Message { from, bytes: &bytes })
    }

    fn drain(&mut self) -> Option<()> {
        if self.disk == Disk::Late {
            self.flush()?;
        }
        loop {
            let Some(output) = self.agree.poll_output() else {
                if self.disk != Disk::WhenQuiet || self.writing.is_empty() {
                    return Some(());
                }
                self.flush()?;
                continue;
            };
            match output {
                Output::Persist { seq, record, place, .. } => {
                    assert_eq!(place as usize, self.durable.len() + self.writing.len());
                    self.writing.push((seq, record));
                    self.step()?;
                    if self.disk == Disk::AtOnce {
                        self.flush()?;
                    }
                    continue;
                }
                Output::Broadcast { bytes } | Output::Send { bytes, .. } => {
                    self.signed.add(&bytes, self.me);
                }
                Output::NeedValue { round, .. } => self.wants_value = Some(round),
                Output::Decided(decision) => {
                    // It may contain our precommit, and from here on anyone may see it.
                    assert_eq!(decision.verify(&GROUP, self.members), Ok(()));
                    for bytes in precommits(&decision) {
                        self.signed.add(&bytes, self.me);
                    }
                    self.decision = Some(decision);
                }
                Output::Evidence(_) | Output::WantsHistory { .. } | Output::PeerAhead { .. } => {}
            }
            self.step()?;
        }
    }

    /// What is being written becomes durable, record by record, and is acknowledged.
    fn flush(&mut self) -> Option<()> {
        for (seq, record) in std::mem::take(&mut self.writing) {
            self.durable.push(record);
            self.step()?;
            self.handle(Input::Persisted { seq })?;
        }
        Some(())
    }
}

/// The votes in a certificate, as if each had been sent.
fn precommits(decision: &Decision) -> Vec<Vec<u8>> {
    let places = (0..16u8).filter(|place| decision.signers() >> place & 1 == 1);
    places
        .zip(decision.signatures())
        .map(|(member, signature)| {
            Message::Vote(bitcraps_core::agree::message::Vote {
                height: decision.height,
                round: decision.round,
                step: Step::Precommit,
                value: Some(digest::value_id(&decision.value)),
                member,
                signature: *signature,
            })
            .encode()
        })
        .collect()
}

fn orders(events: &[Event]) -> Vec<Vec<Event>> {
    let Some((first, rest)) = events.split_first() else { return vec![vec![]] };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, *first);
            all.push(longer);
        }
    }
    all
}

struct Counts {
    deaths: u64,
    /// Deaths after which something was already signed.
    signed: u64,
    decisions: u64,
}

/// Lives through `first` in every order, dies everywhere, and goes on with each of `second`.
fn die_everywhere(me: usize, first: &[Event], second: &[&[Event]], forgets: bool) -> Counts {
    let (people, members) = people(4);
    let mut counts = Counts { deaths: 0, signed: 0, decisions: 0 };
    let life = |signed, disk, left, durable| Life {
        people: &people,
        members: &members,
        me,
        agree: Agree::new(
            Config::default(),
            GROUP,
            &people[me].identity,
            HEIGHT - 1,
            members.clone(),
            Instant::ZERO,
        ),
        now: Instant::ZERO,
        disk,
        left,
        durable,
        writing: Vec::new(),
        wants_value: None,
        signed,
        decision: None,
    };
    for order in orders(first) {
        for disk in [Disk::AtOnce, Disk::WhenQuiet, Disk::Late] {
            for left in 0.. {
                let mut one = life(Signed::default(), disk, left, Vec::new());
                let end = one.live(&order);
                if !matches!(end, End::Died) {
                    counts.decisions += u64::from(matches!(end, End::Decided));
                    break;
                }
                let (durable, writing) = (one.durable, one.writing);
                let before = one.signed.0;
                for reached in 0..=writing.len() {
                    for events in second {
                        let mut durable = durable.clone();
                        durable.extend(writing[..reached].iter().map(|(_, record)| record.clone()));
                        if forgets {
                            durable.clear();
                        }
                        let signed = Signed(before.clone());
                        let mut two = life(signed, Disk::AtOnce, u32::MAX, durable);
                        two.live(events);
                        assert_eq!(two.agree.refused().garbled, 0);
                        counts.deaths += 1;
                        counts.signed += u64::from(!before.is_empty());
                    }
                }
            }
        }
    }
    counts
}

const X: &[u8] = b"x";
const Y: &[u8] = b"y";
const NIL: &[u8] = b"";

/// Place 3 is not the proposer. Before it dies there is one value, afterwards another.
const HEARD: [Event; 5] = [
    Event::Proposal(X),
    Event::Vote(0, Step::Prevote, X),
    Event::Vote(1, Step::Prevote, X),
    Event::Vote(0, Step::Precommit, X),
    Event::Clock,
];
const OPPOSITE: [&[Event]; 2] = [
    &[
        Event::Proposal(Y),
        Event::Vote(0, Step::Prevote, Y),
        Event::Vote(1, Step::Prevote, Y),
        Event::Vote(2, Step::Prevote, Y),
        Event::Clock,
        Event::Clock,
        Event::Vote(0, Step::Precommit, Y),
        Event::Vote(1, Step::Precommit, Y),
        Event::Clock,
    ],
    &[
        Event::Clock,
        Event::Clock,
        Event::Clock,
        Event::Clock,
        Event::Clock,
        Event::Vote(0, Step::Prevote, NIL),
        Event::Vote(1, Step::Prevote, NIL),
        Event::Proposal(X),
        Event::Vote(2, Step::Prevote, X),
        Event::Vote(1, Step::Precommit, X),
        Event::Clock,
    ],
];

#[test]
fn a_member_that_dies_anywhere_never_votes_twice() {
    let counts = die_everywhere(3, &HEARD, &OPPOSITE, false);
    println!("{} deaths, {} after signing", counts.deaths, counts.signed);
    assert!(counts.signed > 5_000, "{} deaths after signing", counts.signed);
}

/// Place 0 proposes in round 0. Its host has another value after the restart.
#[test]
fn a_proposer_that_dies_anywhere_never_proposes_twice() {
    let first = [
        Event::Offer(X),
        Event::Vote(1, Step::Prevote, X),
        Event::Vote(2, Step::Prevote, X),
        Event::Vote(1, Step::Precommit, X),
        Event::Vote(2, Step::Precommit, X),
    ];
    let second: [&[Event]; 2] = [
        &[
            Event::Offer(Y),
            Event::Vote(1, Step::Prevote, Y),
            Event::Vote(2, Step::Prevote, Y),
            Event::Clock,
        ],
        &[Event::Clock, Event::Clock, Event::Clock, Event::Clock, Event::Clock, Event::Offer(Y)],
    ];
    let counts = die_everywhere(0, &first, &second, false);
    println!("{} deaths, {} after signing", counts.deaths, counts.signed);
    assert!(counts.signed > 2_000 && counts.decisions > 0, "{} deaths", counts.signed);
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_member_that_loses_its_records_signs_twice_and_the_test_notices() {
    let run = || die_everywhere(3, &HEARD[..3], &OPPOSITE, true);
    let why = std::panic::catch_unwind(run).err().expect("it forgot and signed the opposite");
    assert!(why.downcast_ref::<String>().is_some_and(|why| why.contains("SIGNED TWICE")));
}

/// The orders are all there are, once each.
#[test]
fn every_order_is_tried() {
    let shown: BTreeSet<String> = orders(&HEARD).iter().map(|o| format!("{o:?}")).collect();
    assert_eq!(shown.len(), 120);
}
