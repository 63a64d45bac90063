//! The game on whole nodes: a decided entry, a roll, a new table, beside a floor of the same run.

use crate::{
    figures::{Figure, Samples, Target},
    floor,
    table::{Nodes, Table},
};
use anyhow::{Context as _, Result};
use bitcraps_core::{
    crypto::dice::{DiceTable, MemberSecret, Params},
    seed::Seed,
};
use std::time::{Duration, Instant};

const SIZES: [usize; 4] = [4, 7, 10, 16];

/// Before the first that counts: code and caches are cold, and everybody deals.
const WARM_UP: usize = 5;

/// Entries and rolls the percentiles of one size rest on.
const SAMPLES: usize = 150;

/// New tables at one size. A node keeps at most sixteen.
const TABLES: usize = 12;

/// A decided entry against the floor.
const ENTRY_RATIO: f64 = 5.0;

pub async fn measure() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for members in SIZES {
        let at = || format!("a table of {members}");
        figures.extend(of_size(members).await.with_context(at)?);
    }
    Ok(figures)
}

async fn of_size(members: usize) -> Result<Vec<Figure>> {
    let floor = floor::three_steps(members).await?.quantile(0.5);
    let made = creations(members).await?;
    let table = Table::form(members).await?;
    let mut entries = Samples::default();
    let [mut rolls, mut agreements, mut openings] = [(); 3].map(|()| Samples::default());
    for turn in 0..WARM_UP + SAMPLES {
        let entry = table.entry().await?;
        let roll = table.roll().await?;
        if turn >= WARM_UP {
            entries.push(entry);
            rolls.push(roll.whole);
            agreements.push(roll.agreement);
            openings.push(roll.whole - roll.agreement);
        }
    }
    table.stop().await?;
    let verification = verification(members)?;

    let ms = |what: &str, time: Duration, below: Option<f64>| {
        Figure::ms(format!("{members} members: {what}"), time, below.map(Target::below))
    };
    let quantiles = |what: &str, samples: &Samples, below: [Option<f64>; 3]| {
        let named = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];
        let row =
            |((name, share), below)| ms(&format!("{what}, {name}"), samples.quantile(share), below);
        named.into_iter().zip(below).map(row).collect::<Vec<_>>()
    };
    let ratio = entries.quantile(0.5).as_secs_f64() / floor.as_secs_f64();
    let mut figures = vec![ms("three bare signed steps, p50", floor, None)];
    figures.extend(quantiles("one decided entry", &entries, [None; 3]));
    let what = format!("{members} members: one decided entry beside the bare steps");
    figures.push(Figure::new(what, "x", ratio, Some(Target::below(ENTRY_RATIO))));
    let roll_max = match members {
        4 => [Some(3.0), None, None],
        7 => [None, Some(15.0), None],
        _ => [None; 3],
    };
    figures.extend(quantiles("one roll", &rolls, roll_max));
    figures.push(ms("of it, agreement that bets are closed, p50", agreements.quantile(0.5), None));
    figures.push(ms("of it, opening, p50", openings.quantile(0.5), None));
    figures.push(ms("verifying the shares of one roll, one member", verification, None));
    let made_max = (members == 4).then_some(5.0);
    figures.extend(quantiles("a new table", &made, [made_max, None, None]));
    Ok(figures)
}

async fn creations(members: usize) -> Result<Samples> {
    let nodes = Nodes::start(members).await?;
    let mut samples = Samples::default();
    for number in 0..TABLES {
        samples.push(nodes.create(&format!("table {number}")).await?.1);
    }
    nodes.stop().await?;
    Ok(samples)
}

/// What one member computes to be sure of one roll once its bets are closed: the others' shares
/// and their sum. Deals are verified ahead.
fn verification(members: usize) -> Result<Duration> {
    let secrets: Vec<MemberSecret> =
        (0..members as u64).map(|n| MemberSecret::derive(&Seed::from_number(n))).collect();
    let keys = secrets
        .iter()
        .zip(0u8..)
        .map(|(secret, n)| secret.register(&[1; 32], 0, &[n; 32]).verify(&[1; 32], 0));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let table = DiceTable::new(Params::recommended(members)?, &[1; 32], 0, &keys)?;
    let entropy = Seed::from_number(9);
    let dealers = (0u8..).zip(&secrets).take(table.params().threshold());
    let deals = dealers.clone().map(|(me, secret)| {
        let deal = table.deal(me, secret, 0, &entropy)?;
        table.verify_deal(&deal)
    });
    let pot = table.pot(&deals.collect::<Result<Vec<_>, _>>()?)?;
    let shares = dealers.map(|(me, secret)| table.share(me, secret, &pot, &entropy));
    let shares = shares.collect::<Result<Vec<_>, _>>()?;
    let mut samples = Samples::default();
    for _ in 0..SAMPLES {
        let started = Instant::now();
        let verified = shares[1..].iter().map(|share| table.verify_share(&pot, share));
        let verified = verified.collect::<Result<Vec<_>, _>>()?;
        std::hint::black_box(&verified);
        samples.push(started.elapsed());
    }
    Ok(samples.quantile(0.5))
}
