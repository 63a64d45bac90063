//! The mesh as a table, a page of rows at a time.

use crate::model::{
    mesh::{DRAWN_NODES_MAX, Dot, Drawn, Scene, part_name},
    text,
};
use bitcraps_core::id::PeerId;
use yew::{Callback, Html, Properties, function_component, html};

/// Rows of one page: more and typing into the search would stutter.
const PAGE_ROWS: usize = 100;

/// Parts that the notice of a fallen mesh names.
pub const PARTS_SAID_MAX: usize = 6;

/// Which nodes a search found, by place; all of them when nothing is searched for.
#[derive(Clone, Debug, PartialEq)]
pub enum Matches {
    All,
    These(Vec<u32>),
}

impl Matches {
    /// Nodes whose name holds, or whose id starts with, these lower-case letters.
    pub fn of(scene: &Scene, wanted: &str) -> Matches {
        if wanted.is_empty() {
            return Matches::All;
        }
        let hex = wanted.bytes().all(|byte| byte.is_ascii_hexdigit());
        let found = |dot: &Dot| {
            dot.name.to_lowercase().contains(wanted)
                || (hex && dot.id.to_string().starts_with(wanted))
        };
        let places = scene.dots.iter().zip(0..).filter(|(dot, _)| found(dot));
        Matches::These(places.map(|(_, place)| place).collect())
    }

    /// The first that was searched for.
    pub fn first<'a>(&self, scene: &'a Scene) -> Option<&'a Dot> {
        match self {
            Matches::All => None,
            Matches::These(places) => scene.dots.get(*places.first()? as usize),
        }
    }

    /// "3 found", once something is searched for.
    pub fn said(&self) -> String {
        match self {
            Matches::All => String::new(),
            Matches::These(places) => [&places.len().to_string(), " found"].concat(),
        }
    }

    fn len(&self, scene: &Scene) -> usize {
        match self {
            Matches::All => scene.dots.len(),
            Matches::These(places) => places.len(),
        }
    }

    fn dot<'a>(&self, scene: &'a Scene, row: usize) -> Option<&'a Dot> {
        match self {
            Matches::All => scene.dots.get(row),
            Matches::These(places) => scene.dots.get(*places.get(row)? as usize),
        }
    }
}

#[derive(PartialEq, Properties)]
pub struct RowsProps {
    pub scene: Drawn,
    pub matches: Matches,
    pub first: usize,
    pub on_first: Callback<usize>,
    pub picked: Option<PeerId>,
    pub on_pick: Callback<Option<PeerId>>,
}

#[function_component]
pub fn Rows(props: &RowsProps) -> Html {
    let scene = &props.scene;
    let count = props.matches.len(scene);
    // Nodes may have gone since the page was turned.
    let first = if props.first < count { props.first } else { 0 };
    let last = (first + PAGE_ROWS).min(count);
    html! {
        <>
            <div class="wide">
                <table data-testid="mesh-rows">
                    <thead>
                        <tr>
                            { for ["Name", "Kind", "Role", "Round trip", "Links", "Part",
                                "Without it", "Heard of"].iter().map(|title| html! {
                                <th scope="col">{ *title }</th>
                            }) }
                        </tr>
                    </thead>
                    <tbody>
                        { for (first..last).filter_map(|i| {
                            Some(row(props, props.matches.dot(scene, i)?))
                        }) }
                    </tbody>
                </table>
            </div>
            if count > PAGE_ROWS {
                { pager(props, first, last, count) }
            }
            if scene.left_out > 0 {
                <p class="quiet">
                    { ["The first ", &DRAWN_NODES_MAX.to_string(), " nodes; ",
                        &scene.left_out.to_string(), " more are known."].concat() }
                </p>
            }
        </>
    }
}

fn pager(props: &RowsProps, first: usize, last: usize, count: usize) -> Html {
    let turn = |to: Option<usize>, label: &'static str, id: &'static str| {
        let on_first = props.on_first.clone();
        html! {
            <button type="button" class="button" disabled={to.is_none()} data-testid={id}
                onclick={move |_| if let Some(to) = to { on_first.emit(to) }}>{ label }</button>
        }
    };
    let said =
        [&(first + 1).to_string(), " to ", &last.to_string(), " of ", &count.to_string()].concat();
    html! {
        <div class="pager">
            { turn(first.checked_sub(PAGE_ROWS), "Previous", "rows-previous") }
            <span role="status" data-testid="rows-shown">{ said }</span>
            { turn((last < count).then_some(last), "Next", "rows-next") }
        </div>
    }
}

fn row(props: &RowsProps, dot: &Dot) -> Html {
    let id = dot.id;
    let pick = props.on_pick.clone();
    let picked = props.picked == Some(id);
    let heard = match (dot.own, dot.reachable) {
        (true, _) => "this node".to_owned(),
        (false, true) => text::age(dot.age_ms),
        (false, false) => ["out of reach, ", &text::age(dot.age_ms)].concat(),
    };
    let without = match dot.cuts_off {
        0 => text::UNKNOWN.to_owned(),
        cut => ["cuts off ", &cut.to_string()].concat(),
    };
    html! {
        <tr key={id.to_string()} data-testid="mesh-row" data-peer={id.to_string()}>
            <th scope="row">
                <button type="button" class="as-link" aria-pressed={picked.to_string()}
                    onclick={move |_| pick.emit((!picked).then_some(id))}>
                    { dot.name.clone() }
                </button>
            </th>
            <td>{ text::kind(dot.kind) }</td>
            <td>{ text::role(dot.role) }</td>
            <td>{ text::latency(dot.round_trip_ms) }</td>
            <td>{ dot.links.to_string() }</td>
            <td>{ part_name(dot.part) }</td>
            <td>{ without }</td>
            <td>{ heard }</td>
        </tr>
    }
}
