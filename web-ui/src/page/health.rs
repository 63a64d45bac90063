//! The health of the mesh: figures over time with what is expected of them, alerts, advice,
//! repairs, the parts of a node. The same page shows what this tab knows and what the node that
//! served it knows.
//!
//! Repairs are applied at the peer that found them, so only this tab's have a button.

use super::asked::Asked;
use crate::{
    driver,
    model::{health, text},
    part::{
        chart,
        whose::{Seen, use_whose},
    },
    picture::Shown,
    report::Past,
};
use bitcraps_core::{
    id::PeerId,
    node::{
        AdviceView, AlertView, AnomalyView, Command, ComponentView, HealthView, METRICS, NodeView,
        PeerView, RepairState, RepairView,
    },
};
use yew::{Callback, Html, Properties, classes, function_component, html};

#[derive(PartialEq, Properties)]
pub struct HealthProps {
    pub picture: Shown,
    pub asked: Vec<Asked>,
    pub on_do: Callback<Command>,
}

#[function_component]
pub fn Health(props: &HealthProps) -> Html {
    let whose = use_whose(Past::Asked);
    let view = &props.picture.view;
    let shown = match whose.seen() {
        Seen::ThisTab => {
            let mut own = view.health.clone();
            own.history = driver::current_history();
            body(view, &own, (&[], &view.map.nodes), Some(props))
        }
        Seen::Nothing(why) => why,
        Seen::TheNode(node) => body(view, &node.health, (&node.components, &node.map.nodes), None),
    };
    html! {
        <div class="room health-room">
            <div class="table-head">
                <h1 id="main-title" tabindex="-1">{ "Health" }</h1>
                { whose.buttons() }
            </div>
            { shown }
        </div>
    }
}

/// `own` is set where commands can be given.
fn body(
    view: &NodeView,
    health: &HealthView,
    (components, peers): (&[ComponentView], &[PeerView]),
    own: Option<&HealthProps>,
) -> Html {
    let names = |id: &PeerId| {
        let known = peers.iter().find(|peer| peer.peer_id == *id && !peer.name.is_empty());
        known.map_or_else(|| id.short(), |peer| peer.name.clone())
    };
    html! {
        <>
            <p class="lead" role="status" data-testid="health-headline">
                { health::headline(health) }
                if let Some(age) = health.age_ms {
                    <span class="quiet">{ [" Looked at ", &text::age(age), "."].concat() }</span>
                }
            </p>
            { alerts(&health.alerts) }
            { advice(&health.advice, &health.repairs, own) }
            { charts(health) }
            <div class="cards">
                { anomalies(&health.anomalies, &names) }
                { repairs(&health.repairs, own, &names) }
                { weak_points(health, &names) }
                { tables(view, health) }
            </div>
            { parts(components) }
        </>
    }
}

fn panel(title: &'static str, id: &'static str, inner: Html) -> Html {
    html! {
        <section class="panel" aria-labelledby={id}>
            <h2 id={id}>{ title }</h2>
            { inner }
        </section>
    }
}

fn nothing(said: &'static str) -> Html {
    html! { <p class="quiet">{ said }</p> }
}

fn alerts(alerts: &[AlertView]) -> Html {
    if alerts.is_empty() {
        return Html::default();
    }
    let line = |alert: &AlertView| {
        let (word, class) = health::severity(alert.severity);
        let metric = health::alert_metric(alert.kind);
        let when = match alert.cleared_ms {
            None => ["for ", &text::span(alert.raised_ms)].concat(),
            Some(cleared) => ["cleared ", &text::age(cleared)].concat(),
        };
        let class = if alert.cleared_ms.is_none() { class } else { "quiet" };
        let said = [
            health::alert(alert.kind),
            ": ",
            &health::figure(metric, Some(alert.value)),
            ", the limit is ",
            &health::figure(metric, Some(alert.threshold)),
            ". ",
            &when,
        ]
        .concat();
        html! {
            <li class={classes!("alert-line", class)} data-testid="alert">
                <span class={classes!("tag", class)}>{ word }</span>
                { said }
            </li>
        }
    };
    let list = html! { <ul class="plain">{ for alerts.iter().map(line) }</ul> };
    panel("Alerts", "alerts-title", list)
}

fn advice(advice: &[AdviceView], repairs: &[RepairView], own: Option<&HealthProps>) -> Html {
    let line = |advice: &AdviceView| {
        let (word, class) = health::severity(advice.severity);
        let open = advice
            .repair
            .filter(|id| repairs.iter().any(|r| r.id == *id && r.state == RepairState::Planned));
        html! {
            <li class="advice-line" data-testid="advice">
                <span class={classes!("tag", class)}>{ word }</span>
                <span>{ advice.text.clone() }</span>
                if let Some((id, own)) = open.zip(own) { { apply(id, own) } }
            </li>
        }
    };
    let inner = match advice.is_empty() {
        true => nothing("Nothing to do."),
        false => html! { <ul class="plain">{ for advice.iter().map(line) }</ul> },
    };
    panel("What to do", "advice-title", inner)
}

fn apply(id: u64, own: &HealthProps) -> Html {
    let on_do = own.on_do.clone();
    let asked = own.asked.contains(&Asked::Repair(id));
    html! {
        <button type="button" class="button" disabled={asked} data-testid="apply-repair"
            onclick={move |_| on_do.emit(Command::Repair { repair: id })}>
            { "Apply" }
        </button>
    }
}

fn charts(health: &HealthView) -> Html {
    let drawn = METRICS.into_iter().filter_map(|metric| health::chart(metric, health));
    let drawn = drawn.map(|drawn| chart::draw(&drawn, chart::Room::Own));
    html! {
        <section aria-labelledby="figures-title">
            <h2 id="figures-title">{ "Figures over time" }</h2>
            <div class="charts">{ for drawn }</div>
        </section>
    }
}

fn anomalies(anomalies: &[AnomalyView], names: &dyn Fn(&PeerId) -> String) -> Html {
    let line = |found: &AnomalyView| {
        let (word, class) = health::severity(found.severity);
        let figures = [
            health::name(found.metric),
            " of ",
            &health::subject(found.subject, names),
            ": ",
            &health::figure(found.metric, Some(found.value)),
            " where ",
            &health::figure(found.metric, Some(found.expected)),
            " is usual (",
            &((found.score * 10.0) as i64 / 10).to_string(),
            " ",
            health::detector(found.detector),
            "), ",
            &text::age(found.age_ms),
        ]
        .concat();
        html! {
            <li class="advice-line" data-testid="anomaly">
                <span class={classes!("tag", class)}>{ word }</span>
                <span>
                    { [found.cause.as_str(), " ", &found.action].concat() }
                    <span class="quiet">{ [" ", &figures].concat() }</span>
                </span>
            </li>
        }
    };
    let inner = match anomalies.is_empty() {
        true => nothing("Nothing unusual was seen."),
        false => html! { <ul class="plain">{ for anomalies.iter().map(line) }</ul> },
    };
    panel("Unusual", "anomalies-title", inner)
}

fn repairs(
    repairs: &[RepairView],
    own: Option<&HealthProps>,
    names: &dyn Fn(&PeerId) -> String,
) -> Html {
    let line = |repair: &RepairView| {
        let carried = repair
            .transport
            .map_or(String::new(), |transport| [" over ", text::transport(transport)].concat());
        let said = [
            &names(&repair.a),
            " – ",
            &names(&repair.b),
            &carried,
            ": ",
            health::goal(repair.goal),
            ". ",
            &repair.gain,
        ]
        .concat();
        let state = [health::repair_state(repair.state), ", ", &text::age(repair.age_ms)].concat();
        let planned = repair.state == RepairState::Planned;
        html! {
            <li class="advice-line" data-testid="repair">
                <span>{ said }<span class="quiet">{ [" ", &state].concat() }</span></span>
                if let Some(own) = own.filter(|_| planned) { { apply(repair.id, own) } }
            </li>
        }
    };
    let inner = match repairs.is_empty() {
        true => nothing("None was needed."),
        false => html! { <ul class="plain">{ for repairs.iter().map(line) }</ul> },
    };
    panel("Repairs", "repairs-title", inner)
}

fn weak_points(health: &HealthView, names: &dyn Fn(&PeerId) -> String) -> Html {
    let lost = |n: u32| text::counted(n as usize, "peer is cut off", "peers are cut off");
    let nodes = health
        .cut_nodes
        .iter()
        .map(|cut| [names(&cut.peer_id), ": without it ".to_owned(), lost(cut.cuts_off)]);
    let edges = health.cut_edges.iter().map(|cut| {
        let pair = [names(&cut.a), " – ".to_owned(), names(&cut.b)].concat();
        [pair, ": without this link ".to_owned(), lost(cut.cuts_off)]
    });
    let said: Vec<String> = nodes.chain(edges).map(|words| words.concat()).collect();
    let inner = match said.is_empty() {
        true => nothing("No single peer or link holds the mesh together."),
        false => {
            let lines = said.into_iter().map(|line| html! { <li>{ line }</li> });
            html! { <ul class="plain">{ for lines }</ul> }
        }
    };
    panel("Weak points", "weak-title", inner)
}

fn tables(view: &NodeView, health: &HealthView) -> Html {
    if health.tables.is_empty() {
        return Html::default();
    }
    let line = |risk: &bitcraps_core::node::TableRiskView| {
        let table = view.tables.iter().find(|t| t.table_id == risk.table_id);
        let name = table.map_or_else(|| risk.table_id.short(), |table| table.name.clone());
        let rests = table.is_some_and(|table| table.paused.is_some());
        let said = [
            name.as_str(),
            ": ",
            &health::figure(bitcraps_core::node::Metric::Risk, Some(risk.risk.probability)),
            " that its members split within ",
            &text::span(risk.risk.horizon_ms),
            if rests { ". Betting rests." } else { "." },
        ]
        .concat();
        html! { <li>{ said }</li> }
    };
    let list = html! { <ul class="plain">{ for health.tables.iter().map(line) }</ul> };
    panel("Tables", "table-risk-title", list)
}

fn parts(components: &[ComponentView]) -> Html {
    if components.is_empty() {
        return Html::default();
    }
    let row = |part: &ComponentView| {
        let (word, class, why) = health::component(&part.state);
        html! {
            <tr data-testid="component">
                <th scope="row">{ part.name.clone() }</th>
                <td><span class={classes!("tag", class)}>{ word }</span>{ [" ", why].concat() }</td>
                <td>{ text::latency(part.latency_ms) }</td>
                <td>{ part.last_report_ms.map_or(text::UNKNOWN.to_owned(), text::age) }</td>
            </tr>
        }
    };
    let table = html! {
        <div class="wide">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{ "Part" }</th>
                        <th scope="col">{ "State" }</th>
                        <th scope="col">{ "Check took" }</th>
                        <th scope="col">{ "Reported" }</th>
                    </tr>
                </thead>
                <tbody>{ for components.iter().map(row) }</tbody>
            </table>
        </div>
    };
    panel("Parts of the node", "components-title", table)
}
