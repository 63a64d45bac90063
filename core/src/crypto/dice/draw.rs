//! From the opened group element to two dice.

use super::hash::Hash;

/// Two faces, each 1 to 6.
///
/// The element is uniform but its encoding is not a uniform string of bits, so it is hashed; then a
/// byte below 252 = 7 · 36 gives a fair pair, and a larger one is drawn again (`% 6` of a byte
/// would favour 1 to 4). Only what was fixed with the deals goes in: bets, blocks, times or the
/// names of those who opened could still be chosen, and colluders who know the element could
/// choose them.
pub(super) fn draw(context: &[u8; 32], roll: u64, opened: &[u8; 32]) -> [u8; 2] {
    let mut stream = Hash::new("bitcraps v1 dice draw").put(context).num(roll).put(opened).stream();
    loop {
        let mut byte = [0];
        stream.fill(&mut byte);
        if let Some(pair) = pair(byte[0]) {
            return pair;
        }
    }
}

fn pair(byte: u8) -> Option<[u8; 2]> {
    (byte < 252).then_some([byte % 36 / 6 + 1, byte % 6 + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_bytes_lead_to_each_of_the_36_pairs() {
        let mut seen = [[0; 6]; 6];
        for [a, b] in (0..=255).filter_map(pair) {
            seen[a as usize - 1][b as usize - 1] += 1;
        }
        assert_eq!(seen, [[7; 6]; 6]);
        let again: Vec<u8> = (0..=255).filter(|byte| pair(*byte).is_none()).collect();
        assert_eq!(again, [252, 253, 254, 255], "the others are drawn again, so nothing is left");
    }
}
