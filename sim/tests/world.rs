//! The world does to nodes what its faults say, seen through what the nodes tell.

use bitcraps_core::{
    node::{CloseReason, Command, Config, Event},
    seed::Seed,
    time::{Duration, Instant},
};
use bitcraps_sim::{
    Death,
    net::{Cut, EdgeId, Quality},
    world::{Fault, World},
};

/// Nodes 0 and 1 with an edge between them, 10 ms long; 0 dials. Neither runs yet.
fn pair() -> (World, EdgeId) {
    let mut world = World::new(&Seed::from_number(1));
    let config = |dial| Config { work_bits: 4, dial, ..Config::default() };
    world.add_node(config(vec![World::address(1)]));
    world.add_node(config(vec![]));
    let edge = world.add_edge(0, 1, Quality::wired());
    (world, edge)
}

fn start(world: &mut World) {
    world.inflict(Fault::Restart { node: 1 });
    world.inflict(Fault::Restart { node: 0 });
}

/// Lets so many milliseconds pass and gives what was told meanwhile.
fn pass(world: &mut World, ms: u64) -> Vec<(usize, Event)> {
    let until = world.now() + Duration::from_millis(ms);
    let mut told = Vec::new();
    while let Some(step) = world.step(until) {
        assert_eq!(step.breaches, []);
        told.extend(step.events);
    }
    assert_eq!(world.now(), until);
    told
}

/// Who told that a link opened, and who that one closed, by the transport's end.
fn links(told: &[(usize, Event)]) -> (Vec<usize>, Vec<usize>) {
    let who = |is: fn(&Event) -> bool| {
        let mut who: Vec<usize> = told.iter().filter(|t| is(&t.1)).map(|t| t.0).collect();
        who.sort_unstable();
        who
    };
    let closed = |event: &Event| {
        matches!(event, Event::LinkClosed { reason: CloseReason::TransportClosed, .. })
    };
    (who(|event| matches!(event, Event::LinkOpened { .. })), who(closed))
}

fn joined() -> (World, EdgeId) {
    let (mut world, edge) = pair();
    start(&mut world);
    let told = pass(&mut world, 500);
    assert_eq!(links(&told), (vec![0, 1], vec![]), "{told:?}");
    (world, edge)
}

#[test]
fn a_killed_node_is_missed_at_once_and_one_without_power_when_it_is_back() {
    let (mut world, _) = joined();
    world.inflict(Fault::Crash { node: 1, how: Death::Killed });
    assert!(world.view(1).is_none());
    assert_eq!(links(&pass(&mut world, 100)).1, [0]);

    let (mut world, _) = joined();
    world.inflict(Fault::Crash { node: 1, how: Death::PowerLost });
    assert_eq!(links(&pass(&mut world, 100)).1, [0; 0]);
    world.inflict(Fault::Restart { node: 1 });
    assert_eq!(links(&pass(&mut world, 100)).1, [0]);
}

#[test]
fn a_loud_cut_is_heard_at_both_ends_at_once_and_a_silent_one_is_not() {
    let (mut world, edge) = joined();
    let step = world.inflict(Fault::Cut { edge, how: Cut::Loud });
    assert_eq!(links(&step.events).1, [0, 1]);

    let (mut world, edge) = joined();
    let step = world.inflict(Fault::Cut { edge, how: Cut::Silent });
    assert!(links(&step.events).1.is_empty());
    assert!(links(&pass(&mut world, 200)).1.is_empty());
    world.inflict(Fault::Restore { edge });
    assert!(links(&pass(&mut world, 200)).1.is_empty(), "a short stall closes nothing");
}

#[test]
fn a_dial_to_a_dead_node_is_refused_and_one_into_a_silent_cut_times_out() {
    let failed = |told: &[(usize, Event)]| {
        told.iter().any(|(node, event)| *node == 0 && matches!(event, Event::DialFailed { .. }))
    };
    let (mut world, _) = pair();
    world.inflict(Fault::Restart { node: 0 });
    assert!(failed(&pass(&mut world, 100)));

    let (mut world, edge) = pair();
    world.inflict(Fault::Cut { edge, how: Cut::Silent });
    start(&mut world);
    assert!(!failed(&pass(&mut world, 2_900)));
    assert!(failed(&pass(&mut world, 200)));
}

#[test]
fn a_dial_that_is_cut_off_on_its_way_times_out_once() {
    let (mut world, edge) = pair();
    start(&mut world);
    world.plan(Instant::from_millis(15), Fault::Cut { edge, how: Cut::Silent });
    let told = pass(&mut world, 3_500);
    let failed = told.iter().filter(|(_, event)| matches!(event, Event::DialFailed { .. }));
    assert_eq!(failed.count(), 1, "{told:?}");
}

#[test]
fn what_was_meant_for_one_life_never_reaches_the_next() {
    let (mut world, _) = joined();
    let name = || Command::Rename { name: "other".to_owned() };
    let lost = world.command(1, name()).unwrap();
    world.inflict(Fault::Crash { node: 1, how: Death::Killed });
    assert!(world.command(1, name()).is_none(), "a dead node takes no commands");
    world.inflict(Fault::Restart { node: 1 });
    let answered = world.command(1, name()).unwrap();
    let done: Vec<_> = pass(&mut world, 500)
        .into_iter()
        .filter_map(|(_, event)| match event {
            Event::CommandDone { request, .. } => Some(request),
            _ => None,
        })
        .collect();
    assert!(!done.contains(&lost));
    assert_eq!(done, [answered]);
}

#[test]
fn a_restarted_node_joins_again() {
    let (mut world, _) = joined();
    world.inflict(Fault::Crash { node: 0, how: Death::PowerLost });
    pass(&mut world, 100);
    world.inflict(Fault::Restart { node: 0 });
    assert_eq!(links(&pass(&mut world, 1_000)).0, [0, 1]);
}
