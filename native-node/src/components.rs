//! Whether every part of this node is well.
//!
//! Rules. A part that has a loop of its own reports from that loop, so that a loop that hangs or
//! has died falls silent by itself; a part that can be asked is asked by a task of its own, side by
//! side with the others. Who is silent for [`SILENT_MAX`] is unhealthy, whatever it said last. A
//! check that takes [`CHECK_TIMEOUT`] has failed.
//!
//! It restarts nothing.

use bitcraps_core::node::{ComponentState, ComponentView};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{task::AbortHandle, time::MissedTickBehavior};

/// Every part reports at least this often.
pub const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Three missed reports.
pub const SILENT_MAX: Duration = Duration::from_secs(15);

/// How long a part may take to answer.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A part that answers later than this is degraded. Guess: a person notices a quarter of a second.
const SLOW: Duration = Duration::from_millis(250);

/// All parts of one node by name. Clones are the same list.
#[derive(Clone, Default)]
pub struct Components {
    parts: Arc<Mutex<BTreeMap<String, Part>>>,
}

struct Part {
    state: ComponentState,
    since: Instant,
    reported: Option<Instant>,
    took: Option<Duration>,
}

/// One part's way to report.
#[derive(Clone)]
pub struct Reporter {
    components: Components,
    name: String,
}

impl Components {
    /// Adds a part that has not reported yet. Of two with one name the later one stays.
    pub fn part(&self, name: impl Into<String>) -> Reporter {
        let name = name.into();
        let (since, state) = (Instant::now(), ComponentState::Unknown);
        self.lock().insert(name.clone(), Part { state, since, reported: None, took: None });
        Reporter { components: self.clone(), name }
    }

    /// Asks a part every [`REPORT_EVERY`], until the handle is aborted. Must run inside a runtime.
    pub fn watch<F>(
        &self,
        name: impl Into<String>,
        check: impl Fn() -> F + Send + 'static,
    ) -> AbortHandle
    where
        F: Future<Output = ComponentState> + Send,
    {
        let reporter = self.part(name);
        let asking = async move {
            let mut ticks = tokio::time::interval(REPORT_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let started = Instant::now();
                let checked = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
                let took = started.elapsed();
                let state = checked.unwrap_or_else(|_| no_answer());
                reporter.report(slowed(state, took), Some(took));
            }
        };
        tokio::spawn(asking).abort_handle()
    }

    /// Every part by name, as it is now.
    pub fn views(&self) -> Vec<ComponentView> {
        let now = Instant::now();
        let parts = self.lock();
        parts.iter().map(|(name, part)| part.view(name, now)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        // Nothing is left half done under this lock, so a panic elsewhere spoils nothing here.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter {
    /// `took` is what the check took, if there was one.
    pub fn report(&self, state: ComponentState, took: Option<Duration>) {
        if let Some(part) = self.components.lock().get_mut(&self.name) {
            part.state = state;
            part.reported = Some(Instant::now());
            part.took = took;
        }
    }

    pub fn healthy(&self) {
        self.report(ComponentState::Healthy, None);
    }

    pub fn degraded(&self, why: String) {
        self.report(ComponentState::Degraded { why }, None);
    }
}

impl Part {
    fn view(&self, name: &str, now: Instant) -> ComponentView {
        let silent = now.saturating_duration_since(self.reported.unwrap_or(self.since));
        let state = match silent > SILENT_MAX {
            true => ComponentState::Unhealthy {
                error: format!("it has not reported for {} s", silent.as_secs()),
            },
            false => self.state.clone(),
        };
        let last = self.reported.map(|at| now.saturating_duration_since(at).as_millis() as u64);
        ComponentView {
            name: name.to_owned(),
            state,
            last_report_ms: last,
            latency_ms: self.took.map(|took| took.as_secs_f64() * 1000.0),
        }
    }
}

/// How a whole is when its parts are like this: as its worst part, but for the unknown.
pub fn worst(views: &[ComponentView]) -> &'static str {
    let rank = |view: &ComponentView| match view.state {
        ComponentState::Healthy | ComponentState::Off { .. } | ComponentState::Unknown => 0,
        ComponentState::Degraded { .. } => 1,
        ComponentState::Unhealthy { .. } => 2,
    };
    match views.iter().map(rank).max() {
        None | Some(0) => "ok",
        Some(1) => "degraded",
        Some(_) => "unhealthy",
    }
}

fn no_answer() -> ComponentState {
    ComponentState::Unhealthy { error: format!("no answer within {} s", CHECK_TIMEOUT.as_secs()) }
}

fn slowed(state: ComponentState, took: Duration) -> ComponentState {
    match state {
        ComponentState::Healthy if took > SLOW => {
            ComponentState::Degraded { why: format!("it took {} ms to answer", took.as_millis()) }
        }
        state => state,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_at(part: &Part, after: Duration) -> ComponentState {
        part.view("part", part.since + after).state
    }

    fn part(reported: Option<Duration>) -> Part {
        let since = Instant::now();
        let reported = reported.map(|after| since + after);
        let state =
            if reported.is_some() { ComponentState::Healthy } else { ComponentState::Unknown };
        Part { state, since, reported, took: None }
    }

    #[test]
    fn a_part_that_falls_silent_is_unhealthy_and_says_for_how_long() {
        let silent =
            |s: u64| ComponentState::Unhealthy { error: format!("it has not reported for {s} s") };
        let never = part(None);
        assert_eq!(state_at(&never, SILENT_MAX), ComponentState::Unknown);
        assert_eq!(state_at(&never, Duration::from_secs(16)), silent(16));
        let once = part(Some(Duration::from_secs(10)));
        assert_eq!(state_at(&once, Duration::from_secs(25)), ComponentState::Healthy);
        assert_eq!(state_at(&once, Duration::from_secs(40)), silent(30));
    }

    #[test]
    fn a_whole_is_as_well_as_its_worst_part() {
        let view = |state| ComponentView {
            name: String::new(),
            state,
            last_report_ms: None,
            latency_ms: None,
        };
        let degraded = ComponentState::Degraded { why: String::new() };
        let unhealthy = ComponentState::Unhealthy { error: String::new() };
        let mut all = Vec::new();
        for (state, expected) in [
            (ComponentState::Unknown, "ok"),
            (ComponentState::Off { why: String::new() }, "ok"),
            (ComponentState::Healthy, "ok"),
            (degraded, "degraded"),
            (unhealthy, "unhealthy"),
            (ComponentState::Healthy, "unhealthy"),
        ] {
            all.push(view(state));
            assert_eq!(worst(&all), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_or_dawdles_is_told_from_one_that_answers() {
        let components = Components::default();
        let watching = [
            components.watch("hangs", || async { std::future::pending().await }),
            components.watch("answers", || async { ComponentState::Healthy }),
        ];
        // Tokio's clock is stopped and jumps from timer to timer.
        tokio::time::sleep(CHECK_TIMEOUT + Duration::from_millis(1)).await;
        let views = components.views();
        let state = |name: &str| views.iter().find(|v| v.name == name).unwrap().state.clone();
        assert_eq!(state("answers"), ComponentState::Healthy);
        assert_eq!(state("hangs"), no_answer());
        assert!(matches!(
            slowed(ComponentState::Healthy, SLOW * 2),
            ComponentState::Degraded { why } if why == "it took 500 ms to answer"
        ));
        watching.iter().for_each(AbortHandle::abort);
    }
}
