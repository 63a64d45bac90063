//! The bytes of the wire that no room writes down by itself: identities, seals, the envelope, what
//! the members of a table say and log, and how digests and dice follow from them.
//!
//! Whoever changes a byte here changes the protocol. What is computed "by hand" follows the text of
//! docs/PROTOCOL.md and shares no code with the core but the hash and the curve.
//! Long because every byte of a table is looked up in one place.

// A test stops at the first surprise.
#![allow(clippy::unwrap_used)]

use bitcraps_core::{
    craps::{Chips, Number, Rules, Wager},
    crypto::{
        dice::{self, DiceTable, MemberSecret, Params, Proof},
        identity::{Identity, Signature, peer_id, verify_with_key, work_of},
        seal::PairKey,
    },
    game::{
        KEY_EPOCH, Ledger, SeatRole,
        message::{
            Action, Batch, Entry, Genesis, Invitation, InvitationId, Line, Message, Op, Seating,
        },
    },
    id::{NodeKind, PeerId, TableId},
    map::{self, Map},
    route::{self, Delivery, Edge, Router, Topology},
    seed::Seed,
    time::{Duration, Instant},
    transport::Class,
    wire::{Packet, PacketError},
};
use serde::{Serialize, de::DeserializeOwned};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

/// The page that describes the protocol shows these bytes too.
fn is_documented(bytes: &[u8]) {
    let page = include_str!("../../docs/PROTOCOL.md");
    assert!(page.contains(&hex(bytes)), "docs/PROTOCOL.md has no {}", hex(bytes));
}

fn somebody(number: u64) -> Identity {
    Identity::generate(&Seed::from_number(number), 0)
}

/// BLAKE3 in `derive_key` mode over these pieces, one after the other.
fn derived(context: &str, pieces: &[&[u8]]) -> [u8; 32] {
    blake3::derive_key(context, &pieces.concat())
}

/// The digest that an Ed25519 key signs.
fn signed_digest(purpose: &str, message: &[u8]) -> [u8; 32] {
    let length = (purpose.len() as u64).to_le_bytes();
    derived("bitcraps v1 signature", &[&length, purpose.as_bytes(), message])
}

// ---- identities and seals ------------------------------------------------------------------

#[test]
fn an_identity_has_its_id_its_work_and_its_signatures() {
    let identity = somebody(1);
    let card = identity.card();
    is_documented(&card.key);
    assert_eq!(
        hex(&card.key),
        "1e1bcd751922f8e6b52ffd90c4a822449a8b88271c891dba31e88e1f766fc1e7",
        "the key that seed number 1 gives"
    );
    assert_eq!(peer_id(&card.key).as_bytes(), blake3::hash(&card.key).as_bytes());

    let digest = derived("bitcraps v1 proof of work", &[&card.key, &300u64.to_le_bytes()]);
    let zeros = digest.iter().take_while(|b| **b == 0).count();
    let bits = zeros * 8 + digest[zeros].leading_zeros() as usize;
    assert_eq!(usize::from(work_of(&card.key, 300)), bits);
    let nonce = (0..).find(|nonce| work_of(&card.key, *nonce) >= 12).unwrap();
    assert_eq!(nonce, 4568, "the first nonce with twelve bits of work");

    let signature = identity.sign("purpose", b"message");
    is_documented(&signature.to_bytes());
    let key = ed25519_dalek::VerifyingKey::from_bytes(&card.key).unwrap();
    let by_hand = ed25519_dalek::Signature::from_bytes(&signature.to_bytes());
    assert!(key.verify_strict(&signed_digest("purpose", b"message"), &by_hand).is_ok());
    assert_eq!(
        hex(&signature.to_bytes()),
        "6c6a9f85afe7ebfe2874c4a8b722557680917baf1d2f1edc677975428f585d27\
         5cf740f6b3f08c4879cd5c1487b07321f14c592d59f2c02e60bf4c8f1b8d9b08"
    );

    let link_secret = derived("bitcraps v1 link key", &[&identity.secret()]);
    assert_eq!(*identity.link_secret(), link_secret);
    assert_eq!(
        curve25519_dalek::MontgomeryPoint::mul_base_clamped(link_secret).to_bytes(),
        identity.link_key()
    );
}

#[test]
fn a_seal_has_its_bytes() {
    let (a, b) = (somebody(1), somebody(2));
    let pair = PairKey::new(a.link_secret(), a.id(), &b.link_key(), b.id()).unwrap();
    let sealed = pair.seal(core::array::from_fn(|i| i as u8), b"clear", b"chips");
    is_documented(&sealed);
    assert_eq!(
        hex(&sealed),
        "000102030405060708090a0b0c0d0e0f10111213141516171f640791292ce7a94c69c2b17c7b8029d69bb19d61"
    );
}

/// A seal by hand: what its key and its associated data are made of.
fn unseal_by_hand(reader: &Identity, writer: &Identity, clear: &[u8], sealed: &[u8]) -> Vec<u8> {
    use chacha20poly1305::{Key, KeyInit as _, XChaCha20Poly1305, XNonce, aead::AeadInPlace as _};
    let shared = curve25519_dalek::MontgomeryPoint(writer.link_key())
        .mul_clamped(*reader.link_secret())
        .to_bytes();
    let (low, high) = (reader.id().min(writer.id()), reader.id().max(writer.id()));
    let key = derived("bitcraps v1 sealed payload", &[&shared, low.as_bytes(), high.as_bytes()]);
    let mut body = sealed[24..].to_vec();
    XChaCha20Poly1305::new(Key::from_slice(&key))
        .decrypt_in_place(XNonce::from_slice(&sealed[..24]), clear, &mut body)
        .unwrap();
    body
}

#[test]
fn a_datagram_is_sealed_over_its_ends_its_number_its_kind_and_its_class() {
    let (a, b) = (somebody(1), somebody(2));
    let wall_ms = 7;
    let mut router = Router::new(route::Config::default(), &a, &Seed::from_number(3), wall_ms);
    let edge =
        Edge { a: a.id(), b: b.id(), latency: Some(Duration::from_millis(1)), reliability: 1.0 };
    let nodes = vec![(a.id(), a.link_key()), (b.id(), b.link_key())];
    router.set_topology(Topology { nodes, edges: vec![edge] });
    router.set_neighbours(vec![b.id()]);
    let table = [(Delivery::Once, Class::Dice, [0, 0]), (Delivery::Acked, Class::Bets, [1, 1])];
    for (delivery, class, tail) in table {
        router.send(b.id(), b"chips", class, delivery, Instant::ZERO).unwrap();
        let Some(route::Output::Forward { message: route::Message::Datagram(datagram), .. }) =
            router.poll_output()
        else {
            panic!("nothing was sent")
        };
        assert_eq!(datagram.id, 7 << 20, "numbers start from Unix time in ms times 2^20");
        let id = datagram.id.to_le_bytes();
        let clear = [a.id().as_bytes(), b.id().as_bytes(), &id[..], &tail].concat();
        assert_eq!(unseal_by_hand(&b, &a, &clear, &datagram.body), b"chips");
    }
}

// ---- between neighbours --------------------------------------------------------------------

#[test]
fn an_envelope_is_its_version_and_then_its_room() {
    let table = [
        (Packet::Map(map::Message::Want { peers: Vec::new() }), "03 00 02 00"),
        (
            Packet::Route(route::Message::Flood(route::message::Flood {
                origin: PeerId::from_bytes([1; 32]),
                id: 300,
                ttl: 32,
                body: vec![7, 8],
            })),
            "03 01 01 0101010101010101010101010101010101010101010101010101010101010101
             ac02 20 02 0708",
        ),
    ];
    for (packet, golden) in table {
        let bytes = packet.encode();
        assert_eq!(bytes, unhex(golden), "{}", hex(&bytes));
        assert_eq!(Packet::decode(&bytes), Ok(packet));
        for length in 0..bytes.len() {
            assert!(Packet::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Packet::decode(&longer), Err(PacketError::Malformed { got: longer.len() }));
        let newer = [&[4], &bytes[1..]].concat();
        assert_eq!(Packet::decode(&newer), Err(PacketError::Version { got: 4 }));
    }
}

#[test]
fn a_map_digest_is_a_hash_per_sixteenth_of_the_ids() {
    let (own, other) = (somebody(1), somebody(2));
    let config = map::Config { work_bits: 0, kind: NodeKind::Regular, ..map::Config::default() };
    let mut map = Map::new(config, &own, &Seed::from_number(4), Instant::ZERO, 300);
    map.on_neighbour_up(other.id(), Instant::ZERO);
    let Some(map::Output::Send { message: map::Message::Digest { buckets }, .. }) =
        core::iter::from_fn(|| map.poll_output()).find(|o| matches!(o, map::Output::Send { .. }))
    else {
        panic!("a new neighbour is sent a digest")
    };
    let ours = usize::from(own.id().as_bytes()[0] >> 4);
    for (number, bucket) in buckets.iter().enumerate() {
        let held = [&own.id().as_bytes()[..], &300u64.to_le_bytes()].concat();
        let held = if number == ours { held } else { Vec::new() };
        assert_eq!(bucket[..], blake3::hash(&held).as_bytes()[..8], "bucket {number}");
    }
}

// ---- tables: fixed fields ------------------------------------------------------------------

fn aa() -> Signature {
    Signature::from_bytes(&core::array::from_fn(|i| if i < 32 { 0xa1 } else { 0xa2 }))
}

fn proof() -> Proof {
    Proof { r1: [0xb1; 32], r2: [0xb2; 32], z: [0xb3; 32] }
}

fn dice_key() -> dice::MemberKey {
    dice::MemberKey { identity: [0xc1; 32], key: [0xc2; 32], r: [0xc3; 32], z: [0xc4; 32] }
}

fn share() -> dice::Share {
    dice::Share { roll: 300, member: 2, value: [0xd1; 32], proof: proof() }
}

fn deal() -> dice::Deal {
    let shares = vec![[0xe2; 32], [0xe3; 32], [0xe4; 32], [0xe5; 32]];
    dice::Deal { roll: 300, dealer: 2, ephemeral: [0xe1; 32], shares, proof: proof() }
}

/// The default rules: 1 to 10 000 chips, side bets to 10, and the first of every choice.
const RULES: &str = "01 904e 0a 00 00 00 00 00";

fn invitation() -> Invitation {
    Invitation {
        host: [0x11; 32],
        salt: [0x22; 16],
        name: "ann".to_owned(),
        buy_in: Chips(1000),
        bank: Chips(100_000),
        rules: Rules::default(),
    }
}

fn seating() -> Seating {
    let (key, name, role) = ([0x33; 32], "bob".to_owned(), SeatRole::Bot);
    Seating { key, name, role, dice_key: dice_key(), signature: aa() }
}

fn op(action: Action) -> Op {
    Op { author: [0x44; 32], seq: 300, action, signature: aa() }
}

fn line() -> Line {
    Line { author: [0x44; 32], salt: [0x88; 8], text: "hi".to_owned(), signature: aa() }
}

fn n(byte: u8, times: usize) -> String {
    hex(&vec![byte; times])
}

/// Blanks of the forms below are for the eye.
struct Hex {
    invitation: String,
    dice_key: String,
    seating: String,
    share: String,
    deal: String,
    signature: String,
}

fn forms() -> Hex {
    let signature = format!("{} {}", n(0xa1, 32), n(0xa2, 32));
    let proof = format!("{} {} {}", n(0xb1, 32), n(0xb2, 32), n(0xb3, 32));
    let dice_key = format!("{} {} {} {}", n(0xc1, 32), n(0xc2, 32), n(0xc3, 32), n(0xc4, 32));
    let shares = format!("{} {} {} {}", n(0xe2, 32), n(0xe3, 32), n(0xe4, 32), n(0xe5, 32));
    Hex {
        invitation: format!("{} {} 03 616e6e e807 a08d06 {RULES}", n(0x11, 32), n(0x22, 16)),
        seating: format!("{} 03 626f62 01 {dice_key} {signature}", n(0x33, 32)),
        dice_key,
        share: format!("ac02 02 {} {proof}", n(0xd1, 32)),
        deal: format!("ac02 02 {} 04 {shares} {proof}", n(0xe1, 32)),
        signature,
    }
}

/// Encodes to these bytes and back, whole and never in part.
fn golden<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(value: &T, form: &str) {
    let bytes = postcard::to_allocvec(value).unwrap();
    assert_eq!(hex(&bytes), hex(&unhex(form)), "{value:?}");
    assert_eq!(postcard::from_bytes::<T>(&bytes).as_ref(), Ok(value));
    for length in 0..bytes.len() {
        assert!(postcard::from_bytes::<T>(&bytes[..length]).is_err(), "{length} of {value:?}");
    }
}

#[test]
fn parts_of_table_messages_have_these_bytes() {
    let forms = forms();
    golden(&invitation(), &forms.invitation);
    golden(&seating(), &forms.seating);
    golden(&share(), &forms.share);
    golden(&deal(), &forms.deal);
    golden(&dice_key(), &forms.dice_key);
    let genesis = Genesis { invitation: invitation(), seatings: vec![seating(), seating()] };
    golden(&genesis, &format!("{} 02 {} {}", forms.invitation, forms.seating, forms.seating));
    for (number, role) in [SeatRole::Player, SeatRole::Bot, SeatRole::Witness].iter().enumerate() {
        golden(role, &format!("{number:02x}"));
    }
}

#[test]
fn every_action_and_entry_has_these_bytes() {
    let forms = forms();
    let bet = Action::Bet { roll: 300, wager: Wager::Place(Number::Six), chips: Chips(12) };
    let actions = [
        (Action::Join(Box::new(seating())), format!("00 {}", forms.seating)),
        (Action::Leave, "01".to_owned()),
        (Action::Deal { epoch: 5, deals: vec![deal()] }, format!("02 05 01 {}", forms.deal)),
        (bet, "03 ac02 0902 0c".to_owned()),
        (Action::Ready { roll: 300 }, "04 ac02".to_owned()),
        (
            Action::Absent { member: [0x77; 32], epoch: 5, seq: 300 },
            format!("05 {} 05 ac02", n(0x77, 32)),
        ),
    ];
    let mut entries = Vec::new();
    for (action, form) in actions {
        golden(&action, &form);
        let form = format!("{} ac02 {form} {}", n(0x44, 32), forms.signature);
        let op = op(action);
        golden(&op, &form);
        entries.push((Entry::Op(op), format!("00 {form}")));
    }
    entries.push((Entry::BetsOpen { roll: 300 }, "01 ac02".to_owned()));
    entries.push((Entry::BetsClosed { roll: 300 }, "02 ac02".to_owned()));
    entries.push((Entry::Share(share()), format!("03 {}", forms.share)));
    entries.push((Entry::Evidence(vec![7, 8, 9]), "04 03 070809".to_owned()));
    for (entry, form) in &entries {
        golden(entry, form);
    }
    let (entries, entry_forms): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let batch = Batch(entries);
    let form = format!("{:02x} {}", batch.0.len(), entry_forms.join(" "));
    let bytes = batch.encode();
    assert_eq!(hex(&bytes), hex(&unhex(&form)));
    assert_eq!(Batch::decode(&bytes), Ok(batch));
    for length in 0..bytes.len() {
        assert!(Batch::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    assert!(Batch::decode(&[&bytes[..], &[0]].concat()).is_err(), "nothing may be left over");
}

#[test]
fn every_table_message_has_these_bytes() {
    let forms = forms();
    let (table, id) = (TableId::from_bytes([0x55; 32]), InvitationId([0x66; 32]));
    let (t, i) = (n(0x55, 32), n(0x66, 32));
    let seat = Box::new(seating());
    let genesis = Genesis { invitation: invitation(), seatings: vec![seating()] };
    let ready = format!("{} ac02 04ac02 {}", n(0x44, 32), forms.signature);
    let messages = [
        (Message::Invite(invitation()), format!("00 {}", forms.invitation)),
        (Message::Accept { invitation: id, seating: seat }, format!("01 {i} {}", forms.seating)),
        (Message::Decline { invitation: id }, format!("02 {i}")),
        (Message::Start(genesis), format!("03 {} 01 {}", forms.invitation, forms.seating)),
        (Message::GetTable { table }, format!("04 {t}")),
        (Message::Agree { table, bytes: vec![5, 0xac, 2] }, format!("05 {t} 03 05ac02")),
        (
            Message::Submit { table, ops: vec![op(Action::Ready { roll: 300 })] },
            format!("06 {t} 01 {ready}"),
        ),
        (Message::Share { table, share: share() }, format!("07 {t} {}", forms.share)),
        (Message::GetLog { table, from: 300 }, format!("08 {t} ac02")),
        (
            Message::Log { table, tip: 300, decisions: vec![vec![7, 8], vec![9]] },
            format!("09 {t} ac02 02 02 0708 01 09"),
        ),
        (Message::Evidence { table, evidence: vec![7, 8] }, format!("0a {t} 02 0708")),
        (Message::Watch { table, from: 300 }, format!("0b {t} ac02")),
        (
            Message::Chat { table, line: line() },
            format!("0c {t} {} {} 02 6869 {}", n(0x44, 32), n(0x88, 8), forms.signature),
        ),
    ];
    for (message, form) in messages {
        let bytes = message.encode();
        assert_eq!(hex(&bytes), hex(&unhex(&form)), "{message:?}");
        for length in 0..bytes.len() {
            assert!(Message::decode(&bytes[..length]).is_err(), "{length} of {message:?}");
        }
        assert_eq!(Message::decode(&bytes), Ok(message));
    }
}

// ---- tables: digests, signatures, the log --------------------------------------------------

#[test]
fn ids_are_digests_of_what_is_encoded() {
    let id = invitation().id();
    is_documented(&id.0);
    let bytes = postcard::to_allocvec(&invitation()).unwrap();
    assert_eq!(id.0, derived("bitcraps v1 invitation", &[&bytes]));
    assert_eq!(hex(&id.0), "6929e3509aeade99b9baf6996c0e2311e313cfbb63fd7d79f35d3926f3bd0aa3");
    let genesis = Genesis { invitation: invitation(), seatings: vec![seating()] };
    let bytes = postcard::to_allocvec(&genesis).unwrap();
    assert_eq!(*genesis.id().as_bytes(), derived("bitcraps v1 table", &[&bytes]));
    is_documented(genesis.id().as_bytes());
    assert_eq!(
        genesis.id().to_string(),
        "6c3fae95eeaa290d50569234ddb8b3ddd15908bbf819bccdec85a159c21971bd"
    );
    assert_eq!(Genesis::decode(&bytes), Some(genesis));
}

#[test]
fn a_longer_spelling_of_a_number_is_read_as_the_same_value_with_the_same_id() {
    let mut bytes = Message::Invite(invitation()).encode();
    // The last field is the commission, 0 as a varint. The same number with a byte more:
    let last = bytes.pop().unwrap();
    bytes.extend([last | 0x80, 0]);
    assert_eq!(Message::decode(&bytes), Ok(Message::Invite(invitation())));
}

#[test]
fn a_seating_and_an_op_are_signed_over_these_bytes() {
    let identity = somebody(1);
    let key = identity.card().key;
    let id = InvitationId([0x66; 32]);
    let seating = Seating::sign(&identity, id, "bob".to_owned(), SeatRole::Bot, dice_key());
    let [c1, c2, c3, c4] = [[0xc1; 32], [0xc2; 32], [0xc3; 32], [0xc4; 32]];
    let signed = [&[0x66; 32][..], &key, b"\x03bob", &[1], &c1, &c2, &c3, &c4].concat();
    let purpose = "bitcraps v1 seating";
    assert_eq!(verify_with_key(&key, purpose, &signed, &seating.signature), Ok(()));
    is_documented(&seating.signature.to_bytes());
    assert_eq!(
        hex(&seating.signature.to_bytes()),
        "3d6d4832eaa25f6f83dbe4242d76716b094f5fbbeee69fa3e848893492bf6777\
         b97d723cecf919cf0ce00bc284793f321290a3d1674eb5a74ee2fb94ee7a3b0a"
    );

    let table = TableId::from_bytes([0x55; 32]);
    let bet = Action::Bet { roll: 300, wager: Wager::Place(Number::Six), chips: Chips(12) };
    let op = Op::sign(&identity, table, 300, bet);
    let signed = [&[0x55; 32][..], &key, &unhex("ac02 03 ac02 0902 0c")].concat();
    let purpose = "bitcraps v1 table op";
    assert_eq!(verify_with_key(&key, purpose, &signed, &op.signature), Ok(()));
    is_documented(&op.signature.to_bytes());
    assert_eq!(
        hex(&op.signature.to_bytes()),
        "c93bf5473b1dcf10cf73790eabaa95c56eb63d056d9601aeb49cedf03d859d79\
         49338febad0f9fbe15f3cdf2cd634b9b01779b06e11ebb030e5511f51ca0390a"
    );
}

/// Four members with real keys.
fn four() -> (Genesis, Vec<(Identity, MemberSecret)>) {
    let people: Vec<Identity> = (0..4).map(somebody).collect();
    let invitation = Invitation { host: people[0].card().key, ..invitation() };
    let id = invitation.id();
    let mut members = Vec::new();
    let mut seatings = Vec::new();
    for (number, identity) in (0u64..).zip(people) {
        let secret = MemberSecret::derive(&Seed::from_number(100 + number));
        let key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
        seatings.push(Seating::sign(&identity, id, format!("m{number}"), SeatRole::Player, key));
        members.push((identity, secret));
    }
    (Genesis { invitation, seatings }, members)
}

#[test]
fn a_log_has_a_hash_over_every_batch_as_it_came() {
    let (genesis, members) = four();
    let mut ledger = Ledger::new(&genesis).unwrap();
    let table = genesis.id();
    let start = derived("bitcraps v1 log start", &[table.as_bytes()]);
    assert_eq!(ledger.log_hash(), start);

    let leave = Op::sign(&members[3].0, table, 1, Action::Leave);
    let batch = Batch(vec![Entry::Op(leave)]).encode();
    // The number of entries, 1, in a longer spelling: the same batch in other bytes.
    let longer = [&[0x81, 0x00], &batch[1..]].concat();
    let mut other = ledger.clone();
    ledger.apply(&batch).unwrap();
    let first = derived("bitcraps v1 log", &[&start, &1u64.to_le_bytes(), &batch]);
    assert_eq!(ledger.log_hash(), first);
    other.apply(&longer).unwrap();
    let first = derived("bitcraps v1 log", &[&start, &1u64.to_le_bytes(), &longer]);
    assert_eq!(other.log_hash(), first, "the bytes that were decided, not their meaning");
    assert_eq!(other.seats().count(), 3);
}

#[test]
fn a_line_of_chat_is_signed_over_these_bytes() {
    let identity = somebody(1);
    let key = identity.card().key;
    let table = TableId::from_bytes([0x55; 32]);
    let line = Line::sign(&identity, table, [0x88; 8], "hi".to_owned());
    let signed = [&[0x55; 32][..], &key, &[0x88; 8], b"\x02hi"].concat();
    assert_eq!(verify_with_key(&key, "bitcraps v1 table line", &signed, &line.signature), Ok(()));
    assert_eq!(line.verify(table), Ok(()));
    assert!(line.verify(TableId::from_bytes([0x56; 32])).is_err());
    is_documented(&line.signature.to_bytes());
}

// ---- dice ----------------------------------------------------------------------------------

/// Every field with its length in front, as the dice hash it.
fn fields(context: &str, fields: &[&[u8]]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
    }
    hasher
}

#[test]
fn the_dice_follow_by_hand_from_the_opened_element() {
    let (genesis, members) = four();
    let id = genesis.invitation.id();
    let table = genesis.id();
    let verified: Vec<_> =
        genesis.seatings.iter().map(|s| s.dice_key.verify(&id.0, KEY_EPOCH).unwrap()).collect();
    let params = Params::recommended(4).unwrap();
    let dice_table = DiceTable::new(params, table.as_bytes(), 1, &verified).unwrap();

    let number = |n: u64| n.to_le_bytes();
    let (epoch, count, threshold) = (number(1), number(4), number(3));
    let mut parts: Vec<&[u8]> = vec![table.as_bytes(), &epoch, &count, &threshold];
    for seating in &genesis.seatings {
        parts.extend([&seating.dice_key.identity[..], &seating.dice_key.key[..]]);
    }
    let context = *fields("bitcraps v1 dice table", &parts).finalize().as_bytes();
    assert_eq!(*dice_table.context(), context);

    let roll = 300u64;
    let mut log = dice::Ledger::new(roll);
    for (me, (_, secret)) in (0u8..3).zip(&members) {
        let deal = dice_table.deal(me, secret, roll, &Seed::from_number(9)).unwrap();
        log.apply(&dice_table, dice::Entry::Deal(&deal)).unwrap();
    }
    log.apply(&dice_table, dice::Entry::BetsOpen { roll }).unwrap();
    log.apply(&dice_table, dice::Entry::BetsClosed { roll }).unwrap();
    let mut made = None;
    for (me, (_, secret)) in (1u8..).zip(&members[1..]) {
        let pot = log.to_open().unwrap().clone();
        let share = dice_table.share(me, secret, &pot, &Seed::from_number(9)).unwrap();
        made = log.apply(&dice_table, dice::Entry::Share(&share)).unwrap();
    }
    let made = made.unwrap();
    is_documented(&made.opened);
    assert_eq!((&made.dealers[..], &made.openers[..]), (&[0, 1, 2][..], &[1, 2, 3][..]));

    let mut stream =
        fields("bitcraps v1 dice draw", &[&context, &number(roll), &made.opened]).finalize_xof();
    let byte = loop {
        let mut byte = [0];
        stream.fill(&mut byte);
        if byte[0] < 252 {
            break byte[0];
        }
    };
    assert_eq!(made.dice, [byte % 36 / 6 + 1, byte % 6 + 1]);
    assert_eq!(
        (hex(&made.opened).as_str(), made.dice),
        ("3c0bf09101a56ea751c67052175df4860a25c1af19848b209d55c30d87772063", [5, 5])
    );
}

// ---- rubbish -------------------------------------------------------------------------------

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = Packet::decode(&bytes);
        let _ = Message::decode(&bytes);
        let _ = Batch::decode(&bytes);
        let _ = Genesis::decode(&bytes);
    }

    /// Random bytes rarely get past the first field; a good message with some bytes changed does.
    #[test]
    fn changed_bytes_are_read_or_refused(
        kind in 0u8..10,
        changes in proptest::collection::vec((0usize..700, proptest::num::u8::ANY), 1..8),
    ) {
        let genesis = Genesis { invitation: invitation(), seatings: vec![seating()] };
        let mut bytes = Message::Start(genesis).encode();
        let deal = Action::Deal { epoch: 1, deals: vec![deal()] };
        let mut batch = Batch(vec![Entry::Op(op(deal)), Entry::Share(share())]).encode();
        bytes[0] = kind;
        for (at, byte) in changes {
            let at_message = at % bytes.len();
            bytes[at_message] = byte;
            let at_batch = at % batch.len();
            batch[at_batch] = byte;
        }
        let _ = Message::decode(&bytes);
        let (genesis, _) = four();
        let mut ledger = Ledger::new(&genesis).unwrap();
        let before = ledger.log_hash();
        proptest::prop_assert!(ledger.apply(&batch).is_err());
        proptest::prop_assert_eq!(ledger.log_hash(), before);
    }
}
