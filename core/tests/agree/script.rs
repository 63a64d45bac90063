//! A small language for what one member is told and what it must do, so that a rule of the paper
//! can be read next to its test.
//!
//! ```text
//! A proposes x in 0             => prevote x in 0
//! A B prevote x in 0            => precommit x in 0
//! polka y in 1 by A B C
//! clock                         => round 1
//! B proposes y since 0 in 1
//! offer z in 3                  => propose z in 3, prevote z in 3
//! ```
//!
//! Members are A, B, C … in the order of their places; the last one is us, and A proposes in round
//! 0, B in round 1 and so on. Values are words; those that begin with `bad` the table refuses, and
//! `nil` is none. `clock` lets time pass until something happens or nothing more can. What follows
//! the arrow must happen, in any order, and nothing else.
//!
//! A script is played to `Agree` and to the reference engine; then to the reference with each fault
//! it is there to find, where it must fail.

use crate::{
    forge::{self, GROUP, Person},
    reference::{Act, Fault, Reference, Take},
    world::people,
};
use bitcraps_core::{
    agree::{
        Agree, Config, Input, Members, Output, digest,
        message::{Message, Step, Timer, ValueId},
    },
    time::{Duration, Instant},
};

const WORDS: [&str; 5] = ["x", "y", "z", "bad", "worse"];

pub fn id(word: &str) -> ValueId {
    digest::value_id(word.as_bytes())
}

fn word(id: &ValueId) -> &'static str {
    WORDS.into_iter().find(|word| crate::script::id(word) == *id).expect("a word of the script")
}

/// One thing that happens to us.
#[derive(Clone, Debug)]
enum Event {
    Proposes { by: usize, value: String, lock: Option<u32>, round: u32 },
    Votes { by: usize, step: Step, value: Option<String>, round: u32 },
    Polka { value: String, round: u32, by: Vec<usize> },
    Offer { value: String, round: u32 },
    Clock,
}

fn place(letter: &str) -> usize {
    usize::from(letter.as_bytes()[0] - b'A')
}

/// The events of one line, and what must follow from them.
fn parse(line: &str) -> (Vec<Event>, Vec<String>) {
    let (left, right) = line.split_once("=>").unwrap_or((line, ""));
    let mut expected: Vec<String> =
        right.split(',').map(|act| act.trim().to_owned()).filter(|act| !act.is_empty()).collect();
    expected.sort();
    let words: Vec<&str> = left.split_whitespace().collect();
    let number = |word: &str| word.parse::<u32>().expect("a round");
    let is_member = |word: &&&str| word.len() == 1 && word.as_bytes()[0].is_ascii_uppercase();
    let who: Vec<usize> = words.iter().take_while(is_member).map(|w| place(w)).collect();
    let vote = |step, value: &str, round| {
        let value = (value != "nil").then(|| value.to_owned());
        let cast = |by: &usize| Event::Votes { by: *by, step, value: value.clone(), round };
        who.iter().map(cast).collect()
    };
    let events = match &words[who.len()..] {
        ["proposes", value, "in", round] => vec![Event::Proposes {
            by: who[0],
            value: (*value).to_owned(),
            lock: None,
            round: number(round),
        }],
        ["proposes", value, "since", lock, "in", round] => vec![Event::Proposes {
            by: who[0],
            value: (*value).to_owned(),
            lock: Some(number(lock)),
            round: number(round),
        }],
        ["prevote" | "prevotes", value, "in", round] => vote(Step::Prevote, value, number(round)),
        ["precommit" | "precommits", value, "in", round] => {
            vote(Step::Precommit, value, number(round))
        }
        ["polka", value, "in", round, "by", by @ ..] => vec![Event::Polka {
            value: (*value).to_owned(),
            round: number(round),
            by: by.iter().map(|letter| place(letter)).collect(),
        }],
        ["offer", value, "in", round] => {
            vec![Event::Offer { value: (*value).to_owned(), round: number(round) }]
        }
        ["clock"] => vec![Event::Clock],
        other => panic!("no event: {other:?}"),
    };
    (events, expected)
}

/// Something that can be played a script.
trait Engine {
    fn take(&mut self, event: &Event) -> Vec<String>;
}

fn describe(act: &Act) -> Option<String> {
    Some(match act {
        Act::Vote { step: Step::Prevote, round, id } => {
            format!("prevote {} in {round}", id.as_ref().map_or("nil", word))
        }
        Act::Vote { step: Step::Precommit, round, id } => {
            format!("precommit {} in {round}", id.as_ref().map_or("nil", word))
        }
        Act::Propose { round, lock: None, id } => format!("propose {} in {round}", word(id)),
        Act::Propose { round, lock: Some(lock), id } => {
            format!("propose {} since {lock} in {round}", word(id))
        }
        Act::AskValue { round } => format!("ask in {round}"),
        Act::Start { round } => format!("round {round}"),
        Act::Decide { round, id } => format!("decide {} in {round}", word(id)),
        Act::Wait { .. } => return None,
    })
}

/// How long a timer runs: the paper's timeouts grow with the round.
pub fn patience(config: &Config, timer: Timer, round: u32) -> Duration {
    let base = match timer {
        Timer::Propose => config.propose,
        Timer::Prevote => config.prevote,
        Timer::Precommit => config.precommit,
    };
    (base + config.delta * round).min(config.longest)
}

/// Questions of repair would get between: they are put off for ever.
fn config() -> Config {
    let never = Duration::from_secs(1 << 30);
    Config { sync: never, sync_longest: never, rest: never, ..Config::default() }
}

/// The reference engine with a clock.
pub struct Timed {
    pub engine: Reference,
    timers: Vec<(Instant, u32, Timer)>,
}

impl Timed {
    pub fn new(engine: Reference) -> Timed {
        Timed { engine, timers: Vec::new() }
    }

    /// What it did since, with its timers set going by `patience`.
    pub fn acts(&mut self, now: Instant, patience: impl Fn(Timer, u32) -> Duration) -> Vec<Act> {
        let acts = self.engine.acts();
        for act in &acts {
            if let Act::Wait { round, timer } = act {
                self.timers.push((now + patience(*timer, *round), *round, *timer));
            }
        }
        acts
    }

    /// The timer that runs out next, by `until` at the latest.
    pub fn next(&mut self, until: Instant) -> Option<(Instant, Take)> {
        let at = self.timers.iter().map(|(at, ..)| *at).min().filter(|at| *at <= until)?;
        let first = self.timers.iter().position(|(due, ..)| *due == at)?;
        let (at, round, timer) = self.timers.remove(first);
        Some((at, Take::TimedOut { round, timer }))
    }
}

struct Paper {
    timed: Timed,
    now: Instant,
}

impl Paper {
    fn new(members: usize, fault: Option<Fault>) -> Paper {
        let engine = Reference::new(members, members - 1, members, fault);
        let mut paper = Paper { timed: Timed::new(engine), now: Instant::ZERO };
        paper.acts();
        paper
    }

    fn acts(&mut self) -> Vec<String> {
        self.timed
            .acts(self.now, |timer, round| patience(&config(), timer, round))
            .iter()
            .filter_map(describe)
            .collect()
    }
}

impl Engine for Paper {
    fn take(&mut self, event: &Event) -> Vec<String> {
        let take = match event {
            Event::Proposes { by: _, value, lock, round } => Take::Proposal {
                round: *round,
                lock: *lock,
                id: id(value),
                sound: !value.starts_with("bad"),
            },
            Event::Votes { by, step, value, round } => {
                let id = value.as_deref().map(id);
                Take::Vote { step: *step, round: *round, by: *by, id }
            }
            Event::Polka { value, round, by } => {
                Take::Polka { round: *round, by: by.clone(), id: id(value) }
            }
            Event::Offer { value, round } => Take::Value { round: *round, id: id(value) },
            Event::Clock => {
                let never = Instant::ZERO + Duration::from_secs(1 << 29);
                while let Some((at, take)) = self.timed.next(never) {
                    self.now = self.now.max(at);
                    self.timed.engine.take(take);
                    let acts = self.acts();
                    if !acts.is_empty() {
                        return acts;
                    }
                }
                return Vec::new();
            }
        };
        self.timed.engine.take(take);
        self.acts()
    }
}

/// The room itself, whose every record is durable at once.
struct Real {
    agree: Agree,
    people: Vec<Person>,
    members: Members,
    height: u64,
    now: Instant,
}

impl Real {
    fn new(count: usize) -> Real {
        let (people, members) = people(count as u64);
        let height = count as u64;
        let me = &people[count - 1].identity;
        let now = Instant::ZERO;
        let agree = Agree::new(config(), GROUP, me, height - 1, members.clone(), now);
        let mut real = Real { agree, people, members, height, now };
        let members = real.members.clone();
        real.input(Input::Height { height, members, replay: &[] });
        real
    }

    fn input(&mut self, input: Input<'_>) -> Vec<String> {
        let mut sound = |_: u64, value: &[u8]| !value.starts_with(b"bad");
        let round = self.agree.round();
        self.agree.handle(self.now, input, &mut sound);
        let mut acts = Vec::new();
        while let Some(output) = self.agree.poll_output() {
            match output {
                Output::Persist { seq, .. } => {
                    self.agree.handle(self.now, Input::Persisted { seq }, &mut sound);
                }
                Output::Broadcast { bytes } => match Message::decode(&bytes).unwrap() {
                    Message::Vote(vote) => {
                        let (step, round, id) = (vote.step, vote.round, vote.value);
                        acts.push(Act::Vote { step, round, id });
                    }
                    Message::Proposal(proposal) => {
                        let id = digest::value_id(proposal.value.0);
                        let (round, lock) = (proposal.round, proposal.lock_round);
                        acts.push(Act::Propose { round, lock, id });
                    }
                    other => panic!("{other:?}"),
                },
                Output::NeedValue { round, .. } => acts.push(Act::AskValue { round }),
                Output::Decided(decision) => {
                    assert_eq!(decision.verify(&GROUP, &self.members), Ok(()));
                    let id = digest::value_id(&decision.value);
                    acts.push(Act::Decide { round: decision.round, id });
                }
                Output::Send { .. }
                | Output::Evidence(_)
                | Output::WantsHistory { .. }
                | Output::PeerAhead { .. } => {}
            }
        }
        if self.agree.is_deciding() && self.agree.round() != round {
            acts.push(Act::Start { round: self.agree.round() });
        }
        acts.iter().filter_map(describe).collect()
    }
}

impl Engine for Real {
    fn take(&mut self, event: &Event) -> Vec<String> {
        let members = self.members.clone();
        let at = |round: &u32| (self.height, *round);
        let vote = |by: usize, step, round, value| {
            self.people[by].vote(&GROUP, &members, step, round, value)
        };
        let (by, bytes) = match event {
            Event::Proposes { by, value, lock, round } => {
                (*by, self.people[*by].proposal(&members, at(round), *lock, value.as_bytes()))
            }
            Event::Votes { by, step, value, round } => {
                (*by, vote(*by, *step, at(round), value.as_deref().map(id)))
            }
            Event::Polka { value, round, by } => {
                (by[0], forge::polka(&self.people, &members, at(round), by, id(value)))
            }
            Event::Offer { value, round } => {
                let (height, round, value) = (self.height, *round, value.as_bytes().to_vec());
                return self.input(Input::Value { height, round, value });
            }
            Event::Clock => {
                let never = Instant::ZERO + Duration::from_secs(1 << 29);
                while self.agree.deadline() < never {
                    self.now = self.agree.deadline();
                    let acts = self.input(Input::Tick);
                    if !acts.is_empty() {
                        return acts;
                    }
                }
                return Vec::new();
            }
        };
        let from = self.people[by].key;
        self.input(Input::Message { from, bytes: &bytes })
    }
}

/// The first line on which `engine` does something else, with what it did.
fn differs(engine: &mut dyn Engine, script: &str) -> Option<String> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines {
        let (events, expected) = parse(line);
        let mut acts: Vec<String> = events.iter().flat_map(|event| engine.take(event)).collect();
        acts.sort();
        if acts != expected {
            return Some(format!("`{line}`: {acts:?}"));
        }
    }
    None
}

/// Plays `script` for `members` to both engines, and to the reference with each of `faults`.
pub fn play(members: usize, script: &str, faults: &[Fault]) {
    assert_eq!(differs(&mut Real::new(members), script), None, "Agree");
    assert_eq!(differs(&mut Paper::new(members, None), script), None, "the reference engine");
    for fault in faults {
        let found = differs(&mut Paper::new(members, Some(*fault)), script);
        assert!(found.is_some(), "{fault:?} goes unnoticed");
    }
}
