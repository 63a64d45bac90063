//! The felt: one button per bet at its usual place, with the chips that lie there.
//!
//! The order in the document is the order of a narrow screen: what this phase is about comes
//! first. A wide screen puts the boxes where every craps table has them, by grid areas.

use crate::model::{
    felt::{self, Area, Offer},
    table, text,
};
use bitcraps_core::{
    craps::{Number, Spot, Wager},
    id::PeerId,
    node::TableView,
};
use yew::{Callback, FocusEvent, Html, MouseEvent, classes, html};

/// Whether clicks on the felt do anything now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Betting {
    Open,
    Closed,
}

/// The felt of one table.
pub struct Felt<'a> {
    pub table: &'a TableView,
    pub me: PeerId,
    /// What a click bets, in chips.
    pub chip: u64,
    pub betting: Betting,
    pub on_bet: Callback<Wager>,
    /// Hovered or focused: its rule is wanted.
    pub on_look: Callback<Wager>,
}

pub fn draw(props: &Felt<'_>) -> Html {
    let point = props.table.point;
    let line = [Wager::Pass, Wager::DontPass];
    let come = [Wager::Come, Wager::DontCome];
    let odds = felt::odds(props.table, &props.me);
    let numbers = html! {
        <div class="numbers" key="numbers">
            { for Number::ALL.iter().map(|n| number_box(props, *n)) }
        </div>
    };
    let field = bet_box(props, Wager::Field, "2 · 3 · 4 · 9 · 10 · 11 · 12");
    let line = line.map(|wager| bet_box(props, wager, note(wager)));
    let come = come.map(|wager| bet_box(props, wager, note(wager)));
    let odds = odds_box(props, &odds);
    // The sections of the phase, first things first.
    let boxes = if point.is_some() {
        [odds, come.into_iter().collect(), numbers, field, line.into_iter().collect()]
    } else {
        [line.into_iter().collect(), field, numbers, come.into_iter().collect(), odds]
    };
    let phase = if point.is_some() { "on" } else { "off" };
    html! {
        <section class={classes!("felt", phase)} aria-label="The felt" data-testid="felt">
            { for boxes }
        </section>
    }
}

fn note(wager: Wager) -> &'static str {
    match wager {
        Wager::Pass => "wins on 7 and 11, then on the point",
        Wager::DontPass => "against the shooter, bar 12",
        Wager::Come => "a pass line of its own",
        Wager::DontCome => "against, bar 12",
        _ => "",
    }
}

fn bet_box(props: &Felt<'_>, wager: Wager, note: &'static str) -> Html {
    let area = match wager {
        Wager::Pass => Area::Pass,
        Wager::DontPass => Area::DontPass,
        Wager::Come => Area::Come,
        Wager::DontCome => Area::DontCome,
        _ => Area::Field,
    };
    let (hover, focus) = look(props, wager);
    html! {
        <div key={felt::slug(wager)} class={classes!("box", ["area-", &felt::slug(wager)].concat())}
            onmouseenter={hover} onfocusin={focus}>
            { bet_button(props, wager, html! {
                <>
                    <span class="bet-name">{ wager.to_string() }</span>
                    <span class="bet-note">{ note }</span>
                </>
            }) }
            { chips(props, area) }
        </div>
    }
}

fn number_box(props: &Felt<'_>, number: Number) -> Html {
    let wager = Wager::Place(number);
    let on = props.table.point == Some(number);
    let name = match number {
        Number::Six => "SIX".to_owned(),
        Number::Nine => "NINE".to_owned(),
        _ => number.to_string(),
    };
    let (hover, focus) = look(props, wager);
    html! {
        <div key={felt::slug(wager)} class={classes!("box", "number", on.then_some("is-point"))}
            onmouseenter={hover} onfocusin={focus}>
            if on {
                <span class="puck on" aria-hidden="true">{ "ON" }</span>
            }
            { bet_button(props, wager, html! {
                <>
                    <span class="bet-number">{ name }</span>
                    <span class="bet-note">{ "place" }</span>
                </>
            }) }
            { chips(props, Area::Number(number)) }
        </div>
    }
}

fn odds_box(props: &Felt<'_>, odds: &[Wager]) -> Html {
    if odds.is_empty() {
        return html! {};
    }
    html! {
        <div key="odds" class="odds" role="group" aria-label="Odds">
            { for odds.iter().map(|wager| {
                let (hover, focus) = look(props, *wager);
                html! {
                    <div key={felt::slug(*wager)} class="box" onmouseenter={hover}
                        onfocusin={focus}>
                        { bet_button(props, *wager, html! {
                            <span class="bet-name">{ wager.to_string() }</span>
                        }) }
                    </div>
                }
            }) }
        </div>
    }
}

fn look(props: &Felt<'_>, wager: Wager) -> (Callback<MouseEvent>, Callback<FocusEvent>) {
    let (hover, focus) = (props.on_look.clone(), props.on_look.clone());
    (Callback::from(move |_| hover.emit(wager)), Callback::from(move |_| focus.emit(wager)))
}

fn bet_button(props: &Felt<'_>, wager: Wager, face: Html) -> Html {
    let offer = felt::offer(wager, props.table.point);
    let later = match offer {
        Offer::Now => None,
        Offer::Later(when) => Some(when),
    };
    let closed = props.betting == Betting::Closed;
    let chips = usize::try_from(props.chip).unwrap_or(usize::MAX);
    let label = [
        "Bet ",
        &text::counted(chips, "chip", "chips"),
        " on ",
        &wager.to_string(),
        &later.map_or_else(String::new, |when| [", offered ", when].concat()),
    ]
    .concat();
    let on_bet = props.on_bet.clone();
    html! {
        <button
            type="button"
            class={classes!("bet", later.map(|_| "later"))}
            data-testid={["bet-", &felt::slug(wager)].concat()}
            disabled={closed || later.is_some()}
            aria-label={label}
            onclick={move |_| on_bet.emit(wager)}
        >
            { face }
        </button>
    }
}

/// Own chips as discs, what others have there as one figure.
fn chips(props: &Felt<'_>, area: Area) -> Html {
    let mine =
        table::seat(props.table, &props.me).map_or_else(Vec::new, |seat| felt::piles(&seat.bets));
    let others = felt::others(props.table, &props.me, area);
    html! {
        <div class="chips">
            { for mine.iter().filter(|pile| felt::area(pile.spot) == area).map(|pile| html! {
                <span class={classes!("chip", tier(pile.chips))} title={pile.spot.to_string()}>
                    <span class="sr-only">
                        { ["Yours on ", &pile.spot.to_string(), ": "].concat() }
                    </span>
                    { pile.chips.to_string() }
                    if let Some(tag) = tag(pile.spot) {
                        <span class="chip-tag" aria-hidden="true">{ tag }</span>
                    }
                </span>
            }) }
            if others > 0 {
                <span class="others">
                    <span class="sr-only">{ "Others have " }</span>
                    { ["+", &others.to_string()].concat() }
                </span>
            }
        </div>
    }
}

/// Tells piles in one box apart.
fn tag(spot: Spot) -> Option<&'static str> {
    match spot {
        Spot::PassOdds | Spot::DontPassOdds | Spot::ComeOdds(_) | Spot::DontComeOdds(_) => {
            Some("odds")
        }
        Spot::ComeOn(_) => Some("come"),
        Spot::DontComeOn(_) => Some("don’t"),
        Spot::Pass
        | Spot::DontPass
        | Spot::Come
        | Spot::DontCome
        | Spot::Field
        | Spot::Place(_) => None,
    }
}

/// The colour of a chip of this worth.
pub fn tier(chips: u64) -> &'static str {
    match chips {
        0..5 => "worth-1",
        5..25 => "worth-5",
        25..100 => "worth-25",
        _ => "worth-100",
    }
}
