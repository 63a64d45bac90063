//! What is drawn, whichever way: one moment of the picture with the looks of nodes and links as
//! numbers.

use super::{
    camera::{Camera, Size},
    hulls::Hulls,
    theme::Theme,
};
use crate::model::mesh::{Dot, Line, Scene};
use bitcraps_core::node::{NodeKind, Transport};

/// Everything that one picture is made of.
pub struct Paint<'a> {
    pub scene: &'a Scene,
    /// x and y of every dot.
    pub places: &'a [f32],
    pub hulls: &'a Hulls,
    pub theme: &'a Theme,
    pub camera: Camera,
    pub size: Size,
    /// Device pixels of a CSS pixel.
    pub ratio: f32,
    pub picked: Option<u32>,
    pub pointed: Option<u32>,
}

/// Marks of a dot; the shaders know them by number.
pub const OWN: u32 = 4;
pub const AT_MY_TABLE: u32 = 8;
pub const CUT: u32 = 16;
pub const GONE: u32 = 32;

/// A link whose loss cuts somebody off.
pub const BRIDGE: u32 = 1;

/// A pattern of dashes comes again after so many cells, of so many CSS pixels each; the shader
/// knows both.
const CELLS: u32 = 16;
pub const CELL: f64 = 1.5;

/// A latency at or below the first is as quick, one at or above the second as slow as it gets.
/// A network in one room, and the far side of the world.
const QUICK_MS: f32 = 1.0;
const SLOW_MS: f32 = 256.0;

/// Share of the ramp that doubles the latency.
const OCTAVE: f32 = 1.0 / 8.0;

/// Quality that was not measured.
const UNMEASURED: u32 = 255;

impl Paint<'_> {
    /// Radius of a dot in CSS pixels.
    pub fn radius(&self) -> f32 {
        (self.camera.scale * 0.24).clamp(1.3, 11.0)
    }

    /// How opaque a link is: many are fainter than few.
    pub fn opacity(&self) -> f32 {
        let crowd = 26.0 / self.camera.scale.max(1.0);
        (0.95 - crowd * 0.12).clamp(0.4, 0.9)
    }

    /// The pixel of a dot, in CSS pixels from the upper left corner.
    pub fn pixel(&self, dot: u32) -> Option<(f32, f32)> {
        let at = self.places.get(2 * dot as usize..2 * dot as usize + 2)?;
        Some(self.camera.pixel((at[0], at[1]), self.size))
    }
}

/// The kinds differ in shape, so that nobody needs to tell colours apart: circle, square, diamond.
pub fn kind_number(kind: NodeKind) -> u32 {
    match kind {
        NodeKind::Regular => 0,
        NodeKind::Gateway => 1,
        NodeKind::Browser => 2,
    }
}

/// Kind and marks.
pub fn dot_look(dot: &Dot) -> u32 {
    let mark = |is: bool, mark: u32| if is { mark } else { 0 };
    kind_number(dot.kind)
        | mark(dot.own, OWN)
        | mark(dot.at_my_table, AT_MY_TABLE)
        | mark(dot.cuts_off > 0, CUT)
        | mark(!dot.reachable && !dot.own, GONE)
}

/// Cells of dashes and gaps in turn, by what carries a link: told apart without any colour. None:
/// the line is whole.
pub const fn dashes(transport: Transport) -> &'static [u32] {
    match transport {
        Transport::Tcp => &[],
        Transport::Quic => &[13, 3],
        Transport::WebSocket => &[5, 3],
        Transport::WebRtc => &[9, 3, 1, 3],
        Transport::Udp => &[2, 2],
        Transport::Ble => &[5, 2, 1, 3, 2, 3],
    }
}

/// The same as a bit for each cell.
fn dash_bits(dashes: &[u32]) -> u32 {
    let (mut bits, mut cell) = (0, 0);
    for (length, is_dash) in dashes.iter().zip([true, false].into_iter().cycle()) {
        if is_dash {
            bits |= ((1 << length) - 1) << cell;
        }
        cell += length;
    }
    match cell {
        0 => (1 << CELLS) - 1,
        // A short pattern comes twice or four times.
        4 => bits * 0x1111,
        8 => bits * 0x0101,
        _ => bits,
    }
}

/// Whether it is a bridge in the lowest bit, quality from the ninth, dashes from the seventeenth.
pub fn line_look(line: &Line) -> u32 {
    let bridge = if line.cuts_off > 0 { BRIDGE } else { 0 };
    bridge | quality(line.latency_ms) << 8 | dash_bits(dashes(line.transport)) << 16
}

/// 0 for quick to 254 for slow, in equal steps of the latency's logarithm.
fn quality(latency_ms: Option<f64>) -> u32 {
    let Some(latency) = latency_ms.filter(|ms| ms.is_finite() && *ms >= 0.0) else {
        return UNMEASURED;
    };
    let (mut left, mut share) = ((latency as f32).clamp(QUICK_MS, SLOW_MS) / QUICK_MS, 0.0);
    // By halving: a logarithm would cost the page more than this.
    while left >= 2.0 {
        left /= 2.0;
        share += OCTAVE;
    }
    ((share + (left - 1.0) * OCTAVE) * 254.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_link_has_dashes_of_its_own_that_fill_whole_cells() {
        let all = Transport::ALL.map(dashes);
        for (place, pattern) in all.iter().enumerate() {
            let cells: u32 = pattern.iter().sum();
            assert!([0, 4, 8, CELLS].contains(&cells) && pattern.len() % 2 == 0, "{pattern:?}");
            assert!(all[..place].iter().all(|other| dash_bits(other) != dash_bits(pattern)));
        }
        assert_eq!(dash_bits(&[]), 0xffff);
        assert_eq!(dash_bits(&[2, 2]), 0x3333);
        assert_eq!(dash_bits(&[5, 3]), 0x1f1f);
        assert_eq!(dash_bits(&[13, 3]), 0x1fff);
    }

    #[test]
    fn quality_grows_with_the_latency_and_the_unmeasured_is_apart() {
        let of = |ms: f64| quality(Some(ms));
        assert_eq!((of(0.0), of(1.0), of(256.0), of(9e9)), (0, 0, 254, 254));
        assert!(of(2.0) > of(1.5) && of(90.0) > of(30.0));
        for none in [None, Some(f64::NAN), Some(-1.0)] {
            assert_eq!(quality(none), UNMEASURED);
        }
    }
}
