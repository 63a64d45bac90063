//! One figure over time as a drawing, and as a sentence for those who cannot see it.

use crate::model::{
    chart::{Chart, HEIGHT, WIDTH},
    text,
};
use yew::{Html, classes, html};

/// How much room a drawing takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// With what the figure means.
    Own,
    /// Among others, in a card.
    Shared,
}

pub fn draw(chart: &Chart, room: Room) -> Html {
    let view_box = ["0 0 ", &WIDTH.to_string(), " ", &HEIGHT.to_string()].concat();
    let own = room == Room::Own;
    html! {
        <figure class={classes!("chart", (!own).then_some("small"))} data-testid="chart">
            <figcaption>
                <span class="chart-name">{ chart.words.name }</span>
                <strong>{ chart.now.clone() }</strong>
                if own {
                    <span class="quiet">{ chart.words.meaning }</span>
                }
            </figcaption>
            <svg viewBox={view_box} preserveAspectRatio="none" role="img"
                aria-label={chart.said()}>
                if let Some(band) = &chart.band {
                    <polygon class="chart-band" points={band.outline.clone()} />
                    <polyline class="chart-ahead" points={band.middle.clone()} />
                }
                { for chart.lines.iter().map(|points| html! {
                    <polyline class="chart-line" points={points.clone()} />
                }) }
            </svg>
            <p class="quiet chart-foot">
                { chart.range() }
                if own { { [" in ", &text::span(chart.span_ms)].concat() } }
                if let Some(band) = &chart.band { { ["; ", &band.said].concat() } }
            </p>
        </figure>
    }
}
