//! What of the plane is seen: from the layout's units to CSS pixels of the picture and back.

/// CSS pixels per unit of the layout.
const SCALE_MIN: f32 = 0.5;
const SCALE_MAX: f32 = 240.0;

/// A picture of few nodes is not blown up further than this.
const FIT_MAX: f32 = 110.0;

/// Pixels kept free around a picture that fits, for names and rings.
const MARGIN: f32 = 44.0;

/// Share of the way that the camera goes in a frame.
const GLIDE: f32 = 0.16;

/// Width and height in CSS pixels.
pub type Size = (f32, f32);

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The point in the middle of the picture.
    pub x: f32,
    pub y: f32,
    pub scale: f32,
}

impl Camera {
    /// Sees all of these places: x and y, one after the other.
    pub fn fit(places: &[f32], size: Size) -> Camera {
        let far = f32::INFINITY;
        let (mut low, mut high) = ((far, far), (-far, -far));
        for place in places.chunks_exact(2) {
            low = (low.0.min(place[0]), low.1.min(place[1]));
            high = (high.0.max(place[0]), high.1.max(place[1]));
        }
        if places.is_empty() {
            return Camera { x: 0.0, y: 0.0, scale: FIT_MAX };
        }
        let room = |size: f32, low: f32, high: f32| {
            (size - 2.0 * MARGIN).max(size * 0.5) / (high - low).max(0.01)
        };
        let scale = room(size.0, low.0, high.0).min(room(size.1, low.1, high.1));
        let (x, y) = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
        Camera { x, y, scale: scale.clamp(SCALE_MIN, FIT_MAX) }
    }

    /// The pixel of a place, from the upper left corner.
    pub fn pixel(&self, place: (f32, f32), size: Size) -> (f32, f32) {
        let along = |v: f32, middle: f32, size: f32| (v - middle) * self.scale + size / 2.0;
        (along(place.0, self.x, size.0), along(place.1, self.y, size.1))
    }

    /// The place of a pixel.
    pub fn place(&self, pixel: (f32, f32), size: Size) -> (f32, f32) {
        let along = |v: f32, middle: f32, size: f32| (v - size / 2.0) / self.scale + middle;
        (along(pixel.0, self.x, size.0), along(pixel.1, self.y, size.1))
    }

    /// Nearer by `factor`, with what is at `pixel` staying there.
    pub fn zoomed(self, factor: f32, pixel: (f32, f32), size: Size) -> Camera {
        let fixed = self.place(pixel, size);
        let scale = (self.scale * factor).clamp(SCALE_MIN, SCALE_MAX);
        let share = self.scale / scale;
        let along = |middle: f32, fixed: f32| fixed + (middle - fixed) * share;
        Camera { x: along(self.x, fixed.0), y: along(self.y, fixed.1), scale }
    }

    /// With the picture moved by so many pixels.
    pub fn panned(self, right: f32, down: f32) -> Camera {
        Camera { x: self.x - right / self.scale, y: self.y - down / self.scale, ..self }
    }

    /// Some of the way to another camera; that camera itself when nobody would see a difference.
    pub fn towards(self, to: Camera) -> Camera {
        let near = |a: f32, b: f32| ((a - b) * to.scale).abs() < 0.5;
        if near(self.x, to.x) && near(self.y, to.y) && (self.scale / to.scale - 1.0).abs() < 0.002 {
            return to;
        }
        let along = |from: f32, to: f32| from + (to - from) * GLIDE;
        Camera {
            x: along(self.x, to.x),
            y: along(self.y, to.y),
            scale: along(self.scale, to.scale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = (800.0, 500.0);

    fn close(a: (f32, f32), b: (f32, f32)) -> bool {
        (a.0 - b.0).abs() < 0.01 && (a.1 - b.1).abs() < 0.01
    }

    #[test]
    fn a_fit_shows_every_place_within_the_margin() {
        let places = [-30.0, 2.0, 12.0, 9.0, 4.0, -14.0];
        let camera = Camera::fit(&places, SIZE);
        for place in places.chunks_exact(2) {
            let (x, y) = camera.pixel((place[0], place[1]), SIZE);
            assert!(x >= MARGIN - 0.1 && x <= SIZE.0 - MARGIN + 0.1, "{x}");
            assert!(y >= MARGIN - 0.1 && y <= SIZE.1 - MARGIN + 0.1, "{y}");
        }
        assert!(Camera::fit(&[], SIZE).scale.is_finite());
        assert_eq!(Camera::fit(&[3.0, 3.0], SIZE).scale, FIT_MAX);
    }

    #[test]
    fn what_is_under_the_pointer_stays_there_while_zooming() {
        let camera = Camera { x: 3.0, y: -2.0, scale: 12.0 };
        let pixel = (610.0, 77.0);
        let zoomed = camera.zoomed(1.7, pixel, SIZE);
        assert!(close(camera.place(pixel, SIZE), zoomed.place(pixel, SIZE)));
        assert!(close(zoomed.pixel(zoomed.place(pixel, SIZE), SIZE), pixel));
        assert_eq!(camera.zoomed(1e9, pixel, SIZE).scale, SCALE_MAX);
        assert_eq!(camera.zoomed(1e-9, pixel, SIZE).scale, SCALE_MIN);
    }

    #[test]
    fn a_gliding_camera_arrives() {
        let to = Camera { x: 90.0, y: 4.0, scale: 40.0 };
        let mut camera = Camera { x: 0.0, y: 0.0, scale: 2.0 };
        for _ in 0..120 {
            camera = camera.towards(to);
        }
        assert_eq!(camera, to);
    }
}
