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
pub const BRIDGE: u32 = 4;

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

/// Dash in the two low bits, then whether it is a bridge, quality from the ninth bit up.
pub fn line_look(line: &Line) -> u32 {
    let dash = match line.transport {
        Transport::Tcp | Transport::Quic | Transport::Udp => 0,
        Transport::WebSocket | Transport::WebRtc => 1,
        Transport::Ble => 2,
    };
    let bridge = if line.cuts_off > 0 { BRIDGE } else { 0 };
    dash | bridge | quality(line.latency_ms) << 8
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
    fn quality_grows_with_the_latency_and_the_unmeasured_is_apart() {
        let of = |ms: f64| quality(Some(ms));
        assert_eq!((of(0.0), of(1.0), of(256.0), of(9e9)), (0, 0, 254, 254));
        assert!(of(2.0) > of(1.5) && of(90.0) > of(30.0));
        for none in [None, Some(f64::NAN), Some(-1.0)] {
            assert_eq!(quality(none), UNMEASURED);
        }
    }
}
