//! What happened lately, folded from the node's events: what to announce, and why a connection
//! failed.
//!
//! Rules. Only what a person would want to hear becomes a saying; the rest is in the view already.
//! Sayings are few and grow old, so nobody has to clean them away.

use super::{conduct::offended, text};
use bitcraps_core::{
    craps::{Chips, Dice},
    id::PeerId,
    node::{Address, CloseReason, Event, TableState, TableView},
    time::Instant,
};
use std::collections::VecDeque;

/// Sayings kept at once: what fits above a thumb.
pub const SAYINGS_MAX: usize = 3;

/// How long a saying stays, in milliseconds: long enough to read twice.
pub const SAYING_MS: u64 = 6_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
}

/// One sentence for the live region and the corner of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Counts up, so that the same sentence twice is two.
    pub number: u64,
    pub at: Instant,
    pub tone: Tone,
    pub text: String,
}

/// Why there is no link, as far as this side can know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered at the address.
    Dial { address: Address, why: String, retry_at: Instant },
    /// A link ended, before or after the other side proved who it is.
    Closed { reason: CloseReason },
}

/// Everything remembered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    pub sayings: VecDeque<Saying>,
    pub last_failure: Option<Failure>,
    /// Who the last open link led to.
    pub last_peer: Option<PeerId>,
    /// Since when there has been no open link.
    pub apart_since: Instant,
    told: u64,
}

impl Story {
    /// A peer that has just started.
    pub fn new(now: Instant) -> Story {
        Story { apart_since: now, ..Story::default() }
    }

    /// Takes one event. `tables` are the node's own, to put names to ids.
    pub fn take(&mut self, event: &Event, tables: &[TableView], now: Instant) {
        match event {
            Event::CommandDone { result, .. } => {
                if let Err(error) = result {
                    self.say(Tone::Bad, capital(&error.to_string()), now);
                }
            }
            Event::LinkOpened { peer_id, .. } => {
                self.last_peer = Some(*peer_id);
                self.last_failure = None;
            }
            Event::LinkClosed { reason, .. } => {
                self.apart_since = now;
                self.last_failure = Some(Failure::Closed { reason: *reason });
            }
            Event::DialFailed { address, why, retry_ms } => {
                self.last_failure = Some(Failure::Dial {
                    address: address.clone(),
                    why: why.clone(),
                    retry_at: now + core::time::Duration::from_millis(*retry_ms),
                });
            }
            // Their pages tell of these, with their figures and words.
            Event::MapChanged
            | Event::LinkSwitched { .. }
            | Event::PeerSighted { .. }
            | Event::PeerRangeChanged { .. }
            | Event::PeerGone { .. }
            | Event::TableChanged { .. }
            | Event::Said { .. }
            | Event::AlertRaised { .. }
            | Event::AlertCleared { .. }
            | Event::AnomalyFound { .. }
            | Event::RepairTried { .. }
            | Event::RepairEnded { .. } => {}
            Event::PartitionFormed { parts } => {
                let count = parts.len().to_string();
                let said = ["The mesh fell into ", &count, " parts; see the mesh page."].concat();
                self.say(Tone::Bad, said, now);
            }
            Event::PartitionHealed => {
                self.say(Tone::Good, "The mesh is whole again.".to_owned(), now);
            }
            Event::TableOpened { table } => {
                let watches = |t: &&TableView| t.table_id == *table && looks_on(t);
                let what = match tables.iter().find(watches) {
                    Some(_) => "You look on at ",
                    None => "You sit at ",
                };
                let said = [what, &named(tables, *table), "."].concat();
                self.say(Tone::Good, said, now);
            }
            Event::Rolled { table, dice, .. } => {
                let point = before(tables, *table, *dice);
                self.say(Tone::Plain, rolled(*dice, point), now);
            }
            Event::Paid { chips, .. } => self.say(Tone::Good, paid(*chips), now),
            Event::TableFrozen { table, reachable, needed } => {
                let said = [
                    &named(tables, *table),
                    " is frozen: ",
                    &text::counted(*reachable, "member is", "members are"),
                    " in reach, ",
                    &needed.to_string(),
                    " are needed. It goes on by itself.",
                ]
                .concat();
                self.say(Tone::Bad, said, now);
            }
            Event::TableThawed { table } => {
                self.say(Tone::Good, [&named(tables, *table), " goes on."].concat(), now);
            }
            Event::BettingPaused { table, percent } => {
                let said = [
                    "Betting rests at ",
                    &named(tables, *table),
                    ": with a likelihood of ",
                    &percent.to_string(),
                    " % its members lose each other soon. It goes on by itself.",
                ]
                .concat();
                self.say(Tone::Bad, said, now);
            }
            Event::BettingResumed { table } => {
                self.say(Tone::Good, [&named(tables, *table), " takes bets again."].concat(), now);
            }
            Event::Equivocation { table, culprit } => {
                let said = [
                    "A member of ",
                    &named(tables, *table),
                    ", ",
                    &culprit.short(),
                    ", signed two conflicting messages.",
                ]
                .concat();
                self.say(Tone::Bad, said, now);
            }
            Event::MemberExpelled { table, peer_id, offence } => {
                let at = named(tables, *table);
                let who = member(tables, *table, peer_id);
                let said = [&who, " is expelled from ", &at, ": it ", &offended(offence), "."];
                self.say(Tone::Bad, said.concat(), now);
            }
            Event::MemberAway { table, peer_id } => {
                let at = named(tables, *table);
                let who = member(tables, *table, peer_id);
                let said = [&who, " has not been heard at ", &at, " for long and is away."];
                self.say(Tone::Plain, said.concat(), now);
            }
        }
    }

    /// Adds a sentence that no event stands behind: what the page itself refused.
    pub fn say(&mut self, tone: Tone, text: String, now: Instant) {
        if self.sayings.len() == SAYINGS_MAX {
            self.sayings.pop_front();
        }
        self.told += 1;
        self.sayings.push_back(Saying { number: self.told, at: now, tone, text });
    }

    /// Lets old sayings go.
    pub fn age(&mut self, now: Instant) {
        self.sayings.retain(|s| now.since(s.at).as_millis() < u128::from(SAYING_MS));
    }
}

fn rolled(dice: Dice, point: Option<Option<bitcraps_core::craps::Number>>) -> String {
    let sum = dice.total().to_string();
    let mut said =
        ["Rolled ", &dice.0.to_string(), " and ", &dice.1.to_string(), ": ", &sum].concat();
    if let Some(point) = point {
        said.push_str(", ");
        said.push_str(text::outcome(point, dice));
    }
    said.push('.');
    said
}

fn paid(chips: Chips) -> String {
    let count = usize::try_from(chips.0).unwrap_or(usize::MAX);
    ["You were paid ", &text::counted(count, "chip", "chips"), "."].concat()
}

/// The point before the newest roll, when the table's history has that roll.
fn before(
    tables: &[TableView],
    table: bitcraps_core::id::TableId,
    dice: Dice,
) -> Option<Option<bitcraps_core::craps::Number>> {
    let newest = tables.iter().find(|t| t.table_id == table)?.history.first()?;
    (newest.dice == dice).then_some(newest.point)
}

fn named(tables: &[TableView], table: bitcraps_core::id::TableId) -> String {
    tables
        .iter()
        .find(|t| t.table_id == table && t.state != TableState::Left)
        .map_or_else(|| ["table ", &table.short()].concat(), |t| t.name.clone())
}

fn looks_on(table: &TableView) -> bool {
    table.state == TableState::Watching
}

/// A member's name at that table, also when it has given its seat up.
fn member(tables: &[TableView], table: bitcraps_core::id::TableId, peer: &PeerId) -> String {
    match tables.iter().find(|t| t.table_id == table) {
        Some(table) => super::table::name_of(table, peer),
        None => peer.short(),
    }
}

fn capital(sentence: &str) -> String {
    let mut out = sentence.to_owned();
    if let Some(first) = out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::{
        id::TableId,
        node::{CommandError, RequestId},
    };

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_refused_command_is_said_as_a_sentence() {
        let mut story = Story::new(at(0));
        let event =
            Event::CommandDone { request: RequestId(1), result: Err(CommandError::NotSeated) };
        story.take(&event, &[], at(5));
        let said = &story.sayings[0];
        assert_eq!(said.tone, Tone::Bad);
        assert!(said.text.starts_with("This node has no seat"), "{}", said.text);
        assert!(said.text.ends_with('.'));
    }

    #[test]
    fn sayings_are_few_and_grow_old() {
        let mut story = Story::new(at(0));
        for i in 0..20 {
            story.take(&Event::PartitionHealed, &[], at(i));
        }
        assert_eq!(story.sayings.len(), SAYINGS_MAX);
        assert_eq!(story.sayings.back().map(|s| s.number), Some(20));
        story.age(at(SAYING_MS + 19));
        assert!(story.sayings.is_empty());
    }

    #[test]
    fn a_roll_and_a_payout_are_announced() {
        let mut story = Story::new(at(0));
        let table = TableId::from_bytes([1; 32]);
        story.take(&Event::Rolled { table, roll: 1, dice: Dice(3, 4) }, &[], at(1));
        story.take(&Event::Paid { table, roll: 1, chips: Chips(1) }, &[], at(1));
        let said: Vec<&str> = story.sayings.iter().map(|s| s.text.as_str()).collect();
        assert_eq!(said, ["Rolled 3 and 4: 7.", "You were paid 1 chip."]);
    }

    #[test]
    fn an_open_link_takes_back_the_reason_why_there_was_none() {
        let mut story = Story::new(at(0));
        let address = Address("ws://host/mesh".to_owned());
        let failed = Event::DialFailed { address, why: "no".to_owned(), retry_ms: 500 };
        story.take(&failed, &[], at(100));
        assert!(matches!(
            story.last_failure,
            Some(Failure::Dial { retry_at, .. }) if retry_at == at(600)
        ));
        let peer_id = PeerId::from_bytes([7; 32]);
        let opened = Event::LinkOpened {
            link: bitcraps_core::id::LinkId(1),
            peer_id,
            transport: bitcraps_core::node::Transport::WebSocket,
        };
        story.take(&opened, &[], at(200));
        assert_eq!((story.last_failure.clone(), story.last_peer), (None, Some(peer_id)));
    }
}
