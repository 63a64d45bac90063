//! The felt: one button per bet at its usual place, with the chips that lie there.
//!
//! The order in the document is the order of a narrow screen: what this phase is about comes
//! first. A wide screen puts the boxes where every craps table has them, by grid areas.

use crate::model::{
    felt::{self, Area, Laid, Offer},
    text,
};
use bitcraps_core::{
    craps::{Barred, Number, Spot, Wager},
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

/// What is drawn, and what lies there.
struct Drawn<'a> {
    props: &'a Felt<'a>,
    laid: Laid,
}

pub fn draw(props: &Felt<'_>) -> Html {
    let point = props.table.point;
    let drawn = &Drawn { props, laid: felt::laid(props.table, &props.me) };
    let line = [Wager::Pass, Wager::DontPass];
    let come = [Wager::Come, Wager::DontCome];
    let odds = felt::odds(props.table, &props.me);
    let numbers = html! {
        <div class="numbers" key="numbers">
            { for Number::ALL.iter().map(|n| number_box(drawn, *n)) }
        </div>
    };
    let field = bet_box(drawn, Wager::Field, "2 · 3 · 4 · 9 · 10 · 11 · 12");
    let line = line.map(|wager| bet_box(drawn, wager, note(wager, props.table)));
    let come = come.map(|wager| bet_box(drawn, wager, note(wager, props.table)));
    let odds = odds_box(drawn, &odds);
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
            { propositions(drawn) }
        </section>
    }
}

/// The bets of the middle: often pressed ones open, the many others behind their name.
fn propositions(drawn: &Drawn<'_>) -> Html {
    let [hard, next, hops, side] = felt::propositions();
    let open = |(name, bets): (&'static str, Vec<Wager>)| {
        html! {
            <div class="props-group" role="group" aria-label={name}>
                <p class="props-name" aria-hidden="true">{ name }</p>
                { proposition_boxes(drawn, &bets) }
            </div>
        }
    };
    let folded = |(name, bets): (&'static str, Vec<Wager>), id: &'static str| {
        let mine = drawn.laid.mine_on(&bets);
        html! {
            <details class="props-group">
                <summary class="props-name" data-testid={id}>
                    { name }
                    if mine > 0 {
                        { [" · ", &text::counted(mine, "bet", "bets"), " of yours"].concat() }
                    }
                </summary>
                { proposition_boxes(drawn, &bets) }
            </details>
        }
    };
    html! {
        <div key="props" class="props" role="group" aria-label="Proposition bets">
            { open(hard) }{ open(next) }{ folded(hops, "hops") }{ folded(side, "side-bets") }
        </div>
    }
}

fn proposition_boxes(drawn: &Drawn<'_>, bets: &[Wager]) -> Html {
    html! {
        <div class="props-boxes">
            { for bets.iter().map(|wager| {
                let (hover, focus) = look(drawn.props, *wager);
                let pays = match wager {
                    Wager::Horn => "4 in 1".to_owned(),
                    Wager::CAndE => "2 in 1".to_owned(),
                    Wager::Fire => "to 999:1".to_owned(),
                    _ => wager.pays(&drawn.props.table.rules, None),
                };
                html! {
                    <div key={felt::slug(*wager)} class="box" onmouseenter={hover}
                        onfocusin={focus}>
                        { bet_button(drawn, *wager, html! {
                            <>
                                <span class="bet-name">{ short(*wager) }</span>
                                <span class="bet-note">{ pays }</span>
                            </>
                        }) }
                        { chips(drawn, felt::area(wager.spot())) }
                    </div>
                }
            }) }
        </div>
    }
}

/// The name in a box whose group says the rest.
fn short(wager: Wager) -> String {
    match wager {
        Wager::AnySeven => "Any 7".to_owned(),
        Wager::Eleven => "Yo 11".to_owned(),
        Wager::CAndE => "C & E".to_owned(),
        Wager::Repeater(total) => ["× ", &total.get().to_string()].concat(),
        Wager::Hop(hop) => [hop.low(), hop.high()].map(face).concat(),
        _ => wager.to_string(),
    }
}

const fn face(die: u8) -> &'static str {
    match die {
        1 => "⚀",
        2 => "⚁",
        3 => "⚂",
        4 => "⚃",
        5 => "⚄",
        _ => "⚅",
    }
}

fn note(wager: Wager, table: &TableView) -> &'static str {
    match (wager, table.rules.barred) {
        (Wager::Pass, _) => "wins on 7 and 11, then on the point",
        (Wager::DontPass, Barred::Twelve) => "against the shooter, bar 12",
        (Wager::DontPass, Barred::Two) => "against the shooter, bar 2",
        (Wager::Come, _) => "a pass line of its own",
        (Wager::DontCome, Barred::Twelve) => "against, bar 12",
        (Wager::DontCome, Barred::Two) => "against, bar 2",
        _ => "",
    }
}

fn bet_box(drawn: &Drawn<'_>, wager: Wager, note: &'static str) -> Html {
    let area = match wager {
        Wager::Pass => Area::Pass,
        Wager::DontPass => Area::DontPass,
        Wager::Come => Area::Come,
        Wager::DontCome => Area::DontCome,
        _ => Area::Field,
    };
    let (hover, focus) = look(drawn.props, wager);
    html! {
        <div key={felt::slug(wager)} class={classes!("box", ["area-", &felt::slug(wager)].concat())}
            onmouseenter={hover} onfocusin={focus}>
            { bet_button(drawn, wager, html! {
                <>
                    <span class="bet-name">{ wager.to_string() }</span>
                    <span class="bet-note">{ note }</span>
                </>
            }) }
            { chips(drawn, area) }
        </div>
    }
}

fn number_box(drawn: &Drawn<'_>, number: Number) -> Html {
    let wager = Wager::Place(number);
    let on = drawn.props.table.point == Some(number);
    let name = match number {
        Number::Six => "SIX".to_owned(),
        Number::Nine => "NINE".to_owned(),
        _ => number.to_string(),
    };
    let (hover, focus) = look(drawn.props, wager);
    let also = |(wager, name): (Wager, &'static str)| {
        let (hover, focus) = look(drawn.props, wager);
        // Looking at them is looking at the box, too; the last one asked is shown.
        let focus = focus.reform(|event: FocusEvent| {
            event.stop_propagation();
            event
        });
        html! {
            <span onmouseenter={hover} onfocusin={focus}>
                { bet_button(drawn, wager, html! { name }) }
            </span>
        }
    };
    html! {
        <div key={felt::slug(wager)} class={classes!("box", "number", on.then_some("is-point"))}
            onmouseenter={hover} onfocusin={focus}>
            if on {
                <span class="puck on" aria-hidden="true">{ "ON" }</span>
            }
            { bet_button(drawn, wager, html! {
                <>
                    <span class="bet-number">{ name }</span>
                    <span class="bet-note">{ "place" }</span>
                </>
            }) }
            <div class="also">
                { for [(Wager::Buy(number), "buy"), (Wager::Lay(number), "lay")].map(also) }
            </div>
            { chips(drawn, Area::Number(number)) }
        </div>
    }
}

fn odds_box(drawn: &Drawn<'_>, odds: &[Wager]) -> Html {
    if odds.is_empty() {
        return html! {};
    }
    html! {
        <div key="odds" class="odds" role="group" aria-label="Odds">
            { for odds.iter().map(|wager| {
                let (hover, focus) = look(drawn.props, *wager);
                html! {
                    <div key={felt::slug(*wager)} class="box" onmouseenter={hover}
                        onfocusin={focus}>
                        { bet_button(drawn, *wager, html! {
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

fn bet_button(drawn: &Drawn<'_>, wager: Wager, face: Html) -> Html {
    let props = drawn.props;
    let offer = felt::offer(wager, props.table);
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
        ", pays ",
        &wager.pays(&props.table.rules, props.table.point),
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
            aria-describedby="rule"
            onclick={move |_| on_bet.emit(wager)}
        >
            { face }
        </button>
    }
}

/// Own chips as discs, what others have there as one figure.
fn chips(drawn: &Drawn<'_>, area: Area) -> Html {
    let (mine, others) = (&drawn.laid.mine, drawn.laid.others(area));
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
        Spot::Buy(_) => Some("buy"),
        Spot::Lay(_) => Some("lay"),
        _ => None,
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
