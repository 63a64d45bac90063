//! Bytes: sizes, lists that are too long, and values written in a way that nobody should take.

use super::*;

#[test]
fn no_bit_of_a_message_can_be_changed() {
    let (table, secrets) = table(4, 3);
    let flips = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        (0..bytes.len() * 8).map(move |i| {
            let mut flipped = bytes.clone();
            flipped[i / 8] ^= 1 << (i % 8);
            flipped
        })
    };
    let deal = deal_of(&table, &secrets, 1, 6);
    let verified = table.verify_deal(&deal).unwrap();
    for bytes in flips(&postcard::to_allocvec(&deal).unwrap()) {
        let deal = postcard::from_bytes::<Deal>(&bytes);
        assert!(deal.is_err() || table.verify_deal(&deal.unwrap()).is_err());
    }
    let pot = table.pot(&[verified]).unwrap();
    let share = share_of(&table, &secrets, 2, &pot);
    for bytes in flips(&postcard::to_allocvec(&share).unwrap()) {
        let share = postcard::from_bytes::<Share>(&bytes);
        assert!(share.is_err() || table.verify_share(&pot, &share.unwrap()).is_err());
    }
    let key = secrets[2].register(&INVITATION, 1, &[2; 32]);
    assert!(key.verify(&INVITATION, 1).is_ok());
    for bytes in flips(&postcard::to_allocvec(&key).unwrap()) {
        let key: MemberKey = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(key.verify(&INVITATION, 1), Err(Fault::BadKey));
    }
}

#[test]
fn messages_have_the_documented_sizes_and_longer_lists_are_refused() {
    let (table, secrets) = table(4, 3);
    let deal = deal_of(&table, &secrets, 1, 300);
    let bytes = postcard::to_allocvec(&deal).unwrap();
    assert_eq!(bytes.len(), 2 + 1 + 32 + 1 + 4 * 32 + 96);
    assert_eq!(&bytes[..3], [0xac, 0x02, 1], "varint 300, dealer 1");
    assert_eq!(postcard::from_bytes(&bytes), Ok(deal.clone()));
    let mut overlong = vec![0xac, 0x82, 0x00];
    overlong.extend(&bytes[2..]);
    assert_eq!(postcard::from_bytes(&overlong), Ok(deal.clone()), "another spelling, one value");
    let pot = table.pot(&[table.verify_deal(&deal).unwrap()]).unwrap();
    let share = share_of(&table, &secrets, 2, &pot);
    let bytes = postcard::to_allocvec(&share).unwrap();
    assert_eq!(bytes.len(), 2 + 1 + 32 + 96);
    assert_eq!(postcard::from_bytes(&bytes), Ok(share));
    let key = postcard::to_allocvec(&secrets[0].register(&TABLE, 1, &[0; 32])).unwrap();
    assert_eq!(key.len(), 128);

    let long = Deal { shares: vec![[0; 32]; TABLE_MEMBERS_MAX + 1], ..deal.clone() };
    let bytes = postcard::to_allocvec(&long).unwrap();
    assert!(postcard::from_bytes::<Deal>(&bytes).is_err());
    let mut claims_much = postcard::to_allocvec(&deal).unwrap()[..35].to_vec();
    claims_much.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(postcard::from_bytes::<Deal>(&claims_much).is_err());
}

fn hex(text: &str) -> [u8; 32] {
    let digit = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(digit)
}

/// RFC 9496, appendix A.3: a few of each kind that a decoder has to refuse.
const NO_POINTS: [&str; 11] = [
    // Field elements that are not reduced.
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    // Negative ones: the other spelling of a point.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    // No square.
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    // Negative x·y.
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    // s = −1, where y is zero.
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

#[test]
fn what_is_no_point_is_refused_in_every_place_of_every_message() {
    let (table, secrets) = table(4, 3);
    let deal = deal_of(&table, &secrets, 1, 0);
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let share = share_of(&table, &secrets, 1, &pot);
    let key = secrets[1].register(&INVITATION, 1, &[1; 32]);
    for bytes in NO_POINTS.map(hex) {
        let with = |change: &dyn Fn(&mut Deal)| {
            let mut deal = deal.clone();
            change(&mut deal);
            deal
        };
        let mut deals = vec![
            with(&|deal| deal.ephemeral = bytes),
            with(&|deal| deal.proof.r1 = bytes),
            with(&|deal| deal.proof.r2 = bytes),
        ];
        deals.extend((0..4).map(|i| with(&|deal| deal.shares[i] = bytes)));
        for deal in deals {
            assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
        }
        for share in [
            Share { value: bytes, ..share },
            Share { proof: Proof { r1: bytes, ..share.proof }, ..share },
            Share { proof: Proof { r2: bytes, ..share.proof }, ..share },
        ] {
            assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
        }
        for key in [MemberKey { key: bytes, ..key }, MemberKey { r: bytes, ..key }] {
            assert_eq!(key.verify(&INVITATION, 1), Err(Fault::BadKey));
        }
    }
}

/// The residue written with the group's order added: the same number in other bytes.
fn unreduced(scalar: &[u8; 32]) -> [u8; 32] {
    let order_less_one = (-Scalar::ONE).to_bytes();
    let (mut sum, mut carry) = ([0u8; 32], 1u16);
    for at in 0..32 {
        let digit = u16::from(scalar[at]) + u16::from(order_less_one[at]) + carry;
        (sum[at], carry) = (digit as u8, digit >> 8);
    }
    assert_eq!(Scalar::from_bytes_mod_order(sum), proof::scalar(scalar).unwrap());
    sum
}

/// With two spellings of a response, whoever passes a message on could change its bytes.
#[test]
fn a_response_that_is_not_reduced_is_refused() {
    let (table, secrets) = table(4, 3);
    let mut deal = deal_of(&table, &secrets, 1, 0);
    deal.proof.z = unreduced(&deal.proof.z);
    assert_eq!(table.verify_deal(&deal).unwrap_err(), bad_deal(&deal));
    let pot = pot_of(&table, &secrets, &[0, 1, 2], 0);
    let mut share = share_of(&table, &secrets, 1, &pot);
    share.proof.z = unreduced(&share.proof.z);
    assert_eq!(table.verify_share(&pot, &share).unwrap_err(), bad_share(&share));
    let mut key = secrets[1].register(&INVITATION, 1, &[1; 32]);
    key.z = unreduced(&key.z);
    assert_eq!(key.verify(&INVITATION, 1), Err(Fault::BadKey));
}
