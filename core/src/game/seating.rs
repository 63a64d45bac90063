//! This peer's consent to sit: its dice key for one invitation, signed with everything else.

use super::{
    ledger::KEY_EPOCH,
    message::{Invitation, InvitationId, SeatRole, Seating},
};
use crate::crypto::{dice::MemberSecret, identity::Identity};

/// The dice key of this peer at one table. Derived, so that a lost store cannot lose it.
pub(super) fn secret_for(identity: &Identity, invitation: &InvitationId) -> MemberSecret {
    let seed = identity.seed("bitcraps v1 dice key");
    MemberSecret::derive(&seed.fork(&crate::id::TableId::from_bytes(invitation.0).to_string()))
}

pub(super) fn seating_for(
    identity: &Identity,
    invitation: &Invitation,
    name: String,
    role: SeatRole,
) -> Seating {
    let id = invitation.id();
    let secret = secret_for(identity, &id);
    let dice_key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
    Seating::sign(identity, id, name, role, dice_key)
}
