//! A figure over time as the points of a drawing, and as a sentence for those who cannot see it.
//!
//! Rules. Lines start at zero, so that a small change looks small. Where nothing was measured is a
//! gap. A forecast has its own fifth of the width, however long the past is.

use super::text;
use bitcraps_core::node::BandView;

/// A drawing is this wide and high, in its own units.
pub const WIDTH: i64 = 600;
pub const HEIGHT: i64 = 120;

/// Points of one line; longer histories are thinned.
pub const POINTS_MAX: usize = 300;

/// What the figure is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    pub name: &'static str,
    /// What it means, in a few words.
    pub meaning: &'static str,
}

/// An age in milliseconds, and what was measured then.
pub type Point = (u64, Option<f64>);

/// One figure over time, ready to be drawn into `WIDTH` by `HEIGHT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub words: Words,
    pub now: String,
    pub low: String,
    pub high: String,
    /// How far back it goes.
    pub span_ms: u64,
    /// `points` of polylines; a gap where nothing was measured starts a new one.
    pub lines: Vec<String>,
    /// `points` of the forecast's band and where its middle ends.
    pub band: Option<Band>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    pub outline: String,
    pub middle: String,
    pub said: String,
}

/// Every second, third, … point, so that few enough are left, and the newest always.
pub fn thin(mut past: Vec<Point>) -> Vec<Point> {
    let step = past.len().div_ceil(POINTS_MAX).max(1);
    let last = past.len().saturating_sub(1);
    let mut place = 0;
    past.retain(|_| {
        place += 1;
        (last + 1 - place).is_multiple_of(step)
    });
    past
}

fn known(value: &Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite())
}

impl Chart {
    /// From points, oldest first; `None` when nothing was ever measured. `write` gives a figure
    /// its unit.
    pub fn of(
        words: Words,
        past: &[Point],
        ahead: Option<(u64, BandView)>,
        write: &dyn Fn(Option<f64>) -> String,
    ) -> Option<Chart> {
        let all = || past.iter().filter_map(|(_, value)| known(value));
        let (low, high) = (all().reduce(f64::min)?, all().reduce(f64::max)?);
        let now = past.last().and_then(|(_, value)| known(value));
        let span_ms = past.first().map_or(0, |point| point.0).max(1);
        let scale = Scale::new(span_ms, ahead, (low, high));
        Some(Chart {
            words,
            now: write(now),
            low: write(Some(low)),
            high: write(Some(high)),
            span_ms,
            lines: lines(past, &scale),
            band: now.zip(ahead).map(|(now, ahead)| band(now, ahead, &scale, write)),
        })
    }

    /// "0 ms – 12 ms".
    pub fn range(&self) -> String {
        [&self.low, " – ", &self.high].concat()
    }

    /// The same as a sentence, for those who cannot see it.
    pub fn said(&self) -> String {
        let mut said = [
            self.words.name,
            " over the last ",
            &text::span(self.span_ms),
            ": ",
            &self.now,
            " now, between ",
            &self.low,
            " and ",
            &self.high,
        ]
        .concat();
        if let Some(band) = &self.band {
            said.push_str("; ");
            said.push_str(&band.said);
        }
        said.push('.');
        said
    }
}

/// From times and values to places in the drawing.
struct Scale {
    past_ms: u64,
    ahead_ms: u64,
    low: f64,
    high: f64,
}

impl Scale {
    fn new(past_ms: u64, ahead: Option<(u64, BandView)>, (low, high): (f64, f64)) -> Scale {
        let ahead_ms = if ahead.is_some() { past_ms / 4 } else { 0 };
        let band = ahead.map(|(_, band)| band);
        let low = band.map_or(low, |b| b.low.min(low)).min(0.0);
        let high = band.map_or(high, |b| b.high.max(high));
        // A little air above, so that the line is not the frame.
        let high = if high > low { high + (high - low) / 8.0 } else { low + 1.0 };
        Scale { past_ms, ahead_ms, low, high }
    }

    fn x_past(&self, age_ms: u64) -> i64 {
        let all = (self.past_ms + self.ahead_ms).max(1) as f64;
        ((self.past_ms.saturating_sub(age_ms)) as f64 / all * WIDTH as f64) as i64
    }

    fn y(&self, value: f64) -> i64 {
        let share = (value - self.low) / (self.high - self.low);
        // Room for the line's own width at both ends.
        (HEIGHT - 3) - (share.clamp(0.0, 1.0) * (HEIGHT - 6) as f64) as i64
    }
}

fn point(x: i64, y: i64) -> String {
    [&x.to_string(), ",", &y.to_string(), " "].concat()
}

fn lines(past: &[Point], scale: &Scale) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (age_ms, value) in past {
        match known(value) {
            Some(value) => {
                if let Some(line) = lines.last_mut() {
                    line.push_str(&point(scale.x_past(*age_ms), scale.y(value)));
                }
            }
            None if lines.last().is_some_and(|line| !line.is_empty()) => lines.push(String::new()),
            None => {}
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

fn band(
    now: f64,
    (horizon, band): (u64, BandView),
    scale: &Scale,
    write: &dyn Fn(Option<f64>) -> String,
) -> Band {
    let (start, end) = (scale.x_past(0), WIDTH);
    let here = point(start, scale.y(now));
    let outline =
        [here.as_str(), &point(end, scale.y(band.high)), &point(end, scale.y(band.low))].concat();
    let middle = [here.as_str(), &point(end, scale.y(band.value))].concat();
    let said = [
        "in ",
        &text::span(horizon),
        " probably ",
        &write(Some(band.value)),
        ", between ",
        &write(Some(band.low)),
        " and ",
        &write(Some(band.high)),
    ]
    .concat();
    Band { outline, middle, said }
}
