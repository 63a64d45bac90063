//! The same picture without WebGL2: plain paths on a 2-D canvas. Slower, and quality is shown in
//! three steps instead of a ramp; shapes, dashes and marks are the same.

use super::{
    paint::{AT_MY_TABLE, BRIDGE, CELL, CUT, GONE, OWN, Paint, dashes, dot_look, line_look},
    theme::{ACCENT, BAD, CLUSTERS, COLOURS, GOOD, QUALITY, QUIET, SURFACE, TEXT},
};
use bitcraps_core::node::Transport;
use core::f64::consts::TAU;
use js_sys::Array;
use wasm_bindgen::JsValue;
use web_sys::CanvasRenderingContext2d as Canvas;

/// What dash patterns are made of; refused are only lists that hold no numbers.
fn dash(canvas: &Canvas, lengths: &[f64]) {
    let list: Array = lengths.iter().map(|length| JsValue::from_f64(*length)).collect();
    let _ = canvas.set_line_dash(&list);
}

pub fn draw(canvas: &Canvas, paint: &Paint<'_>) {
    hulls(canvas, paint);
    links(canvas, paint);
    dots(canvas, paint);
    canvas.set_global_alpha(1.0);
    dash(canvas, &[]);
}

fn hulls(canvas: &Canvas, paint: &Paint<'_>) {
    for &(first, count, cluster) in &paint.hulls.hulls {
        canvas.begin_path();
        let corners = &paint.hulls.corners[2 * first as usize..2 * (first + count) as usize];
        for corner in corners.chunks_exact(2) {
            let (x, y) = paint.camera.pixel((corner[0], corner[1]), paint.size);
            canvas.line_to(x.into(), y.into());
        }
        canvas.close_path();
        let colour = &paint.theme.css[CLUSTERS + cluster % (COLOURS - CLUSTERS)];
        canvas.set_fill_style_str(colour);
        canvas.set_global_alpha(0.1);
        canvas.fill();
        canvas.set_stroke_style_str(colour);
        canvas.set_global_alpha(0.45);
        canvas.set_line_width(1.0);
        canvas.stroke();
    }
}

/// The bits of an end of a link in a sorted number: far more than are ever drawn.
const ENDS: u32 = (1 << 28) - 1;

/// Links of one look are one path: a canvas is slow at beginnings.
fn links(canvas: &Canvas, paint: &Paint<'_>) {
    let lit = |a: u32, b: u32| paint.picked.is_some_and(|dot| dot == a || dot == b);
    // Look above, the ends below.
    let mut all: Vec<u64> = Vec::with_capacity(paint.scene.lines.len());
    for line in &paint.scene.lines {
        let look = line_look(line);
        let (quality, kind) = (look >> 8 & 255, line.transport as u32);
        let step = if quality > 254 { 3 } else { quality / 85 };
        let lit = if lit(line.a, line.b) { 1 } else { 0 };
        let look = u64::from(lit << 6 | (look & BRIDGE) << 5 | kind << 2 | step);
        all.push(look << 56 | u64::from(line.a) << 28 | u64::from(line.b));
    }
    all.sort_unstable();
    for alike in all.chunk_by(|a, b| a >> 56 == b >> 56) {
        let look = (alike[0] >> 56) as u32;
        canvas.begin_path();
        for line in alike {
            let (a, b) = ((line >> 28) as u32 & ENDS, *line as u32 & ENDS);
            if let (Some(a), Some(b)) = (paint.pixel(a), paint.pixel(b)) {
                canvas.move_to(a.0.into(), a.1.into());
                canvas.line_to(b.0.into(), b.1.into());
            }
        }
        let (bridge, lit) = (look >> 5 & BRIDGE != 0, look >> 6 != 0);
        let colour = if look & 3 == 3 { QUIET } else { QUALITY + (look & 3) as usize };
        let kind = Transport::ALL.into_iter().find(|kind| *kind as u32 == look >> 2 & 7);
        let cells = kind.map_or(&[][..], dashes).iter();
        dash(canvas, &cells.map(|cells| f64::from(*cells) * CELL).collect::<Vec<f64>>());
        canvas.set_stroke_style_str(&paint.theme.css[colour]);
        let faint = if paint.picked.is_some() { 0.3 } else { 1.0 };
        let shown = if lit || bridge { 1.0 } else { f64::from(paint.opacity()) * faint };
        canvas.set_global_alpha(shown);
        canvas.set_line_width(if bridge {
            5.0
        } else if lit {
            3.0
        } else {
            1.2
        });
        canvas.stroke();
        if bridge {
            canvas.set_stroke_style_str(&paint.theme.css[SURFACE]);
            canvas.set_line_width(1.6);
            canvas.stroke();
        }
    }
}

fn dots(canvas: &Canvas, paint: &Paint<'_>) {
    dash(canvas, &[]);
    canvas.set_global_alpha(1.0);
    let css = &paint.theme.css;
    for (dot, place) in paint.scene.dots.iter().zip(0..) {
        let Some((x, y)) = paint.pixel(place) else { continue };
        let (x, y, look) = (f64::from(x), f64::from(y), dot_look(dot));
        let picked = paint.picked == Some(place);
        let mut radius = f64::from(paint.radius());
        if look > 3 || picked {
            radius = (radius * if dot.own { 1.35 } else { 1.0 }).max(3.5);
        }
        let round = |radius: f64| {
            canvas.begin_path();
            let _ = canvas.arc(x, y, radius, 0.0, TAU);
        };
        match look & 3 {
            0 => round(radius),
            1 => {
                let half = radius * 0.86;
                canvas.begin_path();
                canvas.rect(x - half, y - half, 2.0 * half, 2.0 * half);
            }
            _ => {
                let half = radius * 1.25;
                canvas.begin_path();
                for (dx, dy) in [(half, 0.0), (0.0, half), (-half, 0.0), (0.0, -half)] {
                    canvas.line_to(x + dx, y + dy);
                }
                canvas.close_path();
            }
        }
        let kind = &css[(look & 3) as usize];
        canvas.set_fill_style_str(match look {
            _ if look & GONE != 0 => &css[SURFACE],
            _ if look & OWN != 0 => &css[TEXT],
            _ => kind,
        });
        canvas.fill();
        let line = |colour: &str, wide: f64| {
            canvas.set_stroke_style_str(colour);
            canvas.set_line_width(wide);
            canvas.stroke();
        };
        if look & GONE != 0 {
            line(kind, 1.5);
        }
        if look & OWN != 0 {
            round(radius * 0.45);
            canvas.set_fill_style_str(&css[ACCENT]);
            canvas.fill();
        }
        if look & AT_MY_TABLE != 0 {
            round(radius * 1.1 + 3.0);
            line(&css[GOOD], 1.8);
        }
        if look & CUT != 0 {
            round(radius * 1.1 + if dot.at_my_table { 6.0 } else { 3.5 });
            dash(canvas, &[4.0, 2.5]);
            line(&css[BAD], 2.2);
            dash(canvas, &[]);
        }
        if picked {
            round(radius * 1.1 + 6.5);
            line(&css[TEXT], 2.6);
        }
    }
}
