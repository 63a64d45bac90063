//! The kinds of lies, each by its name, and what one liar does of them.
//!
//! Rules. A kind is something that a member with sound keys can do on the real wire; what is
//! refused before it leaves (a packet larger than the mesh carries) is told as large as it goes.

use bitcraps_core::id::PeerId;
use serde::Serialize;
use std::collections::BTreeSet;

/// One way not to play by the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// Half of the members are shown another value than the rest, both signed.
    TwoProposals,
    /// Half of the members get another vote than the rest; some get both.
    TwoVotes,
    /// Half of the members never hear its votes.
    WithheldVotes,
    /// Nobody ever hears its votes.
    NoVotes,
    /// What was said or heard before is said again, by whomever it was.
    Replays,
    /// Votes signed for another table, and messages under another table's name.
    AnotherTable,
    /// Votes signed for another membership of the same table.
    AnotherEpoch,
    /// Votes in the name of every other member.
    ForgedVotes,
    /// Decisions and polkas whose signatures are one's own, repeated.
    ForgedCertificates,
    /// Values larger than a batch may be, as large as the mesh carries.
    HugeProposals,
    /// Its turn to propose passes in silence.
    NoProposals,
    /// Twenty well-formed messages to everybody, five times a second.
    Flood,
    /// Deals whose points are sound and whose proof is not.
    BadDeals,
    /// Shares likewise.
    BadShares,
    /// Its shares are never sent.
    WithheldShares,
    /// Bets of more chips than it has, as a wish and in its own proposals.
    Overspending,
    /// Bets in another member's name, as a wish and in its own proposals.
    OthersName,
    /// Two honest members in one: each half of the table talks to another one of them. Liars of
    /// this kind keep their halves in step with each other.
    TwoFaces,
    /// What it should relay is dropped as soon as it sits at a table.
    NoRelaying,
}

impl Lie {
    /// Every kind that the random worlds draw from. [`Lie::NoRelaying`] is no lie about the table,
    /// and two halves of a mesh can be kept apart by it; the worlds that mean that say so.
    pub const DRAWN: [Lie; 18] = [
        Lie::TwoProposals,
        Lie::TwoVotes,
        Lie::WithheldVotes,
        Lie::NoVotes,
        Lie::Replays,
        Lie::AnotherTable,
        Lie::AnotherEpoch,
        Lie::ForgedVotes,
        Lie::ForgedCertificates,
        Lie::HugeProposals,
        Lie::NoProposals,
        Lie::Flood,
        Lie::BadDeals,
        Lie::BadShares,
        Lie::WithheldShares,
        Lie::Overspending,
        Lie::OthersName,
        Lie::TwoFaces,
    ];
}

/// What a liar is told of the world it lies in.
#[derive(Clone, Debug, Default)]
pub struct Plot {
    pub lies: BTreeSet<Lie>,
    /// At how many of a hundred chances it lies.
    pub zeal: u64,
    /// The other liars.
    pub accomplices: BTreeSet<PeerId>,
    /// Whom the second face of [`Lie::TwoFaces`] talks to; the first one talks to the rest.
    pub second_half: BTreeSet<PeerId>,
}

impl Plot {
    /// A liar of these kinds at every chance.
    pub fn of(lies: &[Lie]) -> Plot {
        Plot { lies: lies.iter().copied().collect(), zeal: 100, ..Plot::default() }
    }

    pub fn has(&self, lie: Lie) -> bool {
        self.lies.contains(&lie)
    }
}
