//! `bitcraps craps odds`: what every bet pays, how often it wins and what it costs.
//!
//! Nothing is looked up: the figures are computed when they are asked for, from the rules that pay
//! at the tables.

use crate::{cli, terminal::say};
use bitcraps_core::craps::{Priced, price_list};

pub fn run(task: &cli::Craps) -> anyhow::Result<()> {
    let cli::Craps::Odds { rules, json } = task;
    let rules = rules.unwrap_or_default();
    let list = price_list(&rules);
    match json {
        true => say(&serde_json::to_string(&list.iter().map(line).collect::<Vec<_>>())?),
        false => say(&table(&list, &rules.to_string())),
    }
    Ok(())
}

/// Fractions as text: most programs would round numbers.
fn line(bet: &Priced) -> serde_json::Value {
    serde_json::json!({
        "bet": bet.name,
        "pays": bet.pays,
        "house_edge": bet.odds.edge.to_string(),
        "house_edge_percent": bet.odds.edge.percent(),
        "wins": bet.odds.wins.to_string(),
        "loses": bet.odds.loses.to_string(),
    })
}

fn table(list: &[Priced], rules: &str) -> String {
    let exact = |bet: &Priced| match bet.odds.edge.to_string() {
        // The fire bet has eighty digits; --json has them all.
        long if long.len() > 24 => "(long)".to_owned(),
        text => text,
    };
    let names = list.iter().map(|bet| bet.name.len()).max().unwrap_or(0);
    let edges = list.iter().map(|bet| exact(bet).len()).max().unwrap_or(0);
    let mut text = format!("{rules}\n\n{:names$}  {:>edges$}  {:>7}  pays\n", "bet", "edge", "");
    for bet in list {
        let (edge, percent) = (exact(bet), bet.odds.edge.percent());
        text += &format!("{:names$}  {edge:>edges$}  {percent:>7}  {}\n", bet.name, bet.pays);
    }
    text + "\nThe edge is the share of a chip that the house keeps on average, per bet made: a \
            stake given\nback counts as a bet made. It holds for stakes that lose nothing to \
            rounding."
}
