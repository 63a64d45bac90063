//! Samples, figures and the table at the end.

use anyhow::{Result, bail};
use std::{fmt::Write as _, time::Duration};

/// What was promised for a figure, in the figure's unit.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    below: f64,
}

impl Target {
    pub fn below(below: f64) -> Target {
        Target { below }
    }
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Figure {
    what: String,
    unit: &'static str,
    measured: f64,
    target: Option<Target>,
}

impl Figure {
    pub fn new(what: String, unit: &'static str, measured: f64, target: Option<Target>) -> Figure {
        Figure { what, unit, measured, target }
    }

    pub fn ms(what: String, measured: Duration, target: Option<Target>) -> Figure {
        Figure::new(what, "ms", measured.as_secs_f64() * 1e3, target)
    }
}

/// Durations of repeated runs.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The smallest sample that at least this share of all does not exceed; zero without samples.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The rows so far, and what could not be measured.
pub struct Report {
    wanted: Vec<String>,
    figures: Vec<Figure>,
    missing: Vec<String>,
}

impl Report {
    /// `wanted`: names of sections; none means all.
    pub fn new(wanted: Vec<String>) -> Report {
        Report { wanted, figures: Vec::new(), missing: Vec::new() }
    }

    pub async fn section<F>(&mut self, name: &str, measure: impl FnOnce() -> F)
    where
        F: Future<Output = Result<Vec<Figure>>>,
    {
        if !self.wanted.is_empty() && !self.wanted.iter().any(|wanted| wanted == name) {
            return;
        }
        println!("measuring: {name}");
        match measure().await {
            Ok(figures) => self.figures.extend(figures),
            Err(error) => self.missing.push(format!("{name}: {error:#}")),
        }
    }

    /// Prints the table. An error when something could not be measured; a missed target is a row
    /// of the table, because another machine or another load misses it without a fault of ours.
    pub fn finish(self) -> Result<()> {
        print!("\n{}", self.table());
        if self.missing.is_empty() {
            return Ok(());
        }
        bail!("not measured:\n{}", self.missing.join("\n"))
    }

    fn table(&self) -> String {
        let width = self.figures.iter().map(|f| f.what.chars().count()).max().unwrap_or_default();
        let mut text = format!("{:width$}  {:>12}  {:>12}\n", "", "target", "measured");
        for Figure { what, unit, measured, target } in &self.figures {
            let promised =
                target.map_or(String::new(), |t| format!("< {} {unit}", digits(t.below)));
            let verdict = match target {
                Some(target) if *measured < target.below => "ok",
                Some(_) => "over",
                None => "",
            };
            let measured = format!("{} {unit}", digits(*measured));
            let _ = writeln!(text, "{what:width$}  {promised:>12}  {measured:>12}  {verdict}");
        }
        text
    }
}

/// Three digits that mean something.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 100.0 || v.fract() == 0.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}
