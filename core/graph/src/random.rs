//! Chance from a seed.
//!
//! SplitMix64 (Steele, Lea and Flood 2014): one addition and two multiplications a draw, every seed
//! is as good as another, and the stream is the same on every machine. It is for sampling and for
//! visiting orders; it keeps no secrets.

#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In `0..bound`, by multiplication (Lemire 2019); the bias is below bound / 2³². 0 for a bound
    /// of 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// 64 lanes, each of them set with `probability`, all independent.
    ///
    /// Each lane draws the binary digits of a number in 0..1 until one differs from the digit of
    /// `probability`; after d digits only 2⁻ᵈ of the lanes are still undecided, so 64 lanes take
    /// about eight draws.
    pub fn lanes(&mut self, probability: f64) -> u64 {
        let (mut set, mut undecided) = (0, u64::MAX);
        let mut rest = probability;
        while undecided != 0 && rest > 0.0 {
            rest *= 2.0;
            let drawn = self.next();
            if rest >= 1.0 {
                rest -= 1.0;
                set |= undecided & !drawn;
                undecided &= drawn;
            } else {
                undecided &= !drawn;
            }
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // The first outputs of the reference implementation for the seed 1234567.
        let mut random = Random::new(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([random.next(), random.next()], expected);
    }

    #[test]
    fn lanes_are_set_as_often_as_they_should_be() {
        let mut random = Random::new(3);
        for probability in [0.0, 1e-6, 0.001, 0.25, 0.3, 0.5, 0.9, 1.0] {
            let rounds = 20_000;
            let set: u64 = (0..rounds).map(|_| random.lanes(probability).count_ones() as u64).sum();
            let lanes = f64::from(rounds) * 64.0;
            let deviation = (lanes * probability * (1.0 - probability)).sqrt();
            let off = (set as f64 - lanes * probability).abs();
            assert!(off <= 4.0 * deviation + 1e-9, "{probability}: {off} off, {deviation} usual");
        }
    }

    #[test]
    fn draws_below_a_bound_stay_below_it_and_reach_all() {
        let mut random = Random::new(9);
        let mut seen = [0; 7];
        (0..700).for_each(|_| seen[random.below(7) as usize] += 1);
        assert!(seen.iter().all(|times| (60..140).contains(times)), "{seen:?}");
        assert_eq!((random.below(1), random.below(0)), (0, 0));
    }
}
