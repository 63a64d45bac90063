//! Transcripts: what they prove, that no bit of one can be changed, and that the line that is wrong
//! is named.
//!
//! The golden file is written anew with
//! `BITCRAPS_GOLDEN=write cargo test -p bitcraps-core --test transcript`; commit it with the change
//! of the format that makes it necessary, and raise `transcript::VERSION`.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

mod play;

use bitcraps_core::{
    agree::{
        DecisionError,
        message::{Bytes, Decided, Message},
    },
    craps::{Chips, Wager},
    game::{
        BatchError, Happened,
        message::{Action, Batch, Entry, Genesis},
        transcript::{
            Check, Fault, GENESIS_BYTES_MAX, LINE_BYTES_MAX, PART_BYTES_MAX, VERSION, Verified,
            Why, part, verify,
        },
    },
    id::{PeerId, TableId},
};
use play::Play;
use std::path::PathBuf;

/// Magic, version and table.
const HEAD: usize = 20 + 1 + 32;

/// Four members, two rolls, a fifth member, a roll, and one leaves.
fn short() -> Play {
    let mut play = Play::new(4, 1);
    play.roll();
    play.roll();
    play.join();
    play.roll();
    play.leave(4);
    play
}

fn check(bytes: &[u8]) -> Result<Verified, Box<Fault>> {
    verify(bytes, |_| ())
}

fn why(bytes: &[u8]) -> (u64, Why) {
    let fault = check(bytes).unwrap_err();
    (fault.line, fault.why)
}

/// Where each line starts in the file, line 0 first, and where the file ends.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let (mut starts, mut at) = (vec![HEAD], HEAD);
    while at < bytes.len() {
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        at += 4 + length as usize;
        starts.push(at);
    }
    assert_eq!(at, bytes.len());
    starts
}

fn golden_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcript-1.bin")
}

#[test]
fn the_golden_transcript_has_its_bytes() {
    let bytes = short().transcript();
    let path = golden_path();
    if std::env::var("BITCRAPS_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(bytes == golden, "the format changed; this file's first lines say what to do");
    assert_eq!(VERSION, 1, "the file of this version is kept; write another one");
}

#[test]
fn a_transcript_shows_rolls_payments_balances_and_members_over_time() {
    let play = short();
    let mut lines = Vec::new();
    let verified = verify(&play.transcript(), |line| lines.push(line.number)).unwrap();
    assert_eq!(lines, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    let ledger = &play.ledger;
    assert_eq!((verified.table, verified.height), (play.table(), 8));
    assert_eq!(verified.log_hash, ledger.log_hash());
    assert_eq!((verified.bank, verified.minted), (ledger.bank(), ledger.minted()));
    let id = |who: usize| play.members[who].identity.id();
    let members: Vec<(u64, usize)> =
        verified.memberships.iter().map(|m| (m.from, m.members.len())).collect();
    assert_eq!(members, [(1, 4), (6, 5), (9, 4)]);
    let rolls: Vec<(u64, u64, &[u64])> = verified
        .rolls
        .iter()
        .map(|roll| (roll.rolled.roll, roll.rolled.height, &roll.dealt_at[..]))
        .collect();
    assert_eq!(rolls, [(0, 2, &[1; 4][..]), (1, 4, &[3; 4]), (2, 7, &[6; 5])]);
    // Everything that was granted is somewhere.
    let holds: u64 = verified.accounts.values().map(|account| account.holds.0).sum();
    assert_eq!(holds + verified.bank.0, verified.minted.0);
    let granted: u64 = verified.accounts.values().map(|account| account.bought_in.0).sum();
    assert_eq!(granted + verified.bank_at_first.0, verified.minted.0);
    let gone = &verified.accounts[&id(4)];
    assert_eq!((gone.seated, gone.bought_in, gone.bet), (false, Chips(10_000), Chips(9)));
    assert_eq!(verified.accounts[&id(0)].bet, Chips(15));
}

#[test]
fn every_beginning_that_ends_with_a_line_is_a_true_transcript_and_no_other_is() {
    let bytes = short().transcript();
    let starts = starts(&bytes);
    let mut so_far = Check::new();
    for end in 0..bytes.len() {
        let whole = starts[1..].iter().position(|start| *start == end);
        match (whole, so_far.clone().finish()) {
            (Some(height), Ok(verified)) => assert_eq!(verified.height, height as u64),
            (None, Err(fault)) => assert!(matches!(fault.why, Why::CutShort { .. }), "{fault}"),
            (_, other) => panic!("{end} bytes: {other:?}"),
        }
        so_far.feed(&bytes[end..=end]);
        while so_far.step().unwrap().is_some() {}
    }
}

#[test]
fn bytes_may_come_in_pieces_of_any_size() {
    let bytes = short().transcript();
    let whole = check(&bytes).unwrap();
    for size in [1, 3, 100, 5000] {
        let mut check = Check::new();
        for piece in bytes.chunks(size) {
            check.feed(piece);
            while check.step().unwrap().is_some() {}
        }
        assert_eq!(check.bytes(), bytes.len() as u64);
        assert_eq!(check.finish().unwrap().log_hash, whole.log_hash);
    }
}

/// Flips each bit of the file, one at a time, and gives what the check says to it. Lines before the
/// flipped one are checked once for all.
fn faults_of_flips(bytes: &[u8]) -> Vec<(usize, u64, Box<Fault>)> {
    let mut found = Vec::new();
    let starts = starts(bytes);
    let mut before = Check::new();
    for (line, ends) in starts[1..].iter().enumerate() {
        let start = if line == 0 { 0 } else { starts[line] };
        for at in start..*ends {
            for bit in 0..8 {
                let mut flipped = bytes[start..].to_vec();
                flipped[at - start] ^= 1 << bit;
                let mut check = before.clone();
                check.feed(&flipped);
                match check.finish() {
                    Err(fault) => found.push((at, line as u64, fault)),
                    Ok(_) => panic!("bit {bit} of byte {at} (line {line}) can be changed"),
                }
            }
        }
        before.feed(&bytes[start..*ends]);
        before.step().unwrap().unwrap();
    }
    found
}

#[test]
fn every_single_flipped_bit_of_a_transcript_is_found_on_its_line() {
    let bytes = short().transcript();
    let found = faults_of_flips(&bytes);
    assert_eq!(found.len(), bytes.len() * 8);
    for (at, line, fault) in found {
        assert_eq!(fault.line, line, "byte {at}: {fault}");
    }
}

#[test]
fn what_is_no_transcript_and_another_version_are_told_apart() {
    let bytes = short().transcript();
    assert_eq!(why(b"PNG not this"), (0, Why::NoTranscript));
    assert_eq!(why(b""), (0, Why::CutShort { have: 0, need: HEAD as u64 }));
    let mut newer = bytes.clone();
    newer[20] = 2;
    assert_eq!(why(&newer), (0, Why::Version { got: 2 }));
}

#[test]
fn a_line_cannot_claim_more_bytes_than_a_line_can_have() {
    let bytes = short().transcript();
    let mut long = bytes.clone();
    long[HEAD..HEAD + 4].copy_from_slice(&(GENESIS_BYTES_MAX as u32 + 1).to_le_bytes());
    let max = GENESIS_BYTES_MAX as u64;
    assert_eq!(why(&long), (0, Why::TooLong { got: max + 1, max }));
    let first = starts(&bytes)[1];
    long = bytes[..first].to_vec();
    long.extend(u32::MAX.to_le_bytes());
    let max = LINE_BYTES_MAX as u64;
    assert_eq!(why(&long), (1, Why::TooLong { got: u64::from(u32::MAX), max }));
}

#[test]
fn batches_again_missing_or_in_another_order_are_named() {
    let play = short();
    let log = &play.log;
    let mut again = log.clone();
    again.insert(3, log[2].clone());
    assert_eq!(why(&play.transcript_of(&again)), (4, Why::Again { got: 3, due: 4 }));
    let mut gap = log.clone();
    gap.remove(3);
    assert_eq!(why(&play.transcript_of(&gap)), (4, Why::Missing { got: 5, due: 4 }));
    let mut swapped = log.clone();
    swapped.swap(1, 2);
    assert_eq!(why(&play.transcript_of(&swapped)), (2, Why::Missing { got: 3, due: 2 }));
}

fn is_bad_certificate(why: &Why) -> bool {
    matches!(why, Why::Certificate { why: DecisionError::Signature { place: 0 }, signer: Some(_) })
}

#[test]
fn a_batch_that_another_table_decided_is_refused() {
    let (play, mut other) = (short(), Play::new(4, 2));
    other.roll();
    let mut log = play.log.clone();
    log[0] = other.log[0].clone();
    let (line, why) = why(&play.transcript_of(&log));
    assert_eq!(line, 1);
    assert!(is_bad_certificate(&why), "{why}");
}

#[test]
fn entries_in_another_order_are_not_what_the_members_signed() {
    let play = short();
    let decision = &play.log[0];
    let mut batch = Batch::decode(&decision.value).unwrap();
    batch.0.swap(0, 1);
    let signatures: Vec<u8> = decision.signatures().iter().flat_map(|s| s.0).collect();
    let value = batch.encode();
    let (height, round, signers) = (1, decision.round, decision.signers());
    let (signatures, value) = (Bytes(&signatures), Bytes(&value));
    let forged = Message::Decided(Decided { height, round, signers, signatures, value }).encode();
    let mut log = play.log.clone();
    log[0] = bitcraps_core::agree::Decision::decode(&forged).unwrap();
    let (line, why) = why(&play.transcript_of(&log));
    assert_eq!(line, 1);
    assert!(is_bad_certificate(&why), "{why}");
}

#[test]
fn only_the_members_of_a_height_certify_it() {
    // Five sit from height 6 to 8; the first four alone cannot decide there any more.
    let play = short();
    let old = Play::new(4, 1).set();
    let value = &play.log[5].value;
    let mut log = play.log.clone();
    log[5] = play.certified(&old, 6, value);
    let (line, old_members) = why(&play.transcript_of(&log));
    assert_eq!(line, 6);
    assert_eq!(
        old_members,
        Why::Certificate { why: DecisionError::TooFew { got: 3, needed: 4 }, signer: None }
    );
    // And who has left cannot decide either: height 9 belongs to the four that stayed.
    let mut play = short();
    let five = {
        let mut five = Play::new(4, 1);
        five.join();
        five.set()
    };
    let value = {
        let mut next = short();
        next.roll();
        next.log[8].value.clone()
    };
    let log: Vec<_> = play.log.iter().cloned().chain([play.certified(&five, 9, &value)]).collect();
    let (line, gone) = why(&play.transcript_of(&log));
    assert_eq!(line, 9);
    assert!(matches!(gone, Why::Certificate { .. }), "{gone}");
    play.roll();
    check(&play.transcript()).unwrap();
}

#[test]
fn too_few_signatures_certify_nothing() {
    let play = short();
    let decision = &play.log[0];
    let signatures: Vec<u8> = decision.signatures()[..2].iter().flat_map(|s| s.0).collect();
    let (signatures, value) = (Bytes(&signatures), Bytes(&decision.value));
    let few = Decided { height: 1, round: 0, signers: 3, signatures, value };
    let few = Message::Decided(few).encode();
    let log = [bitcraps_core::agree::Decision::decode(&few).unwrap()];
    assert_eq!(
        why(&play.transcript_of(&log)),
        (1, Why::Certificate { why: DecisionError::TooFew { got: 2, needed: 3 }, signer: None })
    );
}

#[test]
fn what_a_quorum_of_liars_signed_is_refused_by_the_rules_and_the_entry_is_named() {
    let mut play = short();
    let (set, roll) = (play.set(), play.ledger.roll());
    let author = play.members[0].identity.id();
    let bet = Action::Bet { roll, wager: Wager::Pass, chips: Chips(5) };
    let (ready, early) = (play.op(1, Action::Ready { roll }), play.op(0, bet));
    let value = Batch(vec![early, ready]).encode();
    let log: Vec<_> = play.log.iter().cloned().chain([play.certified(&set, 9, &value)]).collect();
    let fault = check(&play.transcript_of(&log)).unwrap_err();
    assert_eq!((fault.line, fault.entry), (9, Some((1, Some(author)))));
    assert!(matches!(fault.why, Why::Batch(BatchError::MayNotBet { .. })), "{fault}");
    let said = fault.to_string();
    assert!(said.starts_with("line 9 (at byte "), "{said}");
    assert!(said.contains(&[", entry 1 by ", &author.short(), ": "].concat()), "{said}");
}

#[test]
fn a_share_that_opens_nothing_is_named_by_its_entry() {
    let mut play = Play::new(4, 1);
    play.roll();
    play.roll();
    let set = play.set();
    let mut batch = Batch::decode(&play.log[3].value).unwrap();
    let Entry::Share(share) = &mut batch.0[1] else { panic!("no share") };
    share.proof.z[0] ^= 1;
    let mut log = play.log.clone();
    log[3] = play.certified(&set, 4, &batch.encode());
    let fault = check(&play.transcript_of(&log)).unwrap_err();
    assert_eq!((fault.line, fault.entry), (4, Some((2, None))));
    assert!(matches!(fault.why, Why::Batch(BatchError::Dice(_))), "{fault}");
}

#[test]
fn a_batch_of_nothing_but_bytes_is_refused_though_it_is_certified() {
    let play = Play::new(4, 1);
    let log = [play.certified(&play.set(), 1, b"no batch")];
    assert_eq!(why(&play.transcript_of(&log)), (1, Why::Batch(BatchError::Malformed)));
}

fn with_genesis(play: &Play, genesis: &Genesis) -> Vec<u8> {
    part(genesis, play.log.iter(), 0).bytes
}

#[test]
fn a_forged_genesis_is_named() {
    let play = short();
    let forge = |change: fn(&mut Genesis)| {
        let mut genesis = play.genesis.clone();
        change(&mut genesis);
        why(&with_genesis(&play, &genesis))
    };
    // More chips for the house: nobody agreed to that invitation.
    let (line, richer) = forge(|genesis| genesis.invitation.bank = Chips(2_000_000));
    assert!(line == 0 && matches!(richer, Why::Seating { .. }), "{richer}");
    // A seat under another name.
    let second = play.members[1].identity.id();
    let renamed = forge(|genesis| genesis.seatings[1].name = "host".to_owned());
    assert_eq!(renamed, (0, Why::Seating { member: second }));
    // Too few, or one of them twice.
    assert_eq!(forge(|genesis| drop(genesis.seatings.pop())), (0, Why::UnsoundGenesis));
    let twice = forge(|genesis| genesis.seatings[3] = genesis.seatings[2].clone());
    assert_eq!(twice, (0, Why::UnsoundGenesis));
    // Other seats make another table, whose log this is not.
    let (line, reseated) = forge(|genesis| genesis.seatings.swap(0, 1));
    assert!(line == 1 && is_bad_certificate(&reseated), "{reseated}");
    // And under the old name the table is not the one that is meant.
    let mut genesis = play.genesis.clone();
    genesis.seatings.swap(0, 1);
    let mut bytes = with_genesis(&play, &genesis);
    bytes[21..HEAD].copy_from_slice(play.table().as_bytes());
    let (written, made) = (play.table(), genesis.id());
    assert_eq!(why(&bytes), (0, Why::OtherTable { written, made }));
}

#[test]
fn the_same_in_more_bytes_is_refused() {
    // A varint may be written longer than needed: the round of line 1 as 80 00 in place of 00.
    let play = short();
    let bytes = play.transcript();
    let first = starts(&bytes)[1];
    let length = u32::from_le_bytes(bytes[first..first + 4].try_into().unwrap());
    let mut longer = bytes[..first].to_vec();
    longer.extend((length + 1).to_le_bytes());
    // Kind and height are one byte each.
    longer.extend(&bytes[first + 4..first + 6]);
    assert_eq!(bytes[first + 6], 0, "round 0");
    longer.extend([0x80, 0]);
    longer.extend(&bytes[first + 7..]);
    assert_eq!(why(&longer), (1, Why::NotCanonical));
    // And the length of the table's name in line 0, behind the host's key and the salt.
    let name = HEAD + 4 + 32 + 16;
    assert_eq!(&bytes[name..name + 6], b"\x05table");
    let length = u32::from_le_bytes(bytes[HEAD..HEAD + 4].try_into().unwrap());
    let mut longer = bytes[..HEAD].to_vec();
    longer.extend((length + 1).to_le_bytes());
    longer.extend(&bytes[HEAD + 4..name]);
    longer.extend([0x85, 0]);
    longer.extend(&bytes[name + 1..]);
    assert_eq!(why(&longer), (0, Why::NotCanonical));
}

#[test]
fn what_was_proven_before_the_wrong_line_stands() {
    let play = short();
    let mut bytes = play.transcript();
    let line = starts(&bytes)[3];
    bytes[line + 100] ^= 1;
    let mut check = Check::new();
    check.feed(&bytes);
    while check.step().is_ok_and(|line| line.is_some()) {}
    let fault = check.step().unwrap_err();
    assert_eq!((fault.line, fault.offset), (3, line as u64));
    let found = check.found().unwrap();
    assert_eq!((found.height, found.rolls.len()), (2, 1));
    assert_eq!(check.step().unwrap_err(), fault, "it stays wrong");
}

#[test]
fn parts_of_a_long_log_fit_their_limit_and_make_one_file() {
    let mut play = Play::new(4, 1);
    play.deals_at_once = 4;
    (0..120).for_each(|_| play.roll());
    let (mut whole, mut from, mut parts) = (Vec::new(), 0, 0);
    loop {
        let part = part(&play.genesis, play.log.iter(), from);
        assert!(part.bytes.len() <= PART_BYTES_MAX);
        if part.bytes.is_empty() {
            break;
        }
        (from, parts) = (part.next, parts + 1);
        whole.extend(part.bytes);
    }
    assert!(parts > 1, "{parts}");
    assert_eq!(from, 241);
    let mut rolled = 0;
    let verified = verify(&whole, |line| {
        rolled += line.happened.iter().filter(|h| matches!(h, Happened::Rolled(_))).count();
    });
    assert_eq!(verified.unwrap().rolls.len(), 120);
    assert_eq!(rolled, 120);
    assert!(part(&play.genesis, play.log.iter(), u64::MAX).bytes.is_empty());
}

#[test]
fn noise_of_any_kind_is_refused() {
    let mut rng = bitcraps_core::seed::Seed::from_number(7).rng();
    let head = short().transcript()[..HEAD].to_vec();
    for round in 0..2000usize {
        let mut bytes: Vec<u8> = Vec::new();
        if round % 2 == 0 {
            bytes.extend(&head);
        }
        while bytes.len() < HEAD + 40 + round % 60 {
            bytes.extend(rng.bytes::<8>());
        }
        assert!(check(&bytes).is_err());
    }
}

#[test]
fn an_empty_table_is_a_transcript_of_its_first_members() {
    let play = Play::new(7, 3);
    let verified = check(&play.transcript()).unwrap();
    assert_eq!((verified.height, verified.rolls.len()), (0, 0));
    let members: Vec<PeerId> = play.members.iter().map(|m| m.identity.id()).collect();
    assert_eq!(verified.memberships[0].members, members);
    assert_ne!(verified.table, TableId::from_bytes([0; 32]));
}
