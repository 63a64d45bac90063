//! Recomputes a transcript line by line; the rules stand in the room's first lines.

use super::{
    Fault, GENESIS_BYTES_MAX, HEAD_BYTES, LENGTH_BYTES, LINE_BYTES_MAX, MAGIC, VERSION, Verified,
    Why,
};
use crate::{
    agree::{Decision, DecisionError, MemberKey, Members},
    craps::Chips,
    crypto::identity::peer_id,
    game::{
        ledger::{Happened, Ledger},
        message::{Batch, Entry, Genesis, Key},
    },
    id::{PeerId, TableId},
};
use core::mem;

/// Takes the bytes of a transcript as they come and gives its lines as they prove right.
#[derive(Clone, Default)]
pub struct Check {
    /// Bytes that are not checked yet, from `at` on.
    unread: Vec<u8>,
    at: usize,
    /// Where `unread[at]` stands in the file.
    offset: u64,
    /// The table that the head names.
    written: Option<TableId>,
    table: Option<Box<Table>>,
    fault: Option<Box<Fault>>,
}

/// The table as the lines so far describe it.
#[derive(Clone)]
struct Table {
    ledger: Ledger,
    /// Of the next line, with the keys they were made from: decompressing those takes as long as
    /// checking a signature.
    members: Option<(Vec<Key>, Members)>,
    buy_in: Chips,
    found: Verified,
}

/// A line that proved right.
#[derive(Clone, Debug)]
pub struct Line {
    /// 0 is the head with the genesis, h the batch of height h.
    pub number: u64,
    /// Entries of its batch, members of the genesis.
    pub entries: usize,
    /// What the batch brought about.
    pub happened: Vec<Happened>,
}

impl Line {
    /// What the batch brought about, a sentence each without its full stop.
    pub fn brought(&self) -> Vec<String> {
        let sentence = |what: &Happened| match what {
            Happened::MembersChanged => Some("The members changed".to_owned()),
            Happened::BetsOpened { roll } => Some(format!("Bets opened for roll {}", roll + 1)),
            Happened::BetsClosed { roll } => Some(format!("Bets closed for roll {}", roll + 1)),
            Happened::Rolled(rolled) => {
                let (dice, roll) = (rolled.dice, rolled.roll + 1);
                Some(format!("Roll {roll} is {} and {}", dice.0, dice.1))
            }
            Happened::Away { peer } => Some(format!("{} is away", peer.short())),
            Happened::Expelled { peer, offence } => {
                let height = offence.height;
                Some(format!("{} was expelled for lying at line {height}", peer.short()))
            }
        };
        self.happened.iter().filter_map(sentence).collect()
    }
}

/// Checks a whole transcript; `progress` is told every line that proved right.
pub fn verify(bytes: &[u8], mut progress: impl FnMut(&Line)) -> Result<Verified, Box<Fault>> {
    let mut check = Check::new();
    check.feed(bytes);
    while let Some(line) = check.step()? {
        progress(&line);
    }
    check.finish().cloned()
}

impl Check {
    pub fn new() -> Check {
        Check::default()
    }

    /// Takes the next bytes of the file. Call [`Check::step`] until it wants more: what is not
    /// checked yet is kept.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.unread.drain(..mem::take(&mut self.at));
        self.unread.extend_from_slice(bytes);
    }

    /// Bytes of the file that proved right.
    pub fn bytes(&self) -> u64 {
        self.offset
    }

    /// What the lines so far show, also when a later one is wrong. `None` before line 0.
    pub fn found(&mut self) -> Option<&Verified> {
        let table = self.table.as_mut()?;
        table.found.count_chips(&table.ledger);
        Some(&table.found)
    }

    /// Checks one line. `None` when it is not all there yet. Once a line is wrong, every call says
    /// the same.
    pub fn step(&mut self) -> Result<Option<Line>, Box<Fault>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        self.try_step().map_err(|(entry, why)| self.stop(entry, why))
    }

    /// The file ends here: what it shows.
    pub fn finish(&mut self) -> Result<&Verified, Box<Fault>> {
        while self.step()?.is_some() {}
        let have = self.unread.len() - self.at;
        let need = match (self.written, self.length()) {
            (None, _) => HEAD_BYTES,
            (Some(_), Some(length)) => LENGTH_BYTES + length,
            (Some(_), None) => LENGTH_BYTES,
        };
        if have > 0 || self.table.is_none() {
            let (have, need) = (have as u64, need as u64);
            return Err(self.stop(None, Why::CutShort { have, need }));
        }
        Ok(self.found().expect("a table without an unread byte behind it"))
    }

    fn stop(&mut self, entry: Option<(usize, Option<PeerId>)>, why: Why) -> Box<Fault> {
        let line = self.table.as_ref().map_or(0, |table| table.ledger.height() + 1);
        let fault = Box::new(Fault { line, offset: self.offset, entry, why });
        self.fault = Some(fault.clone());
        fault
    }

    fn try_step(&mut self) -> Result<Option<Line>, Blame> {
        let written = match self.written {
            Some(written) => written,
            None => match self.head()? {
                Some(written) => *self.written.insert(written),
                None => return Ok(None),
            },
        };
        let Some(length) = self.length() else { return Ok(None) };
        let max = if self.table.is_none() { GENESIS_BYTES_MAX } else { LINE_BYTES_MAX };
        if length > max {
            return blame(Why::TooLong { got: length as u64, max: max as u64 });
        }
        let start = self.at + LENGTH_BYTES;
        let Some(bytes) = self.unread.get(start..start + length) else { return Ok(None) };
        let line = match &mut self.table {
            None => {
                let table = Table::first(written, bytes)?;
                let (number, entries) = (0, table.ledger.seats().count());
                self.table = Some(Box::new(table));
                Line { number, entries, happened: Vec::new() }
            }
            Some(table) => table.batch(bytes)?,
        };
        self.skip(LENGTH_BYTES + length);
        Ok(Some(line))
    }

    /// Magic, version and table. What is there is checked even when the rest is missing.
    fn head(&mut self) -> Result<Option<TableId>, Blame> {
        let unread = &self.unread[self.at..];
        if !unread.iter().zip(MAGIC).all(|(got, due)| got == due) {
            return blame(Why::NoTranscript);
        }
        match unread.get(MAGIC.len()) {
            Some(version) if *version != VERSION => return blame(Why::Version { got: *version }),
            Some(_) | None => {}
        }
        let table = unread.get(MAGIC.len() + 1..HEAD_BYTES).and_then(|id| id.try_into().ok());
        if table.is_some() {
            self.skip(HEAD_BYTES);
        }
        Ok(table.map(TableId::from_bytes))
    }

    /// Bytes of the next line, once its length is there.
    fn length(&self) -> Option<usize> {
        let bytes = self.unread.get(self.at..self.at + LENGTH_BYTES)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    fn skip(&mut self, bytes: usize) {
        self.at += bytes;
        self.offset += bytes as u64;
    }
}

/// What is wrong with a line, and the entry that is to blame, if one is.
type Blame = (Option<(usize, Option<PeerId>)>, Why);

fn blame<T>(why: Why) -> Result<T, Blame> {
    Err((None, why))
}

impl Table {
    /// Line 0.
    fn first(written: TableId, bytes: &[u8]) -> Result<Table, Blame> {
        let Some(genesis) = Genesis::decode(bytes) else { return blame(Why::NoGenesis) };
        if genesis.encode() != bytes {
            return blame(Why::NotCanonical);
        }
        let made = genesis.id();
        if made != written {
            return blame(Why::OtherTable { written, made });
        }
        let invitation = genesis.invitation.id();
        let forged = genesis.seatings.iter().find(|seating| seating.verify(invitation).is_err());
        if let Some(seating) = forged {
            return blame(Why::Seating { member: peer_id(&seating.key) });
        }
        let Some(ledger) = Ledger::new(&genesis) else { return blame(Why::UnsoundGenesis) };
        let found = Verified::at_first(&genesis, &ledger);
        Ok(Table { ledger, members: None, buy_in: genesis.invitation.buy_in, found })
    }

    /// The line after those so far. An error changes nothing.
    fn batch(&mut self, bytes: &[u8]) -> Result<Line, Blame> {
        let decision = Decision::decode(bytes).map_err(|why| (None, Why::NoDecision(why)))?;
        if decision.encode() != bytes {
            return blame(Why::NotCanonical);
        }
        let due = self.ledger.height() + 1;
        match decision.height {
            got if got < due => return blame(Why::Again { got, due }),
            got if got > due => return blame(Why::Missing { got, due }),
            _ => {}
        }
        let table = self.ledger.table();
        let members = self.members()?;
        decision.verify(table.as_bytes(), members).map_err(|why| {
            let signer = match why {
                DecisionError::Signature { place } => members.key(place).map(|key| key.peer_id()),
                DecisionError::TooFew { .. } => None,
            };
            (None, Why::Certificate { why, signer })
        })?;
        let batch = Batch::decode(&decision.value).unwrap_or(Batch(Vec::new()));
        let (after, happened) = self
            .ledger
            .after(&decision.value)
            .map_err(|why| (culprit(&self.ledger, &batch), Why::Batch(why)))?;
        self.found.take(&batch, &happened, self.buy_in, (&self.ledger, &after));
        self.ledger = after;
        Ok(Line { number: due, entries: batch.0.len(), happened })
    }

    /// Those who decide the next line.
    fn members(&mut self) -> Result<&Members, Blame> {
        let keys = self.ledger.member_keys();
        let known = self.members.take().filter(|(of, _)| *of == keys);
        let members = match known {
            Some((_, members)) => members,
            None => {
                let named: Vec<MemberKey> = keys.iter().copied().map(MemberKey).collect();
                Members::new(&named).map_err(|why| (None, Why::NoMembers(why)))?
            }
        };
        Ok(&self.members.insert((keys, members)).1)
    }
}

/// The first entry of the batch that does not fit, counted from 1, and who signed it.
fn culprit(ledger: &Ledger, batch: &Batch) -> Option<(usize, Option<PeerId>)> {
    let mut trial = ledger.clone();
    let bad = batch.0.iter().position(|entry| trial.try_entry(entry).is_err())?;
    let author = match &batch.0[bad] {
        Entry::Op(op) => Some(peer_id(&op.author)),
        _ => None,
    };
    Some((bad + 1, author))
}
