//! Two ivory dice.

use bitcraps_core::craps::Dice;
use yew::{Html, Properties, classes, function_component, html, use_memo};

/// Centres of the pips of each face on a square of 100.
const FACES: [&[(u8, u8)]; 6] = [
    &[(50, 50)],
    &[(28, 28), (72, 72)],
    &[(28, 28), (50, 50), (72, 72)],
    &[(28, 28), (28, 72), (72, 28), (72, 72)],
    &[(28, 28), (28, 72), (50, 50), (72, 28), (72, 72)],
    &[(28, 25), (28, 50), (28, 75), (72, 25), (72, 50), (72, 75)],
];

#[derive(PartialEq, Properties)]
pub struct DicePairProps {
    /// None before the first roll.
    pub dice: Option<Dice>,
    /// Its number: another one makes the dice tumble.
    pub roll: u64,
}

/// The large pair. It tumbles when a roll comes in while it is shown, not when the page opens; the
/// tumbling is all in the style sheet, which leaves it out for those who want no motion.
#[function_component]
pub fn DicePair(props: &DicePairProps) -> Html {
    let first = use_memo((), |()| props.roll);
    let tumble = (props.roll != *first).then_some("tumble");
    let label = props.dice.map_or_else(
        || "No dice yet".to_owned(),
        |dice| {
            let sum = dice.total().to_string();
            ["Dice: ", &dice.0.to_string(), " and ", &dice.1.to_string(), ", ", &sum].concat()
        },
    );
    let faces = props.dice.map_or([0, 0], |dice| [dice.0, dice.1]);
    html! {
        <div class="dice" role="img" aria-label={label} data-testid="dice">
            { for faces.iter().enumerate().map(|(i, face)| {
                let key = [props.roll.to_string(), i.to_string()].join("-");
                html! { <span {key} class={classes!("die", tumble)}>{ die(*face) }</span> }
            }) }
        </div>
    }
}

/// A small pair for lines of text.
pub fn small(dice: Dice) -> Html {
    html! {
        <span class="dice-small" aria-hidden="true">{ die(dice.0) }{ die(dice.1) }</span>
    }
}

/// A face without pips when the number is none of 1 to 6.
fn die(face: u8) -> Html {
    let pips = usize::from(face).checked_sub(1).and_then(|i| FACES.get(i)).copied();
    html! {
        <svg viewBox="0 0 100 100" aria-hidden="true" focusable="false">
            <rect class="die-body" x="3" y="3" width="94" height="94" rx="20" />
            { for pips.unwrap_or_default().iter().map(|(x, y)| html! {
                <circle class="pip" cx={x.to_string()} cy={y.to_string()} r="9.5" />
            }) }
        </svg>
    }
}
