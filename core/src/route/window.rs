//! Delivered or not: the last 1024 ids of one source.
//!
//! The anti-replay window of IPsec (RFC 4303, section 3.4.3; the ring of RFC 6479): a bitmap
//! indexed by id modulo its length, cleared as the newest id moves on. Constant time and size,
//! except that a leap clears what it leaps over.

/// Ids that are told apart; older ones are refused.
pub(super) const WINDOW_IDS: u64 = 1024;
const WORDS: usize = (WINDOW_IDS / 64) as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    New,
    Duplicate,
    TooOld,
}

#[derive(Clone, Debug)]
pub(super) struct Window {
    newest: Option<u64>,
    seen: [u64; WORDS],
}

impl Window {
    pub(super) const fn new() -> Window {
        Window { newest: None, seen: [0; WORDS] }
    }

    /// Judges an id and remembers it.
    pub(super) fn note(&mut self, id: u64) -> Arrival {
        let newest = self.newest.unwrap_or(id);
        if id > newest {
            if id - newest >= WINDOW_IDS {
                self.seen = [0; WORDS];
            } else {
                for skipped in newest + 1..=id {
                    let (word, bit) = place(skipped);
                    self.seen[word] &= !bit;
                }
            }
        } else if newest - id >= WINDOW_IDS {
            return Arrival::TooOld;
        }
        self.newest = Some(newest.max(id));
        let (word, bit) = place(id);
        let was_seen = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        if was_seen { Arrival::Duplicate } else { Arrival::New }
    }
}

fn place(id: u64) -> (usize, u64) {
    let at = id % WINDOW_IDS;
    ((at / 64) as usize, 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_too_old_behind_the_window() {
        let mut window = Window::new();
        let table = [
            (5000, Arrival::New),
            (5000, Arrival::Duplicate),
            (4999, Arrival::New),
            (5000 - 1023, Arrival::New),
            (5000 - 1024, Arrival::TooOld),
            (5001, Arrival::New),
            (5000 - 1023, Arrival::TooOld),
            (5000, Arrival::Duplicate),
            (u64::MAX, Arrival::New),
            (5001, Arrival::TooOld),
            (u64::MAX, Arrival::Duplicate),
            (u64::MAX - 1, Arrival::New),
        ];
        for (id, expected) in table {
            assert_eq!(window.note(id), expected, "{id}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest::proptest! {
        #[test]
        fn it_agrees_with_a_set_of_all_ids(ids in proptest::collection::vec(0u64..4000, 0..3000)) {
            let mut window = Window::new();
            let mut seen = std::collections::BTreeSet::new();
            for id in ids {
                let newest = seen.last().copied().unwrap_or(id);
                let expected = if id + WINDOW_IDS <= newest {
                    Arrival::TooOld
                } else if seen.insert(id) {
                    Arrival::New
                } else {
                    Arrival::Duplicate
                };
                proptest::prop_assert_eq!(window.note(id), expected);
            }
        }
    }
}
