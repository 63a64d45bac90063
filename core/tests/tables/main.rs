//! All tables of a few peers without a mesh between them: who gets a seat, and who does not, who
//! loses it, who looks on and what they say.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod conduct;
mod dice;
mod gallery;

use bitcraps_core::{
    craps::{Chips, Number, Rules, Spot, Wager},
    crypto::identity::Identity,
    game::{
        CommandError, Config, Happened, Output, PAUSE_ABOVE, RESUME_BELOW, RequestId, SeatRole,
        Session, Standing, Strategy, Tables,
        message::{Action, Invitation, Message, Op},
    },
    health::{Risk, RiskMethod},
    id::{PeerId, TableId},
    seed::Seed,
    time::Instant,
};
use std::collections::VecDeque;

/// Peers that reach each other at once. The first and the last are people, the others bots.
struct World {
    tables: Vec<Tables>,
    identities: Vec<Identity>,
    now: Instant,
    wire: VecDeque<(usize, usize, Message)>,
    answers: Vec<(RequestId, Result<Option<TableId>, CommandError>)>,
    asked: u64,
    /// A peer that neither sends nor hears any more.
    gone: Option<usize>,
    /// Whether each does something only when nobody before it has anything to do: the last one's
    /// disk lags behind what it hears.
    starved: bool,
    /// Who lies in this run, if anybody.
    liar: Option<PeerId>,
    /// Who was told of whose words.
    said: Vec<(usize, PeerId, String)>,
    /// What was told of members' conduct, and to whom.
    conduct: Vec<(usize, Happened)>,
    opening: dice::Opening,
}

impl World {
    fn new(peers: u64) -> World {
        let identities: Vec<Identity> =
            (0..peers).map(|n| Identity::generate(&Seed::from_number(n), 0)).collect();
        let tables = (0..peers).map(|n| tables(n, peers)).collect();
        let now = Instant::from_millis(1);
        let (wire, answers) = (VecDeque::new(), Vec::new());
        let mut world = World {
            tables,
            identities,
            now,
            wire,
            answers,
            asked: 0,
            gone: None,
            starved: false,
            liar: None,
            said: Vec::new(),
            conduct: Vec::new(),
            opening: dice::Opening::default(),
        };
        (0..world.tables.len()).for_each(|who| world.connect(who));
        world
    }

    fn connect(&mut self, who: usize) {
        let others = self.identities.iter().map(Identity::id);
        let reach = others.filter(|id| *id != self.id(who)).collect();
        self.tables[who].on_reach(reach, &self.identities[who], self.now);
    }

    fn id(&self, who: usize) -> PeerId {
        self.identities[who].id()
    }

    /// A table of the first five, with something on its log.
    fn with_table() -> (World, TableId) {
        let mut world = World::new(6);
        let invite = (1..5).map(|who| world.id(who)).collect();
        let request = world.request();
        let (identity, now) = (&world.identities[0], world.now);
        world.tables[0].create(
            request,
            ("t".to_owned(), Rules::default()),
            invite,
            Vec::new(),
            identity,
            now,
        );
        world.run(3000);
        let table = world.answer(request).unwrap().unwrap();
        world.roll(table);
        (world, table)
    }

    fn request(&mut self) -> RequestId {
        self.asked += 1;
        RequestId(self.asked)
    }

    fn answer(&self, request: RequestId) -> Result<Option<TableId>, CommandError> {
        self.answers.iter().find(|(r, _)| *r == request).unwrap().1.clone()
    }

    fn join(&mut self, who: usize, table: TableId) -> Result<Option<TableId>, CommandError> {
        let request = self.request();
        let hosts = vec![self.id(0), self.id(1)];
        self.tables[who].join(request, table, hosts, self.now);
        self.run(2000);
        self.roll(table);
        self.run(30_000);
        self.answer(request)
    }

    fn leave(&mut self, who: usize, table: TableId) {
        let request = self.request();
        self.tables[who].leave(request, table, &self.identities[who], self.now);
        self.run(2000);
        self.roll(table);
        assert_eq!(self.answer(request), Ok(Some(table)));
    }

    /// The first peer is the shooter or not; two that are ready close the bets in any case.
    fn roll(&mut self, table: TableId) {
        for who in 0..3 {
            let request = self.request();
            self.tables[who].ready(request, table, &self.identities[who], self.now);
        }
        self.run(2000);
    }

    fn session(&self, who: usize, table: TableId) -> Option<&Session> {
        self.tables[who].session(table)
    }

    fn run(&mut self, millis: u64) {
        let end = self.now.as_millis() + millis;
        self.drain();
        while self.now.as_millis() < end {
            self.now = Instant::from_millis(self.now.as_millis() + 10);
            for who in 0..self.tables.len() {
                self.tables[who].on_timeout(&self.identities[who], self.now);
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        loop {
            let mut told = false;
            for who in 0..self.tables.len() {
                told |= !(told && self.starved) && self.take(who);
            }
            let Some((from, to, message)) = self.wire.pop_front() else {
                if told {
                    continue;
                }
                return;
            };
            if self.gone.is_some_and(|gone| gone == from || gone == to) {
                continue;
            }
            let dies = self.dies_of(from, &message);
            let sender = self.id(from);
            self.tables[to].on_message(sender, message, &self.identities[to], self.now);
            if dies {
                self.gone = Some(from);
            }
        }
    }

    fn take(&mut self, who: usize) -> bool {
        let Some(output) = self.tables[who].poll_output() else { return false };
        match output {
            Output::Send { to, message } => {
                let to = self.identities.iter().position(|identity| identity.id() == to);
                self.put_on_wire(who, to.unwrap(), message);
            }
            Output::Store { ticket, .. } => {
                self.tables[who].on_stored(ticket, &self.identities[who], self.now);
            }
            Output::Answer { request, result } => self.answers.push((request, result)),
            Output::Equivocation { culprit, .. } => assert_eq!(Some(culprit), self.liar),
            Output::Said { peer, text, .. } => self.said.push((who, peer, text)),
            Output::Happened { what, .. } => self.conduct.push((who, what)),
            Output::Opened { .. }
            | Output::Changed { .. }
            | Output::AdsChanged
            | Output::Frozen { .. }
            | Output::Thawed { .. }
            | Output::Paused { .. }
            | Output::Resumed { .. } => {}
        }
        true
    }
}

fn tables(number: u64, peers: u64) -> Tables {
    let person = number == 0 || number == peers - 1;
    let role = if person { SeatRole::Player } else { SeatRole::Bot };
    let strategy = Strategy::ALL[number as usize % 4];
    let config = Config { role, buy_in: Chips(1000), bank: Chips(100_000), strategy };
    Tables::new(config, format!("p{number}"), &Seed::from_number(number))
}

#[test]
fn a_table_cannot_be_created_by_unsound_rules() {
    let mut world = World::new(6);
    let invite = (1..5).map(|who| world.id(who)).collect();
    let request = world.request();
    let rules = Rules { min: Chips(0), ..Rules::default() };
    let (identity, now) = (&world.identities[0], world.now);
    world.tables[0].create(request, ("t".to_owned(), rules), invite, Vec::new(), identity, now);
    world.run(3000);
    let why = world.answer(request).unwrap_err().to_string();
    assert_eq!(
        why,
        "no table can be played by these rules: the smallest bet is 0 chips; it is at least 1 and \
         at most the largest, 10000"
    );
}

#[test]
fn members_decline_an_invitation_by_unsound_rules() {
    let mut world = World::new(6);
    let invitation = Invitation {
        host: world.identities[0].card().key,
        salt: [0; 16],
        name: "t".to_owned(),
        buy_in: Chips(1000),
        bank: Chips(1000),
        rules: Rules { min: Chips(0), ..Rules::default() },
    };
    let id = invitation.id();
    let from = world.id(0);
    let message = Message::Invite(invitation);
    world.tables[1].on_message(from, message, &world.identities[1], world.now);
    let sent =
        core::iter::from_fn(|| world.tables[1].poll_output()).find_map(|output| match output {
            Output::Send { message, .. } => Some(message),
            _ => None,
        });
    assert_eq!(sent, Some(Message::Decline { invitation: id }));
}

/// Peers 1 to 4 of a table are bots: iron cross, martingale, random, conservative.
#[test]
fn every_bot_bets_by_its_own_strategy() {
    let (mut world, table) = World::with_table();
    let mut seen: [Vec<Spot>; 5] = Default::default();
    let mut doubled = None;
    let (mut lay, mut losses) = (None, 0);
    for _ in 0..60 {
        // A person acts, so the bots do; they have the time that they take.
        let roll = world.session(0, table).unwrap().ledger().roll();
        let request = world.request();
        let bet = (Wager::Field, Chips(1));
        world.tables[0].bet(request, table, bet, &world.identities[0], world.now);
        world.run(500);
        let ledger = world.session(0, table).unwrap().ledger();
        for (who, seen) in seen.iter_mut().enumerate() {
            let (seat, _) = ledger.seat(world.id(who)).unwrap();
            seen.extend(ledger.felt().bets_of(seat).map(|(spot, _)| spot));
        }
        let (seat, state) = ledger.seat(world.id(2)).unwrap();
        let pass = ledger.felt().chips_on(seat, Spot::Pass);
        if let (Some((before, stack)), true) = (lay, pass > Chips::ZERO) {
            // A new bet lies there once the last one was decided.
            if state.stack.saturating_add(pass) != Chips(stack) {
                losses = if state.stack.0 + pass.0 < stack { losses + 1 } else { 0 };
                assert_eq!(pass.0, 10 << losses, "after {losses} losses in a row, {before:?}");
                doubled = doubled.max((losses > 0).then_some(losses));
            }
        }
        if pass > Chips::ZERO {
            lay = Some((pass, state.stack.0 + pass.0));
        }
        world.roll(table);
        assert!(world.session(0, table).unwrap().ledger().roll() > roll);
    }
    assert!(doubled.is_some(), "the martingale never lost");
    seen[3].sort();
    seen[3].dedup();
    let only = |who: usize, spots: &[Spot]| seen[who].iter().all(|spot| spots.contains(spot));
    let place = Spot::Place;
    let cross = [place(Number::Five), place(Number::Six), place(Number::Eight), Spot::Field];
    assert!(only(1, &cross) && cross.iter().all(|spot| seen[1].contains(spot)));
    assert!(only(2, &[Spot::Pass]) && !seen[2].is_empty());
    assert!(seen[3].len() > 10, "{:?}", seen[3]);
    assert!(only(4, &[Spot::Pass, Spot::PassOdds]) && seen[4].contains(&Spot::PassOdds));
}

#[test]
fn a_newcomer_takes_in_the_log_and_gets_a_seat() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.join(5, table), Ok(Some(table)));
    let (mine, theirs) = (world.session(5, table).unwrap(), world.session(0, table).unwrap());
    assert_eq!(mine.standing(), Standing::Seated);
    assert_eq!(mine.members(), 6);
    assert_eq!(mine.ledger().log_hash(), theirs.ledger().log_hash());
}

#[test]
fn a_founder_that_left_can_come_back() {
    let (mut world, table) = World::with_table();
    world.leave(4, table);
    assert!(world.session(4, table).is_none());
    assert_eq!(world.session(0, table).unwrap().members(), 4);
    assert_eq!(world.join(4, table), Ok(Some(table)));
    let (mine, theirs) = (world.session(4, table).unwrap(), world.session(0, table).unwrap());
    assert_eq!((mine.standing(), mine.members()), (Standing::Seated, 5));
    assert_eq!(mine.ledger().log_hash(), theirs.ledger().log_hash());
}

#[test]
fn a_member_that_lost_its_store_watches_until_a_height_is_decided_without_it() {
    let (mut world, table) = World::with_table();
    world.tables[4] = tables(4, 6);
    world.connect(4);
    let request = world.request();
    let hosts = vec![world.id(0)];
    world.tables[4].join(request, table, hosts, world.now);
    world.run(2000);
    let mine = world.session(4, table).unwrap();
    assert_eq!(mine.ledger().height(), world.session(0, table).unwrap().ledger().height());
    assert_eq!(mine.standing(), Standing::Joining);
    world.roll(table);
    assert_eq!(world.answer(request), Ok(Some(table)));
    assert_eq!(world.session(4, table).unwrap().standing(), Standing::Seated);
}

#[test]
fn strangers_cannot_keep_a_newcomer_out() {
    let (mut world, table) = World::with_table();
    let leave = |n: u64| {
        let stranger = Identity::generate(&Seed::from_number(1000 + n), 0);
        Op::sign(&stranger, table, 1, Action::Leave)
    };
    let ops: Vec<Op> = (0..8).map(leave).collect();
    let from = world.id(5);
    for to in 0..5 {
        let message = Message::Submit { table, ops: ops.clone() };
        world.tables[to].on_message(from, message, &world.identities[to], world.now);
    }
    assert_eq!(world.session(0, table).unwrap().counters().ops_refused, 8);
    assert_eq!(world.join(5, table), Ok(Some(table)));
}

#[test]
fn a_name_that_is_none_gets_no_seat() {
    let (mut world, table) = World::with_table();
    world.tables[5].rename("\u{7}".repeat(50_000));
    assert_eq!(world.join(5, table), Err(CommandError::TimedOut));
    assert_eq!(world.session(0, table).unwrap().members(), 5);
}

#[test]
fn questions_for_the_log_are_answered_once_in_a_while() {
    let (mut world, table) = World::with_table();
    let (from, to) = (world.id(5), 0);
    for _ in 0..100 {
        let message = Message::GetLog { table, from: 1 };
        world.tables[to].on_message(from, message, &world.identities[to], world.now);
    }
    let mut answers = 0;
    while let Some(output) = world.tables[to].poll_output() {
        answers += u32::from(matches!(output, Output::Send { message: Message::Log { .. }, .. }));
    }
    assert_eq!(answers, 1);
}

#[test]
fn the_others_close_the_bets_at_once_for_a_shooter_out_of_reach() {
    let (mut world, table) = World::with_table();
    assert_eq!(world.join(5, table), Ok(Some(table)));
    // The first peer has the dice and goes away; the last one is the other person.
    let shooter = world.session(5, table).unwrap().ledger().shooter();
    assert_eq!(shooter, Some(world.id(0)), "seed 0 has the dice in this run");
    for who in 1..6 {
        let others = (1..6).filter(|other| *other != who).map(|other| world.id(other));
        let reach = others.collect();
        world.tables[who].on_reach(reach, &world.identities[who], world.now);
    }
    world.gone = Some(0);
    let roll = world.session(5, table).unwrap().ledger().roll();
    let request = world.request();
    world.tables[5].ready(request, table, &world.identities[5], world.now);
    world.run(4000);
    assert!(world.session(5, table).unwrap().ledger().roll() > roll);
}

fn risk(probability: f64) -> Option<Risk> {
    Some(Risk { probability, error: 0.0, method: RiskMethod::Exact, horizon_ms: 30_000 })
}

/// What a bet of the first peer is answered.
fn bet(world: &mut World, table: TableId) -> Result<Option<TableId>, CommandError> {
    let (request, now) = (world.request(), world.now);
    let wish = (Wager::Pass, Chips(10));
    world.tables[0].bet(request, table, wish, &world.identities[0], now);
    world.run(1000);
    world.answer(request)
}

#[test]
fn betting_rests_above_the_risk_and_goes_on_well_below_it() {
    let (mut world, table) = World::with_table();
    let judge = |world: &mut World, probability: Option<Risk>| {
        for (tables, identity) in world.tables.iter_mut().zip(&world.identities) {
            tables.on_risk(table, probability, identity, world.now);
        }
        world.run(100);
        world.session(0, table).unwrap().pause().is_some()
    };
    assert!(!judge(&mut world, risk(PAUSE_ABOVE)));
    assert_eq!(bet(&mut world, table), Ok(Some(table)));
    let chips = |world: &World| {
        let ledger = world.session(0, table).unwrap().ledger().clone();
        (ledger.bank(), ledger.seats().map(|(_, s)| s.stack).collect::<Vec<_>>(), ledger.roll())
    };
    assert!(judge(&mut world, risk(PAUSE_ABOVE + 0.01)));
    let before = chips(&world);
    assert_eq!(bet(&mut world, table), Err(CommandError::Paused { percent: 81 }));
    world.roll(table);
    world.run(60_000);
    assert_eq!(chips(&world), before, "nobody shoots, by habit or by wish");

    assert!(judge(&mut world, risk(RESUME_BELOW + 0.01)), "still too near");
    assert!(!judge(&mut world, risk(RESUME_BELOW)));
    world.run(5000);
    assert_eq!(chips(&world).2, before.2 + 1, "the bots' time to shoot had come");

    assert!(judge(&mut world, risk(1.0)));
    assert!(!judge(&mut world, None), "what nobody can say stops no game");
}

#[test]
fn a_roll_whose_bets_are_closed_is_opened_while_betting_rests() {
    let (mut world, table) = World::with_table();
    let roll = world.session(0, table).unwrap().ledger().roll();
    for who in 0..3 {
        let request = world.request();
        let (identity, now) = (&world.identities[who], world.now);
        world.tables[who].ready(request, table, identity, now);
    }
    for (tables, identity) in world.tables.iter_mut().zip(&world.identities) {
        tables.on_risk(table, risk(1.0), identity, world.now);
    }
    world.run(5000);
    assert_eq!(world.session(0, table).unwrap().ledger().roll(), roll + 1);
}
