//! The long experiments: what health, forecasts, healing and the choice of links are worth, over
//! hours of virtual time.
//!
//! Rules. An experiment draws everything from its seed, judges with figures that were fixed before
//! it ran, and tells every figure it promised, met or missed. What it takes minutes of a machine to
//! learn is learned here; `cargo xtask test` runs each of them in a short form, and
//! `docs/SIMULATION.md` keeps the table that `cargo xtask sim --long` printed last.

mod anomaly;
mod forecast;
mod heal;
mod links;
mod risk;
mod ward;

use core::fmt;

/// One experiment.
#[derive(Clone, Copy)]
pub struct Experiment {
    pub name: &'static str,
    /// One sentence for `--help`.
    pub about: &'static str,
    /// `says` is told in a few words how far it has come.
    run: Run,
}

/// A seed, a length and whom to tell.
type Run = fn(u64, Length, &mut dyn FnMut(&str)) -> Outcome;

impl Experiment {
    pub fn run(&self, seed: u64, length: Length, says: &mut dyn FnMut(&str)) -> Outcome {
        (self.run)(seed, length, says)
    }
}

/// How much of it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Seconds of a machine: enough to see it break, too little for the promised figures.
    Short,
    /// As promised.
    Full,
}

/// Every experiment there is.
pub const EXPERIMENTS: [Experiment; 5] =
    [risk::RISK, anomaly::ANOMALY, forecast::FORECAST, heal::HEAL, links::LINKS];

/// What an experiment found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub figures: Vec<Figure>,
    /// Tables in Markdown, each with its title as the first line.
    pub tables: Vec<String>,
}

impl Outcome {
    /// Whether every figure that promises something keeps it.
    pub fn is_met(&self) -> bool {
        self.figures.iter().all(Figure::is_met)
    }
}

/// One figure with what was promised of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    pub target: Option<Target>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { what: what.into(), value, unit, target: None }
    }

    pub fn promised(mut self, target: Target) -> Figure {
        self.target = Some(target);
        self
    }

    /// What is not a number keeps no promise.
    pub fn is_met(&self) -> bool {
        match self.target {
            None => true,
            Some(Target::AtLeast(least)) => self.value >= least,
            Some(Target::AtMost(most)) => self.value <= most,
        }
    }
}

/// A row of a Markdown table: what, measured, promised, kept or not.
impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = if self.value.fract() == 0.0 { 0 } else { 4 };
        write!(f, "| {} | {:.decimals$} {} |", self.what, self.value, self.unit)?;
        match self.target {
            None => write!(f, " | |"),
            Some(Target::AtLeast(least)) => write!(f, " at least {least} | {} |", kept(self)),
            Some(Target::AtMost(most)) => write!(f, " at most {most} | {} |", kept(self)),
        }
    }
}

fn kept(figure: &Figure) -> &'static str {
    if figure.is_met() { "yes" } else { "NO" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_is_no_number_keeps_no_promise() {
        let figure = |value, target| Figure::new("a", value, "s").promised(target);
        assert!(figure(1.0, Target::AtLeast(1.0)).is_met());
        assert!(!figure(0.9, Target::AtLeast(1.0)).is_met());
        assert!(figure(1.0, Target::AtMost(1.0)).is_met());
        assert!(!figure(f64::NAN, Target::AtMost(1.0)).is_met());
        assert!(!figure(f64::NAN, Target::AtLeast(1.0)).is_met());
        let row = figure(0.5, Target::AtLeast(1.0)).to_string();
        assert_eq!(row, "| a | 0.5000 s | at least 1 | NO |");
        assert_eq!(Figure::new("b", 7.0, "links").to_string(), "| b | 7 links | | |");
    }
}
