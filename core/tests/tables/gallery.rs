//! Looking on without a seat, and what people say at a table.

use super::World;
use bitcraps_core::{
    craps::{Chips, Wager},
    crypto::identity::Identity,
    game::{
        CommandError, LINES_MAX, Output, Standing, WATCHERS_MAX,
        message::{Line, Message},
    },
    id::{PeerId, TableId},
    limits::LINE_BYTES_MAX,
    seed::Seed,
    time::Instant,
};

impl World {
    fn watch(&mut self, who: usize, table: TableId) -> Result<Option<TableId>, CommandError> {
        let request = self.request();
        let hosts = vec![self.id(0), self.id(1)];
        self.tables[who].watch(request, table, hosts, self.now);
        self.run(3000);
        self.answer(request)
    }

    fn say(
        &mut self,
        who: usize,
        table: TableId,
        text: &str,
    ) -> Result<Option<TableId>, CommandError> {
        let request = self.request();
        let (identity, now) = (&self.identities[who], self.now);
        self.tables[who].say(request, table, text.to_owned(), identity, now);
        self.run(100);
        self.answer(request)
    }

    fn heard(&self, who: usize, table: TableId) -> Vec<String> {
        self.session(who, table).unwrap().lines().map(|said| said.text.clone()).collect()
    }

    fn line(&self, who: usize, table: TableId, salt: u8) -> Line {
        Line::sign(&self.identities[who], table, [salt; 8], format!("line {salt}"))
    }

    fn hear(&mut self, from: usize, to: usize, table: TableId, line: Line) {
        let from = self.id(from);
        let message = Message::Chat { table, line };
        self.tables[to].on_message(from, message, &self.identities[to], self.now);
    }
}

#[test]
fn whoever_looks_on_sees_every_batch_and_can_bet_nothing() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    for _ in 0..3 {
        world.roll(table);
        let (mine, theirs) = (world.session(5, table).unwrap(), world.session(0, table).unwrap());
        assert_eq!(mine.standing(), Standing::Watching);
        assert_eq!(mine.ledger().log_hash(), theirs.ledger().log_hash());
        assert_eq!(mine.history().count(), theirs.history().count());
    }
    assert_eq!(world.session(0, table).unwrap().members(), 5, "it is no member");
    let shown: usize = (0..5).map(|who| world.session(who, table).unwrap().watchers()).sum();
    assert_eq!(shown, 1);
    let request = world.request();
    let wish = (Wager::Pass, Chips(10));
    world.tables[5].bet(request, table, wish, &world.identities[5], world.now);
    world.run(1000);
    assert_eq!(world.answer(request), Err(CommandError::NotSeated));
    assert!(world.tables[5].ads().is_empty(), "a table is announced by its members");
}

#[test]
fn a_member_that_shows_the_table_and_falls_silent_is_left_for_another() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    let window = (0..5).find(|who| world.session(*who, table).unwrap().watchers() == 1).unwrap();
    world.gone = Some(window);
    world.run(10_000);
    let height = world.session(5, table).unwrap().ledger().height();
    let others: Vec<usize> = (0..3).filter(|who| *who != window).collect();
    for who in others {
        let request = world.request();
        world.tables[who].ready(request, table, &world.identities[who], world.now);
    }
    world.run(30_000);
    let other = (window + 1) % 5;
    let (mine, theirs) = (world.session(5, table).unwrap(), world.session(other, table).unwrap());
    assert!(mine.ledger().height() > height);
    assert_eq!(mine.ledger().log_hash(), theirs.ledger().log_hash());
}

#[test]
fn whoever_looks_on_can_take_a_seat_or_look_away() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    assert_eq!(world.join(5, table), Ok(Some(table)));
    assert_eq!(world.session(5, table).unwrap().standing(), Standing::Seated);
    assert_eq!(world.watch(5, table), Err(CommandError::AlreadySeated));

    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    let request = world.request();
    world.tables[5].leave(request, table, &world.identities[5], world.now);
    world.run(100);
    assert_eq!(world.answer(request), Ok(Some(table)));
    assert!(world.session(5, table).is_none());
    world.run(15_000);
    world.roll(table);
    // The place is given up by silence; it is asked for again only by somebody who looks on.
    let message = Message::Watch { table, from: 1 };
    let from = world.id(5);
    world.tables[0].on_message(from, message, &world.identities[0], world.now);
    assert_eq!(world.session(0, table).unwrap().watchers(), 1);
}

#[test]
fn a_member_shows_its_table_to_a_bounded_number_of_peers_until_they_fall_silent() {
    let (mut world, table) = World::with_table();
    let stranger = |n: usize| PeerId::from_bytes([u8::try_from(n).unwrap(); 32]);
    let ask = |world: &mut World, n: usize| {
        let message = Message::Watch { table, from: 1 };
        world.tables[0].on_message(stranger(n), message, &world.identities[0], world.now);
        while let Some(output) = world.tables[0].poll_output() {
            if let Output::Store { ticket, .. } = output {
                world.tables[0].on_stored(ticket, &world.identities[0], world.now);
            }
        }
        world.session(0, table).unwrap().watchers()
    };
    for n in 0..WATCHERS_MAX + 5 {
        assert_eq!(ask(&mut world, n), (n + 1).min(WATCHERS_MAX));
    }
    world.now = Instant::from_millis(world.now.as_millis() + 11_000);
    assert_eq!(ask(&mut world, 100), 1);
}

#[test]
fn a_peer_that_looks_on_after_it_lost_its_store_casts_no_votes_for_its_old_seat() {
    let (mut world, table) = World::with_table();
    world.tables[4] = super::tables(4, 6);
    world.connect(4);
    assert_eq!(world.watch(4, table), Ok(Some(table)));
    world.roll(table);
    assert!(world.session(4, table).unwrap().ledger().seat(world.id(4)).is_some());
    assert_eq!(world.session(4, table).unwrap().standing(), Standing::Watching);
}

#[test]
fn everybody_at_a_table_hears_a_line_once_and_it_never_enters_the_log() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    let height = world.session(0, table).unwrap().ledger().height();
    assert_eq!(world.say(0, table, "good luck"), Ok(Some(table)));
    assert_eq!(world.say(5, table, "I only look on"), Ok(Some(table)));
    world.run(5_000);
    for who in 0..6 {
        assert_eq!(world.heard(who, table), ["good luck", "I only look on"], "heard by {who}");
        let told = world.said.iter().filter(|(at, _, _)| *at == who).count();
        assert_eq!(told, 2, "told to {who}");
    }
    assert_eq!(world.session(0, table).unwrap().ledger().height(), height);
}

#[test]
fn a_line_that_is_none_or_too_soon_is_refused_with_a_sentence() {
    let (mut world, table) = World::with_table();
    let max = LINE_BYTES_MAX;
    for text in ["", "  ", "a\nb", "\u{1b}[2J", &"x".repeat(max + 1)] {
        let got = text.len();
        assert_eq!(world.say(0, table, text), Err(CommandError::BadLine { got, max }));
    }
    assert_eq!(world.say(0, table, &"x".repeat(max)), Ok(Some(table)));
    for _ in 0..4 {
        assert_eq!(world.say(0, table, "again"), Ok(Some(table)));
    }
    assert_eq!(world.say(0, table, "again"), Err(CommandError::TooFast));
    world.run(1000);
    assert_eq!(world.say(0, table, "again"), Ok(Some(table)));
    assert_eq!(world.heard(3, table).len(), 6, "the same words can be said twice");
    let request = world.request();
    world.tables[5].say(request, table, "hi".to_owned(), &world.identities[5], world.now);
    world.run(100);
    assert_eq!(world.answer(request), Err(CommandError::UnknownTable { table }));
}

#[test]
fn lines_of_strangers_lines_in_others_names_and_floods_are_not_heard() {
    let (mut world, table) = World::with_table();
    let refused = |world: &World| world.session(0, table).unwrap().counters().lines_refused;
    // A stranger; a member in another member's name; a forged one; one of another table.
    let stranger = world.line(5, table, 1);
    world.hear(5, 0, table, stranger);
    let others = world.line(2, table, 2);
    world.hear(1, 0, table, others);
    let mut forged = world.line(1, table, 3);
    forged.text = "something else".to_owned();
    world.hear(1, 0, table, forged);
    let elsewhere = world.line(1, TableId::from_bytes([1; 32]), 4);
    world.hear(1, 0, table, elsewhere);
    assert_eq!((refused(&world), world.heard(0, table).len()), (4, 0));
    world.run(10_000);
    for salt in 10..110 {
        let line = world.line(1, table, salt);
        world.hear(1, 0, table, line);
    }
    assert_eq!((refused(&world), world.heard(0, table).len()), (4 + 95, 5), "a few at once");
    assert_eq!(world.say(3, table, "hello"), Ok(Some(table)));
    assert_eq!(world.heard(0, table).len(), 6, "others are heard all the same");
}

#[test]
fn the_last_lines_are_kept_and_one_that_comes_again_counts_once() {
    let (mut world, table) = World::with_table();
    let max = u8::try_from(LINES_MAX).unwrap();
    for salt in 0..max + 10 {
        let line = world.line(1, table, salt);
        world.hear(1, 0, table, line.clone());
        world.hear(1, 0, table, line);
        world.run(1000);
    }
    let heard = world.heard(0, table);
    assert_eq!(heard.len(), LINES_MAX);
    assert_eq!((heard[0].as_str(), heard[LINES_MAX - 1].as_str()), ("line 10", "line 73"));
}

#[test]
fn a_member_hands_on_what_its_own_watchers_say_and_no_more() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.watch(5, table), Ok(Some(table)));
    let window = (0..5).find(|who| world.session(*who, table).unwrap().watchers() == 1).unwrap();
    let other = (window + 1) % 5;
    // A liar among the members hands a stranger's words on; they are heard, and go no further.
    let stranger = Identity::generate(&Seed::from_number(77), 0);
    let line = Line::sign(&stranger, table, [7; 8], "psst".to_owned());
    world.hear(other, window, table, line);
    world.run(1000);
    for who in 0..6 {
        let hears = who == window || who == 5;
        assert_eq!(world.heard(who, table).len(), usize::from(hears), "{who}");
    }
}
