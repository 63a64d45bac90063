//! Primitives with their domain separators: identities, signatures, sealing, dice secrets.
//!
//! Rules. Every hash and every signature names its purpose, so that nothing signed for one reason
//! can be shown for another. No randomness is drawn here: callers pass a [`crate::seed::Seed`].

pub mod batch;
pub mod cipher;
pub mod dice;
pub mod identity;
pub mod seal;
