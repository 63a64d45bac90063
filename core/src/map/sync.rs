//! Comparing two maps cheaply: who holds what, without sending it.
//!
//! A digest names 16 hashes, one per sixteenth of the id space; where they differ, the receiver
//! answers with ids and versions, and the asker wants what it lacks. Each side asks for itself, so
//! a lost message costs one period and nothing is pushed twice. 128 bytes per neighbour and period
//! when nothing differs.

use super::{
    database::Database,
    message::{
        AgedAnnouncement, BATCH_ANNOUNCEMENT_BYTES_MAX, BATCH_ANNOUNCEMENTS_MAX, DIGEST_BUCKETS,
        HAVE_ENTRIES_MAX, HeldVersion, Message, WANT_PEERS_MAX,
    },
};
use crate::{id::PeerId, time::Instant};

/// The ids of one bucket, both ends included.
fn bucket(number: usize) -> (PeerId, PeerId) {
    let high = (number as u8) << 4;
    let (mut first, mut last) = ([0; 32], [0xff; 32]);
    first[0] = high;
    last[0] = high | 0x0f;
    (PeerId::from_bytes(first), PeerId::from_bytes(last))
}

fn held(database: &Database, number: usize) -> impl Iterator<Item = HeldVersion> {
    let (first, last) = bucket(number);
    database
        .peers()
        .range(first..=last)
        .map(|(peer, known)| HeldVersion { peer: *peer, version: known.version() })
}

pub(super) fn digest(database: &Database) -> [[u8; 8]; DIGEST_BUCKETS] {
    core::array::from_fn(|number| {
        let mut h = blake3::Hasher::new();
        for entry in held(database, number) {
            h.update(entry.peer.as_bytes());
            h.update(&entry.version.to_le_bytes());
        }
        let mut short = [0; 8];
        h.finalize_xof().fill(&mut short);
        short
    })
}

/// What we hold wherever `theirs` differs from our digest, in pages.
pub(super) fn have(
    database: &Database,
    ours: &[[u8; 8]; DIGEST_BUCKETS],
    theirs: &[[u8; 8]; DIGEST_BUCKETS],
) -> Vec<Message> {
    let entries: Vec<HeldVersion> = (0..DIGEST_BUCKETS)
        .filter(|number| ours[*number] != theirs[*number])
        .flat_map(|number| held(database, number))
        .collect();
    entries.chunks(HAVE_ENTRIES_MAX).map(|page| Message::Have(page.to_vec())).collect()
}

/// Whether a page keeps its own promises: strictly ascending, not too long.
pub(super) fn is_sound(entries: &[HeldVersion]) -> bool {
    entries.len() <= HAVE_ENTRIES_MAX && entries.windows(2).all(|pair| pair[0].peer < pair[1].peer)
}

/// The requests for what a page has and we lack.
pub(super) fn wants(database: &Database, entries: &[HeldVersion]) -> Vec<Message> {
    let lacking: Vec<PeerId> = entries
        .iter()
        .filter(|entry| database.lacks(&entry.peer, entry.version))
        .map(|entry| entry.peer)
        .collect();
    lacking.chunks(WANT_PEERS_MAX).map(|peers| Message::Want { peers: peers.to_vec() }).collect()
}

/// What we hold of `peers`, in messages that keep their bounds.
pub(super) fn batches(database: &Database, peers: &[PeerId], now: Instant) -> Vec<Message> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for known in peers.iter().filter_map(|peer| database.peers().get(peer)) {
        let age = now.since(known.heard_at()).as_millis();
        let aged = AgedAnnouncement {
            age_ms: u32::try_from(age).unwrap_or(u32::MAX),
            bytes: known.announcement_bytes().to_vec(),
        };
        let is_full = batch.len() == BATCH_ANNOUNCEMENTS_MAX
            || bytes + aged.bytes.len() > BATCH_ANNOUNCEMENT_BYTES_MAX;
        if is_full {
            batches.push(Message::Announcements(core::mem::take(&mut batch)));
            bytes = 0;
        }
        bytes += aged.bytes.len();
        batch.push(aged);
    }
    if !batch.is_empty() {
        batches.push(Message::Announcements(batch));
    }
    batches
}
