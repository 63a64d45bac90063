//! Why a wish about a table was refused, in sentences that say what to do next.

use crate::id::TableId;
use serde::{Deserialize, Serialize};

/// The caller's own number for a command, given back with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Why a command was refused. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", rename_all = "snake_case")]
pub enum CommandError {
    #[error("no table {table} is known here; see the lobby for those that are")]
    UnknownTable { table: TableId },
    #[error("this node has no seat at that table; join it first")]
    NotSeated,
    #[error("this node already sits at that table")]
    AlreadySeated,
    #[error("{have} of the {need} members a table needs are willing; start bots or invite more")]
    TooFewMembers { have: usize, need: usize },
    #[error("the table is full: {max} members")]
    TableFull { max: usize },
    #[error("this node already sits at {max} tables; leave one first")]
    TooManyTables { max: usize },
    #[error(
        "the table is frozen: {reachable} of {members} members are reachable, {needed} are \
         needed; it goes on by itself when they are back"
    )]
    Frozen { reachable: usize, members: usize, needed: usize },
    #[error(
        "betting rests: with a likelihood of {percent} % the members lose each other soon; it goes \
         on by itself when the mesh is safer"
    )]
    Paused { percent: u8 },
    #[error("no repair {repair} is planned; see the health page for those that are")]
    UnknownRepair { repair: u64 },
    #[error("bets are closed for this roll; wait for the dice")]
    BetsClosed,
    #[error("the bet was refused: {why}")]
    BetRefused { why: String },
    #[error("a name is 1 to {max} bytes of UTF-8 without control characters; got {got}")]
    BadName { got: usize, max: usize },
    #[error("this identity was expelled from that table for lying and gets no seat there again")]
    Expelled,
    #[error("a line is 1 to {max} bytes of UTF-8 without control characters; got {got}")]
    BadLine { got: usize, max: usize },
    #[error("one line a second, please; say it again in a moment")]
    TooFast,
    #[error("no table can be played by these rules: {why}")]
    BadRules { why: String },
    #[error("nobody answered in time; try again")]
    TimedOut,
    #[error("too many requests are waiting; try again in a moment")]
    Busy,
}
