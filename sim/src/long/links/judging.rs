//! What estimators of loss are worth as forecasts of the next message.
//!
//! Every link has a hidden probability that a message gets through, which follows one of four
//! courses; messages go over it as seldom as pings do at rest, ten times and a hundred times as
//! often. Before each, every estimator says how likely it is to get through. The Brier
//! score is the mean of (said − outcome)²; what it is above that of somebody who knew the hidden
//! probability is the estimator's own error, and only that is compared.
//!
//! Averages of other spans run along, so that a better constant would show.

use super::{
    super::{Figure, Length, Outcome, Target},
    exponential, log_uniform, uniform,
};
use bitcraps_core::{
    node::{DocumentsEstimator, LossEstimator},
    seed::{Rng, Seed},
};
use std::fmt::Write as _;

/// How the probability of a loss moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Never.
    Steady,
    /// Another one every minute, on average.
    Steps,
    /// Up and down within two minutes, as for somebody who walks to and fro.
    Walk,
    /// Bad for two seconds every twenty, on average.
    Bursts,
}

const COURSES: [(Course, &str); 4] = [
    (Course::Steady, "steady"),
    (Course::Steps, "another every minute"),
    (Course::Walk, "to and fro in two minutes"),
    (Course::Bursts, "bad for 2 s in 22"),
];

/// Outcomes per second: pings at rest, somebody who plays, and a transfer.
const RATES: [(f64, &str); 3] = [(0.5, "0.5"), (5.0, "5"), (50.0, "50")];

/// Loss of a link, drawn evenly by its order of magnitude.
const LOSS: (f64, f64) = (0.001, 0.5);

/// What the error of ours may be of that of the documents' reliability.
const ERROR_SHARE_MAX: f64 = 0.6;

/// The spans of the averages that run along, as powers of two of outcomes.
const SPANS: [u32; 4] = [2, 4, 6, 7];

const GUESSERS: [&str; 8] = [
    "documents' reliability",
    "documents' loss",
    "ours",
    "ours, fast",
    "average of 4",
    "of 16",
    "of 64",
    "of 128",
];
const DOCUMENTS: usize = 0;
const OURS: usize = 2;

struct Guessers {
    documents: DocumentsEstimator,
    ours: LossEstimator,
    averages: [f64; SPANS.len()],
}

impl Guessers {
    /// As a node has them when a handshake was just answered.
    fn new() -> Guessers {
        let averages = [1.0; SPANS.len()];
        Guessers {
            documents: DocumentsEstimator::default(),
            ours: LossEstimator::default(),
            averages,
        }
    }

    fn say(&self) -> [f64; GUESSERS.len()] {
        let through = |ppm: u64| 1.0 - ppm as f64 / 1e6;
        let [a, b, c, d] = self.averages;
        [
            f64::from(self.documents.reliability()),
            1.0 - f64::from(self.documents.loss()),
            through(self.ours.ppm()),
            through(self.ours.fast_ppm()),
            a,
            b,
            c,
            d,
        ]
    }

    fn learn(&mut self, through: bool) {
        match through {
            true => self.documents.on_success(),
            false => self.documents.on_failure(),
        }
        self.ours.on_outcome(!through);
        let outcome = f64::from(u8::from(through));
        for (average, span) in self.averages.iter_mut().zip(SPANS) {
            *average += (outcome - *average) / f64::from(1_u32 << span);
        }
    }
}

/// The hidden probability of one link.
struct Hidden {
    course: Course,
    loss: f64,
    bad: bool,
    next_change_s: f64,
    phase: f64,
}

impl Hidden {
    fn new(course: Course, rng: &mut Rng) -> Hidden {
        let (loss, phase) = (log_uniform(LOSS, rng), uniform(rng));
        Hidden { course, loss, bad: false, next_change_s: 0.0, phase }
    }

    fn through_at(&mut self, at_s: f64, rng: &mut Rng) -> f64 {
        match self.course {
            Course::Steady => {}
            Course::Steps => {
                while at_s >= self.next_change_s {
                    self.loss = log_uniform(LOSS, rng);
                    self.next_change_s += exponential(60.0, rng);
                }
            }
            Course::Walk => {
                let turn = ((at_s / 120.0 + self.phase) * core::f64::consts::TAU).sin();
                self.loss = 0.2 + 0.2 * turn;
            }
            Course::Bursts => {
                while at_s >= self.next_change_s {
                    self.bad = !self.bad;
                    let mean = if self.bad { 2.0 } else { 20.0 };
                    self.next_change_s += exponential(mean, rng);
                }
                self.loss = if self.bad { 0.6 } else { 0.01 };
            }
        }
        1.0 - self.loss
    }
}

/// Sums over all outcomes of one cell.
#[derive(Clone, Copy, Default)]
struct Tally {
    outcomes: f64,
    brier: [f64; GUESSERS.len()],
    brier_known: f64,
    off: [f64; GUESSERS.len()],
}

impl Tally {
    /// Brier score above that of who knew, per estimator.
    fn error(&self) -> [f64; GUESSERS.len()] {
        self.brier.map(|brier| (brier - self.brier_known) / self.outcomes)
    }

    fn mean_off(&self) -> [f64; GUESSERS.len()] {
        self.off.map(|off| off / self.outcomes)
    }
}

fn cell(course: Course, rate: f64, links: u32, minutes: f64, seed: &Seed) -> Tally {
    let mut tally = Tally::default();
    for link in 0..links {
        let mut rng = seed.fork(&format!("{course:?} {rate} {link}")).rng();
        let mut hidden = Hidden::new(course, &mut rng);
        let mut guessers = Guessers::new();
        for number in 0..(minutes * 60.0 * rate) as u64 {
            let through = hidden.through_at(number as f64 / rate, &mut rng);
            let outcome = uniform(&mut rng) <= through;
            let came = f64::from(u8::from(outcome));
            tally.outcomes += 1.0;
            tally.brier_known += (through - came).powi(2);
            for (place, said) in guessers.say().into_iter().enumerate() {
                tally.brier[place] += (said - came).powi(2);
                tally.off[place] += (said - through).abs();
            }
            guessers.learn(outcome);
        }
    }
    tally
}

pub(super) fn run(seed: &Seed, length: Length) -> Outcome {
    let (links, minutes) = match length {
        Length::Short => (10, 20.0),
        Length::Full => (200, 60.0),
    };
    let mut errors = table("Error of each estimator: its Brier score above that of who knew");
    let mut offs = table("Mean distance from the hidden probability");
    let (mut error_sum, mut off_sum) = ([0.0; GUESSERS.len()], [0.0; GUESSERS.len()]);
    let mut outcomes = 0.0;
    for (course, name) in COURSES {
        for (rate, per_s) in RATES {
            let tally = cell(course, rate, links, minutes, seed);
            outcomes += tally.outcomes;
            let head = format!("| {name} | {per_s} |");
            row(&mut errors, &head, &tally.error());
            row(&mut offs, &head, &tally.mean_off());
            add(&mut error_sum, &tally.error());
            add(&mut off_sum, &tally.mean_off());
        }
    }
    let cells = (COURSES.len() * RATES.len()) as f64;
    row(&mut errors, "| all alike | |", &error_sum.map(|sum| sum / cells));
    row(&mut offs, "| all alike | |", &off_sum.map(|sum| sum / cells));
    let share = |sums: &[f64; GUESSERS.len()]| sums[OURS] / sums[DOCUMENTS];
    let promised = Target::AtMost(ERROR_SHARE_MAX);
    Outcome {
        figures: vec![
            Figure::new("outcomes judged", outcomes, ""),
            Figure::new("error of ours, of the documents'", share(&error_sum), "")
                .promised(promised),
            Figure::new("mean distance of ours, of the documents'", share(&off_sum), "")
                .promised(promised),
        ],
        tables: vec![errors, offs],
    }
}

fn table(title: &str) -> String {
    let rule = "---|".repeat(GUESSERS.len());
    format!("{title}\n\n| link | outcomes/s | {} |\n|---|---|{rule}\n", GUESSERS.join(" | "))
}

fn row(table: &mut String, head: &str, cells: &[f64; GUESSERS.len()]) {
    let cells = cells.map(|cell| format!("{cell:.4}")).join(" | ");
    let _ = writeln!(table, "{head} {cells} |");
}

fn add(sums: &mut [f64; GUESSERS.len()], more: &[f64; GUESSERS.len()]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}
