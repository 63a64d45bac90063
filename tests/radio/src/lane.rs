//! Values on their way through the air, in one direction.

use dbus::Message;
use std::{collections::VecDeque, time::Instant};

/// Values of one characteristic on their way in one direction: at 512 bytes 16 KiB, far more than
/// a controller's buffers hold.
pub const FRAMES_MAX: usize = 32;

#[derive(Default)]
pub struct Lane {
    pub frames: VecDeque<Frame>,
    pub last_due: Option<Instant>,
}

pub struct Frame {
    pub due: Instant,
    pub data: Vec<u8>,
    /// Answered once the value has arrived.
    pub call: Option<Message>,
}

impl Lane {
    pub fn push(&mut self, due: Instant, data: Vec<u8>, call: Option<Message>) {
        // A shorter delay must not let a later value pass.
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        self.frames.push_back(Frame { due, data, call });
    }

    pub fn next(&self) -> Option<Instant> {
        self.frames.front().map(|frame| frame.due)
    }

    pub fn is_full(&self) -> bool {
        self.frames.len() >= FRAMES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_shorter_delay_does_not_let_a_value_pass_and_a_lane_fills() {
        let mut lane = Lane::default();
        let now = Instant::now();
        lane.push(now + Duration::from_secs(2), vec![1], None);
        lane.push(now + Duration::from_secs(1), vec![2], None);
        assert_eq!(lane.frames[0].data, [1]);
        assert_eq!(lane.frames[1].due, now + Duration::from_secs(2));
        while !lane.is_full() {
            lane.push(now, vec![0], None);
        }
        assert_eq!(lane.frames.len(), FRAMES_MAX);
    }
}
