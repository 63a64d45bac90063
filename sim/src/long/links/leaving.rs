//! When a better link is worth a change: two shipped nodes, three links, and several hystereses.
//!
//! The qualities of the links follow one of four courses, the same for every hysteresis. Once a
//! second the link that dice take is compared with what each link truly is at that moment: the
//! mean time in which it delivers, a loss counting as the shortest wait after which a node repeats.
//! A link is *worse* when the best of the three takes at least a fifth less.
//!
//! Told of each hysteresis: changes of link per minute, the share of time on a worse link, and by
//! how much longer messages took than on the best. Nothing is sent but what nodes send anyhow
//! (pings, the map's messages), so links are measured as seldom as they ever are.

use super::{
    super::{Figure, Length, Outcome, Target},
    exponential, log_uniform, uniform,
};
use crate::{
    net::{Delivery, EdgeId, Quality},
    world::{Fault, World},
};
use bitcraps_core::{
    node::{Class, Config, Event, HYSTERESIS, Hysteresis, SwitchReason, Transport},
    seed::{Rng, Seed},
    time::{Duration, Instant},
};
use std::fmt::Write as _;

const KINDS: [Transport; 3] = [Transport::Quic, Transport::WebSocket, Transport::Udp];

/// Work that a simulated identity has to show, in bits.
const WORK_BITS: u8 = 4;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Until the links are up and have been measured; not judged.
const SETTLE: Duration = Duration::from_secs(20);

/// The shortest wait for an acknowledgement before a message is repeated, in ms.
const REPEATED_AFTER_MS: f64 = 400.0;

/// A link is worse when the best takes at most this share of its time.
const WORSE: f64 = 0.8;

/// What ships against always taking the best: changes of link, and the time by which messages took
/// longer than on the best link.
const CHANGES_SHARE_MAX: f64 = 0.3;
const EXTRA_SHARE_MAX: f64 = 1.4;

/// A short run has two trials of each course.
const CHANGES_SHARE_MAX_SHORT: f64 = 0.6;
const EXTRA_SHARE_MAX_SHORT: f64 = 2.0;

/// Another hysteresis is clearly better when it comes to at most this share of both.
const OUTDONE: f64 = 0.9;

/// How the qualities of the three links move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// All alike, with jitter and one frame in a hundred lost: nothing is worth a change.
    Alike,
    /// Each link another every minute, on average.
    Steps,
    /// Each in turn best and worst, within four minutes.
    Walk,
    /// Each bad for four seconds in twenty-four, on average.
    Flaps,
}

const COURSES: [(Course, &str); 4] = [
    (Course::Alike, "all alike"),
    (Course::Steps, "another every minute"),
    (Course::Walk, "to and fro in four minutes"),
    (Course::Flaps, "bad for 4 s in 24"),
];

const fn hysteresis(better_percent: u64, stable_s: u64, cool_s: u64) -> Hysteresis {
    let (stable_for, cool_down) = (Duration::from_secs(stable_s), Duration::from_secs(cool_s));
    Hysteresis { better_percent, stable_for, cool_down }
}

/// What is tried beside what ships; the first is as good as none.
const OTHERS: [Hysteresis; 9] = [
    hysteresis(1, 0, 0),
    hysteresis(20, 0, 0),
    hysteresis(20, 0, 20),
    hysteresis(20, 2, 5),
    hysteresis(20, 4, 10),
    hysteresis(20, 16, 40),
    hysteresis(10, 8, 20),
    hysteresis(30, 8, 20),
    hysteresis(40, 8, 20),
];

/// What came of one hysteresis in one course.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    looks: f64,
    switches: f64,
    /// Of these, for a link that was better.
    chosen: f64,
    worse: f64,
    extra_ms: f64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.looks += other.looks;
        self.switches += other.switches;
        self.chosen += other.chosen;
        self.worse += other.worse;
        self.extra_ms += other.extra_ms;
    }

    fn per_minute(&self, count: f64) -> f64 {
        count / (self.looks / 60.0)
    }
}

/// One link's quality as it moves.
struct Hidden {
    latency_ms: f64,
    loss: f64,
    next_change_s: f64,
    bad: bool,
}

impl Hidden {
    fn at(&mut self, course: Course, link: usize, at_s: f64, rng: &mut Rng) {
        match course {
            Course::Alike => (self.latency_ms, self.loss) = (30.0, 0.01),
            Course::Steps => {
                while at_s >= self.next_change_s {
                    self.latency_ms = log_uniform((5.0, 150.0), rng);
                    self.loss = if rng.below(2) == 0 { 0.0 } else { 0.25 * uniform(rng) };
                    self.next_change_s += exponential(60.0, rng);
                }
            }
            Course::Walk => {
                let turn = at_s / 240.0 + link as f64 / KINDS.len() as f64;
                let high = (1.0 + (turn * core::f64::consts::TAU).sin()) / 2.0;
                (self.latency_ms, self.loss) = (10.0 + 90.0 * high, 0.2 * high);
            }
            Course::Flaps => {
                if self.latency_ms == 0.0 {
                    self.latency_ms = log_uniform((10.0, 60.0), rng);
                    self.bad = true;
                }
                while at_s >= self.next_change_s {
                    self.bad = !self.bad;
                    let mean = if self.bad { 4.0 } else { 20.0 };
                    self.next_change_s += exponential(mean, rng);
                }
                self.loss = if self.bad { 0.4 } else { 0.005 };
            }
        }
    }

    fn quality(&self) -> Quality {
        let micros = |ms: f64| Duration::from_micros((ms * 1000.0) as u64);
        Quality {
            delivery: Delivery::Unreliable,
            latency: micros(self.latency_ms),
            jitter: micros(self.latency_ms / 3.0),
            loss_permille: (self.loss * 1000.0) as u32,
            ..Quality::wired()
        }
    }

    /// Mean time until a message is there.
    fn delivers_ms(&self) -> f64 {
        let once = self.latency_ms * (1.0 + 1.0 / 6.0);
        once + self.loss / (1.0 - self.loss) * REPEATED_AFTER_MS
    }
}

fn trial(course: Course, hysteresis: Hysteresis, lasting: Duration, seed: &Seed) -> Tally {
    let mut world = World::new(seed);
    let dial = KINDS.iter().map(|kind| World::address_by(1, *kind)).collect();
    let config = |dial| Config { work_bits: WORK_BITS, dial, hysteresis, ..Config::default() };
    world.add_node(config(dial));
    world.add_node(config(Vec::new()));
    let mut rng = seed.fork("course").rng();
    let hidden = || Hidden { latency_ms: 0.0, loss: 0.0, next_change_s: 0.0, bad: false };
    let mut hidden: [Hidden; KINDS.len()] = core::array::from_fn(|_| hidden());
    for (link, kind) in KINDS.iter().enumerate() {
        hidden[link].at(course, link, 0.0, &mut rng);
        world.add_edge_by(0, 1, *kind, hidden[link].quality());
    }
    for node in 0..2 {
        world.inflict(Fault::Restart { node });
    }
    let mut tally = Tally::default();
    let end = Instant::ZERO + SETTLE + lasting;
    while world.now() < end {
        let judged = world.now() >= Instant::ZERO + SETTLE;
        let look = world.now() + LOOK_EVERY;
        while let Some(step) = world.step(look) {
            let switched = step.events.iter().filter_map(|(node, event)| match event {
                Event::LinkSwitched { class: Class::Dice, reason, .. } if *node == 0 => {
                    Some(*reason)
                }
                _ => None,
            });
            for reason in switched.filter(|_| judged) {
                tally.switches += 1.0;
                tally.chosen += f64::from(u8::from(reason == SwitchReason::Better));
            }
        }
        if judged {
            judge(&world, &hidden, &mut tally);
        }
        let at_s = world.now().as_micros() as f64 / 1e6;
        for (link, hidden) in hidden.iter_mut().enumerate() {
            hidden.at(course, link, at_s, &mut rng);
            world.set_quality(EdgeId(link), hidden.quality());
        }
    }
    tally
}

fn judge(world: &World, hidden: &[Hidden; KINDS.len()], tally: &mut Tally) {
    let Some(view) = world.view(0) else { return };
    let used = view.links.iter().find(|link| link.serves.contains(&Class::Dice));
    let used = used.and_then(|link| KINDS.iter().position(|kind| *kind == link.transport));
    let times = hidden.each_ref().map(Hidden::delivers_ms);
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    let worst = times.iter().copied().fold(0.0, f64::max);
    // No link at all is as bad as the worst.
    let time = used.map_or(worst, |link| times[link]);
    tally.looks += 1.0;
    tally.worse += f64::from(u8::from(best <= time * WORSE));
    tally.extra_ms += time - best;
}

pub(super) fn run(seed: &Seed, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let (trials, minutes) = match length {
        Length::Short => (2, 10),
        Length::Full => (40, 15),
    };
    let others = match length {
        Length::Short => &OTHERS[..1],
        Length::Full => &OTHERS[..],
    };
    let tried = [HYSTERESIS].into_iter().chain(others.iter().copied());
    let mut table = "Changes of link per minute (of these for a better one), share of time on a \
                     worse link, and by how many ms messages took longer than on the best\n\n\
                     | better by, for, cool-down |"
        .to_owned();
    for (_, name) in COURSES {
        let _ = write!(table, " {name} |");
    }
    let _ = writeln!(table, " all |\n|---|{}---|", "---|".repeat(COURSES.len()));
    let mut sums = Vec::new();
    for hysteresis in tried {
        let Hysteresis { better_percent, stable_for, cool_down } = hysteresis;
        let (stable_s, cool_s) = (stable_for.as_secs_f64(), cool_down.as_secs_f64());
        let name = format!("{better_percent} %, {stable_s} s, {cool_s} s");
        let _ = write!(table, "| {name} |");
        let mut sum = Tally::default();
        for (course, _) in COURSES {
            let mut tally = Tally::default();
            for number in 0..trials {
                let seed = seed.fork(&format!("{course:?} {number}"));
                tally.add(trial(course, hysteresis, Duration::from_secs(minutes * 60), &seed));
            }
            cell(&mut table, &tally);
            sum.add(tally);
        }
        cell(&mut table, &sum);
        table.push('\n');
        sums.push(sum);
        says(&format!("{name}: done"));
    }
    outcome(&sums, table, length)
}

fn cell(table: &mut String, tally: &Tally) {
    let _ = write!(
        table,
        " {:.2} ({:.2}), {:.3}, {:.1} |",
        tally.per_minute(tally.switches),
        tally.per_minute(tally.chosen),
        tally.worse / tally.looks,
        tally.extra_ms / tally.looks
    );
}

fn outcome(sums: &[Tally], table: String, length: Length) -> Outcome {
    let (changes_max, extra_max) = match length {
        Length::Short => (CHANGES_SHARE_MAX_SHORT, EXTRA_SHARE_MAX_SHORT),
        Length::Full => (CHANGES_SHARE_MAX, EXTRA_SHARE_MAX),
    };
    let (ours, eager) = (sums[0], sums[1]);
    let changes = |tally: &Tally| tally.per_minute(tally.switches);
    let extra = |tally: &Tally| tally.extra_ms / tally.looks;
    let outdone = |other: &&Tally| {
        changes(other) <= OUTDONE * changes(&ours) && extra(other) <= OUTDONE * extra(&ours)
    };
    let outdone = sums[1..].iter().filter(outdone).count();
    let figures = vec![
        Figure::new("changes of link per minute", changes(&ours), ""),
        Figure::new("of those without hysteresis", changes(&ours) / changes(&eager), "")
            .promised(Target::AtMost(changes_max)),
        Figure::new("time on a worse link", ours.worse / ours.looks, ""),
        Figure::new("messages took longer than on the best link", extra(&ours), "ms"),
        Figure::new("of that without hysteresis", extra(&ours) / extra(&eager), "")
            .promised(Target::AtMost(extra_max)),
        Figure::new("others with a tenth less of both", outdone as f64, "")
            .promised(Target::AtMost(0.0)),
    ];
    Outcome { figures, tables: vec![table] }
}
