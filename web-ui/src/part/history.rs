//! The last rolls. Each has a seal that opens to what the roll was made of.

use super::{again::VerifyAgain, dice};
use crate::model::{table, text};
use bitcraps_core::{
    id::PeerId,
    node::{HistoryView, TableView},
};
use yew::{Html, html};

pub fn panel(table: &TableView) -> Html {
    html! {
        <section class="panel" aria-labelledby="history-title">
            <h2 id="history-title">{ "Rolls" }</h2>
            if table.history.is_empty() {
                <p class="quiet">{ "No dice have been thrown here yet." }</p>
            } else {
                <ol class="rolls" data-testid="history">
                    { for table.history.iter().map(|roll| entry(table, roll)) }
                </ol>
            }
        </section>
    }
}

fn entry(table: &TableView, roll: &HistoryView) -> Html {
    let sum = roll.dice.total().to_string();
    let dice = [roll.dice.0.to_string(), roll.dice.1.to_string()].join(" and ");
    let shooter = roll
        .shooter
        .map_or_else(|| text::UNKNOWN.to_owned(), |shooter| table::name_of(table, &shooter));
    html! {
        <li key={roll.roll.to_string()} class="roll" data-testid="history-row">
            <details>
                <summary>
                    <span class="roll-number">{ "#" }{ roll.roll.saturating_add(1) }</span>
                    { dice::small(roll.dice) }
                    <span class="sr-only">{ dice }</span>
                    <strong class="roll-sum">{ sum }</strong>
                    <span class="roll-what">{ text::outcome(roll.point, roll.dice) }</span>
                    <span class="seal" title="What this roll was made of">
                        <span aria-hidden="true">{ "✦" }</span>
                        <span class="sr-only">{ "What this roll was made of" }</span>
                    </span>
                </summary>
                <dl class="facts">
                    <dt>{ "Thrown by" }</dt>
                    <dd>{ shooter }</dd>
                    <dt>{ "Secrets summed from" }</dt>
                    <dd>{ people(table, &roll.dealers) }</dd>
                    <dt>{ "Opened by" }</dt>
                    <dd>{ people(table, &roll.openers) }</dd>
                    <dt>{ "Opened element" }</dt>
                    <dd><code class="hash">{ roll.opened.clone() }</code></dd>
                    <dt>{ "Log height" }</dt>
                    <dd>{ roll.height.to_string() }</dd>
                    <dt>{ "Paid" }</dt>
                    <dd>{ paid(table, roll) }</dd>
                </dl>
                <VerifyAgain table={table.table_id} roll={roll.roll} height={roll.height}
                    dice={roll.dice} opened={roll.opened.clone()} />
            </details>
        </li>
    }
}

/// Names with the start of their ids: a name alone proves nothing.
fn people(table: &TableView, peers: &[PeerId]) -> String {
    if peers.is_empty() {
        return text::UNKNOWN.to_owned();
    }
    let named: Vec<String> = peers
        .iter()
        .map(|peer| [&table::name_of(table, peer), " (", &peer.short(), ")"].concat())
        .collect();
    text::list(&named)
}

fn paid(table: &TableView, roll: &HistoryView) -> String {
    if roll.paid.is_empty() {
        return "nobody".to_owned();
    }
    let paid: Vec<String> = roll
        .paid
        .iter()
        .map(|(peer, chips)| [&table::name_of(table, peer), " ", &chips.0.to_string()].concat())
        .collect();
    text::list(&paid)
}
