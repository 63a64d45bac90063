//! Full pass, one change and hops beside the peers.

use crate::{
    clock::{ENOUGH_MS, median, micros, now_ms},
    peers::{LIBRARIES, Library, MATRIX_NODES_MAX, Part, Peers},
};
use anyhow::{Result, ensure};
use bitcraps_graph::{Analyser, Graph, HopTable, Live};
use bitcraps_graphs::{GRAPHS, KINDS, Kind, Prepared, Work, edges};
use std::hint::black_box;

/// Nodes, graphs that the peers are given, and the ratio that was promised of the full pass. With
/// 10 000 nodes the peers' diameter takes seconds for each graph.
const SIZES: [(u32, u64, f64); 3] =
    [(100, GRAPHS, 25.0), (1_000, GRAPHS, 60.0), (10_000, 2, 1_000.0)];
const CHANGE: (u32, f64) = (1_000, 280.0);
const HOPS: (u32, f64) = (1_000, 10.0);
/// Graphs whose distances and hops are compared, a million of each.
const DISTANCE_CHECKS: u64 = 8;
/// Where only what takes near-linear time is compared.
const LARGE: (u32, u64) = (100_000, 2);

/// How often the peers go around, unless that takes longer than [`ENOUGH_MS`]; once they always do.
const PEER_TURNS: usize = 15;

pub fn compare() -> Result<()> {
    println!(
        "\n{GRAPHS} graphs of each kind and size in turn, but the peers have {} of {} nodes and \
         all have {} of {},\nwhich are geometric; rustworkx-core's matrix is left out above \
         {MATRIX_NODES_MAX} nodes for its memory;\nmicroseconds for each graph, medians; of the \
         peers' parts the faster counts\n",
        SIZES[2].1, SIZES[2].0, LARGE.1, LARGE.0
    );
    println!(
        "{:<12} {:>7}  {:<30} {:>10} {:>14} {:>10}  promised",
        "", "nodes", "", "ours", "theirs", "ratio"
    );
    for kind in KINDS {
        for (nodes, graphs, promised) in SIZES {
            let theirs = full_pass(kind, nodes, graphs, &Part::ALL)?;
            progress(kind, nodes, "our full pass");
            let ours = micros(&mut Prepared::new(Work::Snapshot, kind, nodes));
            row(kind, nodes, "full pass", ours, theirs, Some(promised));
            if nodes == CHANGE.0 {
                check_changes(kind, nodes)?;
                let ours = micros(&mut Prepared::new(Work::OneChange, kind, nodes));
                row(kind, nodes, "one change : full pass", ours, theirs, Some(CHANGE.1));
            }
        }
        let (nodes, promised) = HOPS;
        let theirs = distances(kind, nodes)?;
        let ours = micros(&mut Prepared::new(Work::Hops, kind, nodes));
        row(kind, nodes, "hops, backups : all distances", ours, theirs, Some(promised));
        let ours = micros(&mut Prepared::new(Work::Distances, kind, nodes));
        row(kind, nodes, "eccentricities : all distances", ours, theirs, None);
        if kind != Kind::Geometric {
            // The others had not ended after a minute; our full pass includes the diameter.
            continue;
        }
        let (nodes, graphs) = LARGE;
        let theirs = full_pass(kind, nodes, graphs, &Part::NEAR_LINEAR)?;
        progress(kind, nodes, "our full pass");
        let ours = once(kind, nodes, graphs);
        row(kind, nodes, "full pass : all but diameter", ours, theirs, None);
    }
    Ok(())
}

fn row(kind: Kind, nodes: u32, what: &str, ours: f64, theirs: f64, promised: Option<f64>) {
    let ratio = theirs / ours;
    let verdict = match promised {
        Some(promised) if ratio >= promised => format!("≥ {promised:.0}  ok"),
        Some(promised) => format!("≥ {promised:.0}  under"),
        None => String::new(),
    };
    let kind = kind.name();
    println!(
        "{kind:<12} {nodes:>7}  {what:<30} {ours:>10.1} {theirs:>14.1} {ratio:>9.1}x  {verdict}"
    );
}

/// Says what takes its time.
fn progress(kind: Kind, nodes: u32, what: &str) {
    println!("{:<12} {nodes:>7}  … {what}", kind.name());
}

/// What the peers need for a graph, each part by the faster of the two, after all agreed.
fn full_pass(kind: Kind, nodes: u32, graphs: u64, parts: &[Part]) -> Result<f64> {
    progress(kind, nodes, "the peers' full pass");
    let mut analyser = Analyser::new();
    let mut peers = Vec::new();
    let mut checks = vec![Vec::new(); parts.len()];
    for number in 0..graphs {
        let list = edges(kind, nodes, number);
        let (graph, peer) = (Graph::new(nodes, &list), Peers::new(nodes, &list));
        let ours = analyser.analyse(&graph);
        for (part, checks) in parts.iter().zip(&mut checks) {
            let before = now_ms();
            peer.check(*part, ours)?;
            checks.push((now_ms() - before) * 1e3);
        }
        peers.push(peer);
    }
    let mut sum = 0.0;
    let mut alone = [0.0; 2];
    let mut told = Vec::new();
    for (part, checks) in parts.iter().zip(&mut checks) {
        let [a, b] = match part {
            // Petgraph's run that was compared took seconds: it is not done again to be timed.
            Part::Diameter if nodes > MATRIX_NODES_MAX => [median(checks), f64::INFINITY],
            _ => LIBRARIES.map(|library| peer_micros(&peers, library, *part)),
        };
        told.push(format!("{} {} | {}", part.name(), shown(a), shown(b)));
        sum += a.min(b);
        // What a library lacks, its user takes from the other.
        for (alone, own) in alone.iter_mut().zip([a, b]) {
            *alone += if own.is_finite() { own } else { a.min(b) };
        }
    }
    told.push(format!("together {} | {}", shown(alone[0]), shown(alone[1])));
    println!("{:<12} {nodes:>7}  petgraph | rustworkx-core: {}", kind.name(), told.join(", "));
    Ok(sum)
}

fn shown(micros: f64) -> String {
    if micros.is_finite() { format!("{micros:.0}") } else { "–".to_owned() }
}

/// What the peers need for all distances of a graph, after they agreed with ours.
fn distances(kind: Kind, nodes: u32) -> Result<f64> {
    progress(kind, nodes, "the peers' distances");
    let mut table = HopTable::new();
    let mut peers = Vec::new();
    for number in 0..GRAPHS {
        let list = edges(kind, nodes, number);
        let (graph, peer) = (Graph::new(nodes, &list), Peers::new(nodes, &list));
        if number < DISTANCE_CHECKS {
            ensure!(table.fill(&graph).is_ok(), "{nodes} nodes are too many for a table of hops");
            check_distances(&table, nodes, &peer.all_distances())?;
        }
        peers.push(peer);
    }
    let [a, b] = LIBRARIES.map(|library| peer_micros(&peers, library, Part::Diameter));
    println!(
        "{:<12} {nodes:>7}  petgraph | rustworkx-core: all distances {} | {}",
        kind.name(),
        shown(a),
        shown(b)
    );
    Ok(a.min(b))
}

/// Ours must be the same as `theirs`, and each hop one nearer.
fn check_distances(table: &HopTable, nodes: u32, theirs: &[u32]) -> Result<()> {
    for (pair, hops) in (0..nodes * nodes).zip(theirs) {
        let (from, to) = (pair / nodes, pair % nodes);
        let hops = (*hops != u32::MAX).then_some(*hops);
        let ours = table.distance(from, to).map(u32::from);
        ensure!(ours == hops, "from {from} to {to}: ours {ours:?}, theirs {hops:?}");
        let after = table.next(from, to).and_then(|next| table.distance(next, to)).map(u32::from);
        let nearer = hops.and_then(|hops| hops.checked_sub(1));
        ensure!(after == nearer, "from {from} to {to}: {hops:?} hops, after the first {after:?}");
    }
    Ok(())
}

/// Figures that are kept up must be those of a full pass.
fn check_changes(kind: Kind, nodes: u32) -> Result<()> {
    const EVERY: usize = 97;
    let mut analyser = Analyser::new();
    for number in 0..GRAPHS {
        let mut list: Vec<_> = Graph::new(nodes, &edges(kind, nodes, number)).each_edge().collect();
        let mut live = Live::of(&Graph::new(nodes, &list));
        for turn in 0..list.len() / EVERY {
            let gone = list.swap_remove(turn * EVERY % list.len());
            live.unlink(gone.a, gone.b);
            let ours = analyser.analyse(&Graph::new(nodes, &list));
            ensure!(live.figures() == ours, "{number}: other figures without {gone:?}");
            if turn % 2 == 0 {
                live.link(gone.a, gone.b);
                list.push(gone);
                let ours = analyser.analyse(&Graph::new(nodes, &list));
                ensure!(live.figures() == ours, "{number}: other figures with {gone:?} again");
            }
        }
    }
    Ok(())
}

/// Microseconds for each graph: the median over whole turns. Infinite where a library cannot.
fn peer_micros(peers: &[Peers], library: Library, part: Part) -> f64 {
    if !peers.iter().all(|peer| peer.can(library, part)) {
        return f64::INFINITY;
    }
    turns(peers.len(), &mut |n| peers[n].run(library, part))
}

/// Our full pass over graphs that are too large to go around all of them often.
fn once(kind: Kind, nodes: u32, graphs: u64) -> f64 {
    let graphs: Vec<Graph> =
        (0..graphs).map(|number| Graph::new(nodes, &edges(kind, nodes, number))).collect();
    let mut analyser = Analyser::new();
    analyser.analyse(&graphs[0]);
    turns(graphs.len(), &mut |n| {
        black_box(analyser.analyse(black_box(&graphs[n])));
    })
}

fn turns(graphs: usize, run: &mut dyn FnMut(usize)) -> f64 {
    let start = now_ms();
    let mut samples = Vec::new();
    while samples.is_empty() || (samples.len() < PEER_TURNS && now_ms() - start < ENOUGH_MS) {
        let before = now_ms();
        (0..graphs).for_each(&mut *run);
        samples.push((now_ms() - before) * 1e3 / graphs as f64);
    }
    median(&mut samples)
}
