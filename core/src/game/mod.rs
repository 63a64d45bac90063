//! Craps played over agreement: tables, their logs, dice and chips.
//!
//! `tables` is what the node talks to: all tables of this peer, invitations and the lobby.
//! `session` runs one table: its ledger, its agreement, what waits to be agreed. `ledger` is the
//! table as the log describes it, `habit` what a seat does without a person and `strategy` how it
//! bets then, `seating` a peer's consent to sit, `keys` the names under which a table is stored.

mod habit;
mod keys;
mod ledger;
pub mod message;
mod refused;
mod seating;
mod session;
mod strategy;
mod tables;

pub use ledger::{
    BatchError, DEPARTURES_MAX, Departure, Happened, KEY_EPOCH, Ledger, MEMBERSHIPS_MAX, Offence,
    OffenceKind, Parting, Phase, Rolled, SeatState,
};
pub use message::{SeatRole, name_is_sound};
pub use refused::{CommandError, RequestId};
pub use session::{
    ABSENT_AFTER, HISTORY_MAX, LINES_MAX, PAUSE_ABOVE, Pause, RESUME_BELOW, Reach, Said, Session,
    Standing, WATCHERS_MAX,
};
pub use strategy::{ParseStrategyError, Strategy};
pub use tables::{ADS_MAX, Ad, Config, Output, TABLES_MAX, Tables};
