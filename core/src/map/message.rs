//! What the map says on the wire: signed announcements, and the comparing of maps between
//! neighbours.
//!
//! An announcement is the postcard form of [`Announcement`] followed by 64 bytes of Ed25519
//! signature over exactly those bytes; it travels unchanged, as one flood body or inside
//! [`Message::Announcements`]. Everything is bounded before it is stored; a
//! [`VerifiedAnnouncement`] has no other way into being than [`VerifiedAnnouncement::parse`].

use crate::{
    crypto::{
        batch::{self, Claim},
        identity::{Card, Identity, IdentityError, Signature},
    },
    id::{NodeKind, PeerId},
    limits,
    transport::Transport,
};
use serde::{Deserialize, Serialize};

/// Domain separator of the signature.
const PURPOSE: &str = "map announcement";
const SIGNATURE_BYTES: usize = 64;

/// Bytes of one signed announcement: card, keys and version (90), name, extra, 64 links of at most
/// 42 bytes, signature; rounded up.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 6 * 1024;

/// Buckets of a digest: one per value of the first four bits of a peer id.
pub const DIGEST_BUCKETS: usize = 16;
/// Entries of one [`Message::Have`]: 256 × 42 bytes stay near 10 KiB. Guess.
pub const HAVE_ENTRIES_MAX: usize = 256;
/// Peers of one [`Message::Want`]; bounds what one message can make a neighbour send.
pub const WANT_PEERS_MAX: usize = 64;
/// Announcements of one [`Message::Announcements`].
pub const BATCH_ANNOUNCEMENTS_MAX: usize = 64;
/// Bytes of announcements in one message: below [`limits::PACKET_BYTES_MAX`] with its envelope.
pub const BATCH_ANNOUNCEMENT_BYTES_MAX: usize = 32 * 1024;

/// A link as one of its ends sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AnnouncedLink {
    pub peer: PeerId,
    pub transport: Transport,
    /// One way, in microseconds; missing until measured.
    pub latency_us: Option<u32>,
    /// The share of messages that get through, in 1/65535.
    pub reliability: u16,
}

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    pub card: Card,
    /// X25519 public key that others seal to.
    pub link_key: [u8; 32],
    /// Strictly increasing; starts from Unix time in milliseconds.
    pub version: u64,
    pub kind: NodeKind,
    pub name: String,
    /// Strictly ascending by peer, then transport. Empty: the node leaves by its own word.
    pub links: Vec<AnnouncedLink>,
    /// What the layer above attaches; opaque here.
    pub extra: Vec<u8>,
}

/// Why an announcement was refused. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnnouncementError {
    #[error("an announcement has at most {max} bytes, got {got}")]
    TooLong { got: usize, max: usize },
    #[error("not an announcement")]
    Malformed,
    #[error("a name is 1 to {max} bytes of UTF-8 without control characters; got {got}")]
    BadName { got: usize, max: usize },
    #[error("a node announces at most {max} links, got {got}")]
    TooManyLinks { got: usize, max: usize },
    #[error("links must ascend by peer and transport and never lead to their own node")]
    BadLinks,
    #[error("at most {max} extra bytes can be attached, got {got}")]
    TooMuchExtra { got: usize, max: usize },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("version {version} was announced before with other content")]
    Conflict { version: u64 },
    #[error("the map is full: {max} nodes")]
    Full { max: usize },
}

/// An announcement that keeps every bound and carries its author's signature and work.
#[derive(Clone, Debug)]
pub struct VerifiedAnnouncement {
    id: PeerId,
    announcement: Announcement,
    bytes: Vec<u8>,
}

/// An announcement whose bounds and work were checked, and the signature that was not.
struct Unsure {
    said: VerifiedAnnouncement,
    claim: Claim,
}

impl Unsure {
    /// Bounds first, then work, so that refusing costs little.
    fn parse(bytes: &[u8], work_bits: u8) -> Result<Unsure, AnnouncementError> {
        if bytes.len() > ANNOUNCEMENT_BYTES_MAX {
            let (got, max) = (bytes.len(), ANNOUNCEMENT_BYTES_MAX);
            return Err(AnnouncementError::TooLong { got, max });
        }
        let length =
            bytes.len().checked_sub(SIGNATURE_BYTES).ok_or(AnnouncementError::Malformed)?;
        let (said, signature) = bytes.split_at(length);
        let signature = signature.try_into().map_err(|_| AnnouncementError::Malformed)?;
        let signature = Signature::from_bytes(signature);
        let (announcement, rest): (Announcement, _) =
            postcard::take_from_bytes(said).map_err(|_| AnnouncementError::Malformed)?;
        if !rest.is_empty() {
            return Err(AnnouncementError::Malformed);
        }
        announcement.check_bounds()?;
        let card = announcement.card.verify(work_bits)?;
        if announcement.links.iter().any(|link| link.peer == card.id()) {
            return Err(AnnouncementError::BadLinks);
        }
        let claim = card.claim(PURPOSE, said, &signature);
        let said = VerifiedAnnouncement { id: card.id(), announcement, bytes: bytes.to_vec() };
        Ok(Unsure { said, claim })
    }
}

impl VerifiedAnnouncement {
    /// Bounds first, then work, then the signature, so that refusing costs little.
    pub fn parse(bytes: &[u8], work_bits: u8) -> Result<Self, AnnouncementError> {
        let Unsure { said, claim } = Unsure::parse(bytes, work_bits)?;
        if batch::all_hold(&[claim]) { Ok(said) } else { Err(IdentityError::BadSignature.into()) }
    }

    /// The same of many, whose signatures are checked together. Each has its own answer, and the
    /// same one as by itself.
    pub fn parse_all<'a>(
        all: impl IntoIterator<Item = &'a [u8]>,
        work_bits: u8,
    ) -> Vec<Result<Self, AnnouncementError>> {
        let unsure: Vec<_> = all.into_iter().map(|bytes| Unsure::parse(bytes, work_bits)).collect();
        let claims: Vec<Claim> = unsure.iter().flatten().map(|unsure| unsure.claim).collect();
        let mut holds = batch::which_hold(&claims).into_iter();
        let mut judge = |unsure: Unsure| match holds.next() {
            Some(true) => Ok(unsure.said),
            Some(false) | None => Err(IdentityError::BadSignature.into()),
        };
        unsure.into_iter().map(|unsure| unsure.and_then(&mut judge)).collect()
    }

    /// Our own, which nobody has to check.
    pub(super) fn own(announcement: Announcement, identity: &Identity) -> Self {
        let bytes = announcement.sign(identity);
        VerifiedAnnouncement { id: identity.id(), announcement, bytes }
    }

    pub fn id(&self) -> PeerId {
        self.id
    }

    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// As it travels, signature included.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Announcement {
    fn check_bounds(&self) -> Result<(), AnnouncementError> {
        check_name(&self.name)?;
        if self.links.len() > limits::NODE_LINKS_MAX {
            let (got, max) = (self.links.len(), limits::NODE_LINKS_MAX);
            return Err(AnnouncementError::TooManyLinks { got, max });
        }
        let ascending =
            |l: &[AnnouncedLink]| (l[0].peer, l[0].transport) < (l[1].peer, l[1].transport);
        if !self.links.windows(2).all(ascending) {
            return Err(AnnouncementError::BadLinks);
        }
        check_extra(&self.extra)
    }

    /// The bytes that travel. `identity` must be the one the card belongs to.
    pub fn sign(&self, identity: &Identity) -> Vec<u8> {
        let mut bytes = postcard::to_allocvec(self).expect("plain data always has a postcard form");
        let signature = identity.sign(PURPOSE, &bytes);
        bytes.extend_from_slice(&signature.to_bytes());
        bytes
    }
}

pub(super) fn check_name(name: &str) -> Result<(), AnnouncementError> {
    let (got, max) = (name.len(), limits::NAME_BYTES_MAX);
    if got == 0 || got > max || name.chars().any(char::is_control) {
        return Err(AnnouncementError::BadName { got, max });
    }
    Ok(())
}

pub(super) fn check_extra(extra: &[u8]) -> Result<(), AnnouncementError> {
    let (got, max) = (extra.len(), limits::ANNOUNCED_EXTRA_BYTES_MAX);
    if got > max { Err(AnnouncementError::TooMuchExtra { got, max }) } else { Ok(()) }
}

/// What one map holds of one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldVersion {
    pub peer: PeerId,
    pub version: u64,
}

/// An announcement and for how long its sender has held it, so that what is passed around does
/// not stay young.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgedAnnouncement {
    pub age_ms: u32,
    /// See [`Announcement`].
    pub bytes: Vec<u8>,
}

/// Between two neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Per bucket, the first eight bytes of BLAKE3 over the ids and versions held, ascending.
    Digest {
        buckets: [[u8; 8]; DIGEST_BUCKETS],
    },
    /// Part of what the sender holds where the digests differ, ascending by peer.
    Have(Vec<HeldVersion>),
    /// Send me these.
    Want {
        peers: Vec<PeerId>,
    },
    Announcements(Vec<AgedAnnouncement>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    fn peer(byte: u8) -> PeerId {
        PeerId::from_bytes([byte; 32])
    }

    fn example(identity: &Identity) -> Announcement {
        let link = |byte, latency_us| AnnouncedLink {
            peer: peer(byte),
            transport: Transport::Tcp,
            latency_us,
            reliability: 65535,
        };
        Announcement {
            card: identity.card(),
            link_key: identity.link_key(),
            version: 300,
            kind: NodeKind::Gateway,
            name: "ann".to_owned(),
            links: vec![link(1, None), link(2, Some(1500))],
            extra: vec![9, 8],
        }
    }

    #[test]
    fn an_announcement_has_these_bytes() {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let bytes = example(&identity).sign(&identity);
        let expected = format!(
            "{}00{}ac020103616e6e02{}0000ffff03{}0001dc0bffff03020908",
            hex(&identity.card().key),
            hex(&identity.link_key()),
            "01".repeat(32),
            "02".repeat(32),
        );
        assert_eq!(hex(&bytes[..bytes.len() - 64]), expected);
        assert_eq!(
            blake3::hash(&bytes).to_hex().as_str(),
            "6b7a4d5a5017e0c67265eeec7082d999b2ef8e1fe4bf6ee48318213e94dc5f74",
            "key, nonce or signature changed"
        );
        let parsed = VerifiedAnnouncement::parse(&bytes, 0).unwrap();
        assert_eq!((parsed.id(), parsed.bytes()), (identity.id(), &bytes[..]));
        assert_eq!(parsed.announcement(), &example(&identity));
    }

    #[test]
    fn every_message_has_these_bytes() {
        let digest = Message::Digest { buckets: core::array::from_fn(|i| [i as u8; 8]) };
        let digest_hex: String = (0..16).map(|i| format!("{i:02x}").repeat(8)).collect();
        let entries = vec![HeldVersion { peer: peer(3), version: 300 }];
        let aged = AgedAnnouncement { age_ms: 300, bytes: vec![5, 6] };
        let table = [
            (digest, format!("00{digest_hex}")),
            (Message::Have(entries), format!("0101{}ac02", "03".repeat(32))),
            (Message::Want { peers: vec![peer(4)] }, format!("0201{}", "04".repeat(32))),
            (Message::Announcements(vec![aged]), "0301ac02020506".to_owned()),
        ];
        for (message, golden) in table {
            let bytes = postcard::to_allocvec(&message).unwrap();
            assert_eq!(hex(&bytes), golden);
            assert_eq!(postcard::from_bytes::<Message>(&bytes).unwrap(), message);
        }
    }

    #[test]
    fn the_largest_announcement_fits_its_limit() {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let mut largest = example(&identity);
        largest.card.nonce = u64::MAX;
        largest.version = u64::MAX;
        largest.name = "n".repeat(limits::NAME_BYTES_MAX);
        largest.extra = vec![0; limits::ANNOUNCED_EXTRA_BYTES_MAX];
        largest.links = (0..limits::NODE_LINKS_MAX)
            .map(|n| AnnouncedLink {
                peer: peer(n as u8),
                transport: Transport::Tcp,
                latency_us: Some(u32::MAX),
                reliability: u16::MAX,
            })
            .collect();
        let bytes = largest.sign(&identity);
        assert!(bytes.len() <= ANNOUNCEMENT_BYTES_MAX, "{}", bytes.len());
        assert!(VerifiedAnnouncement::parse(&bytes, 0).is_ok());
    }

    #[test]
    fn an_announcement_outside_its_bounds_is_refused() {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let refuse = |change: &dyn Fn(&mut Announcement)| {
            let mut bad = example(&identity);
            change(&mut bad);
            VerifiedAnnouncement::parse(&bad.sign(&identity), 0).unwrap_err()
        };
        let max = limits::NAME_BYTES_MAX;
        assert_eq!(
            refuse(&|a| a.name = "n".repeat(33)),
            AnnouncementError::BadName { got: 33, max }
        );
        assert_eq!(refuse(&|a| a.name.clear()), AnnouncementError::BadName { got: 0, max });
        assert_eq!(refuse(&|a| a.name = "\n".into()), AnnouncementError::BadName { got: 1, max });
        assert_eq!(refuse(&|a| a.links.reverse()), AnnouncementError::BadLinks);
        assert_eq!(refuse(&|a| a.links[1] = a.links[0]), AnnouncementError::BadLinks);
        assert_eq!(refuse(&|a| a.links[0].peer = identity.id()), AnnouncementError::BadLinks);
        let max = limits::NODE_LINKS_MAX;
        let many = |a: &mut Announcement| {
            a.links = (0..65).map(|n| AnnouncedLink { peer: peer(n), ..a.links[0] }).collect();
        };
        assert_eq!(refuse(&many), AnnouncementError::TooManyLinks { got: 65, max });
        let max = limits::ANNOUNCED_EXTRA_BYTES_MAX;
        assert_eq!(
            refuse(&|a| a.extra = vec![0; 2049]),
            AnnouncementError::TooMuchExtra { got: 2049, max }
        );
        let long = vec![0; ANNOUNCEMENT_BYTES_MAX + 1];
        assert_eq!(
            VerifiedAnnouncement::parse(&long, 0).unwrap_err(),
            AnnouncementError::TooLong { got: long.len(), max: ANNOUNCEMENT_BYTES_MAX }
        );
    }

    #[test]
    fn a_forged_or_lazy_announcement_is_refused() {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let bytes = example(&identity).sign(&identity);
        for at in 0..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(VerifiedAnnouncement::parse(&forged, 0).is_err(), "byte {at}");
        }
        for length in 0..bytes.len() {
            assert!(VerifiedAnnouncement::parse(&bytes[..length], 0).is_err());
        }
        assert!(matches!(
            VerifiedAnnouncement::parse(&bytes, 200),
            Err(AnnouncementError::Identity(IdentityError::NoWork { expected: 200, .. }))
        ));
    }

    #[test]
    fn announcements_are_judged_together_as_each_is_by_itself() {
        let mut all: Vec<Vec<u8>> = (0..6)
            .map(|n| {
                let identity = Identity::generate(&Seed::from_number(n), 0);
                example(&identity).sign(&identity)
            })
            .collect();
        let judged = |all: &[Vec<u8>]| -> Vec<_> {
            let together = VerifiedAnnouncement::parse_all(all.iter().map(Vec::as_slice), 0);
            for (bytes, together) in all.iter().zip(&together) {
                let alone = VerifiedAnnouncement::parse(bytes, 0);
                assert_eq!(alone.as_ref().map(|a| a.id()), together.as_ref().map(|a| a.id()));
            }
            together.into_iter().map(|a| a.err()).collect()
        };
        assert_eq!(judged(&all), vec![None; 6]);
        // A bad signature, no announcement, and a changed word.
        *all[1].last_mut().unwrap() ^= 1;
        all[3].truncate(70);
        let end = all[4].len() - SIGNATURE_BYTES;
        all[4][end - 1] ^= 1;
        let bad = Some(AnnouncementError::Identity(IdentityError::BadSignature));
        let malformed = Some(AnnouncementError::Malformed);
        assert_eq!(judged(&all), [None, bad, None, malformed, bad, None]);
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn random_bytes_are_refused_without_a_panic(bytes: Vec<u8>) {
            assert!(VerifiedAnnouncement::parse(&bytes, 0).is_err());
            let _ = postcard::from_bytes::<Message>(&bytes);
        }
    }
}
