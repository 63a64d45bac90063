//! What the verify page says of a transcript.

use super::text;
use bitcraps_core::{
    craps::Chips,
    id::PeerId,
    node::transcript::{Account, Fault, Line, ProvenRoll, Verified},
};

/// "Line 12: 9 entries. Bets opened for roll 3."
pub fn line(line: &Line) -> String {
    let (one, many) = if line.number == 0 { ("member", "members") } else { ("entry", "entries") };
    let counted = text::counted(line.entries, one, many);
    let mut said = ["Line ", &line.number.to_string(), ": ", &counted, "."].concat();
    for what in line.brought() {
        said = [&said, " ", &what, "."].concat();
    }
    said
}

/// The first sentence of a wrong transcript.
pub fn wrong(fault: &Fault) -> String {
    let line = fault.line.to_string();
    let entry = match &fault.entry {
        None => String::new(),
        Some((entry, None)) => [", entry ", &entry.to_string()].concat(),
        Some((entry, Some(author))) => {
            [", entry ", &entry.to_string(), " by ", &author.short()].concat()
        }
    };
    let offset = fault.offset.to_string();
    let why = fault.why.to_string();
    ["Line ", &line, " is wrong (at byte ", &offset, &entry, "): ", &why, "."].concat()
}

/// What stands before a wrong line.
pub fn before(found: Option<&Verified>) -> String {
    match found {
        None => "Nothing stands before it.".to_owned(),
        Some(found) => {
            let lines = usize::try_from(found.height).unwrap_or(usize::MAX).saturating_add(1);
            let rolls = text::counted(found.rolls.len(), "roll", "rolls");
            let lines = text::counted(lines, "line before it is", "lines before it are");
            ["The ", &lines, " true, with ", &rolls, "; nothing behind it was believed."].concat()
        }
    }
}

/// The first sentence of a true transcript.
pub fn all_true(found: &Verified, millis: u64) -> String {
    let lines = usize::try_from(found.height).unwrap_or(usize::MAX).saturating_add(1);
    let tenths = millis.saturating_add(50) / 100;
    let seconds = [&(tenths / 10).to_string(), ".", &(tenths % 10).to_string(), " s"].concat();
    let lines = text::counted(lines, "line", "lines");
    let rolls = text::counted(found.rolls.len(), "roll", "rolls");
    ["Every line is true: ", &lines, ", ", &rolls, ". Checked on this device in ", &seconds, "."]
        .concat()
}

/// A name with the start of the id: a name alone proves nothing.
pub fn who(found: &Verified, peer: &PeerId) -> String {
    let name = found.accounts.get(peer).map_or("", |account| &account.name);
    [name, " (", &peer.short(), ")"].concat()
}

/// Whose secrets were summed, each with the line it stood on before the bets were opened.
pub fn dealers(found: &Verified, roll: &ProvenRoll) -> Vec<String> {
    let lines = roll.dealt_at.iter().map(u64::to_string);
    let dealers = roll.rolled.dealers.iter().zip(lines);
    dealers.map(|(peer, line)| [&who(found, peer), ", line ", &line].concat()).collect()
}

/// "+12", "−5", "0": what somebody has more than was granted.
pub fn result(account: &Account) -> String {
    let Chips(has) = account.holds;
    let Chips(granted) = account.bought_in;
    match has.cmp(&granted) {
        core::cmp::Ordering::Less => ["−", &(granted - has).to_string()].concat(),
        core::cmp::Ordering::Equal => "0".to_owned(),
        core::cmp::Ordering::Greater => ["+", &(has - granted).to_string()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::node::transcript::{Check, Why, verify};

    /// The transcript that the core's tests keep.
    const TRANSCRIPT: &[u8] = include_bytes!("../../../core/tests/data/transcript-1.bin");

    #[test]
    fn every_line_says_what_it_brought() {
        let mut said = Vec::new();
        let found = verify(TRANSCRIPT, |step| said.push(line(step))).unwrap();
        assert_eq!(said[0], "Line 0: 4 members.");
        let opened = "Bets opened for roll 1. Bets closed for roll 1.";
        assert!(said[1].starts_with("Line 1: ") && said[1].ends_with(opened), "{}", said[1]);
        let first = &found.rolls[0].rolled.dice;
        let thrown = format!("Line 2: 3 entries. Roll 1 is {} and {}.", first.0, first.1);
        assert_eq!(said[2], thrown);
        assert_eq!(said[5], "Line 5: 1 entry. The members changed.");
        assert_eq!(
            all_true(&found, 1249),
            "Every line is true: 9 lines, 3 rolls. Checked on this device in 1.2 s."
        );
        let dealers = dealers(&found, &found.rolls[2]);
        assert_eq!(dealers.len(), 5);
        assert!(dealers.iter().all(|who| who.ends_with("), line 6")), "{dealers:?}");
    }

    #[test]
    fn a_wrong_line_is_told_with_its_place_and_with_what_stands_before() {
        let mut bytes = TRANSCRIPT.to_vec();
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        let mut check = Check::new();
        check.feed(&bytes);
        let fault = check.finish().unwrap_err();
        let said = wrong(&fault);
        assert!(said.starts_with("Line 8 is wrong (at byte "), "{said}");
        assert_eq!(
            before(check.found()),
            "The 8 lines before it are true, with 3 rolls; nothing behind it was believed."
        );
        let cut = Fault { line: 0, offset: 0, entry: None, why: Why::NoTranscript };
        assert_eq!(
            wrong(&cut),
            "Line 0 is wrong (at byte 0): this is no transcript: it does not begin as one."
        );
        let author = Some(PeerId::from_bytes([7; 32]));
        let cut = Fault { entry: Some((3, author)), ..cut };
        assert!(wrong(&cut).contains("(at byte 0, entry 3 by 07070707): "), "{}", wrong(&cut));
        assert_eq!(before(None), "Nothing stands before it.");
    }

    #[test]
    fn a_result_has_its_sign() {
        let account = |has, granted| Account {
            holds: Chips(has),
            bought_in: Chips(granted),
            ..Account::default()
        };
        assert_eq!(result(&account(12, 10)), "+2");
        assert_eq!(result(&account(10, 10)), "0");
        assert_eq!(result(&account(0, 10)), "−10");
    }
}
