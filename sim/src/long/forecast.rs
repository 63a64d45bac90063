//! What the forecasts of the figures are worth against "the same as now".
//!
//! Meshes of 6 to 10 nodes run for an hour or more; every six minutes one of the faults of the
//! anomaly experiment comes for two. Every node is looked at every 5 s, and each forecast in its
//! view is compared with the figure that the same view shows at the horizon. Where a node says
//! that nobody can tell, it is not judged, but counted.
//!
//! Rules, fixed before the judged seed was run. Errors count in units of their figure: the mean
//! error of "the same as now" over all forecasts of it. The sum of the errors where nodes were
//! confident, divided by that of "the same as now" in the same places, must be at most 0.8. The
//! bands promise to hold nine in ten; how many they held is told.

use super::{
    Experiment, Figure, Length, Outcome, Target,
    ward::{INJURIES, Ward},
};
use bitcraps_core::{
    node::{ForecastView, METRICS, Metric},
    seed::Seed,
    time::Duration,
};
use std::{collections::VecDeque, fmt::Write as _};

pub(super) const FORECAST: Experiment = Experiment {
    name: "forecast",
    about: "forecasts of the mesh's figures against \"the same as now\", with and without faults",
    run,
};

const LOOK_EVERY: Duration = Duration::from_secs(5);
const BETWEEN_FAULTS: Duration = Duration::from_secs(240);
const FAULT: Duration = Duration::from_secs(120);

/// Of the error of "the same as now".
const ERROR_SHARE_MAX: f64 = 0.8;

/// A short run has a few hundred forecasts with confidence: enough to see one that is far off.
const ERROR_SHARE_MAX_SHORT: f64 = 1.2;

/// What the forecasts of one figure came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Forecasts whose time came, and those of them with an expectation.
    all: usize,
    confident: usize,
    in_band: usize,
    /// Sum of the absolute errors of "the same as now" over all.
    moved: f64,
    /// Sums of absolute errors where there was an expectation.
    error: f64,
    error_as_now: f64,
}

fn run(seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let (meshes, rounds) = match length {
        Length::Short => (1, 6),
        Length::Full => (6, 20),
    };
    let mut tallies = [Tally::default(); METRICS.len()];
    let mut node_hours = 0.0;
    for number in 0..meshes {
        let seed = Seed::from_number(seed).fork("forecast").fork(&number.to_string());
        let nodes = 6 + seed.fork("nodes").rng().below(5) as usize;
        let mut ward = Ward::new(&seed, nodes);
        let mut open: Vec<VecDeque<Vec<ForecastView>>> = vec![VecDeque::new(); nodes];
        for round in 0..rounds {
            watch(&mut ward, BETWEEN_FAULTS, &mut open, &mut tallies);
            let wound = ward.injure(INJURIES[(number + round) % INJURIES.len()].0, FAULT);
            watch(&mut ward, FAULT, &mut open, &mut tallies);
            ward.heal(&wound);
        }
        let hours = (BETWEEN_FAULTS + FAULT).as_secs_f64() * rounds as f64 / 3600.0;
        node_hours += hours * nodes as f64;
        says(&format!("{} of {meshes} meshes", number + 1));
    }
    outcome(&tallies, node_hours, length)
}

/// Lets time pass; `open` holds each node's forecasts whose time has not come, oldest first.
fn watch(
    ward: &mut Ward,
    lasting: Duration,
    open: &mut [VecDeque<Vec<ForecastView>>],
    tallies: &mut [Tally; METRICS.len()],
) {
    let until = ward.world.now() + lasting;
    while ward.world.now() < until {
        ward.run_until(ward.world.now() + LOOK_EVERY);
        for (node, open) in open.iter_mut().enumerate() {
            let Some(view) = ward.world.view(node) else {
                open.clear();
                continue;
            };
            let made = view.health.forecasts;
            let look_ms = LOOK_EVERY.as_millis() as u64;
            let looks = made.first().map_or(1, |f| f.horizon_ms / look_ms);
            if open.len() as u64 >= looks
                && let Some(due) = open.pop_front()
            {
                judge(&due, &made, tallies);
            }
            open.push_back(made);
        }
    }
}

/// `came` shows the figures of the time that `due` were made for.
fn judge(due: &[ForecastView], came: &[ForecastView], tallies: &mut [Tally; METRICS.len()]) {
    for forecast in due {
        let Some(came) = came.iter().find(|c| c.metric == forecast.metric) else { continue };
        let Some(place) = METRICS.iter().position(|m| *m == forecast.metric) else { continue };
        let tally = &mut tallies[place];
        tally.all += 1;
        tally.moved += (came.now - forecast.now).abs();
        let Some(band) = &forecast.expected else { continue };
        tally.confident += 1;
        tally.in_band += usize::from((band.low..=band.high).contains(&came.now));
        tally.error += (came.now - band.value).abs();
        tally.error_as_now += (came.now - forecast.now).abs();
    }
}

fn outcome(tallies: &[Tally], node_hours: f64, length: Length) -> Outcome {
    let mut table = String::from(
        "Forecasts half a minute ahead\n\n\
         | figure | forecasts | with confidence | error, of \"as now\" | in the band |\n\
         |---|---|---|---|---|\n",
    );
    let (mut all, mut confident, mut in_band) = (0, 0, 0);
    let (mut error, mut error_as_now) = (0.0, 0.0);
    for (metric, tally) in METRICS.iter().zip(tallies) {
        all += tally.all;
        confident += tally.confident;
        in_band += tally.in_band;
        let of_all = tally.confident as f64 / tally.all as f64;
        if tally.confident == 0 {
            let _ = writeln!(table, "| {} | {} | 0 | | |", name(*metric), tally.all);
            continue;
        }
        // What never moved has no unit, and nobody can be wrong about it.
        let unit = tally.moved / tally.all as f64;
        if unit > 0.0 {
            error += tally.error / unit;
            error_as_now += tally.error_as_now / unit;
        }
        let share = match tally.error_as_now > 0.0 {
            true => format!("{:.3}", tally.error / tally.error_as_now),
            false => "–".to_owned(),
        };
        let _ = writeln!(
            table,
            "| {} | {} | {of_all:.3} | {share} | {:.3} |",
            name(*metric),
            tally.all,
            tally.in_band as f64 / tally.confident as f64
        );
    }
    let most = match length {
        Length::Short => ERROR_SHARE_MAX_SHORT,
        Length::Full => ERROR_SHARE_MAX,
    };
    let per = |count: usize, of: usize| count as f64 / of as f64;
    let share = Figure::new("mean absolute error, of \"as now\"", error / error_as_now, "");
    // To say nothing is allowed in minutes, not in hours.
    let share = match (length, confident) {
        (Length::Short, 0) => share,
        (Length::Short | Length::Full, _) => share.promised(Target::AtMost(most)),
    };
    Outcome {
        figures: vec![
            share,
            Figure::new("figures that came within the band", per(in_band, confident), ""),
            Figure::new("forecasts with confidence", per(confident, all), ""),
            Figure::new("forecasts", all as f64, ""),
            Figure::new("watched", node_hours, "node hours"),
        ],
        tables: vec![table],
    }
}

fn name(metric: Metric) -> String {
    format!("{metric:?}")
}
