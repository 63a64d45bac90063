//! Proving who is at each end of a link: `Noise_XX_25519_ChaChaPoly_BLAKE2s`.
//!
//! ```text
//! 1  dialer → listener   e                                             32 bytes
//! 2  dialer ← listener   e, ee, s, es, introduction of the listener
//! 3  dialer → listener   s, se, introduction of the dialer
//! ```
//!
//! Rules. The prologue holds the version and the length of a key epoch, so two peers that differ
//! in either never agree on keys. An introduction holds a signature by the Ed25519 key over the
//! Noise static key. It is made once per node and not per handshake: Noise XX already proves that
//! the sender holds the static secret in this very handshake, so a signature copied from
//! elsewhere is useless without that secret. (libp2p binds its identities the same way.) It also
//! keeps the signing key out of this room and spares a listener a signature for every stranger.
//!
//! The cheapest check comes first: tag, form, work, key, signature.

use super::{
    frame::HANDSHAKE_BYTES_MAX,
    message::{self, Introduction, STATIC_KEY_PURPOSE, VERSION},
    session::{Key, Opener, Sealer},
};
use crate::{
    crypto::identity::{Identity, IdentityError, VerifiedCard},
    id::PeerId,
    seed::{Rng, Seed},
    transport::{CloseReason, LinkRole},
};
use snow::{
    Builder, HandshakeState,
    params::{CipherChoice, DHChoice, HashChoice},
    resolvers::{BoxedCryptoResolver, CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash, Random},
};
use zeroize::Zeroizing;

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const PROLOGUE: &[u8] = b"bitcraps link";

/// Bytes of message 1: an ephemeral key and nothing else.
const FIRST_BYTES: usize = 32;

/// What this node brings to every handshake.
pub struct Own {
    secret: Zeroizing<[u8; 32]>,
    introduction: Introduction,
    id: PeerId,
    work_bits: u8,
    epoch_packets: u64,
}

/// The other end, proven.
pub struct Proven {
    pub card: VerifiedCard,
    /// X25519: the Noise static key.
    pub link_key: [u8; 32],
    /// Which run of the peer this is.
    pub instance: [u8; 8],
    pub sealer: Sealer,
    pub opener: Opener,
}

/// A dialer that sent message 1.
pub struct Dialled(Box<HandshakeState>);

/// A listener that sent message 2.
pub struct Answered(Box<HandshakeState>);

/// Why a handshake failed. It is over then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    #[error("no message of this handshake")]
    Malformed,
    #[error("an authentication tag or a signature does not verify")]
    Forged,
    #[error("the identity lacks its proof of work")]
    NoWork,
    #[error("the other end is this node")]
    Ourselves,
}

impl HandshakeError {
    pub fn reason(&self) -> CloseReason {
        match self {
            HandshakeError::Malformed => CloseReason::Garbage,
            HandshakeError::Forged => CloseReason::BadSignature,
            HandshakeError::NoWork => CloseReason::NoWork,
            HandshakeError::Ourselves => CloseReason::Duplicate,
        }
    }
}

impl From<snow::Error> for HandshakeError {
    fn from(error: snow::Error) -> Self {
        match error {
            snow::Error::Decrypt | snow::Error::Dh => HandshakeError::Forged,
            _ => HandshakeError::Malformed,
        }
    }
}

impl From<IdentityError> for HandshakeError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::NoWork { .. } => HandshakeError::NoWork,
            IdentityError::BadKey | IdentityError::BadSignature => HandshakeError::Forged,
        }
    }
}

impl Own {
    pub fn new(identity: &Identity, work_bits: u8, epoch_packets: u64, rng: &mut Rng) -> Own {
        Own {
            secret: Zeroizing::new(*identity.link_secret()),
            introduction: Introduction {
                card: identity.card(),
                signature: identity.sign(STATIC_KEY_PURPOSE, &identity.link_key()),
                instance: rng.bytes(),
            },
            id: identity.id(),
            work_bits,
            epoch_packets,
        }
    }

    pub fn id(&self) -> PeerId {
        self.id
    }

    /// Message 1.
    pub fn dial(&self, seed: Seed) -> (Dialled, Vec<u8>) {
        let mut noise = self.noise(seed, LinkRole::Dialer);
        let mut first = [0; HANDSHAKE_BYTES_MAX];
        let len =
            noise.write_message(&[], &mut first).expect("an initiator can write its first message");
        (Dialled(noise), first[..len].to_vec())
    }

    /// Message 2 in answer to message 1.
    pub fn answer(&self, first: &[u8], seed: Seed) -> Result<(Answered, Vec<u8>), HandshakeError> {
        if first.len() != FIRST_BYTES {
            return Err(HandshakeError::Malformed);
        }
        let mut noise = self.noise(seed, LinkRole::Listener);
        noise.read_message(first, &mut [0; HANDSHAKE_BYTES_MAX])?;
        let second = self.introduce(&mut noise)?;
        Ok((Answered(noise), second))
    }

    fn noise(&self, seed: Seed, role: LinkRole) -> Box<HandshakeState> {
        let mut prologue = PROLOGUE.to_vec();
        prologue.push(VERSION);
        prologue.extend(self.epoch_packets.to_le_bytes());
        let params = PATTERN.parse().expect("the pattern is one that snow knows");
        let noise = Builder::with_resolver(params, resolver(seed))
            .local_private_key(self.secret.as_slice())
            .and_then(|builder| builder.prologue(&prologue))
            .and_then(|builder| match role {
                LinkRole::Dialer => builder.build_initiator(),
                LinkRole::Listener => builder.build_responder(),
            })
            .expect("every primitive of the pattern is compiled in and the key is 32 bytes");
        Box::new(noise)
    }

    fn introduce(&self, noise: &mut HandshakeState) -> Result<Vec<u8>, HandshakeError> {
        let payload = message::encode(&self.introduction, Vec::new());
        let mut out = [0; HANDSHAKE_BYTES_MAX];
        let len = noise.write_message(&payload, &mut out)?;
        Ok(out[..len].to_vec())
    }

    /// Reads message 2 or 3 and believes nothing in it unproven.
    fn read(
        &self,
        noise: &mut HandshakeState,
        message: &[u8],
    ) -> Result<(Introduction, VerifiedCard, [u8; 32]), HandshakeError> {
        let mut payload = [0; HANDSHAKE_BYTES_MAX];
        let len = noise.read_message(message, &mut payload)?;
        let introduction: Introduction =
            message::decode(&payload[..len]).map_err(|_| HandshakeError::Malformed)?;
        let link_key: [u8; 32] = noise
            .get_remote_static()
            .and_then(|key| key.try_into().ok())
            .ok_or(HandshakeError::Malformed)?;
        let card = introduction.card.verify(self.work_bits)?;
        card.verify(STATIC_KEY_PURPOSE, &link_key, &introduction.signature)?;
        if card.id() == self.id {
            return Err(HandshakeError::Ourselves);
        }
        Ok((introduction, card, link_key))
    }

    fn proven(
        &self,
        noise: &mut HandshakeState,
        (introduction, card, link_key): (Introduction, VerifiedCard, [u8; 32]),
    ) -> Proven {
        let (from_dialer, from_listener) = noise.dangerously_get_raw_split();
        let (from_dialer, from_listener) = (Key::new(from_dialer), Key::new(from_listener));
        let (send, receive) = if noise.is_initiator() {
            (from_dialer, from_listener)
        } else {
            (from_listener, from_dialer)
        };
        Proven {
            card,
            link_key,
            instance: introduction.instance,
            sealer: Sealer::new(send, self.epoch_packets),
            opener: Opener::new(receive, self.epoch_packets),
        }
    }
}

impl Dialled {
    /// Reads message 2, once; gives message 3 and the proven listener.
    pub fn finish(
        &mut self,
        own: &Own,
        second: &[u8],
    ) -> Result<(Vec<u8>, Proven), HandshakeError> {
        let read = own.read(&mut self.0, second)?;
        let third = own.introduce(&mut self.0)?;
        let proven = own.proven(&mut self.0, read);
        Ok((third, proven))
    }
}

impl Answered {
    /// Reads message 3, once; gives the proven dialer.
    pub fn finish(&mut self, own: &Own, third: &[u8]) -> Result<Proven, HandshakeError> {
        let read = own.read(&mut self.0, third)?;
        Ok(own.proven(&mut self.0, read))
    }
}

/// Noise's primitives for one handshake.
pub fn resolver(seed: Seed) -> BoxedCryptoResolver {
    Box::new(Resolver(seed))
}

/// Snow's pure-Rust primitives with randomness from a seed of one handshake.
struct Resolver(Seed);

struct SeedRandom(Rng);

impl Random for SeedRandom {
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), snow::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(SeedRandom(self.0.rng())))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}
