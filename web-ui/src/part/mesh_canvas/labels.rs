//! Names on the picture: the most important that fit, none over another.

use super::{
    paint::Paint,
    theme::{SURFACE, TEXT},
};
use crate::model::mesh::{Dot, Scene, part_name};
use bitcraps_core::node::NodeKind;
use web_sys::CanvasRenderingContext2d as Canvas;

/// Names on one picture.
const LABELS_MAX: usize = 48;

/// Lines that stand for several links and say so: only the own node's do.
const SEVERAL_MAX: usize = 64;

/// Above this every dot has room for a name: the length of a link in CSS pixels.
const ROOMY: f32 = 34.0;

/// Up to so many dots all names are tried at every scale.
const FEW_DOTS: usize = 60;

/// Up to so many dots a plain name must not lie on another dot either. Looking costs a pass over
/// all of them for each name.
const CLEAR_DOTS_MAX: usize = 500;

/// Parts that are named: A to Z.
const PARTS_MAX: usize = 26;

/// Height of a line, and the mean width of a letter, in CSS pixels at the font below.
const LINE: f32 = 15.0;
const LETTER: f32 = 6.7;
const FONT: &str = "500 12px system-ui, sans-serif";
const FONT_PART: &str = "700 15px system-ui, sans-serif";

/// Who gets a name first.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    ranked: Vec<u64>,
    /// Ends of lines that stand for several links, and how many more.
    several: Vec<(u32, u32, u32)>,
    /// Boxes that are taken: left, top, right, bottom.
    taken: Vec<[f32; 4]>,
}

impl Labels {
    pub fn take(&mut self, scene: &Scene) {
        // Rank above, place below: sorting plain numbers is one function for the whole page.
        let ranked = scene.dots.iter().zip(0..).map(|(dot, i)| u64::from(rank(dot)) << 32 | i);
        self.ranked.clear();
        self.ranked.extend(ranked);
        self.ranked.sort_unstable();
        let several = scene.lines.iter().filter(|line| line.more > 0);
        self.several.clear();
        self.several.extend(several.take(SEVERAL_MAX).map(|line| (line.a, line.b, line.more)));
    }

    pub fn draw(&mut self, canvas: &Canvas, paint: &Paint<'_>) {
        self.taken.clear();
        canvas.set_text_align("center");
        canvas.set_text_baseline("top");
        canvas.set_line_join("round");
        canvas.set_line_width(4.0);
        canvas.set_stroke_style_str(&paint.theme.css[SURFACE]);
        canvas.set_fill_style_str(&paint.theme.css[TEXT]);
        canvas.set_font(FONT_PART);
        self.parts(canvas, paint);
        canvas.set_font(FONT);
        self.more(canvas, paint);
        for dot in [paint.picked, paint.pointed].into_iter().flatten() {
            self.name(canvas, paint, dot);
        }
        let all = paint.camera.scale >= ROOMY || paint.scene.dots.len() <= FEW_DOTS;
        for i in 0..self.ranked.len() {
            let dot = self.ranked[i] as u32;
            let special = paint.scene.dots.get(dot as usize).is_some_and(|dot| rank(dot) < PLAIN);
            if self.taken.len() >= LABELS_MAX || !(all || special) {
                break;
            }
            self.name(canvas, paint, dot);
        }
    }

    fn name(&mut self, canvas: &Canvas, paint: &Paint<'_>, dot: u32) {
        let (Some((x, y)), Some(found)) = (paint.pixel(dot), paint.scene.dots.get(dot as usize))
        else {
            return;
        };
        let gap = paint.radius() * 1.3 + if rank(found) < PLAIN { 8.0 } else { 3.0 };
        let at = (x, y + gap);
        let plain = rank(found) >= PLAIN && paint.picked != Some(dot) && paint.pointed != Some(dot);
        if plain && paint.scene.dots.len() <= CLEAR_DOTS_MAX {
            let half = half_width(&found.name);
            let covered = |other: u32| {
                let near = |(x, y): (f32, f32)| {
                    (x - at.0).abs() < half && (y - at.1 - LINE / 2.0).abs() < LINE * 0.7
                };
                other != dot && paint.pixel(other).is_some_and(near)
            };
            if (0..paint.scene.dots.len() as u32).any(covered) {
                return;
            }
        }
        self.write(canvas, paint, &found.name, at);
    }

    /// "+2" in the middle of a line that stands for three links, where it is long enough.
    fn more(&mut self, canvas: &Canvas, paint: &Paint<'_>) {
        for place in 0..self.several.len() {
            let (a, b, more) = self.several[place];
            let (Some(a), Some(b)) = (paint.pixel(a), paint.pixel(b)) else { continue };
            if (a.0 - b.0).abs() + (a.1 - b.1).abs() > 2.0 * LINE + 4.0 * paint.radius() {
                let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1 - LINE) / 2.0);
                self.write(canvas, paint, &["+", &more.to_string()].concat(), middle);
            }
        }
    }

    /// The names of the parts, above each.
    fn parts(&mut self, canvas: &Canvas, paint: &Paint<'_>) {
        if paint.scene.parts < 2 {
            return;
        }
        // Sum of x, highest y and how many.
        let mut parts = vec![(0.0, f32::INFINITY, 0.0); paint.scene.parts.min(PARTS_MAX)];
        for (dot, at) in paint.scene.dots.iter().zip(paint.places.chunks_exact(2)) {
            if let Some(part) = parts.get_mut(dot.part as usize) {
                *part = (part.0 + at[0], part.1.min(at[1]), part.2 + 1.0);
            }
        }
        for (part, number) in parts.into_iter().zip(0..).filter(|(part, _)| part.2 > 0.0) {
            let (x, y) = paint.camera.pixel((part.0 / part.2, part.1), paint.size);
            let name = ["Part ", &part_name(number)].concat();
            self.write(canvas, paint, &name, (x, y - paint.radius() - 24.0));
        }
    }

    /// Writes unless something stands there or it would not be seen.
    fn write(&mut self, canvas: &Canvas, paint: &Paint<'_>, text: &str, at: (f32, f32)) {
        let half = half_width(text);
        let place = [at.0 - half, at.1, at.0 + half, at.1 + LINE];
        let seen =
            place[2] > 0.0 && place[0] < paint.size.0 && place[3] > 0.0 && place[1] < paint.size.1;
        let free =
            |b: &[f32; 4]| place[2] < b[0] || place[0] > b[2] || place[3] < b[1] || place[1] > b[3];
        if seen && self.taken.iter().all(free) {
            self.taken.push(place);
            let (x, y) = (f64::from(at.0), f64::from(at.1));
            // Refused are only places that are no numbers.
            let _ = canvas.stroke_text(text, x, y);
            let _ = canvas.fill_text(text, x, y);
        }
    }
}

fn half_width(text: &str) -> f32 {
    text.chars().count() as f32 * LETTER / 2.0 + 2.0
}

/// Ranks from here on have nothing special.
const PLAIN: u32 = 1 << 20;

/// Less is more important: own, at the own tables, cut nodes by what they hold, gateways, then by
/// links.
fn rank(dot: &Dot) -> u32 {
    let fewer = |n: u32| (1 << 16) - n.min(1 << 16);
    match dot {
        Dot { own: true, .. } => 0,
        Dot { at_my_table: true, .. } => 1,
        Dot { cuts_off: 1.., .. } => 2 + fewer(dot.cuts_off),
        Dot { kind: NodeKind::Gateway, .. } => PLAIN + fewer(dot.links),
        _ => 2 * PLAIN + fewer(dot.links),
    }
}
