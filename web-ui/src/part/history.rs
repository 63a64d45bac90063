//! The last rolls. Each has a seal that opens to what the roll was made of.

use super::dice;
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
                    <span class="seal" title="Why this roll is fair">
                        <span aria-hidden="true">{ "✦" }</span>
                        <span class="sr-only">{ "Why this roll is fair" }</span>
                    </span>
                </summary>
                { fair(table, roll) }
                <dl class="facts">
                    <dt>{ "Thrown by" }</dt>
                    <dd>{ shooter }</dd>
                    <dt>{ "Opened element" }</dt>
                    <dd><code class="hash">{ roll.opened.clone() }</code></dd>
                    <dt>{ "Log height" }</dt>
                    <dd>{ roll.height.to_string() }</dd>
                    <dt>{ "Paid" }</dt>
                    <dd>{ paid(table, roll) }</dd>
                </dl>
            </details>
        </li>
    }
}

/// Every member's part in a roll, in the order in which the parts were made.
fn fair(table: &TableView, roll: &HistoryView) -> Html {
    let mut members = roll.dealers.clone();
    members.extend(roll.openers.iter().filter(|peer| !roll.dealers.contains(peer)));
    html! {
        <div class="fair" data-testid="why-fair">
            <h3>{ "Why this roll is fair" }</h3>
            <p>
                { [&text::counted(roll.dealers.len(), "member", "members"),
                    " dealt a sealed secret each before anybody could bet, and the sum of these \
                      secrets alone made the dice. One honest secret among them is enough: nobody \
                      could know or choose the sum. When the bets were final, ",
                    &text::counted(roll.openers.len(), "share", "shares"),
                    " opened it; any as many of the members’ shares give the same dice, so \
                      nobody could hold them back."].concat() }
            </p>
            <ul class="parts">
                { for members.iter().map(|peer| contribution(table, roll, peer)) }
            </ul>
        </div>
    }
}

/// A name with the start of its id: a name alone proves nothing.
fn contribution(table: &TableView, roll: &HistoryView, peer: &PeerId) -> Html {
    let dealt = roll.dealers.contains(peer).then_some("dealt a secret that is in the sum");
    let opened = roll.openers.contains(peer).then_some("opened its share");
    let did: Vec<String> = dealt.into_iter().chain(opened).map(str::to_owned).collect();
    html! {
        <li key={peer.to_string()} title={peer.to_string()}>
            <strong>{ table::name_of(table, peer) }</strong>
            { [" (", &peer.short(), ") ", &text::list(&did)].concat() }
        </li>
    }
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
