//! Who waits for the driver: callers for the answer to their command, readers for a view.

use bitcraps_core::{
    id::TableId,
    node::{CommandError, NodeView, RequestId},
    time::Instant,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// Commands that may wait for their answer; further ones are told that the node is busy.
pub const COMMANDS_WAITING_MAX: usize = 256;

/// Readers that may wait for the next view; more are turned away.
pub const VIEW_READERS_MAX: usize = 256;

/// Least time between two views.
pub const VIEW_INTERVAL: Duration = Duration::from_millis(20);

/// What became of a command: the table it made or touched, if any.
pub type CommandAnswer = Result<Option<TableId>, CommandError>;

#[derive(Debug, Default)]
pub struct Commands {
    waiting: BTreeMap<RequestId, oneshot::Sender<CommandAnswer>>,
    next: u64,
}

impl Commands {
    /// A number for a command, or `None` when it was turned away.
    pub fn admit(&mut self, answer: oneshot::Sender<CommandAnswer>) -> Option<RequestId> {
        if self.waiting.len() >= COMMANDS_WAITING_MAX {
            self.waiting.retain(|_, answer| !answer.is_closed());
        }
        if self.waiting.len() >= COMMANDS_WAITING_MAX {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(Err(CommandError::Busy));
            return None;
        }
        let request = RequestId(self.next);
        self.next += 1;
        self.waiting.insert(request, answer);
        Some(request)
    }

    pub fn answer(&mut self, request: RequestId, result: CommandAnswer) {
        if let Some(answer) = self.waiting.remove(&request) {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(result);
        }
    }
}

#[derive(Debug, Default)]
pub struct ViewReaders {
    waiting: Vec<oneshot::Sender<Arc<NodeView>>>,
    /// When the last view was drawn.
    drawn: Option<Instant>,
}

impl ViewReaders {
    pub fn admit(&mut self, answer: oneshot::Sender<Arc<NodeView>>) {
        if self.waiting.len() < VIEW_READERS_MAX {
            self.waiting.push(answer);
        }
    }

    /// When to draw the next view; `None` while nobody waits.
    pub fn due_at(&self, now: Instant) -> Option<Instant> {
        let due = self.drawn.map_or(now, |drawn| drawn + VIEW_INTERVAL);
        (!self.waiting.is_empty()).then_some(due)
    }

    pub fn answer(&mut self, view: Arc<NodeView>, now: Instant) {
        self.drawn = Some(now);
        for reader in self.waiting.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = reader.send(view.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_too_many_is_told_so_and_those_that_gave_up_make_room() {
        let mut commands = Commands::default();
        let mut callers: Vec<_> = (0..COMMANDS_WAITING_MAX)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                assert!(commands.admit(answer).is_some());
                answered
            })
            .collect();
        let (answer, mut answered) = oneshot::channel();
        assert_eq!(commands.admit(answer), None);
        assert_eq!(answered.try_recv(), Ok(Err(CommandError::Busy)));
        callers.pop();
        let (answer, mut answered) = oneshot::channel();
        let request = commands.admit(answer).unwrap();
        commands.answer(request, Ok(None));
        assert_eq!(answered.try_recv(), Ok(Ok(None)));
    }

    #[test]
    fn a_reader_too_many_is_turned_away_at_once() {
        let mut readers = ViewReaders::default();
        let mut waiting: Vec<_> = (0..=VIEW_READERS_MAX)
            .map(|_| {
                let (answer, answered) = oneshot::channel();
                readers.admit(answer);
                answered
            })
            .collect();
        let closed = Err(oneshot::error::TryRecvError::Closed);
        assert_eq!(waiting.pop().unwrap().try_recv().map(|_| ()), closed);
        let open = Err(oneshot::error::TryRecvError::Empty);
        assert!(waiting.iter_mut().all(|reader| reader.try_recv().map(|_| ()) == open));
    }

    #[test]
    fn views_are_due_only_for_somebody_and_not_too_often() {
        let mut readers = ViewReaders::default();
        let start = Instant::from_millis(5);
        assert_eq!(readers.due_at(start), None);
        readers.admit(oneshot::channel().0);
        assert_eq!(readers.due_at(start), Some(start));
        readers.drawn = Some(start);
        assert_eq!(readers.due_at(start), Some(start + VIEW_INTERVAL));
    }
}
