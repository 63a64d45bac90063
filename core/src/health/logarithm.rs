//! ln and exp, the same to the last bit on every machine.
//!
//! Those of the standard library are the platform's, which may differ in the last bit between a
//! native node and a browser tab; a simulated run must not. Only IEEE operations are used, which
//! round alike everywhere. Both are within 1e-14 of the truth, relative.

use core::f64::consts::LN_2;

/// Natural logarithm of a positive, normal number.
///
/// x = m · 2ᵏ with m in [√½, √2); ln m = 2 artanh((m − 1)/(m + 1)) by its series.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mut m = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if m > core::f64::consts::SQRT_2 {
        m /= 2.0;
        exponent += 1;
    }
    let z = (m - 1.0) / (m + 1.0);
    let square = z * z;
    // |z| < 0.172, so the eleventh term is below 1e-17.
    let series = (0..11).rev().fold(0.0, |sum, k| sum * square + 1.0 / f64::from(2 * k + 1));
    f64::from(exponent) * LN_2 + 2.0 * z * series
}

/// e to the power of `x`; 0 far below zero. `x` is at most 700.
///
/// x = k ln 2 + r with |r| ≤ ½ ln 2; eʳ by its series.
pub(super) fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let k = (x / LN_2).round();
    let r = x - k * LN_2;
    // |r| < 0.347, so the fifteenth term is below 1e-18.
    let series = (1..15).rev().fold(1.0, |sum, k| 1.0 + sum * r / f64::from(k));
    series * f64::from_bits(((k as i64 + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_and_powers_are_those_of_the_standard_library() {
        let mut x = 1e-9;
        while x < 1e9 {
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "ln {x}");
            for y in [x, -x] {
                if y.abs() < 700.0 {
                    assert!((exp(y) / y.exp() - 1.0).abs() < 2e-13, "exp {y}");
                }
            }
            x *= 1.37;
        }
        assert_eq!((ln(1.0), exp(0.0), exp(-1e9)), (0.0, 1.0, 0.0));
    }
}
