//! What a node says to whoever can hear it: six bytes over Bluetooth, a signed record on the LAN.
//!
//! The advertisement names its sender by four bytes of its id: enough to tell strangers apart, too
//! little to prove anything, which is the handshake's business. The record on the LAN is proved:
//! card, work and signature, over the postcard form of [`Said`].

use crate::{
    crypto::identity::{Card, Identity, IdentityError, Signature},
    id::PeerId,
};
use serde::{Deserialize, Serialize};

/// The company identifier of manufacturer data: the one that the Bluetooth SIG keeps for tests and
/// for what has no other (Assigned Numbers, section 7.1).
pub const BLE_COMPANY_ID: u16 = 0xffff;

/// Of the advertisement's form; whoever does not know it does not dial.
pub const ADVERTISEMENT_VERSION: u8 = 1;

/// Bytes of manufacturer data behind the company identifier. A legacy advertisement has 31: flags
/// (3), a 128-bit service UUID (18), and the head of the manufacturer data (4) leave six.
pub const ADVERTISEMENT_BYTES: usize = 6;

/// The part of an id that fits an advertisement.
pub type Prefix = [u8; 4];

/// What a peer offers, as a bit set. Unknown bits are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(pub u8);

impl Capabilities {
    pub const GAMING: Capabilities = Capabilities(0x01);
    pub const MESH_ROUTING: Capabilities = Capabilities(0x02);
    pub const TOKEN_TRANSACTIONS: Capabilities = Capabilities(0x04);
    /// What every peer of this program does.
    pub const ALL: Capabilities = Capabilities(0x07);

    pub fn has(self, other: Capabilities) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Manufacturer data of a Bluetooth advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    pub prefix: Prefix,
    pub capabilities: Capabilities,
}

/// The first bytes of an id.
pub fn prefix_of(peer: PeerId) -> Prefix {
    let mut prefix = Prefix::default();
    prefix.copy_from_slice(&peer.as_bytes()[..4]);
    prefix
}

impl Advertisement {
    pub fn encode(&self) -> Vec<u8> {
        [&[ADVERTISEMENT_VERSION], &self.prefix[..], &[self.capabilities.0]].concat()
    }

    /// `None` for what is no advertisement of this version.
    pub fn decode(bytes: &[u8]) -> Option<Advertisement> {
        match *bytes {
            [ADVERTISEMENT_VERSION, a, b, c, d, capabilities] => Some(Advertisement {
                prefix: [a, b, c, d],
                capabilities: Capabilities(capabilities),
            }),
            _ => None,
        }
    }
}

/// Domain separator of a record's signature.
const PURPOSE: &str = "lan record";
const SIGNATURE_BYTES: usize = 64;

/// Bytes of a signed record: three strings of DNS-SD text, each of at most 255 with its key (RFC
/// 6763, section 6.1), and small enough for one packet with the rest of an answer.
pub const LAN_RECORD_BYTES_MAX: usize = super::SIGHTING_RECORD_BYTES_MAX;

/// Addresses of one record.
pub const LAN_ADDRESSES_MAX: usize = 4;

/// Bytes of one address.
pub const ADDRESS_BYTES_MAX: usize = 128;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    card: Card,
    /// Unix time in milliseconds at which it was said: what is older does not replace it.
    version: u64,
    addresses: Vec<String>,
}

/// A record whose card and signature were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanRecord {
    peer: PeerId,
    version: u64,
    addresses: Vec<String>,
}

/// Why a record was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LanRecordError {
    #[error("a record has at most {max} bytes, got {got}")]
    TooLong { got: usize, max: usize },
    #[error("not a record")]
    Malformed,
    #[error("a record names 1 to {LAN_ADDRESSES_MAX} addresses of 1 to {ADDRESS_BYTES_MAX} bytes")]
    BadAddresses,
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl LanRecord {
    /// The bytes to publish. Addresses past the limits are left out.
    pub fn sign(identity: &Identity, addresses: &[String], wall_ms: u64) -> Vec<u8> {
        let sound = |address: &&String| (1..=ADDRESS_BYTES_MAX).contains(&address.len());
        let addresses: Vec<_> = addresses.iter().filter(sound).cloned().collect();
        let mut said = Said { card: identity.card(), version: wall_ms, addresses };
        said.addresses.truncate(LAN_ADDRESSES_MAX);
        loop {
            let mut bytes =
                postcard::to_allocvec(&said).expect("plain data always has a postcard form");
            if bytes.len() + SIGNATURE_BYTES <= LAN_RECORD_BYTES_MAX || said.addresses.is_empty() {
                let signature = identity.sign(PURPOSE, &bytes);
                bytes.extend_from_slice(&signature.to_bytes());
                return bytes;
            }
            said.addresses.pop();
        }
    }

    /// Bounds first, then work, then the signature, so that refusing costs little.
    pub fn verify(bytes: &[u8], work_bits: u8) -> Result<LanRecord, LanRecordError> {
        if bytes.len() > LAN_RECORD_BYTES_MAX {
            let (got, max) = (bytes.len(), LAN_RECORD_BYTES_MAX);
            return Err(LanRecordError::TooLong { got, max });
        }
        let length = bytes.len().checked_sub(SIGNATURE_BYTES).ok_or(LanRecordError::Malformed)?;
        let (said_bytes, signature) = bytes.split_at(length);
        let signature = signature.try_into().map_err(|_| LanRecordError::Malformed)?;
        let Ok((said, [])) = postcard::take_from_bytes::<Said>(said_bytes) else {
            return Err(LanRecordError::Malformed);
        };
        let sound = |address: &String| (1..=ADDRESS_BYTES_MAX).contains(&address.len());
        let some = (1..=LAN_ADDRESSES_MAX).contains(&said.addresses.len());
        if !some || !said.addresses.iter().all(sound) {
            return Err(LanRecordError::BadAddresses);
        }
        let card = said.card.verify(work_bits)?;
        card.verify(PURPOSE, said_bytes, &Signature::from_bytes(signature))?;
        Ok(LanRecord { peer: card.id(), version: said.version, addresses: said.addresses })
    }

    pub fn peer(&self) -> PeerId {
        self.peer
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::*;
    use crate::{seed::Seed, transport::BLE_SERVICE_UUID};

    fn somebody(number: u64) -> Identity {
        Identity::generate(&Seed::from_number(number), 0)
    }

    #[test]
    fn an_advertisement_has_these_bytes() {
        let peer = PeerId::from_bytes([0xab; 32]);
        let said = Advertisement { prefix: prefix_of(peer), capabilities: Capabilities::ALL };
        assert_eq!(said.encode(), [1, 0xab, 0xab, 0xab, 0xab, 7]);
        assert_eq!(Advertisement::decode(&said.encode()), Some(said));
        assert!(said.capabilities.has(Capabilities::MESH_ROUTING));
        assert!(!Capabilities::GAMING.has(Capabilities::TOKEN_TRANSACTIONS));
        let future = Advertisement::decode(&[1, 1, 2, 3, 4, 0xf0]).unwrap();
        assert!(!future.capabilities.has(Capabilities::GAMING));
    }

    #[test]
    fn a_legacy_advertisement_has_room_for_exactly_this() {
        let said = Advertisement { prefix: [1; 4], capabilities: Capabilities::ALL }.encode();
        let flags = [2, 0x01, 0x06];
        let service = [&[17, 0x07][..], &BLE_SERVICE_UUID.to_le_bytes()].concat();
        let company = BLE_COMPANY_ID.to_le_bytes();
        let data = [&[said.len() as u8 + 3, 0xff], &company[..], &said].concat();
        let packet = [&flags[..], &service, &data].concat();
        assert_eq!((said.len(), packet.len()), (ADVERTISEMENT_BYTES, 31));
    }

    #[test]
    fn what_is_no_advertisement_of_this_version_is_none() {
        for bytes in [&[][..], &[1, 2, 3, 4, 5], &[2, 1, 1, 1, 1, 7], &[1, 1, 1, 1, 1, 7, 0]] {
            assert_eq!(Advertisement::decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_record_has_these_bytes_and_a_signature_over_them() {
        let identity = somebody(1);
        let bytes = LanRecord::sign(&identity, &["tcp://a:1".to_owned()], 300);
        let nonce = postcard::to_allocvec(&identity.card().nonce).unwrap();
        let said = [&identity.card().key[..], &nonce, &[0xac, 0x02, 1, 9], b"tcp://a:1"].concat();
        assert_eq!(bytes[..bytes.len() - 64], said);
        let record = LanRecord::verify(&bytes, 0).unwrap();
        assert_eq!((record.peer(), record.version()), (identity.id(), 300));
        assert_eq!(record.addresses(), ["tcp://a:1"]);
    }

    #[test]
    fn every_altered_byte_and_every_cut_of_a_record_is_refused() {
        let bytes = LanRecord::sign(&somebody(1), &["tcp://a:1".to_owned()], 300);
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(LanRecord::verify(&forged, 0).is_err(), "byte {at}");
            assert!(LanRecord::verify(&bytes[..at], 0).is_err(), "cut to {at}");
        }
        assert!(LanRecord::verify(&[&bytes[..], &[0]].concat(), 0).is_err());
        let no_work = IdentityError::NoWork { expected: 200, got: 0 };
        let refused = LanRecord::verify(&bytes, 200).unwrap_err();
        assert!(matches!(refused, LanRecordError::Identity(e) if e.to_string().len() > 9
            && core::mem::discriminant(&e) == core::mem::discriminant(&no_work)));
    }

    #[test]
    fn addresses_past_the_limits_are_left_out_and_the_record_fits_three_strings() {
        let long = |n: usize| format!("tcp://{}", "x".repeat(n - 6));
        let many = vec![long(ADDRESS_BYTES_MAX); 9];
        let bytes = LanRecord::sign(&somebody(1), &many, u64::MAX);
        assert!(bytes.len() <= LAN_RECORD_BYTES_MAX);
        assert_eq!(LanRecord::verify(&bytes, 0).unwrap().addresses().len(), 3);
        let too_long = [long(ADDRESS_BYTES_MAX + 1), long(20)];
        let bytes = LanRecord::sign(&somebody(1), &too_long, 1);
        assert_eq!(LanRecord::verify(&bytes, 0).unwrap().addresses(), &too_long[1..]);
        let nowhere = LanRecord::sign(&somebody(1), &[], 1);
        assert_eq!(LanRecord::verify(&nowhere, 0), Err(LanRecordError::BadAddresses));
        let (got, max) = (LAN_RECORD_BYTES_MAX + 1, LAN_RECORD_BYTES_MAX);
        let refused = LanRecord::verify(&vec![0; got], 0);
        assert_eq!(refused, Err(LanRecordError::TooLong { got, max }));
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn random_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
            let _ = Advertisement::decode(&bytes);
            assert!(LanRecord::verify(&bytes, 0).is_err());
        }
    }
}
