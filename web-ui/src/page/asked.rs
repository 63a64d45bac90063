//! Commands that wait for their answer, as far as a page shows them.

use bitcraps_core::{
    id::TableId,
    node::{Command, RequestId},
    sorted::SortedMap,
};

/// Commands remembered at once. Above it, answers still come, but only as sayings.
pub const ASKED_MAX: usize = 32;

/// What was asked, without what a page does not need of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Create,
    Join(TableId),
    Watch(TableId),
    Say(TableId),
    Leave(TableId),
    Roll(TableId),
    Bet(TableId),
    Rename,
    Repair(u64),
}

impl Asked {
    pub fn of(command: &Command) -> Asked {
        match command {
            Command::CreateTable { .. } => Asked::Create,
            Command::JoinTable { table } => Asked::Join(*table),
            Command::WatchTable { table } => Asked::Watch(*table),
            Command::Say { table, .. } => Asked::Say(*table),
            Command::LeaveTable { table } => Asked::Leave(*table),
            Command::Roll { table } => Asked::Roll(*table),
            Command::PlaceBet { table, .. } => Asked::Bet(*table),
            Command::Rename { .. } => Asked::Rename,
            Command::Repair { repair } => Asked::Repair(*repair),
        }
    }
}

/// Open requests by number.
#[derive(Debug, Default)]
pub struct Pending(SortedMap<RequestId, Asked>);

impl Pending {
    pub fn note(&mut self, request: RequestId, asked: Asked) {
        if self.0.len() < ASKED_MAX {
            self.0.insert(request, asked);
        }
    }

    /// What this number stood for, once.
    pub fn answered(&mut self, request: RequestId) -> Option<Asked> {
        self.0.remove(&request)
    }

    pub fn all(&self) -> Vec<Asked> {
        self.0.values().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_requests_are_remembered_and_an_answer_makes_room() {
        let mut pending = Pending::default();
        for number in 0..ASKED_MAX as u64 + 5 {
            pending.note(RequestId(number), Asked::Create);
        }
        assert_eq!(pending.all().len(), ASKED_MAX);
        assert_eq!(pending.answered(RequestId(0)), Some(Asked::Create));
        assert_eq!(pending.answered(RequestId(0)), None);
        pending.note(RequestId(99), Asked::Rename);
        assert_eq!(pending.answered(RequestId(99)), Some(Asked::Rename));
    }
}
