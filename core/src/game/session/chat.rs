//! What people say at a table. Never on the log, never on disk.
//!
//! Rules, and why.
//! 1. Members and those who look on may speak. A member tells every other member and those who
//!    look on by its help; who looks on tells the member that shows it the table, which hands the
//!    line on. So every line takes at most three steps and none goes round in circles.
//! 2. Lines are signed, because they are handed on; a member hands on what its own watchers say
//!    and nothing else, and members speak for themselves.
//! 3. One line a second and a few at once, for each peer that sends and each author: whoever
//!    floods silences itself and nobody else.

use super::{Output, Session, Standing};
use crate::{
    crypto::identity::{Identity, peer_id},
    game::{
        message::{Line, Message, line_is_sound},
        refused::{CommandError, RequestId},
    },
    id::PeerId,
    limits::LINE_BYTES_MAX,
    sorted::SortedMap,
    time::{Duration, Instant},
};
use std::collections::VecDeque;

/// Lines kept in memory.
pub const LINES_MAX: usize = 64;
/// Time one line takes of its author's allowance. Guess: nobody types faster for long.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// What may be used ahead: four lines more than one.
const LINES_AHEAD: Duration = Duration::from_secs(4);

/// A line and when it was heard.
#[derive(Clone, Debug)]
pub struct Said {
    /// Counts the lines heard.
    pub number: u64,
    pub peer: PeerId,
    pub text: String,
    pub at: Instant,
    salt: [u8; 8],
}

/// Lines and who may speak when again.
#[derive(Default)]
pub(super) struct Talk {
    lines: VecDeque<Said>,
    heard: u64,
    /// By sender and, when a member is the author, author: the time up to which it has spoken.
    /// Senders are members and watchers, and times that are past are forgotten.
    spoken: SortedMap<(PeerId, Option<PeerId>), Instant>,
}

impl Talk {
    /// Whether one more line of these is taken; it is counted then.
    fn allows(&mut self, who: (PeerId, Option<PeerId>), now: Instant) -> bool {
        self.spoken.retain(|_, until| *until > now);
        let from = self.spoken.get(&who).copied().unwrap_or(now).max(now);
        let allowed = from.since(now) <= LINES_AHEAD;
        if allowed {
            self.spoken.insert(who, from + LINE_EVERY);
        }
        allowed
    }

    fn keep(&mut self, line: &Line, now: Instant) {
        let (peer, text, salt) = (peer_id(&line.author), line.text.clone(), line.salt);
        self.heard += 1;
        self.lines.push_back(Said { number: self.heard, peer, text, at: now, salt });
        while self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }
}

impl Session {
    pub(in crate::game) fn say(
        &mut self,
        request: RequestId,
        (text, salt): (String, [u8; 8]),
        identity: &Identity,
        now: Instant,
    ) {
        let result = self.try_say(text, salt, identity, now);
        self.out.push_back(Output::Answer { request, result });
    }

    fn try_say(
        &mut self,
        text: String,
        salt: [u8; 8],
        identity: &Identity,
        now: Instant,
    ) -> Result<(), CommandError> {
        if !line_is_sound(&text) {
            return Err(CommandError::BadLine { got: text.len(), max: LINE_BYTES_MAX });
        }
        let seated = match self.standing {
            Standing::Seated => true,
            Standing::Watching => false,
            Standing::Joining | Standing::Left | Standing::Halted => {
                return Err(CommandError::NotSeated);
            }
        };
        let window = self.window();
        if !seated && window.is_none() {
            return Err(CommandError::TimedOut);
        }
        if !self.talk.allows((self.my_id, None), now) {
            return Err(CommandError::TooFast);
        }
        let line = Line::sign(identity, self.id(), salt, text);
        self.heard_line(&line, now);
        let message = Message::Chat { table: self.id(), line };
        if seated {
            self.broadcast(&message);
            self.to_watchers(&message);
        } else if let Some(to) = window {
            self.send(to, message);
        }
        Ok(())
    }

    pub(super) fn on_line(&mut self, from: PeerId, line: Line, now: Instant) {
        let author = peer_id(&line.author);
        let known = |said: &Said| said.peer == author && said.salt == line.salt;
        if author == self.my_id || self.talk.lines.iter().any(known) {
            return;
        }
        let (member, written_by_member) =
            (self.ledger.seat(from).is_some(), self.ledger.seat(author).is_some());
        let watcher = self.watchers.contains_key(&from);
        let seated = self.standing == Standing::Seated;
        // Rule 2 of the module.
        let heard = match (member, watcher) {
            (true, _) => author == from || !written_by_member || !seated,
            (false, true) => author == from,
            (false, false) => false,
        };
        let who = (from, written_by_member.then_some(author));
        let taken = heard
            && line_is_sound(&line.text)
            && self.talk.allows(who, now)
            && line.verify(self.id()).is_ok();
        if !taken {
            self.counters.lines_refused += 1;
            return;
        }
        self.heard_line(&line, now);
        if !seated {
            return;
        }
        let message = Message::Chat { table: self.id(), line };
        if !member {
            self.broadcast(&message);
        }
        self.to_watchers(&message);
    }

    fn heard_line(&mut self, line: &Line, now: Instant) {
        self.talk.keep(line, now);
        let (peer, text) = (peer_id(&line.author), line.text.clone());
        self.out.push_back(Output::Said { peer, text });
    }

    /// What was said lately, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &Said> {
        self.talk.lines.iter()
    }
}
