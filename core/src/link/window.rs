//! Which packet numbers were taken already: the anti-replay window of RFC 6479.
//!
//! Rules. A number is marked only after its tag verified, or a forger could shut numbers out.

/// Numbers behind the newest that are still taken. Power of two times 64 from RFC 6479; a
/// thousand packets is more than any link here reorders.
pub const WINDOW_PACKETS: u64 = 1024;

/// One block more than the window, so that moving it never uncovers a block in use.
const BLOCKS: usize = WINDOW_PACKETS as usize / 64 + 1;

#[derive(Clone, Debug, Default)]
pub struct Window {
    /// The lowest number that was never exceeded: one past the newest.
    next: u64,
    taken: [u64; BLOCKS],
}

/// Why a number is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Taken before.
    Replayed,
    /// So far behind the newest that nobody knows.
    TooOld,
}

impl Window {
    pub fn check(&self, number: u64) -> Result<(), Old> {
        if number >= self.next {
            Ok(())
        } else if self.next - number > WINDOW_PACKETS {
            Err(Old::TooOld)
        } else if self.taken[block(number)] & bit(number) != 0 {
            Err(Old::Replayed)
        } else {
            Ok(())
        }
    }

    /// `number` passed [`Window::check`] and is below `u64::MAX`.
    pub fn mark(&mut self, number: u64) {
        if number >= self.next {
            // The block of the newest number is in use; those after it, up to the new one, are not.
            let newest = self.next.saturating_sub(1) / 64;
            let clear = (number / 64 - newest).min(BLOCKS as u64);
            for step in 1..=clear {
                self.taken[((newest + step) % BLOCKS as u64) as usize] = 0;
            }
            self.next = number + 1;
        }
        self.taken[block(number)] |= bit(number);
    }
}

fn block(number: u64) -> usize {
    (number / 64 % BLOCKS as u64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use std::collections::BTreeSet;

    #[test]
    fn a_number_is_taken_once_within_the_window() {
        let mut w = Window::default();
        for number in [0, 5, 3, 1023] {
            assert_eq!(w.check(number), Ok(()));
            w.mark(number);
            assert_eq!(w.check(number), Err(Old::Replayed));
        }
        w.mark(1024);
        assert_eq!(w.check(0), Err(Old::TooOld));
        assert_eq!(w.check(1), Ok(()));
        assert_eq!(w.check(3), Err(Old::Replayed));
    }

    #[test]
    fn the_window_agrees_with_a_set_on_every_number() {
        let mut rng = Seed::from_number(1).rng();
        for stride in [3, 90, 700, 5000] {
            let (mut w, mut set, mut newest) = (Window::default(), BTreeSet::new(), 0u64);
            for _ in 0..4000 {
                let number = (newest + rng.below(stride)).saturating_sub(rng.below(1200));
                let expected = if set.contains(&number) && newest - number < WINDOW_PACKETS {
                    Err(Old::Replayed)
                } else if number < newest && newest - number >= WINDOW_PACKETS {
                    Err(Old::TooOld)
                } else {
                    Ok(())
                };
                assert_eq!(w.check(number), expected, "{number} after {newest}");
                if expected.is_ok() {
                    w.mark(number);
                    set.insert(number);
                    newest = newest.max(number);
                }
            }
        }
    }
}
