//! One figure over time as a drawing, and as a sentence for those who cannot see it.

use crate::model::health::{self, Chart, HEIGHT, WIDTH};
use yew::{Html, html};

pub fn draw(chart: &Chart) -> Html {
    let view_box = ["0 0 ", &WIDTH.to_string(), " ", &HEIGHT.to_string()].concat();
    let range = [
        &health::figure(chart.metric, chart.low),
        " – ",
        &health::figure(chart.metric, chart.high),
    ]
    .concat();
    html! {
        <figure class="chart" data-testid="chart">
            <figcaption>
                <span class="chart-name">{ health::name(chart.metric) }</span>
                <strong>{ health::figure(chart.metric, chart.now) }</strong>
                <span class="quiet">{ health::meaning(chart.metric) }</span>
            </figcaption>
            <svg viewBox={view_box} preserveAspectRatio="none" role="img"
                aria-label={health::chart_said(chart)}>
                if let Some(band) = &chart.band {
                    <polygon class="chart-band" points={band.outline.clone()} />
                    <polyline class="chart-ahead" points={band.middle.clone()} />
                }
                { for chart.lines.iter().map(|points| html! {
                    <polyline class="chart-line" points={points.clone()} />
                }) }
            </svg>
            <p class="quiet chart-foot">
                { [&range, " in ", &crate::model::text::span(chart.span_ms)].concat() }
                if let Some(band) = &chart.band { { ["; ", &band.said].concat() } }
            </p>
        </figure>
    }
}
