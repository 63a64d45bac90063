//! What a person or a program can ask of a node.

use crate::{
    craps::{Chips, Rules, Wager},
    id::{PeerId, TableId},
};
use serde::{Deserialize, Serialize};

/// JSON form: `{"do": "place_bet", "table": "…", "wager": "pass", "chips": 10}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Command {
    /// Ask peers to form a table. Nobody named: every bot and witness that the map shows, up to
    /// the limit. It starts when at least four members have agreed, this node included.
    CreateTable {
        name: String,
        #[serde(default)]
        invite: Vec<PeerId>,
        /// Limits and payouts; what is left out is the default.
        #[serde(default)]
        rules: Rules,
    },
    /// Take a seat between two rolls, or before anybody has bet on the next one.
    JoinTable { table: TableId },
    /// Give the seat up between two rolls. Bets still on the felt are resolved as they fall.
    LeaveTable { table: TableId },
    /// See a table without a seat, and talk there. `leave_table` ends it.
    WatchTable { table: TableId },
    /// Say something to everybody at a table (at most 256 bytes of UTF-8).
    Say { table: TableId, text: String },
    /// Put chips on the felt while bets are open.
    PlaceBet { table: TableId, wager: Wager, chips: Chips },
    /// Say that this seat has no more bets for this roll; from the shooter, it closes the bets.
    Roll { table: TableId },
    /// Make a planned repair now; its id is in the view.
    Repair { repair: u64 },
    /// Take another display name (at most 32 bytes of UTF-8).
    Rename { name: String },
}
