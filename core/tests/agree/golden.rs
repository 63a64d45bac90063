//! The bytes of the wire, written out: whoever changes one changes the protocol.

use crate::{
    forge::{GROUP, Person},
    world::people,
};
use bitcraps_core::agree::{
    Evidence, digest,
    message::{
        self, Bytes, Decided, DecodeError, EVIDENCE_BYTES_MAX, Held, Lie, MESSAGE_BYTES_MAX,
        Message, Polka, Proposal, Proposed, ROUND_MAX, Record, Resting, Signature, Status, Step,
        Timer, ValueId, Vote, Voted,
    },
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Encodes to exactly `bytes` (hex, blanks ignored) and back, whole and never in part.
fn golden(message: &Message<'_>, bytes: &str) {
    let encoded = message.encode();
    assert_eq!(hex(&encoded), bytes.replace(' ', ""), "{message:?}");
    assert_eq!(Message::decode(&encoded).as_ref(), Ok(message));
    for end in 0..encoded.len() {
        assert!(Message::decode(&encoded[..end]).is_err(), "{end} bytes of {message:?}");
    }
    let mut longer = encoded;
    longer.push(0);
    assert_eq!(Message::decode(&longer), Err(DecodeError::Trailing { left: 1 }));
}

#[test]
fn every_message_has_its_bytes() {
    let signature = Signature([0xaa; 64]);
    let (aa, bb, vv) = ("aa".repeat(64), "bb".repeat(64), "cc".repeat(32));
    let value = ValueId([0xcc; 32]);
    let vote = Vote {
        height: 300,
        round: 5,
        step: Step::Precommit,
        value: Some(value),
        member: 3,
        signature,
    };
    golden(&Message::Vote(vote), &format!("00 ac02 05 01 01{vv} 03 {aa}"));
    let nil = Vote { step: Step::Prevote, value: None, ..vote };
    golden(&Message::Vote(nil), &format!("00 ac02 05 00 00 03 {aa}"));
    let proposal = Proposal {
        height: 300,
        round: 5,
        lock_round: Some(2),
        member: 3,
        signature,
        value: Bytes(b"xyz"),
    };
    golden(&Message::Proposal(proposal), &format!("01 ac02 05 0102 03 {aa} 03 78797a"));
    let fresh = Proposal { lock_round: None, ..proposal };
    golden(&Message::Proposal(fresh), &format!("01 ac02 05 00 03 {aa} 03 78797a"));
    let both: Vec<u8> = [[0xaa; 64], [0xbb; 64]].concat();
    let signatures = Bytes(&both);
    let decided =
        Decided { height: 300, round: 5, signers: 0x8001, signatures, value: Bytes(b"xyz") };
    golden(&Message::Decided(decided), &format!("02 ac02 05 818002 8001 {aa}{bb} 03 78797a"));
    let polka = Polka { height: 300, round: 5, value, signers: 0x8001, signatures };
    golden(&Message::Polka(polka), &format!("03 ac02 05 {vv} 818002 8001 {aa}{bb}"));
    let held = Held { round: 5, prevotes: 7, precommits: 0x180, proposal: true, polka: false };
    let status = Status { height: 300, round: 6, held: vec![held] };
    golden(&Message::Status(status), "04 ac02 06 01 05 07 8003 01 00");
    golden(&Message::Resting(Resting { height: 300 }), "05 ac02");
}

#[test]
fn evidence_has_its_bytes_and_one_form() {
    let (signature, other) = (Signature([0xaa; 64]), Signature([0xbb; 64]));
    let (aa, bb, vv) = ("aa".repeat(64), "bb".repeat(64), "cc".repeat(32));
    let (key, value) = ("dd".repeat(32), ValueId([0xcc; 32]));
    let evidence = |lie| message::Evidence { height: 300, round: 5, culprit: [0xdd; 32], lie };
    let nil = Voted { value: None, signature };
    let some = Voted { value: Some(value), signature: other };
    let votes = |pair| evidence(Lie::Votes { step: Step::Precommit, pair });
    let fresh = Proposed { lock_round: None, value, signature };
    let locked = Proposed { lock_round: Some(2), value, signature: other };
    let proposals = |pair| evidence(Lie::Proposals(pair));
    let golden = [
        (votes([nil, some]), format!("ac02 05 {key} 00 01 00 {aa} 01{vv} {bb}")),
        (proposals([fresh, locked]), format!("ac02 05 {key} 01 00 {vv} {aa} 0102 {vv} {bb}")),
    ];
    for (evidence, bytes) in golden {
        let encoded = evidence.encode();
        assert_eq!(hex(&encoded), bytes.replace(' ', ""));
        assert_eq!(message::Evidence::decode(&encoded), Ok(evidence));
        assert_eq!(Evidence::decode(&encoded).map(|lifted| lifted.encode()), Ok(encoded.clone()));
        for end in 0..encoded.len() {
            assert!(Evidence::decode(&encoded[..end]).is_err(), "{end} bytes");
        }
        let longer = [&encoded[..], &[0]].concat();
        assert_eq!(Evidence::decode(&longer), Err(DecodeError::Trailing { left: 1 }));
    }
    // Backwards it is the same proof in another spelling, and one vote signed twice is none.
    let again = Voted { signature: other, ..nil };
    for pair in [[some, nil], [nil, again]] {
        assert_eq!(Evidence::decode(&votes(pair).encode()), Err(DecodeError::Pair));
    }
    let same = Proposed { signature: other, ..fresh };
    for pair in [[locked, fresh], [fresh, same]] {
        assert_eq!(Evidence::decode(&proposals(pair).encode()), Err(DecodeError::Pair));
    }
    let late = Proposed { lock_round: Some(5), ..locked };
    assert_eq!(Evidence::decode(&proposals([fresh, late]).encode()), Err(DecodeError::Round));
    let longest = message::Evidence {
        height: u64::MAX,
        round: ROUND_MAX - 1,
        culprit: [0xff; 32],
        lie: Lie::Proposals([
            Proposed { lock_round: Some(ROUND_MAX - 3), value, signature },
            Proposed { lock_round: Some(ROUND_MAX - 2), value, signature },
        ]),
    };
    let encoded = longest.encode();
    assert!(encoded.len() <= EVIDENCE_BYTES_MAX, "{} bytes", encoded.len());
    assert!(Evidence::decode(&encoded).is_ok());
    let (got, max) = (EVIDENCE_BYTES_MAX + 1, EVIDENCE_BYTES_MAX);
    assert_eq!(Evidence::decode(&vec![0; got]), Err(DecodeError::TooLong { got, max }));
}

#[test]
fn every_log_record_has_its_bytes() {
    let message = Record::Message { sound: true, message: Bytes(b"xyz") };
    let timed_out = Record::TimedOut { round: 5, timer: Timer::Precommit };
    let value = Record::Value { round: 5, value: Bytes(b"xyz") };
    for (record, bytes) in
        [(message, "00010378797a"), (timed_out, "010502"), (value, "02050378797a")]
    {
        assert_eq!(hex(&record.encode()), bytes);
        assert_eq!(Record::decode(&record.encode()), Ok(record));
    }
}

#[test]
fn what_is_no_message_is_refused_with_its_reason() {
    let long = vec![0; MESSAGE_BYTES_MAX + 1];
    let max = MESSAGE_BYTES_MAX;
    assert_eq!(Message::decode(&long), Err(DecodeError::TooLong { got: max + 1, max }));
    assert_eq!(Message::decode(&[6, 1]), Err(DecodeError::Malformed));
    // A length that is claimed but not there.
    assert_eq!(Message::decode(&[4, 1, 1, 0xff, 0xff, 0xff, 0x7f]), Err(DecodeError::Malformed));
    let held = vec![Held::default(); 5];
    let status = Message::Status(Status { height: 1, round: 0, held }).encode();
    assert_eq!(Message::decode(&status), Err(DecodeError::Rounds { got: 5, max: 4 }));
    let decided =
        Decided { height: 1, round: 0, signers: 3, signatures: Bytes(&[0; 64]), value: Bytes(b"") };
    let decided = Message::Decided(decided).encode();
    let why = DecodeError::Signatures { signers: 2, signatures: 64 };
    assert_eq!(Message::decode(&decided), Err(why));
    let (people, members) = people(4);
    // A lock round must lie before the round it is shown in.
    let bytes = people[0].proposal(&members, (1, 2), Some(2), b"x");
    assert_eq!(Message::decode(&bytes), Err(DecodeError::Round));
}

#[test]
fn what_is_signed_has_its_digest() {
    let people = [Person::numbered(1), Person::numbered(2)];
    let members = crate::forge::set_of(&people);
    assert_eq!(
        hex(&digest::value_id(b"xyz").0),
        "bb0d4af8c5ef26f19fdf6e9d532601a77856b75489703923ea0787ffcb52fc40"
    );
    assert_eq!(
        hex(members.digest()),
        "654502d39635a50a031ee1144db2f19d5bd3dab12c71c65bcd1a19fbd9d1e1ae"
    );
    let id = digest::value_id(b"xyz");
    let vote = digest::vote(&GROUP, &members, Step::Precommit, 300, 5, Some(&id));
    assert_eq!(hex(&vote), "adf2acf16d197a24648de14e12a516f3ed83670a1b65cf2f78d059811fa7be34");
    let nil = digest::vote(&GROUP, &members, Step::Prevote, 300, 5, None);
    assert_eq!(hex(&nil), "20177f7d63a9c51b2e8cf8639cbcd52e06b6e576d63e48fbf6615799f1cb3643");
    let proposal = digest::proposal(&GROUP, &members, 300, 5, Some(2), &id);
    assert_eq!(hex(&proposal), "f4e327624f4c622d608e1af74dd40897601e292d6dd726bd270f95c11baa75ac");

    // The same by hand, from the table in docs/PROTOCOL.md.
    let mut hash = blake3::Hasher::new_derive_key("bitcraps v1 agree signature");
    hash.update(&GROUP).update(members.digest()).update(&[2]);
    hash.update(&300u64.to_le_bytes()).update(&5u32.to_le_bytes()).update(&[1]).update(&id.0);
    assert_eq!(hash.finalize().as_bytes(), &vote);
}
