//! What has happened and was not handled yet: filled by the browser's callbacks, emptied by the
//! driver.
//!
//! Rules. Frames and commands come from outside in any number, so they have limits and the caller
//! learns when one is reached. Everything else answers something that the node asked for, at most
//! once each, and is never dropped: a lost `Stored` would silence a vote for ever.

use bitcraps_core::node::Input;
use std::{
    cell::RefCell,
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

/// Frames that may wait. Guess: a second of a busy mesh; at 16 KiB each it bounds 16 MiB.
pub const INBOX_FRAMES_MAX: usize = 1024;

/// Commands that may wait: more than a person can give while one turn runs.
pub const INBOX_COMMANDS_MAX: usize = 64;

/// Hands out clones to every callback.
#[derive(Clone, Default)]
pub struct Inbox(Rc<RefCell<Waiting>>);

#[derive(Default)]
struct Waiting {
    inputs: VecDeque<Input>,
    frames: usize,
    commands: usize,
    waker: Option<Waker>,
}

/// The limit for this sort of input is reached; it was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Inbox {
    pub fn push(&self, input: Input) -> Result<(), Full> {
        let mut waiting = self.0.borrow_mut();
        let full = match &input {
            Input::LinkBytes { .. } => waiting.frames >= INBOX_FRAMES_MAX,
            Input::Command { .. } => waiting.commands >= INBOX_COMMANDS_MAX,
            _ => false,
        };
        if full {
            return Err(Full);
        }
        waiting.count(&input, 1);
        waiting.inputs.push_back(input);
        let waker = waiting.waker.take();
        drop(waiting);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// For what is never refused; see the rules above.
    pub fn answer(&self, input: Input) {
        let taken = self.push(input);
        debug_assert!(taken.is_ok(), "only frames and commands have a limit");
    }

    pub fn pop(&self) -> Option<Input> {
        let mut waiting = self.0.borrow_mut();
        let input = waiting.inputs.pop_front()?;
        waiting.count(&input, -1);
        Some(input)
    }

    /// Resolves as soon as something waits.
    pub async fn filled(&self) {
        poll_fn(|context| {
            let mut waiting = self.0.borrow_mut();
            if waiting.inputs.is_empty() {
                waiting.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

impl Waiting {
    fn count(&mut self, input: &Input, change: isize) {
        let count = match input {
            Input::LinkBytes { .. } => &mut self.frames,
            Input::Command { .. } => &mut self.commands,
            _ => return,
        };
        *count = count.saturating_add_signed(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::{
        id::LinkId,
        node::{Command, RequestId},
    };

    fn frame() -> Input {
        Input::LinkBytes { link: LinkId(1), bytes: vec![0] }
    }

    fn command() -> Input {
        let command = Command::Rename { name: "a".to_owned() };
        Input::Command { request: RequestId(1), command }
    }

    #[test]
    fn frames_and_commands_are_refused_over_their_limits_and_answers_never_are() {
        let inbox = Inbox::default();
        for _ in 0..INBOX_FRAMES_MAX {
            assert_eq!(inbox.push(frame()), Ok(()));
        }
        assert_eq!(inbox.push(frame()), Err(Full));
        for _ in 0..INBOX_COMMANDS_MAX {
            assert_eq!(inbox.push(command()), Ok(()));
        }
        assert_eq!(inbox.push(command()), Err(Full));
        for ticket in 0..INBOX_FRAMES_MAX as u64 * 2 {
            assert_eq!(inbox.push(Input::Stored { ticket }), Ok(()));
        }
    }

    #[test]
    fn what_was_taken_out_makes_room_and_comes_in_order() {
        let inbox = Inbox::default();
        for _ in 0..INBOX_FRAMES_MAX {
            assert_eq!(inbox.push(frame()), Ok(()));
        }
        inbox.answer(Input::Wake);
        assert!(matches!(inbox.pop(), Some(Input::LinkBytes { .. })));
        assert_eq!(inbox.push(frame()), Ok(()));
        for _ in 1..INBOX_FRAMES_MAX {
            assert!(matches!(inbox.pop(), Some(Input::LinkBytes { .. })));
        }
        assert!(matches!(inbox.pop(), Some(Input::Wake)));
    }
}
