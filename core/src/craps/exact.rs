//! Whole numbers without a limit, and fractions of them: the edge of the fire bet needs more than
//! 128 bits. Only what computing an edge needs; slow and simple.

use core::{cmp::Ordering, fmt};

/// A natural number, 32 bits a digit, lowest first, without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural(Vec<u32>);

impl Natural {
    pub(super) const ZERO: Natural = Natural(Vec::new());

    pub(super) fn new(n: u64) -> Natural {
        Natural(vec![n as u32, (n >> 32) as u32]).trimmed()
    }

    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    fn trimmed(mut self) -> Natural {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    fn digit(&self, i: usize) -> u64 {
        self.0.get(i).copied().unwrap_or(0).into()
    }

    pub(super) fn plus(&self, other: &Natural) -> Natural {
        let mut carry = 0;
        let digit = |i| {
            carry += self.digit(i) + other.digit(i);
            let low = carry as u32;
            carry >>= 32;
            low
        };
        Natural((0..=self.0.len().max(other.0.len())).map(digit).collect()).trimmed()
    }

    /// Zero where `other` is larger.
    pub(super) fn minus(&self, other: &Natural) -> Natural {
        if self.compare(other) == Ordering::Less {
            return Natural::ZERO;
        }
        let mut borrow = 0;
        let digit = |i| {
            let taken = other.digit(i) + borrow;
            borrow = u64::from(self.digit(i) < taken);
            (self.digit(i) + (borrow << 32) - taken) as u32
        };
        Natural((0..self.0.len()).map(digit).collect()).trimmed()
    }

    pub(super) fn times(&self, other: &Natural) -> Natural {
        let mut digits = vec![0; self.0.len() + other.0.len() + 1];
        for i in 0..self.0.len() {
            let mut carry = 0;
            for (j, digit) in digits[i..].iter_mut().enumerate() {
                carry += u64::from(*digit) + self.digit(i) * other.digit(j);
                *digit = carry as u32;
                carry >>= 32;
            }
        }
        Natural(digits).trimmed()
    }

    /// Quotient and rest, bit by bit; nothing divided by zero is zero.
    pub(super) fn over(&self, other: &Natural) -> (Natural, Natural) {
        let (mut quotient, mut rest) = (Natural(vec![0; self.0.len()]), Natural::ZERO);
        if other.is_zero() {
            return (Natural::ZERO, Natural::ZERO);
        }
        for bit in (0..self.0.len() * 32).rev() {
            rest = rest.plus(&rest);
            if self.digit(bit / 32) >> (bit % 32) & 1 == 1 {
                rest = rest.plus(&Natural::new(1));
            }
            if rest.compare(other) != Ordering::Less {
                rest = rest.minus(other);
                quotient.0[bit / 32] |= 1 << (bit % 32);
            }
        }
        (quotient.trimmed(), rest)
    }

    pub(super) fn compare(&self, other: &Natural) -> Ordering {
        let length = self.0.len().cmp(&other.0.len());
        length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    fn small(&self) -> Option<u128> {
        let digits = || self.0.iter().rev();
        (self.0.len() <= 4).then(|| digits().fold(0, |n, digit| n << 32 | u128::from(*digit)))
    }

    fn from_small(n: u128) -> Natural {
        Natural((0..4).map(|i| (n >> (32 * i)) as u32).collect()).trimmed()
    }

    /// The largest common divisor.
    pub(super) fn common(&self, other: &Natural) -> Natural {
        let (mut a, mut b) = (self.clone(), other.clone());
        while !b.is_zero() {
            // Almost every number here is small enough for the processor's own division.
            let rest = match (a.small(), b.small()) {
                (Some(a), Some(b)) => Natural::from_small(a % b),
                _ => a.over(&b).1,
            };
            (a, b) = (b, rest);
        }
        a
    }

    /// Divided by a divisor of it.
    pub(super) fn part(&self, divisor: &Natural) -> Natural {
        match (self.small(), divisor.small()) {
            (Some(n), Some(d)) if d > 0 => Natural::from_small(n / d),
            _ => self.over(divisor).0,
        }
    }
}

impl fmt::Display for Natural {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, ten) = (self.clone(), Natural::new(10));
        let mut digits = Vec::new();
        while !rest.is_zero() {
            let (quotient, digit) = rest.over(&ten);
            digits.push(b'0' + digit.digit(0) as u8);
            rest = quotient;
        }
        if digits.is_empty() {
            digits.push(b'0');
        }
        digits.reverse();
        f.write_str(&String::from_utf8_lossy(&digits))
    }
}

/// An exact share from 0 up, in lowest terms: `7/495`, `0/1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fraction {
    pub(super) above: Natural,
    pub(super) below: Natural,
}

impl Fraction {
    pub(super) fn new(above: Natural, below: Natural) -> Fraction {
        let common = above.common(&below);
        Fraction { above: above.part(&common), below: below.part(&common) }
    }

    pub fn is_zero(&self) -> bool {
        self.above.is_zero()
    }

    /// In percent, rounded to two digits.
    pub fn percent(&self) -> String {
        let half = self.below.over(&Natural::new(2)).0;
        let exact = self.above.times(&Natural::new(10_000)).plus(&half);
        let hundredths = exact.over(&self.below).0.digit(0);
        let (whole, rest) = (hundredths / 100, hundredths % 100);
        format!("{whole}.{}{} %", rest / 10, rest % 10)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.above, self.below)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn numbers_of_any_length_are_reckoned_as_the_processor_does_short_ones() {
        let mut rng = Seed::from_number(1).rng();
        for _ in 0..2_000 {
            let shift = rng.below(64);
            let (a, b) =
                (u128::from(rng.below(u64::MAX)), u128::from(rng.below(u64::MAX) >> shift));
            let [x, y] = [a, b].map(Natural::from_small);
            assert_eq!(x.times(&y).to_string(), (a * b).to_string());
            assert_eq!(x.plus(&y).to_string(), (a + b).to_string());
            assert_eq!(x.minus(&y).to_string(), a.saturating_sub(b).to_string());
            // (a·b + a mod b) / b, once by the processor and once bit by bit.
            if b > 0 {
                let long = x.times(&y).times(&y).times(&y);
                assert_eq!(long.over(&y).0, x.times(&y).times(&y));
                assert_eq!(
                    long.plus(&Natural::from_small(a % b)).over(&y).1.to_string(),
                    (a % b).to_string()
                );
                assert_eq!(long.common(&y), y);
                assert_eq!(long.part(&y).part(&y), x.times(&y));
            }
        }
        assert_eq!(Natural::new(5).over(&Natural::ZERO), (Natural::ZERO, Natural::ZERO));
    }

    #[test]
    fn fractions_are_shown_in_lowest_terms_and_in_percent() {
        let of = |a, b| Fraction::new(Natural::new(a), Natural::new(b));
        assert_eq!(
            (of(14, 990).to_string(), of(14, 990).percent()),
            ("7/495".into(), "1.41 %".into())
        );
        assert_eq!((of(0, 36).to_string(), of(0, 36).percent()), ("0/1".into(), "0.00 %".into()));
        assert_eq!(of(1, 9).percent(), "11.11 %");
        assert_eq!(of(1, 2000).percent(), "0.05 %");
    }
}
