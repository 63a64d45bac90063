//! Who sits at the table, with what, and whether they can be reached.

use crate::model::{conduct, mesh, table, text};
use bitcraps_core::node::{
    DepartureView, NodeView, Parting, SeatRole, SeatView, TablePhase, TableView,
};
use yew::{Html, classes, html};

pub fn panel(view: &NodeView, table: &TableView) -> Html {
    html! {
        <section class="panel" aria-labelledby="seats-title">
            <h2 id="seats-title">{ "Seats" }</h2>
            <ul class="seats">
                { for table.seats.iter().map(|seat| row(view, table, seat)) }
            </ul>
            if table.watchers > 0 {
                <p class="quiet" data-testid="watchers">
                    { [&text::counted(table.watchers, "peer looks", "peers look"),
                        " on by this tab’s help."].concat() }
                </p>
            }
            if !table.departures.is_empty() {
                <h3>{ "Gave up a seat" }</h3>
                <ul class="departures" data-testid="departures">
                    { for table.departures.iter().map(departed) }
                </ul>
            }
        </section>
    }
}

fn departed(gone: &DepartureView) -> Html {
    let bad = matches!(gone.parting, Parting::Expelled { .. });
    let key = [&gone.peer_id.to_string(), "/", &gone.height.to_string()].concat();
    html! {
        <li {key} class={classes!(bad.then_some("bad"))} title={gone.peer_id.to_string()}>
            <strong>{ gone.name.clone() }</strong>{ " " }{ conduct::parted(gone) }
        </li>
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
                { [text::role(seat.role), " · ", &reach, " · ", &readiness(table, seat),
                    " · brought ", &seat.brought.0.to_string()].concat() }
            </span>
            if !bets.is_empty() {
                <span class="seat-bets">{ bets.join(", ") }</span>
            }
            if let Some(remark) = conduct::remark(seat) {
                <span class={classes!("seat-remark", seat.offence.map(|_| "bad"))}
                    data-testid="seat-remark">{ remark }</span>
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
