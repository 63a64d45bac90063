//! Keys that their owners do not know, or that belong to somebody else.

use super::*;

#[test]
fn a_key_is_registered_for_one_purpose_epoch_and_owner() {
    let key = secret(0).register(&INVITATION, 1, &[0; 32]);
    assert_eq!(key.verify(&TABLE, 1), Err(Fault::BadKey));
    assert_eq!(key.verify(&INVITATION, 2), Err(Fault::BadKey));
    let stolen = MemberKey { identity: [1; 32], ..key };
    assert_eq!(stolen.verify(&INVITATION, 1), Err(Fault::BadKey));

    let params = Params::new(4, 3).unwrap();
    let twice = |register: MemberKey| {
        let mut members = keys(4);
        members[3] = register.verify(&INVITATION, 1).unwrap();
        DiceTable::new(params, &TABLE, 1, &members).unwrap_err()
    };
    let taken = Fault::TakenKey { member: 3 };
    assert_eq!(twice(secret(0).register(&INVITATION, 1, &[9; 32])), taken, "one key twice");
    assert_eq!(twice(secret(9).register(&INVITATION, 1, &[1; 32])), taken, "one owner twice");
    let three = DiceTable::new(params, &TABLE, 1, &keys(3)).unwrap_err();
    assert_eq!(three, Fault::BadParams { members: 3, threshold: 3 });
}

/// A key of "something minus the others' keys" would read the others' shares in a sum. Nobody can
/// prove to know its secret, whatever of the others' proofs goes into the attempt.
#[test]
fn a_key_made_of_the_others_keys_cannot_be_registered() {
    let honest: Vec<MemberKey> =
        (0..3).map(|i| secret(i).register(&INVITATION, 1, &[i as u8; 32])).collect();
    let (own, nonce, identity) = (random(1), random(2), [3; 32]);
    let sum = |of: fn(&MemberKey) -> [u8; 32]| -> RistrettoPoint {
        honest.iter().map(|key| point(&of(key)).unwrap()).sum()
    };
    let z: Scalar = honest.iter().map(|key| proof::scalar(&key.z).unwrap()).sum();
    let rogue = shifted(&encoded(-sum(|key| key.key)), &own);
    let r = encoded(RistrettoPoint::mul_base(&nonce));
    let c = super::super::keys::statement(&INVITATION, 1, &identity, &rogue).put(&r).scalar();
    let attempts = [
        // As if the own part were all of it.
        (r, nonce + c * own),
        // With the others' proofs taken off.
        (encoded(RistrettoPoint::mul_base(&nonce) - sum(|key| key.r)), nonce + c * own - z),
        // Somebody's proof as it is.
        (honest[0].r, proof::scalar(&honest[0].z).unwrap()),
    ];
    for (r, z) in attempts {
        let key = MemberKey { identity, key: rogue, r, z: z.to_bytes() };
        assert_eq!(key.verify(&INVITATION, 1), Err(Fault::BadKey));
    }
}

/// With the identity element as a key, its owner's share of every deal would be public, and its
/// secret is zero for whoever asks.
#[test]
fn the_identity_element_is_nobodys_key() {
    let nonce = random(1);
    let r = encoded(RistrettoPoint::mul_base(&nonce));
    let key = MemberKey { identity: [0; 32], key: [0; 32], r, z: nonce.to_bytes() };
    let (g, z) = (RistrettoPoint::mul_base(&nonce), point(&key.key).unwrap());
    assert_eq!(g, point(&r).unwrap() + random(2) * z, "the equation holds for any challenge");
    assert_eq!(key.verify(&INVITATION, 1), Err(Fault::BadKey));
}
