//! What must hold in a browser tab exactly as it does natively: the same bytes, the same dice, the
//! same log. Each test here runs twice, under cargo and in a headless browser.
//!
//! A tab and a native node that differed in one bit would each take the other for a liar, so these
//! compare with recorded values and not with each other.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::{
    craps::{Chips, Dice, Rules, Wager},
    crypto::{
        dice::MemberSecret,
        identity::{Identity, work_of},
        seal::PairKey,
    },
    game::{
        Happened, KEY_EPOCH, Ledger, SeatRole,
        message::{Action, Batch, Entry, Genesis, Invitation, Op, Seating},
    },
    id::LinkId,
    link::{self, Links},
    node::{Class, LinkRole, PathClass, Transport},
    seed::Seed,
    time::Instant,
};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test;

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);

fn somebody(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

/// A short name for many bytes.
fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn a_key_its_work_its_signature_and_its_seal_are_the_recorded_ones() {
    let (a, b) = (somebody(1), somebody(2));
    assert_eq!(digest(&a.card().key), "e6a740778f4c15d3");
    assert_eq!((0..).find(|nonce| work_of(&a.card().key, *nonce) >= 10), Some(311));
    let signature = a.sign("purpose", b"message");
    assert_eq!(digest(&signature.to_bytes()), "f82eca68f2fa4fa0");
    let card = a.card().verify(0).unwrap();
    assert_eq!(card.verify("purpose", b"message", &signature), Ok(()));
    assert!(card.verify("purpose", b"massage", &signature).is_err());
    let there = PairKey::new(a.link_secret(), a.id(), &b.link_key(), b.id()).unwrap();
    let back = PairKey::new(b.link_secret(), b.id(), &a.link_key(), a.id()).unwrap();
    let sealed = there.seal([7; 24], b"clear", b"chips");
    assert_eq!(digest(&sealed), "dd2c90bbd1c76ee9");
    assert_eq!(back.open(b"clear", &sealed).as_deref(), Some(&b"chips"[..]));
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn two_peers_shake_hands_and_talk_in_the_recorded_bytes() {
    let config = || link::Config { work_bits: 0, epoch_packets: 2, ..link::Config::default() };
    let mut ends = [1, 2].map(|number| {
        Links::new(config(), &somebody(number), Seed::from_number(number).fork("links"))
    });
    let (link, now) = (LinkId(1), Instant::ZERO);
    let roles = [LinkRole::Dialer, LinkRole::Listener];
    for (end, role) in ends.iter_mut().zip(roles) {
        end.on_up(link, (Transport::WebSocket, PathClass::Lan), role, 100, now);
    }
    let mut said = Vec::new();
    let mut heard = Vec::new();
    for round in 0..12 {
        if round >= 6 {
            let to = somebody(2).id();
            ends[0].send(to, Class::Dice, &[round; 300], now).unwrap();
        }
        for from in [0, 1] {
            while let Some(output) = ends[from].poll_output() {
                match output {
                    link::Output::Send { bytes, .. } => {
                        said.extend(&bytes);
                        ends[1 - from].on_frame(link, &bytes, now);
                    }
                    link::Output::Received { packet, .. } => heard.push(packet),
                    link::Output::Opened { .. }
                    | link::Output::Measured { .. }
                    | link::Output::Switched { .. }
                    | link::Output::Prepare { .. } => {}
                    link::Output::Hangup { reason, .. } | link::Output::Closed { reason, .. } => {
                        panic!("{reason:?}")
                    }
                }
            }
        }
    }
    assert_eq!(heard, [6, 7, 8, 9, 10, 11].map(|round| vec![round; 300]));
    assert_eq!(digest(&said), "f3227a759fee5766", "and these bytes on the way");
}

/// One member that acts by hand.
struct Member {
    identity: Identity,
    secret: MemberSecret,
    seq: u64,
}

fn four() -> (Genesis, Vec<Member>) {
    let people: Vec<Identity> = (0..4).map(somebody).collect();
    let invitation = Invitation {
        host: people[0].card().key,
        salt: [1; 16],
        name: "table".to_owned(),
        buy_in: Chips(1000),
        bank: Chips(10_000),
        rules: Rules::default(),
    };
    let id = invitation.id();
    let mut members = Vec::new();
    let mut seatings = Vec::new();
    for (number, identity) in (0u64..).zip(people) {
        let secret = MemberSecret::derive(&Seed::from_number(100 + number));
        let key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
        seatings.push(Seating::sign(&identity, id, format!("m{number}"), SeatRole::Player, key));
        members.push(Member { identity, secret, seq: 0 });
    }
    (Genesis { invitation, seatings }, members)
}

/// Deals, opens, bets on the pass line, closes and opens the dice: two batches.
fn play_a_roll(ledger: &mut Ledger, members: &mut [Member]) -> Dice {
    let (table, roll, epoch) = (ledger.table(), ledger.roll(), ledger.epoch_number());
    let entropy = Seed::from_number(1);
    let seats: Vec<_> = ledger.seats().map(|(seat, _)| seat).collect();
    let deals: Vec<_> = seats
        .iter()
        .zip(members.iter())
        .map(|(seat, member)| ledger.make_deal(*seat, &member.secret, roll, &entropy).unwrap())
        .collect();
    let mut op = |who: usize, action| {
        members[who].seq += 1;
        Entry::Op(Op::sign(&members[who].identity, table, members[who].seq, action))
    };
    let mut entries = Vec::new();
    for (who, deal) in deals.into_iter().enumerate() {
        entries.push(op(who, Action::Deal { epoch, deals: vec![deal] }));
    }
    entries.push(Entry::BetsOpen { roll });
    entries.push(op(0, Action::Bet { roll, wager: Wager::Field, chips: Chips(5 + roll) }));
    entries.push(op(1, Action::Ready { roll }));
    entries.push(op(2, Action::Ready { roll }));
    entries.push(Entry::BetsClosed { roll });
    ledger.apply(&Batch(entries).encode()).unwrap();
    let shares = [3, 0, 2].map(|who: usize| {
        let share = ledger.make_share(seats[who], &members[who].secret, &entropy);
        Entry::Share(share.unwrap())
    });
    match &ledger.apply(&Batch(shares.to_vec()).encode()).unwrap()[..] {
        [Happened::Rolled(rolled)] => rolled.dice,
        other => panic!("{other:?}"),
    }
}

#[cfg_attr(not(target_arch = "wasm32"), test)]
#[cfg_attr(target_arch = "wasm32", wasm_bindgen_test)]
fn eight_rolls_of_a_table_are_the_recorded_ones() {
    let (genesis, mut members) = four();
    let mut ledger = Ledger::new(&genesis).unwrap();
    let dice: Vec<String> = (0..8)
        .map(|_| play_a_roll(&mut ledger, &mut members))
        .map(|dice| format!("{}{}", dice.0, dice.1))
        .collect();
    assert_eq!(dice.join(" "), "23 65 43 21 33 13 65 43");
    assert_eq!(genesis.id().short(), "441d24c3");
    assert_eq!(digest(&ledger.log_hash()), "be0be2cc1a43622d", "and this log");
    let stacks: Vec<u64> = ledger.seats().map(|(_, seat)| seat.stack.0).collect();
    assert_eq!(
        (ledger.height(), ledger.bank(), stacks),
        (16, Chips(9998), vec![1002, 1000, 1000, 1000])
    );
}
