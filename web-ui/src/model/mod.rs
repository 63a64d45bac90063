//! From a [`bitcraps_core::node::NodeView`] to what a page says and shows: pure functions, tested
//! natively.

pub mod bluetooth;
pub mod chart;
pub mod conduct;
pub mod connection;
pub mod example;
pub mod felt;
pub mod health;
pub mod links;
pub mod mesh;
pub mod names;
pub mod nearby;
pub mod story;
pub mod table;
pub mod text;
pub mod told;
pub mod typed;

#[cfg(test)]
mod sample {
    //! Small views for the tests of this room.

    use bitcraps_core::{
        craps::{Chips, Dice},
        crypto::identity::Identity,
        id::{PeerId, TableId},
        node::{
            BetView, Config, HistoryView, Node, NodeView, SeatRole, SeatView, TablePhase,
            TableState, TableView,
        },
        seed::Seed,
        time::Instant,
    };

    pub fn view() -> NodeView {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let (config, seed) = (Config::default(), Seed::from_number(1));
        Node::new(config, identity, &seed, Vec::new(), Instant::ZERO, 0).view(Instant::ZERO)
    }

    pub fn peer(n: u8) -> PeerId {
        PeerId::from_bytes([n; 32])
    }

    pub fn bet(spot: &str, chips: u64) -> BetView {
        BetView { spot: spot.to_owned(), chips: Chips(chips) }
    }

    pub fn roll(number: u64) -> HistoryView {
        HistoryView {
            roll: number,
            height: 1,
            dice: Dice(1, 2),
            shooter: None,
            point: None,
            dealers: Vec::new(),
            openers: Vec::new(),
            opened: String::new(),
            paid: Default::default(),
        }
    }

    /// A player, who may be the tests' own, two bots and a witness, on a come-out roll.
    pub fn table() -> TableView {
        let roles = [SeatRole::Player, SeatRole::Bot, SeatRole::Bot, SeatRole::Witness];
        let seats = roles.into_iter().zip(0u8..).map(|(role, n)| SeatView {
            peer_id: peer(n),
            name: ["Ann", "Bob", "Cid", "Dee"][usize::from(n)].to_owned(),
            role,
            stack: Chips(100),
            bets: Vec::new(),
            reachable: true,
            ready: false,
            deals: 1,
            opened: false,
            brought: Chips(100),
            silent_ms: None,
            absent_claims: 0,
            away: false,
            leaving: false,
            offence: None,
        });
        TableView {
            table_id: TableId::from_bytes([9; 32]),
            name: "Table".to_owned(),
            state: TableState::Playing,
            phase: TablePhase::Betting,
            members: (0..4).map(peer).collect(),
            seats: seats.collect(),
            height: 1,
            log_hash: String::new(),
            shooter: Some(peer(0)),
            point: None,
            rules: Default::default(),
            hand: Default::default(),
            roll: 1,
            bank: Chips(1000),
            minted: Chips(1400),
            cashed_out: Chips(0),
            reachable: 4,
            quorum: 3,
            pending: 0,
            paused: None,
            buy_in: Chips(100),
            phase_ms: 0,
            departures: Vec::new(),
            watchers: 0,
            chat: Vec::new(),
            history: Vec::new(),
        }
    }
}
