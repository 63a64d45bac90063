//! The verify page: a transcript, from a file or from this tab's own log, is recomputed here.
//!
//! What a person is told at once is one sentence: every line is true, or which one is wrong. What
//! the transcript shows stands below it: who has what, who sat when, every roll and what it was
//! made of. How far a long check has come is shown but not announced, or a screen reader would
//! never fall silent.

use crate::{
    checking::{self, Checked, Progress, Source},
    model::{text, transcript},
    part::dice,
    picture::Shown,
};
use bitcraps_core::{
    id::TableId,
    node::transcript::{ProvenRoll, Verified},
};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::JsCast;
use web_sys::{FileList, HtmlInputElement};
use yew::{Component, Context, DragEvent, Event, Html, Properties, html};

/// Rolls shown at first, and more with each wish for more.
const ROLLS_SHOWN: usize = 50;

#[derive(Clone, PartialEq, Properties)]
pub struct VerifyProps {
    pub picture: Shown,
    /// The table whose own log is checked at once.
    pub table: Option<TableId>,
}

pub struct Verify {
    run: Run,
    /// Counts runs: what an older one says is for nobody.
    turn: Rc<Cell<u32>>,
    rolls_shown: usize,
}

enum Run {
    Idle,
    Checking { name: String, progress: Progress },
    Done { name: String, checked: Box<Checked> },
    Unreadable(String),
}

pub enum Msg {
    Start(String, Source),
    Progress(u32, Progress),
    Ended(u32, Result<Box<Checked>, String>),
    MoreRolls,
}

impl Component for Verify {
    type Message = Msg;
    type Properties = VerifyProps;

    fn create(context: &Context<Self>) -> Self {
        start_own(context);
        Verify { run: Run::Idle, turn: Rc::new(Cell::new(0)), rolls_shown: ROLLS_SHOWN }
    }

    fn changed(&mut self, context: &Context<Self>, old: &VerifyProps) -> bool {
        if context.props().table != old.table {
            start_own(context);
        }
        true
    }

    fn update(&mut self, context: &Context<Self>, message: Msg) -> bool {
        match message {
            Msg::Start(name, source) => self.start(context, name, source),
            Msg::Progress(turn, so_far) if turn == self.turn.get() => {
                if let Run::Checking { progress, .. } = &mut self.run {
                    *progress = so_far;
                }
            }
            Msg::Ended(turn, ended) if turn == self.turn.get() => {
                let Run::Checking { name, .. } = &self.run else { return false };
                self.run = match ended {
                    Ok(checked) => Run::Done { name: name.clone(), checked },
                    Err(why) => Run::Unreadable(why),
                };
            }
            // Of a run that was given up.
            Msg::Progress(..) | Msg::Ended(..) => return false,
            Msg::MoreRolls => self.rolls_shown += ROLLS_SHOWN,
        }
        true
    }

    fn view(&self, context: &Context<Self>) -> Html {
        html! {
            <div class="room verify-room" data-testid="verify-page">
                <h1 id="main-title" tabindex="-1">{ "Verify" }</h1>
                <p class="lead">
                    { "A transcript is all that the members of a table agreed on, under their \
                       signatures. It is recomputed here, on this device: every signature, secret, \
                       roll and payout. Nobody is asked, and nothing is sent." }
                </p>
                { choose(context) }
                { self.outcome() }
                { self.found(context) }
            </div>
        }
    }

    fn destroy(&mut self, _: &Context<Self>) {
        self.turn.set(u32::MAX);
    }
}

/// Checks the log of the table that the address names.
fn start_own(context: &Context<Verify>) {
    let VerifyProps { picture, table } = context.props();
    if let Some(table) = table {
        let known = picture.view.tables.iter().find(|known| known.table_id == *table);
        let name = known.map_or_else(|| table.short(), |known| known.name.clone());
        context.link().send_message(Msg::Start(name, Source::Own(*table)));
    }
}

impl Verify {
    fn start(&mut self, context: &Context<Self>, name: String, source: Source) {
        let mine = self.turn.get().wrapping_add(1);
        self.turn.set(mine);
        self.rolls_shown = ROLLS_SHOWN;
        self.run = Run::Checking { name, progress: Progress::default() };
        let (link, turn) = (context.link().clone(), Rc::clone(&self.turn));
        wasm_bindgen_futures::spawn_local(async move {
            let told = |progress| {
                link.send_message(Msg::Progress(mine, progress));
                turn.get() == mine
            };
            if let Some(ended) = checking::check(&source, u64::MAX, told).await {
                link.send_message(Msg::Ended(mine, ended));
            }
        });
    }

    /// The one sentence.
    fn outcome(&self) -> Html {
        match &self.run {
            Run::Idle => Html::default(),
            Run::Checking { name, progress } => checking_line(name, progress),
            Run::Unreadable(why) => html! {
                <p class="notice bad" role="alert" data-testid="verify-result"
                    data-state="unreadable">{ why.clone() }</p>
            },
            Run::Done { name, checked } => outcome_of(name, checked),
        }
    }

    /// What the true lines show.
    fn found(&self, context: &Context<Self>) -> Html {
        let Run::Done { checked, .. } = &self.run else { return Html::default() };
        let Some(found) = &checked.found else { return Html::default() };
        html! {
            <>
                <div class="cards">
                    { table_facts(found) }
                    { memberships(found) }
                </div>
                { accounts(found) }
                { self.rolls(context, found) }
                <section class="panel">
                    <details>
                        <summary>{ "The last lines, one by one" }</summary>
                        <ol class="plain lines" data-testid="verify-lines">
                            { for checked.lines.iter().map(|line| html! {
                                <li><span aria-hidden="true">{ "✓ " }</span>{ line.clone() }</li>
                            }) }
                            if let Some(fault) = &checked.wrong {
                                <li class="line-wrong">
                                    <span aria-hidden="true">{ "✗ " }</span>
                                    { transcript::wrong(fault) }
                                </li>
                            }
                        </ol>
                    </details>
                </section>
            </>
        }
    }

    fn rolls(&self, context: &Context<Self>, found: &Verified) -> Html {
        let hidden = found.rolls.len().saturating_sub(self.rolls_shown);
        html! {
            <section class="panel" aria-labelledby="proven-title">
                <h2 id="proven-title">
                    { text::counted(found.rolls.len(), "roll, recomputed", "rolls, recomputed") }
                </h2>
                <ol class="rolls" data-testid="proven-rolls">
                    { for found.rolls.iter().take(self.rolls_shown).map(|roll| row(found, roll)) }
                </ol>
                if hidden > 0 {
                    <button type="button" class="button" data-testid="more-rolls"
                        onclick={context.link().callback(|_| Msg::MoreRolls)}>
                        { ["Show more: ", &hidden.to_string(), " are left"].concat() }
                    </button>
                }
            </section>
        }
    }
}

fn choose(context: &Context<Verify>) -> Html {
    let link = context.link();
    let on_change = link.batch_callback(|event: Event| {
        let input: HtmlInputElement = event.target()?.dyn_into().ok()?;
        let chosen = first(input.files());
        // So that the same file can be chosen again once it has changed.
        input.set_value("");
        chosen
    });
    let on_over = yew::Callback::from(|event: DragEvent| event.prevent_default());
    let on_drop = link.batch_callback(|event: DragEvent| {
        event.prevent_default();
        first(event.data_transfer()?.files())
    });
    let own = context.props().picture.view.tables.iter().map(|table| {
        let (id, name) = (table.table_id, table.name.clone());
        let label = ["Check the log of ", &name, " in this tab"].concat();
        let start = move |_| Msg::Start(name.clone(), Source::Own(id));
        html! {
            <button type="button" class="button" data-testid="verify-own"
                onclick={link.callback(start)}>{ label }</button>
        }
    });
    html! {
        <section class="panel drop" aria-labelledby="choose-title" data-testid="verify-drop"
            ondragover={on_over} ondrop={on_drop}>
            <h2 id="choose-title">{ "Which transcript?" }</h2>
            <label class="file">
                <span>{ "A file, chosen or dropped here: " }</span>
                <input type="file" data-testid="verify-file" onchange={on_change} />
            </label>
            <div class="bluetooth-buttons">{ for own }</div>
        </section>
    }
}

fn first(files: Option<FileList>) -> Option<Msg> {
    let file = files?.get(0)?;
    Some(Msg::Start(file.name(), Source::File(file)))
}

fn checking_line(name: &str, progress: &Progress) -> Html {
    let line = progress.line.to_string();
    let share = progress.bytes_all.filter(|all| *all > 0).map(|all| {
        let percent = progress.bytes.saturating_mul(100) / all;
        (percent.to_string(), ["checking, ", &percent.to_string(), " %"].concat())
    });
    html! {
        <div class="notice" data-testid="verify-result" data-state="checking">
            <p><strong>{ name.to_owned() }</strong></p>
            <p>{ ["Line ", &line, " and all before it are true so far."].concat() }</p>
            if let Some((value, label)) = share {
                <progress max="100" {value} aria-label={label}></progress>
            } else {
                <progress aria-label="checking"></progress>
            }
        </div>
    }
}

fn table_facts(found: &Verified) -> Html {
    html! {
        <section class="panel" aria-labelledby="of-table-title">
            <h2 id="of-table-title">{ found.name.clone() }</h2>
            <dl class="facts">
                <dt>{ "Table" }</dt>
                <dd><code class="hash">{ found.table.to_string() }</code></dd>
                <dt>{ "Height" }</dt>
                <dd>{ found.height.to_string() }</dd>
                <dt>{ "Hash of the log" }</dt>
                <dd><code class="hash" data-testid="verify-log-hash">
                    { TableId::from_bytes(found.log_hash).to_string() }
                </code></dd>
                <dt>{ "Bank at first" }</dt>
                <dd>{ found.bank_at_first.to_string() }</dd>
                <dt>{ "Bank now" }</dt>
                <dd>{ found.bank.to_string() }</dd>
            </dl>
        </section>
    }
}

fn memberships(found: &Verified) -> Html {
    html! {
        <section class="panel" aria-labelledby="sat-title">
            <h2 id="sat-title">{ "Who sat" }</h2>
            <ul class="plain">
                { for found.memberships.iter().map(|membership| {
                    let named: Vec<String> =
                        membership.members.iter().map(|id| transcript::who(found, id)).collect();
                    html! {
                        <li>
                            { ["From line ", &membership.from.to_string(), ": ",
                                &text::list(&named)].concat() }
                        </li>
                    }
                }) }
            </ul>
        </section>
    }
}

fn accounts(found: &Verified) -> Html {
    html! {
        <section class="panel" aria-labelledby="chips-title">
            <h2 id="chips-title">{ "Who got what" }</h2>
            <div class="wide" tabindex="0" role="group" aria-labelledby="chips-title">
                <table data-testid="verify-accounts">
                    <thead><tr>
                        { for ["Member", "Granted", "Bet", "Paid", "Has", "Result"].map(|head| {
                            html! { <th scope="col">{ head }</th> }
                        }) }
                    </tr></thead>
                    <tbody>
                        { for found.accounts.iter().map(|(peer, account)| html! {
                            <tr>
                                <th scope="row">
                                    { transcript::who(found, peer) }
                                    if !account.seated { { ", has left" } }
                                </th>
                                <td>{ account.bought_in.to_string() }</td>
                                <td>{ account.bet.to_string() }</td>
                                <td>{ account.paid.to_string() }</td>
                                <td>{ account.holds.to_string() }</td>
                                <td>{ transcript::result(account) }</td>
                            </tr>
                        }) }
                    </tbody>
                </table>
            </div>
        </section>
    }
}

fn row(found: &Verified, proven: &ProvenRoll) -> Html {
    let rolled = &proven.rolled;
    let thrown = [rolled.dice.0.to_string(), rolled.dice.1.to_string()].join(" and ");
    let names = |peers: &[_]| {
        let named: Vec<String> = peers.iter().map(|peer| transcript::who(found, peer)).collect();
        text::list(&named)
    };
    let paid: Vec<String> = rolled
        .paid
        .iter()
        .map(|(peer, chips)| [&transcript::who(found, peer), " ", &chips.to_string()].concat())
        .collect();
    let paid = if paid.is_empty() { "nobody".to_owned() } else { text::list(&paid) };
    html! {
        <li key={rolled.roll.to_string()} class="roll" data-testid="proven-roll">
            <details>
                <summary>
                    <span class="roll-number">{ "#" }{ rolled.roll.saturating_add(1) }</span>
                    { dice::small(rolled.dice) }
                    <span class="sr-only">{ thrown }</span>
                    <strong class="roll-sum">{ rolled.dice.total().to_string() }</strong>
                    <span class="roll-what">{ text::outcome(rolled.point, rolled.dice) }</span>
                </summary>
                <dl class="facts">
                    <dt>{ "Thrown by" }</dt>
                    <dd>{ rolled.shooter.map_or_else(|| text::UNKNOWN.to_owned(),
                        |peer| transcript::who(found, &peer)) }</dd>
                    <dt>{ "Secrets summed from" }</dt>
                    <dd>
                        <ul class="plain">
                            { for transcript::dealers(found, proven).into_iter().map(|who| html! {
                                <li>{ who }</li>
                            }) }
                        </ul>
                    </dd>
                    <dt>{ "Opened by" }</dt>
                    <dd>{ names(&rolled.openers) }</dd>
                    <dt>{ "Opened element" }</dt>
                    <dd><code class="hash">
                        { TableId::from_bytes(rolled.opened).to_string() }
                    </code></dd>
                    <dt>{ "Opened on line" }</dt>
                    <dd>{ rolled.height.to_string() }</dd>
                    <dt>{ "Paid" }</dt>
                    <dd>{ paid }</dd>
                </dl>
            </details>
        </li>
    }
}

fn outcome_of(name: &str, checked: &Checked) -> Html {
    let found = checked.found.as_ref();
    if let Some(fault) = &checked.wrong {
        return html! {
            <div class="notice bad" role="alert" data-testid="verify-result"
                data-state="wrong" data-line={fault.line.to_string()}>
                <p><strong>{ name.to_owned() }</strong></p>
                <p data-testid="verify-fault">{ transcript::wrong(fault) }</p>
                <p>{ transcript::before(found) }</p>
            </div>
        };
    }
    let millis = u64::try_from(checked.took.as_millis()).unwrap_or(u64::MAX);
    let said = found.map(|found| transcript::all_true(found, millis));
    let rolls = found.map_or(0, |found| found.rolls.len());
    html! {
        <div class="notice good" role="status" data-testid="verify-result"
            data-state="true" data-ms={millis.to_string()} data-rolls={rolls.to_string()}>
            <p><strong>{ name.to_owned() }</strong></p>
            <p>{ said }</p>
            <p class="quiet">
                { "These members agreed on all of this. Who they are is not in the transcript: \
                   compare their ids with those you know." }
            </p>
        </div>
    }
}
