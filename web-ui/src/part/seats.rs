//! Who sits at the table, with what, and whether they can be reached.

use crate::model::{mesh, table, text};
use bitcraps_core::node::{NodeView, SeatRole, SeatView, TablePhase, TableView};
use yew::{Html, classes, html};

pub fn panel(view: &NodeView, table: &TableView) -> Html {
    html! {
        <section class="panel" aria-labelledby="seats-title">
            <h2 id="seats-title">{ "Seats" }</h2>
            <ul class="seats">
                { for table.seats.iter().map(|seat| row(view, table, seat)) }
            </ul>
        </section>
    }
}

fn row(view: &NodeView, table: &TableView, seat: &SeatView) -> Html {
    let own = seat.peer_id == view.peer_id;
    let shooting = table.shooter == Some(seat.peer_id);
    let reach = if own {
        "this tab".to_owned()
    } else if seat.reachable {
        text::latency(mesh::round_trip(view, &seat.peer_id))
    } else {
        "out of reach".to_owned()
    };
    let bets: Vec<String> =
        seat.bets.iter().map(|bet| [&bet.spot, " ", &bet.chips.0.to_string()].concat()).collect();
    let lamp = if seat.reachable || own { "lamp ok" } else { "lamp gone" };
    html! {
        <li
            key={seat.peer_id.to_string()}
            class={classes!("seat", own.then_some("own"), shooting.then_some("shooting"))}
            data-testid="seat-row"
            data-peer={seat.peer_id.to_string()}
        >
            <span class={lamp} aria-hidden="true"></span>
            <span class="seat-name" title={seat.peer_id.to_string()}>
                { table::name_of(table, &seat.peer_id) }
                if own {
                    <span class="tag">{ "you" }</span>
                }
                if shooting {
                    <span class="tag shooter">{ "shooter" }</span>
                }
            </span>
            <span class="seat-stack" data-testid={own.then_some("stack-own")}>
                { stack(seat) }
            </span>
            <span class="seat-facts">
                { [text::role(seat.role), " · ", &reach, " · ", &readiness(table, seat)].concat() }
            </span>
            if !bets.is_empty() {
                <span class="seat-bets">{ bets.join(", ") }</span>
            }
        </li>
    }
}

fn stack(seat: &SeatView) -> String {
    match seat.role {
        SeatRole::Witness => text::UNKNOWN.to_owned(),
        SeatRole::Player | SeatRole::Bot => seat.stack.0.to_string(),
    }
}

fn readiness(table: &TableView, seat: &SeatView) -> String {
    match (table.phase, seat.role) {
        (TablePhase::Dealing, _) if seat.deals == 0 => "still dealing".to_owned(),
        (TablePhase::Dealing, _) => "has dealt".to_owned(),
        (TablePhase::Opening, _) if seat.opened => "share is in".to_owned(),
        (TablePhase::Opening, _) => "share awaited".to_owned(),
        (TablePhase::Betting, SeatRole::Witness) => "watches".to_owned(),
        (TablePhase::Betting, _) if seat.ready => "ready".to_owned(),
        (TablePhase::Betting, _) => "betting".to_owned(),
    }
}
