//! Names that are suggested so that nobody has to fill in a form; every one can be changed.

use bitcraps_core::id::PeerId;

const MANNERS: [&str; 16] = [
    "Amber", "Brisk", "Calm", "Daring", "Easy", "Fair", "Gentle", "Hasty", "Ivory", "Jolly",
    "Keen", "Lucky", "Merry", "Quiet", "Steady", "Witty",
];

const ANIMALS: [&str; 16] = [
    "Badger", "Crane", "Dolphin", "Falcon", "Fox", "Hare", "Heron", "Lynx", "Magpie", "Marten",
    "Otter", "Owl", "Raven", "Stoat", "Swift", "Wren",
];

const PLACES: [&str; 16] = [
    "Alley",
    "Arcade",
    "Attic",
    "Cellar",
    "Courtyard",
    "Deck",
    "Garden",
    "Harbour",
    "Kitchen",
    "Lantern",
    "Mill",
    "Parlour",
    "Pier",
    "Porch",
    "Saloon",
    "Veranda",
];

/// A name for a peer, the same for the same id.
pub fn suggested(id: &PeerId) -> String {
    let bytes = id.as_bytes();
    [word(&MANNERS, bytes[0]), " ", word(&ANIMALS, bytes[1])].concat()
}

/// A name for the `nth` table that this peer makes.
pub fn suggested_table(id: &PeerId, nth: usize) -> String {
    let bytes = id.as_bytes();
    let turn = u8::try_from(nth % 256).unwrap_or_default();
    [word(&MANNERS, bytes[2]), " ", word(&PLACES, bytes[3].wrapping_add(turn))].concat()
}

fn word(words: &[&'static str; 16], byte: u8) -> &'static str {
    words[usize::from(byte % 16)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::limits::NAME_BYTES_MAX;

    #[test]
    fn every_suggested_name_fits_and_the_next_table_gets_another() {
        for byte in 0..=255 {
            let id = PeerId::from_bytes([byte; 32]);
            assert!(suggested(&id).len() <= NAME_BYTES_MAX);
            assert!(suggested_table(&id, 0).len() <= NAME_BYTES_MAX);
            assert_ne!(suggested_table(&id, 0), suggested_table(&id, 1));
        }
    }
}
