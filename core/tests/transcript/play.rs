//! A table that is played by one hand: every member's keys are here, so that a certified log of
//! any length comes about without agreement, and the same one every time.

use bitcraps_core::{
    agree::{
        Decision, MemberKey, Members, digest,
        message::{Bytes, Decided, Message, Step},
    },
    craps::{Chips, Rules, Wager},
    crypto::{dice::MemberSecret, identity::Identity},
    game::{
        KEY_EPOCH, Ledger, SeatRole,
        message::{Action, Batch, Entry, Genesis, Invitation, Op, Seating},
        transcript,
    },
    id::TableId,
    seed::Seed,
};
use ed25519_dalek::{Signer as _, SigningKey};

/// A member whose keys the table's one hand holds.
pub struct Member {
    pub identity: Identity,
    pub signing: SigningKey,
    secret: MemberSecret,
    seq: u64,
}

/// A table and its log.
pub struct Play {
    pub genesis: Genesis,
    pub ledger: Ledger,
    pub members: Vec<Member>,
    pub log: Vec<Decision>,
    /// The first roll nobody has dealt for.
    dealt: u64,
    /// Rolls for which one op deals.
    pub deals_at_once: u64,
}

fn member(number: u64, invitation: &Invitation) -> (Member, Seating) {
    let identity = Identity::generate(&Seed::from_number(number), 0);
    let secret = MemberSecret::derive(&Seed::from_number(number).fork("dice"));
    let id = invitation.id();
    let dice_key = secret.register(&id.0, KEY_EPOCH, &identity.card().key);
    let role = SeatRole::Player;
    let seating = Seating::sign(&identity, id, format!("m{number}"), role, dice_key);
    let signing = SigningKey::from_bytes(&identity.secret());
    (Member { identity, signing, secret, seq: 0 }, seating)
}

impl Play {
    /// A table of so many members; each salt makes another one.
    pub fn new(members: u64, salt: u8) -> Play {
        let invitation = Invitation {
            host: Identity::generate(&Seed::from_number(0), 0).card().key,
            salt: [salt; 16],
            name: "table".to_owned(),
            buy_in: Chips(10_000),
            rules: Rules::default(),
            bank: Chips(1_000_000),
        };
        let (members, seatings): (Vec<_>, Vec<_>) =
            (0..members).map(|number| member(number, &invitation)).unzip();
        let genesis = Genesis { invitation, seatings };
        let ledger = Ledger::new(&genesis).unwrap();
        Play { genesis, ledger, members, log: Vec::new(), dealt: 0, deals_at_once: 1 }
    }

    pub fn table(&self) -> TableId {
        self.ledger.table()
    }

    /// The set that decides the next height.
    pub fn set(&self) -> Members {
        let keys: Vec<MemberKey> = self.ledger.member_keys().into_iter().map(MemberKey).collect();
        Members::new(&keys).unwrap()
    }

    pub fn op(&mut self, who: usize, action: Action) -> Entry {
        let table = self.table();
        let member = &mut self.members[who];
        member.seq += 1;
        Entry::Op(Op::sign(&member.identity, table, member.seq, action))
    }

    /// A decision as a quorum of `set` signs it, whether it fits the log or not.
    pub fn certified(&self, set: &Members, height: u64, value: &[u8]) -> Decision {
        self.certified_for(self.table(), set, height, value)
    }

    pub fn certified_for(
        &self,
        table: TableId,
        set: &Members,
        height: u64,
        value: &[u8],
    ) -> Decision {
        let (group, id) = (table.as_bytes(), digest::value_id(value));
        let signed = digest::vote(group, set, Step::Precommit, height, 0, Some(&id));
        let (mut signers, mut signatures) = (0, Vec::new());
        for place in 0..set.quorum() {
            let key = set.key(place).unwrap();
            let member = self.members.iter().find(|m| m.identity.card().key == key.0).unwrap();
            signers |= 1 << place;
            signatures.extend(member.signing.sign(&signed).to_bytes());
        }
        let (signatures, value) = (Bytes(&signatures), Bytes(value));
        let bytes =
            Message::Decided(Decided { height, round: 0, signers, signatures, value }).encode();
        Decision::decode(&bytes).unwrap()
    }

    /// Puts a batch on the log.
    pub fn decide(&mut self, entries: Vec<Entry>) {
        let (value, height) = (Batch(entries).encode(), self.ledger.height() + 1);
        let decision = self.certified(&self.set(), height, &value);
        let before = self.ledger.epoch_number();
        self.ledger.apply(&value).unwrap();
        if self.ledger.epoch_number() != before {
            self.dealt = self.ledger.roll();
        }
        self.log.push(decision);
    }

    fn deals(&mut self) -> Vec<Entry> {
        let (epoch, roll) = (self.ledger.epoch_number(), self.ledger.roll());
        if self.dealt > roll {
            return Vec::new();
        }
        self.dealt = roll + self.deals_at_once;
        let mut entries = Vec::new();
        for who in 0..self.members.len() {
            let id = self.members[who].identity.id();
            let Some((seat, _)) = self.ledger.seat(id) else { continue };
            let secret = &self.members[who].secret;
            let deals = (roll..self.dealt)
                .map(|roll| self.ledger.make_deal(seat, secret, roll, &Seed::from_number(1)))
                .collect::<Option<Vec<_>>>()
                .unwrap();
            entries.push(self.op(who, Action::Deal { epoch, deals }));
        }
        entries
    }

    /// One roll in two batches: deals and bets until they are closed, then what opens the dice.
    /// Every member bets and is ready.
    pub fn roll(&mut self) {
        let mut entries = self.deals();
        let roll = self.ledger.roll();
        entries.push(Entry::BetsOpen { roll });
        let seated: Vec<usize> = (0..self.members.len())
            .filter(|who| self.ledger.seat(self.members[*who].identity.id()).is_some())
            .collect();
        for who in &seated {
            let wager = if who % 2 == 0 { Wager::Field } else { Wager::Pass };
            let mut trial = self.ledger.clone();
            entries.iter().for_each(|entry| drop(trial.try_entry(entry).unwrap()));
            let bet = self.op(*who, Action::Bet { roll, wager, chips: Chips(5 + *who as u64) });
            // Whoever has no chips left watches.
            if trial.try_entry(&bet).is_ok() {
                entries.push(bet);
            }
        }
        for who in &seated {
            entries.push(self.op(*who, Action::Ready { roll }));
        }
        entries.push(Entry::BetsClosed { roll });
        self.decide(entries);
        let openers = seated.iter().rev().take(self.ledger.threshold());
        let shares = openers.map(|who| {
            let member = &self.members[*who];
            let (seat, _) = self.ledger.seat(member.identity.id()).unwrap();
            let share = self.ledger.make_share(seat, &member.secret, &Seed::from_number(1));
            Entry::Share(share.unwrap())
        });
        let shares = shares.collect();
        self.decide(shares);
    }

    /// A new member takes a seat; gives its place in `members`.
    pub fn join(&mut self) -> usize {
        let (newcomer, seating) = member(self.members.len() as u64, &self.genesis.invitation);
        self.members.push(newcomer);
        let who = self.members.len() - 1;
        let join = self.op(who, Action::Join(Box::new(seating)));
        self.decide(vec![join]);
        who
    }

    pub fn leave(&mut self, who: usize) {
        let leave = self.op(who, Action::Leave);
        self.decide(vec![leave]);
    }

    /// The whole transcript.
    pub fn transcript(&self) -> Vec<u8> {
        self.transcript_of(&self.log)
    }

    /// The head of this table with other lines behind it.
    pub fn transcript_of(&self, log: &[Decision]) -> Vec<u8> {
        let (mut bytes, mut from) = (Vec::new(), 0);
        loop {
            let part = transcript::part(&self.genesis, log.iter(), from);
            if part.bytes.is_empty() {
                return bytes;
            }
            bytes.extend(part.bytes);
            from = part.next;
        }
    }
}
