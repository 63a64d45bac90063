//! What this node has seen of every link of the map: how long it was up, how often it went away,
//! for how long; and what that says about the links' future.
//!
//! Rules. A pair of nodes is one link, whatever carries it. While it is up its failures come at
//! some rate of its own; the rates of all links are drawn from one Gamma distribution, so that the
//! number of failures seen in a time is Gamma-Poisson distributed. That prior is fitted to what was
//! seen of all links (empirical Bayes; Robbins 1956), its mean for each grade of measured
//! reliability apart, because a link that loses pings fails more often. A link that was watched for
//! long speaks for itself, a new one is taken for one like the others.
//!
//! A link between nodes that are gone from the map, or that left by their own word, did not fail:
//! it is out of sight and nothing is counted until it is seen again. What was seen long ago counts
//! less: every [`FADE_EVERY`] all counts shrink to [`FADE_TO`].

use super::{Link, Topology, logarithm::ln};
use crate::{
    id::PeerId,
    sorted::SortedMap,
    time::{Duration, Instant},
};
use core::cmp::Ordering;

/// Links remembered. Those beyond it are taken for links like the others. Guess: all links of the
/// largest map at a mean degree of 8.
pub const LINKS_WATCHED_MAX: usize = 16 * 1024;

/// Half of what was seen is forgotten after 31 minutes. Guess.
const FADE_EVERY: Duration = Duration::from_secs(600);
const FADE_TO: f64 = 0.8;

/// A link out of sight for this long is forgotten. Guess.
const OUT_OF_SIGHT_MAX: Duration = Duration::from_secs(1800);

/// An outage teaches nothing more after this long. Guess.
const OUTAGE_S_MAX: f64 = 600.0;

/// What is believed before anything was seen: a failure in ten minutes, with the weight of half a
/// failure, and outages of ten seconds, with the weight of one. Guesses: a phone in a pocket.
const RATE_FIRST: f64 = 1.0 / 600.0;
const RATE_FIRST_WEIGHT: f64 = 0.5;
const OUTAGE_FIRST_S: f64 = 10.0;

/// The weight of all links in the mean of one grade, in failures. Guess.
const GRADE_WEIGHT: f64 = 2.0;

/// The weight of all links' outages in the mean of one link's, in outages. Guess.
const OUTAGE_WEIGHT: f64 = 2.0;

/// Bounds of the Gamma prior's shape: below, every link would be a case of its own; above, all
/// alike. Guesses.
const SHAPE: (f64, f64) = (0.1, 20.0);

/// Links must have been watched for this long together before anything is said. Guess.
const WATCHED_S_MIN: f64 = 60.0;

/// Lower bounds of the grades of reliability, best first; the last grade has none.
const GRADES: [f32; 2] = [0.95, 0.8];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Up,
    Away,
    /// One of its ends is gone, so nobody can say.
    Out,
}

struct Life {
    sight: Sight,
    /// When it came into sight so; for counting, and for forgetting.
    since: Instant,
    /// What was counted up to here.
    counted_at: Instant,
    grade: usize,
    up_s: f64,
    failures: f64,
    away_s: f64,
    returns: f64,
}

/// What all links together showed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    up_s: f64,
    failures: f64,
}

/// See the module.
pub(super) struct Watched {
    links: SortedMap<(PeerId, PeerId), Life>,
    grades: [Seen; GRADES.len() + 1],
    away_s: f64,
    returns: f64,
    fade_at: Instant,
    prior: Prior,
}

/// Gamma: shape, and mean rate per second of each grade; mean outage in seconds.
#[derive(Clone, Copy, Debug)]
struct Prior {
    shape: f64,
    rates: [f64; GRADES.len() + 1],
    outage_s: f64,
}

/// How one link behaves, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Habit {
    pub fails: f64,
    pub returns: f64,
}

impl Watched {
    pub(super) fn new(now: Instant) -> Watched {
        let rates = [RATE_FIRST; GRADES.len() + 1];
        Watched {
            links: SortedMap::new(),
            grades: Default::default(),
            away_s: 0.0,
            returns: 0.0,
            fade_at: now + FADE_EVERY,
            prior: Prior { shape: 1.0, rates, outage_s: OUTAGE_FIRST_S },
        }
    }

    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Takes in what came and went; returns how many links did. O(links) for the comparison, and
    /// O(log links) for each difference.
    pub(super) fn on_topology(&mut self, before: &[Link], after: &Topology, now: Instant) -> u32 {
        let (mut old, mut new) = (before.iter().peekable(), after.links.iter().peekable());
        let mut changes = 0;
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(o), Some(n)) => (o.a, o.b).cmp(&(n.a, n.b)),
            };
            let gone = if order.is_le() { old.next() } else { None };
            let come = if order.is_ge() { new.next() } else { None };
            match (gone, come) {
                (Some(gone), None) => self.on_gone(gone, after, now),
                (None, Some(come)) => self.on_come(come, now),
                (Some(was), Some(is)) if grade_of(was) != grade_of(is) => self.on_grade(is, now),
                (Some(_), Some(_)) | (None, None) => continue,
            }
            changes += u32::from(order.is_ne());
        }
    }

    fn on_come(&mut self, link: &Link, now: Instant) {
        let pair = (link.a, link.b);
        if self.links.len() >= LINKS_WATCHED_MAX && !self.links.contains_key(&pair) {
            self.links.retain(|_, life| life.sight == Sight::Up);
            if self.links.len() >= LINKS_WATCHED_MAX {
                return;
            }
        }
        self.count(&pair, now);
        let life = self.links.or_insert_with(pair, || Life {
            sight: Sight::Out,
            since: now,
            counted_at: now,
            grade: 0,
            up_s: 0.0,
            failures: 0.0,
            away_s: 0.0,
            returns: 0.0,
        });
        if life.sight == Sight::Away {
            life.returns += 1.0;
            self.returns += 1.0;
        }
        (life.sight, life.since, life.grade) = (Sight::Up, now, grade_of(link));
    }

    fn on_gone(&mut self, link: &Link, after: &Topology, now: Instant) {
        let pair = (link.a, link.b);
        self.count(&pair, now);
        let Some(life) = self.links.get_mut(&pair) else { return };
        life.since = now;
        let gone = |end: &PeerId| {
            after.nodes.binary_search(end).is_err() || after.left.binary_search(end).is_ok()
        };
        if gone(&link.a) || gone(&link.b) {
            life.sight = Sight::Out;
            return;
        }
        life.sight = Sight::Away;
        life.failures += 1.0;
        self.grades[life.grade].failures += 1.0;
    }

    fn on_grade(&mut self, link: &Link, now: Instant) {
        let pair = (link.a, link.b);
        self.count(&pair, now);
        if let Some(life) = self.links.get_mut(&pair) {
            life.grade = grade_of(link);
        }
    }

    /// Counts the time since this was last done.
    fn count(&mut self, pair: &(PeerId, PeerId), now: Instant) {
        let Some(life) = self.links.get_mut(pair) else { return };
        let (up_s, away_s) = life.count(now);
        self.grades[life.grade].up_s += up_s;
        self.away_s += away_s;
    }

    /// Counts all links up to now and fits the prior. O(links).
    pub(super) fn fit(&mut self, now: Instant) {
        for life in self.links.values_mut() {
            let (up_s, away_s) = life.count(now);
            self.grades[life.grade].up_s += up_s;
            self.away_s += away_s;
        }
        let stays = |life: &Life| match life.sight {
            Sight::Up => true,
            Sight::Away | Sight::Out => now.since(life.since) < OUT_OF_SIGHT_MAX,
        };
        self.links.retain(|_, life| stays(life));
        if self.fade_at <= now {
            self.fade_at = now + FADE_EVERY;
            self.fade();
        }
        let all = |figure: fn(&Seen) -> f64| self.grades.iter().map(figure).sum::<f64>();
        let (up_s, failures) = (all(|seen| seen.up_s), all(|seen| seen.failures));
        let rate = (failures + RATE_FIRST_WEIGHT) / (up_s + RATE_FIRST_WEIGHT / RATE_FIRST);
        let of_grade =
            |seen: Seen| (seen.failures + GRADE_WEIGHT) / (seen.up_s + GRADE_WEIGHT / rate);
        self.prior = Prior {
            shape: self.shape(rate),
            rates: self.grades.map(of_grade),
            outage_s: (self.away_s + OUTAGE_FIRST_S) / (self.returns + 1.0),
        };
    }

    /// By the method of moments: of k failures in time t, E(k − mt)² = mt + m²t²/shape. What is
    /// added to both sides makes the shape 1 when nothing was seen.
    fn shape(&self, rate: f64) -> f64 {
        let (mut expected, mut excess) = (1.0, 1.0);
        for life in self.links.values() {
            let mean = rate * life.up_s;
            expected += mean * mean;
            excess += (life.failures - mean) * (life.failures - mean) - mean;
        }
        if excess <= expected / SHAPE.1 { SHAPE.1 } else { (expected / excess).max(SHAPE.0) }
    }

    fn fade(&mut self) {
        for life in self.links.values_mut() {
            life.up_s *= FADE_TO;
            life.failures *= FADE_TO;
            life.away_s *= FADE_TO;
            life.returns *= FADE_TO;
        }
        for seen in &mut self.grades {
            seen.up_s *= FADE_TO;
            seen.failures *= FADE_TO;
        }
        self.away_s *= FADE_TO;
        self.returns *= FADE_TO;
    }

    /// Whether links were watched for long enough to say anything.
    pub(super) fn knows_enough(&self) -> bool {
        self.grades.iter().map(|seen| seen.up_s).sum::<f64>() >= WATCHED_S_MIN
    }

    /// What to expect of a link within `horizon_s`, by the prior of the last [`Watched::fit`].
    ///
    /// With shape s + k and time s/m + t the chance of no failure within h is
    /// (1 + h / time)^−shape; the rate given is the constant one with that same chance.
    pub(super) fn habit(&self, link: &Link, horizon_s: f64) -> Habit {
        let life = self.links.get(&(link.a, link.b));
        let (up_s, failures) = life.map_or((0.0, 0.0), |life| (life.up_s, life.failures));
        let shape = self.prior.shape + failures;
        let time = self.prior.shape / self.prior.rates[grade_of(link)] + up_s;
        let fails = shape * ln(1.0 + horizon_s / time) / horizon_s;
        Habit { fails, returns: life.map_or(1.0 / self.prior.outage_s, |l| self.returns_of(l)) }
    }

    fn returns_of(&self, life: &Life) -> f64 {
        (OUTAGE_WEIGHT + life.returns) / (OUTAGE_WEIGHT * self.prior.outage_s + life.away_s)
    }

    /// Links that went away and may come back, with how often they do per second.
    pub(super) fn away(&self) -> impl Iterator<Item = ((PeerId, PeerId), f64)> {
        let away = self.links.iter().filter(|(_, life)| life.sight == Sight::Away);
        away.map(|(pair, life)| (*pair, self.returns_of(life)))
    }
}

impl Life {
    /// Seconds up and away since this was last called.
    fn count(&mut self, now: Instant) -> (f64, f64) {
        let seconds = now.since(self.counted_at).as_secs_f64();
        let outage = self.counted_at.since(self.since).as_secs_f64();
        self.counted_at = now;
        let (mut up_s, mut away_s) = (0.0, 0.0);
        match self.sight {
            Sight::Up => up_s = seconds,
            Sight::Away => away_s = seconds.min((OUTAGE_S_MAX - outage).max(0.0)),
            Sight::Out => {}
        }
        self.up_s += up_s;
        self.away_s += away_s;
        (up_s, away_s)
    }
}

fn grade_of(link: &Link) -> usize {
    GRADES.iter().position(|least| link.reliability >= *least).unwrap_or(GRADES.len())
}
