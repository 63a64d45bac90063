//! The table: the felt and what to bet on it, the dice, who sits here, what was rolled.
//!
//! Keys work while the felt area has the focus and never elsewhere, so that a screen reader's own
//! keys and typing in a field stay untouched.

use super::asked::Asked;
use crate::{
    model::{
        conduct, felt,
        table::{self, Step},
        text,
        typed::Typed,
    },
    part::{
        chat::{Chat, ChatProps},
        dice::DicePair,
        felt::{self as felt_part, Betting, Felt, tier},
        history, seats,
        typed_bet::TypedBet,
    },
    picture::Shown,
    route::Room,
};
use bitcraps_core::{
    craps::{Chips, Number, Wager},
    id::{PeerId, TableId},
    limits::TABLE_MEMBERS_MAX,
    node::{Command, DepartureView, LobbyView, Parting, TablePhase, TableState, TableView},
};
use yew::{
    Callback, Html, KeyboardEvent, Properties, classes, function_component, html, use_state,
};

/// What one click can bet, in chips.
const TRAY: [u64; 4] = [1, 5, 25, 100];

/// What is picked up at first: the first line bet should be one click.
const FIRST_CHIP: usize = 1;

/// One table's room.
pub struct TableRoom<'a> {
    pub picture: &'a Shown,
    pub id: TableId,
    pub asked: &'a [Asked],
    pub on_do: &'a Callback<Command>,
}

pub fn page(props: &TableRoom<'_>) -> Html {
    let view = &props.picture.view;
    match table::known(view, &props.id) {
        Some(table) if table.state == TableState::Left => left(table),
        Some(_) => {
            html! { <Seated key={props.id.to_string()} picture={props.picture.clone()} id={props.id}
            asked={props.asked.to_vec()} on_do={props.on_do.clone()} /> }
        }
        None => match view.lobby.iter().find(|t| t.table_id == props.id) {
            Some(table) => at_the_door(props, table),
            None => unknown(&props.id),
        },
    }
}

fn left(table: &TableView) -> Html {
    html! {
        <div class="room narrow">
            <h1 id="main-title" tabindex="-1">{ table.name.clone() }</h1>
            <p>{ "You gave up your seat at this table." }</p>
            <a class="button" href={Room::Lobby.hash()}>{ "Back to the lobby" }</a>
        </div>
    }
}

fn at_the_door(props: &TableRoom<'_>, table: &LobbyView) -> Html {
    let id = table.table_id;
    let asking = props.asked.contains(&Asked::Join(id));
    let on_do = props.on_do.clone();
    html! {
        <div class="room narrow">
            <h1 id="main-title" tabindex="-1">{ table.name.clone() }</h1>
            <p>
                { ["You have no seat here. ", &table.members.to_string(), " of ",
                    &table.members_max.to_string(), " seats are taken."].concat() }
            </p>
            <button type="button" class="button primary" disabled={asking}
                data-testid="join-table"
                onclick={move |_| on_do.emit(Command::JoinTable { table: id })}>
                { if asking { "Joining…" } else { "Take a seat" } }
            </button>
            { watch(props.asked, props.on_do, id) }
        </div>
    }
}

/// To see a table without a seat.
pub fn watch(asked: &[Asked], on_do: &Callback<Command>, id: TableId) -> Html {
    let asking = asked.contains(&Asked::Watch(id));
    let on_do = on_do.clone();
    html! {
        <button type="button" class="button" disabled={asking} data-testid="watch-table"
            onclick={move |_| on_do.emit(Command::WatchTable { table: id })}>
            { if asking { "Looking…" } else { "Watch" } }
        </button>
    }
}

fn unknown(id: &TableId) -> Html {
    html! {
        <div class="room narrow" data-testid="unknown-table">
            <h1 id="main-title" tabindex="-1">{ ["Table ", &id.short()].concat() }</h1>
            <p>
                { "No table of this name is known here yet. If its members are in reach, it \
                   appears by itself; otherwise ask who sent the link." }
            </p>
            <a class="button" href={Room::Lobby.hash()}>{ "See the tables there are" }</a>
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct SeatedProps {
    picture: Shown,
    id: TableId,
    asked: Vec<Asked>,
    on_do: Callback<Command>,
}

#[function_component]
fn Seated(props: &SeatedProps) -> Html {
    let me = props.picture.view.peer_id;
    let chip = use_state(|| FIRST_CHIP);
    let looked = use_state(|| None::<Wager>);
    let rule = *looked;
    let Some(table) = table::known(&props.picture.view, &props.id) else {
        return Html::default();
    };
    let worth = TRAY[*chip % TRAY.len()];
    let betting = betting(table, &me);
    let on_bet = bet(props, worth);
    let on_key = {
        let (on_bet, chip) = (on_bet.clone(), chip.clone());
        let (picture, id, on_do) = (props.picture.clone(), props.id, props.on_do.clone());
        Callback::from(move |event: KeyboardEvent| {
            if event.ctrl_key() || event.alt_key() || event.meta_key() || event.repeat() {
                return;
            }
            let Some(table) = table::known(&picture.view, &id) else {
                return;
            };
            match key(&event.key(), table, &me) {
                Some(Key::Bet(wager)) if betting == Betting::Open => on_bet.emit(wager),
                Some(Key::Roll) => on_do.emit(Command::Roll { table: id }),
                Some(Key::Chip(change)) => {
                    chip.set(chip.saturating_add_signed(change).min(TRAY.len() - 1));
                }
                Some(Key::Bet(_)) | None => return,
            }
            event.prevent_default();
        })
    };
    let on_look = Callback::from(move |wager: Wager| looked.set(Some(wager)));
    let on_chip = Callback::from(move |index: usize| chip.set(index));
    let watching = table.state == TableState::Watching;
    let chat = ChatProps::of(table, me, say(props));
    let drawn = Felt { table, me, chip: worth, betting, on_bet, on_look };
    html! {
        <div class="room at-table" data-testid="table">
            { heading(table) }
            { frozen_banner(table) }
            { paused_banner(table) }
            { conduct_banners(table, &me) }
            <div class="column">
                <div class="column" onkeydown={on_key}>
                    { stage(props, table, &me) }
                    { felt_part::draw(&drawn) }
                    { rule_line(rule, table) }
                    if !watching { { tray(worth, &on_chip) } }
                </div>
                if !watching {
                    <TypedBet held={felt::held(table, &me)} on_typed={typed(props)} />
                }
                { history::panel(table) }
            </div>
            <aside class="column">
                { seats::panel(&props.picture.view, table) }
                <Chat ..chat />
                { ledger(props, table) }
            </aside>
        </div>
    }
}

fn heading(table: &TableView) -> Html {
    let (puck, said) = match table.point {
        Some(point) => ("puck on", ["ON ", &point.to_string()].concat()),
        None => ("puck off", "OFF".to_owned()),
    };
    html! {
        <div class="table-head">
            <h1 id="main-title" tabindex="-1">{ table.name.clone() }</h1>
            <span class={puck} data-testid="point"
                data-point={table.point.map(|p| p.to_string())}>
                <span class="sr-only">{ "The puck is " }</span>{ said }
            </span>
        </div>
    }
}

fn frozen_banner(table: &TableView) -> Html {
    html! {
        if table.state == TableState::Frozen {
            <p class="notice frozen" role="alert" data-testid="frozen-banner">
                { table::frozen(table) }
            </p>
        }
    }
}

/// Who was put out, who holds the table up, and that too few are left.
fn conduct_banners(table: &TableView, me: &PeerId) -> Html {
    let slow = conduct::slow(table);
    html! {
        <>
            if let Some(said) = conduct::put_out(table, me) {
                <p class="notice bad" role="alert" data-testid="put-out">{ said }</p>
            }
            if let Some(said) = conduct::too_few(table) {
                <p class="notice frozen" role="alert" data-testid="too-few">{ said }</p>
            }
            if !slow.is_empty() {
                <p class="notice" role="status" data-testid="slow">
                    { ["Waiting for ", &text::list(&slow), "."].concat() }
                </p>
            }
        </>
    }
}

fn paused_banner(table: &TableView) -> Html {
    html! {
        if let Some(said) = table::paused(table).filter(|_| table.state == TableState::Playing) {
            <p class="notice frozen" role="alert" data-testid="paused-banner">{ said }</p>
        }
    }
}

/// Dice, what is going on, and the one large button.
fn stage(props: &SeatedProps, table: &TableView, me: &PeerId) -> Html {
    let last = table.history.first();
    let asking = props.asked.contains(&Asked::Roll(table.table_id));
    let step = table::step(table, me);
    let label = match step {
        _ if asking => "Sending…",
        Step::Roll => "Roll the dice",
        Step::Ready => "Ready",
        Step::Wait(why) => why,
    };
    let id = table.table_id;
    let on_do = props.on_do.clone();
    let stack = table::seat(table, me)
        .map_or_else(|| text::UNKNOWN.to_owned(), |seat| seat.stack.0.to_string());
    html! {
        <section class="stage" aria-label="Dice">
            <DicePair dice={last.map(|roll| roll.dice)} roll={table::thrown(table)} />
            <div class="stage-words">
                <p class="headline" data-testid="headline">{ table::headline(table, me) }</p>
                <p class="quiet">
                    { "Your stack: " }<strong>{ stack }</strong>
                    { " · rolls thrown: " }
                    <span data-testid="roll-count">
                        { table::thrown(table).to_string() }
                    </span>
                    if table.pending > 0 {
                        <span data-testid="pending">
                            { [" · ", &text::counted(table.pending, "bet waits", "bets wait"),
                                " for agreement"].concat() }
                        </span>
                    }
                </p>
            </div>
            if table.state == TableState::Watching {
                { take_seat(props, table) }
            } else {
                <button type="button" class="button primary roll-button" data-testid="roll"
                    disabled={asking || matches!(step, Step::Wait(_))}
                    onclick={move |_| on_do.emit(Command::Roll { table: id })}>
                    { label }
                </button>
            }
        </section>
    }
}

/// For who looks on; not for an identity that was expelled.
fn take_seat(props: &SeatedProps, table: &TableView) -> Html {
    let id = table.table_id;
    let asking = props.asked.contains(&Asked::Join(id));
    let me = props.picture.view.peer_id;
    let expelled = |gone: &DepartureView| {
        gone.peer_id == me && matches!(gone.parting, Parting::Expelled { .. })
    };
    let barred = table.departures.iter().any(expelled);
    let full = table.members.len() >= TABLE_MEMBERS_MAX;
    let on_do = props.on_do.clone();
    html! {
        <button type="button" class="button primary roll-button" data-testid="join-table"
            disabled={asking || barred || full}
            onclick={move |_| on_do.emit(Command::JoinTable { table: id })}>
            { if asking { "Joining…" } else if full { "Full" } else { "Take a seat" } }
        </button>
    }
}

/// The rule and the exact odds of the bet that was last pointed at or focused.
fn rule_line(wager: Option<Wager>, table: &TableView) -> Html {
    html! {
        <p class="rule" id="rule" data-testid="rule">
            if let Some(wager) = wager {
                <strong>{ wager.to_string() }</strong>{ ". " }{ felt::rule(wager, &table.rules) }
            } else {
                { "Point at a bet, or move to it, to read its rule and its exact odds." }
            }
        </p>
    }
}

fn tray(worth: u64, on_chip: &Callback<usize>) -> Html {
    html! {
        <fieldset class="tray">
            <legend>{ "Chips per click" }</legend>
            { for TRAY.iter().enumerate().map(|(i, chips)| {
                let on_chip = on_chip.clone();
                html! {
                    <label key={*chips} class={classes!("chip", "tray-chip", tier(*chips))}>
                        <input type="radio" name="chip" value={chips.to_string()}
                            checked={*chips == worth}
                            data-testid={["chip-", &chips.to_string()].concat()}
                            onchange={move |_| on_chip.emit(i)} />
                        <span>{ chips.to_string() }</span>
                    </label>
                }
            }) }
            <details class="keys">
                <summary>{ "Keys" }</summary>
                <p>
                    { "While the felt has the focus: " }
                    <kbd>{ "P" }</kbd>{ " pass, " }<kbd>{ "D" }</kbd>{ " don’t pass, " }
                    <kbd>{ "C" }</kbd>{ " come, " }<kbd>{ "X" }</kbd>{ " don’t come, " }
                    <kbd>{ "F" }</kbd>{ " field, " }<kbd>{ "O" }</kbd>{ " odds, " }
                    <kbd>{ "4" }</kbd>{ " to " }<kbd>{ "9" }</kbd>{ " and " }
                    <kbd>{ "0" }</kbd>{ " place, " }<kbd>{ "+" }</kbd>{ " " }<kbd>{ "-" }</kbd>
                    { " chip, " }<kbd>{ "R" }</kbd>{ " roll or ready." }
                </p>
            </details>
        </fieldset>
    }
}

fn ledger(props: &SeatedProps, table: &TableView) -> Html {
    let id = table.table_id;
    let leaving = props.asked.contains(&Asked::Leave(id));
    let on_do = props.on_do.clone();
    let watching = table.state == TableState::Watching;
    let me = props.picture.view.peer_id;
    let cash = table::seat(table, &me).map_or_else(String::new, |seat| {
        let (brought, stack) = (seat.brought.0.to_string(), seat.stack.0.to_string());
        ["You brought ", &brought, " and would cash out ", &stack, ". "].concat()
    });
    let short: String = table.log_hash.chars().take(16).collect();
    html! {
        <section class="panel" aria-labelledby="log-title">
            <h2 id="log-title">{ "The log all members share" }</h2>
            <dl class="facts">
                <dt>{ "Table" }</dt>
                <dd><code class="hash" data-testid="table-id">{ id.to_string() }</code></dd>
                <dt>{ "Height" }</dt>
                <dd data-testid="log-height">{ table.height.to_string() }</dd>
                <dt>{ "Hash" }</dt>
                <dd>
                    <code class="hash" data-testid="log-hash" data-hash={table.log_hash.clone()}
                        title={table.log_hash.clone()}>{ short }</code>
                </dd>
                <dt>{ "Members" }</dt>
                <dd>
                    { [&table.reachable.to_string(), " of ", &table.members.len().to_string(),
                        " in reach, ", &table.quorum.to_string(), " decide"].concat() }
                </dd>
                <dt>{ "Bank" }</dt>
                <dd data-testid="bank">{ table.bank.0.to_string() }</dd>
                <dt>{ "Buy-in" }</dt>
                <dd data-testid="buy-in">{ table.buy_in.0.to_string() }</dd>
                <dt>{ "Cashed out by those who left" }</dt>
                <dd data-testid="cashed-out">{ table.cashed_out.0.to_string() }</dd>
                <dt>{ "Chips found, of all granted" }</dt>
                <dd>
                    { [&table::accounted(table).to_string(), " of ", &table.minted.0.to_string()]
                        .concat() }
                </dd>
            </dl>
            <button type="button" class="button" disabled={leaving} data-testid="leave-table"
                onclick={move |_| on_do.emit(Command::LeaveTable { table: id })}>
                { if watching { "Look away" } else if leaving { "Leaving…" }
                    else { "Leave the table" } }
            </button>
            if !watching {
                <p class="quiet">
                    { [cash.as_str(), "Bets still on the felt are resolved as they fall."]
                        .concat() }
                </p>
            }
            <h2>{ "The rules of this table" }</h2>
            <p class="quiet" data-testid="rules">{ table.rules.to_string() }</p>
        </section>
    }
}

fn betting(table: &TableView, me: &PeerId) -> Betting {
    let ready = table::seat(table, me).is_none_or(|seat| seat.ready);
    let done = ready || table.paused.is_some();
    match (table.state, table.phase) {
        (TableState::Playing, TablePhase::Betting) if !done => Betting::Open,
        _ => Betting::Closed,
    }
}

fn bet(props: &SeatedProps, chips: u64) -> Callback<Wager> {
    let (table, on_do) = (props.id, props.on_do.clone());
    Callback::from(move |wager| {
        on_do.emit(Command::PlaceBet { table, wager, chips: Chips(chips) });
    })
}

fn say(props: &SeatedProps) -> Callback<String> {
    let (table, on_do) = (props.id, props.on_do.clone());
    Callback::from(move |text| on_do.emit(Command::Say { table, text }))
}

fn typed(props: &SeatedProps) -> Callback<Typed> {
    let (table, on_do) = (props.id, props.on_do.clone());
    Callback::from(move |typed| {
        on_do.emit(match typed {
            Typed::Bet(wager, chips) => Command::PlaceBet { table, wager, chips },
            Typed::Roll => Command::Roll { table },
            Typed::Leave => Command::LeaveTable { table },
        });
    })
}

/// What a key asks for.
enum Key {
    Bet(Wager),
    Roll,
    Chip(isize),
}

fn key(key: &str, table: &TableView, me: &PeerId) -> Option<Key> {
    Some(match key {
        "p" => Key::Bet(Wager::Pass),
        "d" => Key::Bet(Wager::DontPass),
        "c" => Key::Bet(Wager::Come),
        "x" => Key::Bet(Wager::DontCome),
        "f" => Key::Bet(Wager::Field),
        "o" => Key::Bet(felt::odds(table, me).first().copied()?),
        "4" => Key::Bet(Wager::Place(Number::Four)),
        "5" => Key::Bet(Wager::Place(Number::Five)),
        "6" => Key::Bet(Wager::Place(Number::Six)),
        "8" => Key::Bet(Wager::Place(Number::Eight)),
        "9" => Key::Bet(Wager::Place(Number::Nine)),
        "0" => Key::Bet(Wager::Place(Number::Ten)),
        "r" => Key::Roll,
        "+" | "=" => Key::Chip(1),
        "-" => Key::Chip(-1),
        _ => return None,
    })
}
