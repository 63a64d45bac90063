//! What anomalies and alerts are worth: faults of six kinds, found or not, and quiet meshes.
//!
//! An episode is a mesh of 6 to 10 nodes that is well for five minutes, is hurt for two and is
//! watched for one more. Every node is looked at every 5 s; whatever its view shows as new, an
//! anomaly or a raised alert, is *told*. Rules, fixed before anything was measured:
//!
//! - The fault is *found* when, while it lasts, some node tells something that names it: the kind
//!   of figure that the fault is about, of the right neighbour where the figure is a neighbour's
//!   ([`Aptness::Names`]). The delay is the time from the injury to the first of these.
//! - What is told *fits* when it is a figure that the fault itself moves, of the right neighbour
//!   ([`Aptness::Fits`]), from the injury to a minute after its end. All else is false, of any
//!   node, from its start on.
//! - Recall is the share of episodes found; precision the share of what was told that fits.
//! - In quiet meshes everything that is told is false.

use super::{
    Experiment, Figure, Length, Outcome, Target,
    ward::{INJURIES, Injury, Ward, Wound},
};
use bitcraps_core::{
    node::{AlertKind, Metric, Subject},
    seed::Seed,
    time::{Duration, Instant},
};
use std::fmt::Write as _;

pub(super) const ANOMALY: Experiment = Experiment {
    name: "anomaly",
    about: "faults of six kinds, found or not and how soon, and false alarms of quiet meshes",
    run,
};

const LOOK_EVERY: Duration = Duration::from_secs(5);
const WELL: Duration = Duration::from_secs(300);
const HURT: Duration = Duration::from_secs(120);
const AFTER: Duration = Duration::from_secs(60);

/// Nodes of a quiet mesh.
const QUIET_NODES: usize = 6;

const RECALL_MIN: f64 = 0.95;
const PRECISION_MIN: f64 = 0.9;
const FALSE_ALARMS_MAX: f64 = 1.0;

/// One episode of each kind and twenty quiet minutes promise little.
const RECALL_MIN_SHORT: f64 = 0.8;
const PRECISION_MIN_SHORT: f64 = 0.8;

/// How well something told suits a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Aptness {
    False,
    Fits,
    Names,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Anomaly(Subject, Metric),
    Alert(AlertKind),
}

/// Something new in the view of a node.
#[derive(Clone, Debug)]
struct Told {
    node: usize,
    at: Instant,
    what: What,
    words: String,
}

/// What came of all episodes of one kind.
#[derive(Clone, Debug, Default)]
struct Tally {
    episodes: usize,
    told: usize,
    fitting: usize,
    delays_s: Vec<f64>,
}

fn run(seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
    let (episodes, quiet_meshes, quiet_hours) = match length {
        Length::Short => (1, 1, 1.0 / 3.0),
        Length::Full => (30, 8, 3.0),
    };
    let seed = Seed::from_number(seed).fork("anomaly");
    let mut tallies = Vec::new();
    for (injury, name) in INJURIES {
        let mut tally = Tally::default();
        for number in 0..episodes {
            episode(injury, &seed.fork(name).fork(&number.to_string()), &mut tally, says);
        }
        says(&format!("{name}: {} of {episodes} found", tally.delays_s.len()));
        tallies.push((name, tally));
    }
    let mut false_alarms = 0;
    for number in 0..quiet_meshes {
        let seed = seed.fork("quiet").fork(&number.to_string());
        false_alarms += quiet(&seed, quiet_hours, says);
        says(&format!("{} of {quiet_meshes} quiet meshes", number + 1));
    }
    outcome(&tallies, false_alarms, quiet_meshes as f64 * quiet_hours, length)
}

fn episode(injury: Injury, seed: &Seed, tally: &mut Tally, says: &mut dyn FnMut(&str)) {
    let nodes = 6 + seed.fork("nodes").rng().below(5) as usize;
    let mut ward = Ward::new(seed, nodes);
    let mut told = watch(&mut ward, WELL);
    let hurt_at = ward.world.now();
    let wound = ward.injure(injury, HURT);
    told.append(&mut watch(&mut ward, HURT));
    let healed_at = ward.world.now();
    ward.heal(&wound);
    told.append(&mut watch(&mut ward, AFTER));
    tally.episodes += 1;
    let mut found: Option<Instant> = None;
    for one in &told {
        let aptness = if one.at < hurt_at { Aptness::False } else { aptness(&ward, &wound, one) };
        tally.told += 1;
        match aptness {
            Aptness::False => {
                let words = words(core::slice::from_ref(one));
                says(&format!("{wound:?} at {hurt_at:?}, false: {words:?}"));
            }
            Aptness::Fits => tally.fitting += 1,
            Aptness::Names => {
                tally.fitting += 1;
                if one.at <= healed_at {
                    found = Some(found.map_or(one.at, |first| first.min(one.at)));
                }
            }
        }
    }
    match found {
        Some(at) => tally.delays_s.push((at - hurt_at).as_secs_f64()),
        None => says(&format!("{wound:?} was not found in {:?}", words(&told))),
    }
}

fn words(told: &[Told]) -> Vec<String> {
    told.iter().map(|t| format!("{} at {:?}: {} ({:?})", t.node, t.at, t.words, t.what)).collect()
}

/// How many false alarms there were.
fn quiet(seed: &Seed, hours: f64, says: &mut dyn FnMut(&str)) -> usize {
    let mut ward = Ward::new(seed, QUIET_NODES);
    let told = watch(&mut ward, Duration::from_secs_f64(hours * 3600.0));
    words(&told).iter().for_each(|words| says(&format!("quiet, false: {words}")));
    told.len()
}

/// Lets time pass and gathers what is told.
fn watch(ward: &mut Ward, lasting: Duration) -> Vec<Told> {
    let mut all = Vec::new();
    let until = ward.world.now() + lasting;
    while ward.world.now() < until {
        ward.run_until(ward.world.now() + LOOK_EVERY);
        for node in 0..ward.world.nodes() {
            look(ward, node, &mut all);
        }
    }
    all
}

fn look(ward: &Ward, node: usize, all: &mut Vec<Told>) {
    let Some(view) = ward.world.view(node) else { return };
    let new = |age_ms: u64| Duration::from_millis(age_ms) < LOOK_EVERY;
    let at = |age_ms: u64| {
        Instant::from_micros(ward.world.now().as_micros().saturating_sub(age_ms * 1000))
    };
    for anomaly in view.health.anomalies.iter().filter(|a| new(a.age_ms)) {
        let what = What::Anomaly(anomaly.subject, anomaly.metric);
        let words = format!("{} ({:?} {:.1})", anomaly.cause, anomaly.detector, anomaly.score);
        all.push(Told { node, at: at(anomaly.age_ms), what, words });
    }
    for alert in view.health.alerts.iter().filter(|a| new(a.raised_ms)) {
        let words = format!("{:.3} against {:.3}", alert.value, alert.threshold);
        all.push(Told { node, at: at(alert.raised_ms), what: What::Alert(alert.kind), words });
    }
}

/// Figures of the mesh's shape: what moves when nodes or links are lost.
fn is_shape(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Nodes
            | Metric::Links
            | Metric::Parts
            | Metric::Diameter
            | Metric::Clustering
            | Metric::CutNodes
            | Metric::CutEdges
            | Metric::CutNodeLoad
            | Metric::Risk
            | Metric::LinkChanges
    )
}

fn aptness(ward: &Ward, wound: &Wound, told: &Told) -> Aptness {
    let neighbour = |subject| match subject {
        Subject::Mesh => None,
        Subject::Neighbour(peer) => ward.index(peer),
    };
    // The other end of the hurt link, seen from the node that told.
    let other = wound.edge.and_then(|(_, a, b)| match told.node {
        node if node == a => Some(b),
        node if node == b => Some(a),
        _ => None,
    });
    let of_link = |subject| other.is_some() && neighbour(subject) == other;
    let of_node = |subject| wound.node.is_some() && neighbour(subject) == wound.node;
    let (subject, metric) = match told.what {
        What::Anomaly(subject, metric) => (subject, metric),
        What::Alert(AlertKind::Partitioned) => {
            return match wound.injury {
                Injury::Split | Injury::Death => Aptness::Names,
                Injury::Degrade | Injury::Flap | Injury::Congest | Injury::Flood => Aptness::False,
            };
        }
        What::Alert(_) => {
            return match wound.injury {
                Injury::Split | Injury::Death | Injury::Flap => Aptness::Fits,
                Injury::Degrade | Injury::Congest | Injury::Flood => Aptness::False,
            };
        }
    };
    let mesh = subject == Subject::Mesh;
    let measured = matches!(metric, Metric::MeanLatency | Metric::MeanReliability);
    let arrives = matches!(metric, Metric::PacketsIn | Metric::BytesIn);
    let congested = metric == Metric::Congested;
    let link_broke = matches!(metric, Metric::Links | Metric::LinkChanges);
    let (names, fits) = match wound.injury {
        // A link that is bad enough breaks now and then.
        Injury::Degrade => (of_link(subject) && measured, mesh && (measured || link_broke)),
        Injury::Congest => (
            (of_link(subject) && (measured || congested)) || (mesh && congested && other.is_some()),
            mesh && (measured || link_broke),
        ),
        Injury::Death => (
            mesh && matches!(metric, Metric::Nodes | Metric::Parts | Metric::Links),
            (mesh && is_shape(metric)) || (of_node(subject) && measured),
        ),
        Injury::Split => (mesh && metric == Metric::Parts, measured || is_shape(metric)),
        Injury::Flap => (
            (mesh || of_link(subject)) && metric == Metric::LinkChanges,
            (mesh && is_shape(metric)) || (of_link(subject) && measured),
        ),
        Injury::Flood => (of_node(subject) && arrives, mesh && arrives),
    };
    match (names, fits) {
        (true, _) => Aptness::Names,
        (false, true) => Aptness::Fits,
        (false, false) => Aptness::False,
    }
}

fn outcome(
    tallies: &[(&str, Tally)],
    false_alarms: usize,
    quiet_hours: f64,
    length: Length,
) -> Outcome {
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(|(_, t)| of(t)).sum::<usize>() as f64;
    let (recall_min, precision_min) = match length {
        Length::Short => (RECALL_MIN_SHORT, PRECISION_MIN_SHORT),
        Length::Full => (RECALL_MIN, PRECISION_MIN),
    };
    let episodes = sum(|t| t.episodes);
    let recall = sum(|t| t.delays_s.len()) / episodes;
    let precision = sum(|t| t.fitting) / sum(|t| t.told);
    let alarms = false_alarms as f64;
    let mut table = String::from(
        "Faults found, and how soon\n\n\
         | fault | episodes | found | delay s, median | p95 | told | of these fitting |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (name, tally) in tallies {
        let mut delays = tally.delays_s.clone();
        delays.sort_unstable_by(f64::total_cmp);
        let (median, p95) = (quantile(&delays, 0.5), quantile(&delays, 0.95));
        let Tally { episodes, told, fitting, .. } = tally;
        let _ = writeln!(
            table,
            "| {name} | {episodes} | {} | {median:.1} | {p95:.1} | {told} | {fitting} |",
            delays.len()
        );
    }
    Outcome {
        figures: vec![
            Figure::new("faults found (recall)", recall, "").promised(Target::AtLeast(recall_min)),
            Figure::new("of what was told, fitting (precision)", precision, "")
                .promised(Target::AtLeast(precision_min)),
            Figure::new("episodes", episodes, ""),
            Figure::new("false alarms of quiet meshes", alarms, "")
                .promised(Target::AtMost(FALSE_ALARMS_MAX)),
            Figure::new("quiet time", quiet_hours, "mesh hours"),
            Figure::new("quiet time", quiet_hours * QUIET_NODES as f64, "node hours"),
        ],
        tables: vec![table],
    }
}

/// Of sorted values, by the nearest rank; not a number when there are none.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.95)), (10.0, 19.0));
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn only_the_right_neighbour_names_a_flood() {
        let mut ward = Ward::new(&Seed::from_number(1), 6);
        let wound = ward.injure(Injury::Flood, HURT);
        let flooder = wound.node.unwrap();
        let told = |node: usize, metric| Told {
            node: 0,
            at: Instant::ZERO,
            what: What::Anomaly(Subject::Neighbour(ward.world.peer_id(node)), metric),
            words: String::new(),
        };
        let judge = |node, metric| aptness(&ward, &wound, &told(node, metric));
        assert_eq!(judge(flooder, Metric::PacketsIn), Aptness::Names);
        assert_eq!(judge((flooder + 1) % 6, Metric::PacketsIn), Aptness::False);
        assert_eq!(judge(flooder, Metric::MeanLatency), Aptness::False);
    }
}
