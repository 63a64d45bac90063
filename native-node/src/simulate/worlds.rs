//! Many seeds of one scenario, one after the other on every core of this machine.
//!
//! A world is one run; which core runs it makes no difference to it. What broke is told by its
//! seed, the first one whole, so that anybody can replay it. A panic inside a world counts as
//! broken and names its seed too.

use crate::terminal;
use bitcraps_sim::{Report, UnknownScenario};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

/// What all worlds came to.
#[derive(Default, Serialize)]
pub struct Sum {
    pub scenario: String,
    /// The first seed and the last.
    pub seeds: (u64, u64),
    pub worlds: u64,
    pub rolls: u64,
    pub crashes: u64,
    pub virtual_ms: u64,
    pub liars: u64,
    pub lies: u64,
    pub accused: u64,
    pub expelled: u64,
    /// Worlds by their number of nodes.
    pub sizes: BTreeMap<usize, u64>,
    /// Seeds of worlds in which something was violated, ascending.
    pub broken: Vec<u64>,
}

impl Sum {
    fn add(&mut self, seed: u64, report: &Report) {
        self.worlds += 1;
        self.rolls += report.rolls;
        self.crashes += report.crashes;
        self.virtual_ms += report.virtual_ms;
        self.liars += report.liars.len() as u64;
        self.lies += report.lies.values().sum::<u64>();
        self.accused += report.accused;
        self.expelled += report.expelled;
        *self.sizes.entry(report.nodes).or_default() += 1;
        if !report.violations.is_empty() {
            self.broken.push(seed);
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let Sum { scenario, seeds: (first, last), worlds, rolls, crashes, .. } = self;
        format!(
            "{scenario}, seeds {first} to {last}: {worlds} worlds, {rolls} rolls, \
             {crashes} crashes, {} liars told {} lies, {} were expelled; {} worlds broken",
            self.liars,
            self.lies,
            self.expelled,
            self.broken.len()
        )
    }
}

/// Runs `count` worlds, from seed `first` on.
pub fn run(
    scenario: &str,
    nodes: Option<usize>,
    first: u64,
    count: u64,
) -> Result<Sum, UnknownScenario> {
    let last = first.saturating_add(count.saturating_sub(1));
    let sum = Sum { scenario: scenario.to_owned(), seeds: (first, last), ..Sum::default() };
    let (sum, next) = (Mutex::new(sum), AtomicU64::new(first));
    let mut unknown = Ok(());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > last || count == 0 {
                return Ok(());
            }
            let report =
                match catch_unwind(AssertUnwindSafe(|| bitcraps_sim::run(scenario, nodes, seed))) {
                    Ok(report) => report?,
                    Err(_) => {
                        terminal::complain(&format!("the world of seed {seed} panicked"));
                        lock(&sum).broken.push(seed);
                        continue;
                    }
                };
            let mut sum = lock(&sum);
            sum.add(seed, &report);
            if sum.broken == [seed] {
                terminal::complain(&report.to_string());
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            // A worker catches its worlds' panics and has none of its own.
            if let Ok(Err(error)) = worker.join() {
                unknown = Err(error);
            }
        }
    });
    unknown?;
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.broken.sort_unstable();
    Ok(sum)
}

fn lock(sum: &Mutex<Sum>) -> std::sync::MutexGuard<'_, Sum> {
    sum.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_counted_and_say_their_seeds() {
        let Ok(sum) = run("converge", Some(2), 7, 3) else { panic!("a known scenario") };
        assert_eq!((sum.seeds, sum.worlds, sum.broken.len()), ((7, 9), 3, 0));
        assert_eq!(sum.sizes, [(2, 3)].into());
        assert!(sum.line().contains("seeds 7 to 9: 3 worlds"), "{}", sum.line());
    }

    #[test]
    fn a_scenario_that_does_not_exist_is_refused() {
        assert!(run("nothing", None, 1, 2).is_err());
    }
}
