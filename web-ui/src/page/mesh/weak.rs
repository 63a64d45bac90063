//! Nodes and links whose loss would cut others off, as a list to pick from.

use crate::model::{
    mesh::{Dot, Scene},
    text,
};
use bitcraps_core::{
    id::PeerId,
    node::{CutEdgeView, NodeView},
};
use yew::{Callback, Html, html};

/// Cut nodes and bridges that are listed, of each.
const LISTED_MAX: usize = 12;

pub fn weak_points(view: &NodeView, scene: &Scene, on_pick: &Callback<Option<PeerId>>) -> Html {
    // The largest loss comes first in the view already.
    let cuts = view.health.cut_nodes.iter();
    let nodes: Vec<&Dot> = cuts.filter_map(|cut| scene.find(&cut.peer_id)).collect();
    let cuts = view.health.cut_edges.iter();
    let ends = |cut: &CutEdgeView| Some((scene.find(&cut.a)?, scene.find(&cut.b)?, cut.cuts_off));
    let bridges: Vec<(&Dot, &Dot, u32)> = cuts.filter_map(ends).collect();
    let none = match (nodes.is_empty() && bridges.is_empty(), &view.health.snapshot) {
        (false, _) => None,
        (true, Some(_)) => Some("None: no single loss would cut anybody off."),
        (true, None) => Some("Not analysed."),
    };
    html! {
        <section class="panel" aria-labelledby="weak-title" data-testid="weak-points">
            <h2 id="weak-title">{ "Weak points" }</h2>
            if let Some(none) = none {
                <p class="quiet">{ none }</p>
            }
            <ul class="plain">
                { for nodes.iter().take(LISTED_MAX).map(|dot| {
                    let (id, pick) = (dot.id, on_pick.clone());
                    html! {
                        <li>
                            <button type="button" class="as-link"
                                onclick={move |_| pick.emit(Some(id))}>{ dot.name.clone() }</button>
                            { [": cut node, holds ",
                                &text::counted(dot.cuts_off as usize, "node", "nodes")].concat() }
                        </li>
                    }
                }) }
                { more(nodes.len(), " more cut nodes") }
                { for bridges.iter().take(LISTED_MAX).map(|(a, b, cuts_off)| html! {
                    <li>
                        { [&a.name, " – ", &b.name, ": bridge, holds ",
                            &text::counted(*cuts_off as usize, "node", "nodes")].concat() }
                    </li>
                }) }
                { more(bridges.len(), " more bridges") }
            </ul>
        </section>
    }
}

fn more(all: usize, what: &str) -> Html {
    match all.saturating_sub(LISTED_MAX) {
        0 => Html::default(),
        more => html! { <li class="quiet">{ [&more.to_string(), what].concat() }</li> },
    }
}
