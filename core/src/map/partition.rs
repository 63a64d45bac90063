//! When to say that the mesh fell apart, and when that it is whole again.
//!
//! Rules. A split is told once it has lasted for the settling time, because a link that flaps
//! would otherwise shout; told again only if the parts become more. Healing is told at once. What
//! counts as "the mesh" is decided by the database: nodes that once were in one part with us, are
//! not yet expired, and did not say goodbye by announcing no links. A node that crashed is a part
//! of its own until it expires: from here, it cannot be told from one that was cut off.

use crate::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Formed,
    Healed,
}

pub(super) struct PartitionWatch {
    settling_time: Duration,
    /// How many parts there are by what was told; 1 is a whole mesh.
    told: usize,
    /// Since when there have been more parts than were told.
    since: Option<Instant>,
}

impl PartitionWatch {
    pub(super) fn new(settling_time: Duration) -> Self {
        PartitionWatch { settling_time, told: 1, since: None }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.settling_time)
    }

    /// `parts` is how many counted parts there are now.
    pub(super) fn observe(&mut self, parts: usize, now: Instant) -> Option<Verdict> {
        if parts > self.told {
            let since = *self.since.get_or_insert(now);
            if since + self.settling_time > now {
                return None;
            }
            self.since = None;
            self.told = parts;
            return Some(Verdict::Formed);
        }
        self.since = None;
        let healed = parts == 1 && self.told > 1;
        self.told = parts;
        healed.then_some(Verdict::Healed)
    }
}
