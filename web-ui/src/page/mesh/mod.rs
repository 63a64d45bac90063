//! The mesh: the living graph, the card of a picked node, its weak points, and all of it as rows.
//!
//! The page shows what this tab knows, or what the node that served it knows: a native node has
//! links and radios that a tab has not. It also shows a made-up mesh of any size, and says so.

mod card;
mod legend;
mod own;
mod rows;
mod weak;

use crate::{
    model::{
        example,
        mesh::{self, DRAWN_LINKS_MAX, Drawn, Scene},
        text,
    },
    part::{
        mesh_canvas::{Measured, MeshCanvas},
        whose::{Seen, use_whose},
    },
    picture::Shown,
    report::Past,
    route::Room,
};
use bitcraps_core::{id::PeerId, node::NodeView};
use rows::{Matches, Rows};
use web_sys::{HtmlInputElement, SubmitEvent};
use yew::{
    Callback, Html, InputEvent, Properties, TargetCast, function_component, html, use_memo,
    use_node_ref, use_state,
};

/// Sizes of examples that the page links to.
const EXAMPLES: [u32; 3] = [500, 2_000, 10_000];

#[derive(PartialEq, Properties)]
pub struct MeshProps {
    pub picture: Shown,
    /// A made-up mesh of so many nodes instead of the real one.
    pub example: Option<u32>,
}

#[function_component]
pub fn Mesh(props: &MeshProps) -> Html {
    let made_up = use_memo(props.example, |nodes| {
        nodes.map(|nodes| example::view(&props.picture.view, nodes))
    });
    let whose = use_whose(Past::NotAsked);
    let seen = if props.example.is_some() { Seen::ThisTab } else { whose.seen() };
    let view = match (made_up.as_ref(), &seen) {
        (Some(example), _) => example,
        (None, Seen::TheNode(node)) => node,
        (None, _) => &props.picture.view,
    };
    // An example stays as it is, whatever the real mesh does.
    let picture = (props.example.is_none() && seen == Seen::ThisTab).then(|| props.picture.clone());
    let source = (props.example, picture, seen.clone());
    let scene = use_memo(source, |_| Drawn::new(Scene::of(view)));
    let picked = use_state(|| None::<PeerId>);
    let wanted = use_state(String::new);
    let first_row = use_state(|| 0_usize);
    let field = use_node_ref();
    let on_pick = {
        let picked = picked.clone();
        Callback::from(move |id: Option<PeerId>| picked.set(id))
    };
    let on_type = {
        let (wanted, first_row) = (wanted.clone(), first_row.clone());
        Callback::from(move |event: InputEvent| {
            if let Some(input) = event.target_dyn_into::<HtmlInputElement>() {
                wanted.set(input.value().trim().to_lowercase());
                first_row.set(0);
            }
        })
    };
    let matches = Matches::of(&scene, &wanted);
    let on_find = {
        let (field, scene, on_pick) = (field.clone(), scene.clone(), on_pick.clone());
        Callback::from(move |event: SubmitEvent| {
            event.prevent_default();
            // What stands there now: on a slow device the page may lag behind the typing.
            let typed = field.cast::<HtmlInputElement>().map(|input| input.value());
            let typed = typed.unwrap_or_default().trim().to_lowercase();
            on_pick.emit(Matches::of(&scene, &typed).first(&scene).map(|dot| dot.id));
        })
    };
    let measured = if props.example.is_some() { Measured::Yes } else { Measured::No };
    let card = picked.and_then(|id| scene.place(&id));
    let card = card.map_or_else(card::none, |place| card::card(view, &scene, place));
    let name = picked.and_then(|id| scene.find(&id)).map(|dot| dot.name.clone());
    let head = |summary: String| {
        html! {
            <>
                <div class="table-head">
                    <h1 id="main-title" tabindex="-1">{ "Mesh" }</h1>
                    <p class="quiet" data-testid="mesh-summary">{ summary }</p>
                    if props.example.is_none() {
                        { whose.buttons() }
                    }
                </div>
            </>
        }
    };
    if let Seen::Nothing(why) = &seen {
        return html! { <div class="room">{ head(String::new()) }{ why.clone() }</div> };
    }
    html! {
        <div class="room mesh-room">
            { head(summary(view)) }
            { example_notice(props.example) }
            { partition_notice(view) }
            <form class="inline-form" role="search" onsubmit={on_find}>
                <label for="find-node">{ "Find" }</label>
                <input id="find-node" type="search" oninput={on_type} autocomplete="off" ref={field}
                    placeholder="name or id" data-testid="find-node" />
                <button class="button" type="submit" data-testid="find">{ "Show it" }</button>
                <span class="quiet" role="status">{ matches.said() }</span>
            </form>
            <div class="mesh-main">
                <div class="mesh-picture">
                    if scene.dots.is_empty() {
                        <p class="quiet empty">
                            { "The map is empty: nobody has been heard of yet." }
                        </p>
                    } else {
                        <MeshCanvas scene={(*scene).clone()} picked={*picked}
                            on_pick={on_pick.clone()} {measured} />
                    }
                    <p id="map-keys" class="quiet map-keys">
                        { "Move: drag or arrow keys. Zoom: wheel, pinch, + and −. Show all: 0 or \
                           double click. Pick: click, or N and P for next and previous; Esc lets \
                           go." }
                    </p>
                    { legend::legend() }
                </div>
                <div class="mesh-card">
                    <p class="sr-only" role="status">
                        { name.map(|name| ["Picked: ", &name].concat()) }
                    </p>
                    { card }
                </div>
                <div class="mesh-weak">
                    { weak::weak_points(view, &scene, &on_pick) }
                </div>
            </div>
            if props.example.is_none() {
                { own::own_links(view, &on_pick) }
                { own::nearby(view, &on_pick) }
            }
            <section class="panel" aria-labelledby="nodes-title">
                <h2 id="nodes-title">{ "All of it as a table" }</h2>
                <Rows scene={(*scene).clone()} matches={matches} first={*first_row}
                    on_first={move |first| first_row.set(first)} picked={*picked} {on_pick} />
            </section>
            { examples() }
        </div>
    }
}

fn summary(view: &NodeView) -> String {
    let parts = match view.partitions.len() {
        0 => text::UNKNOWN.to_owned(),
        1 => "one whole mesh".to_owned(),
        many => [&many.to_string(), " parts"].concat(),
    };
    let links = view.map.edges.len();
    let mut said = [
        &text::counted(view.map.nodes.len(), "node", "nodes"),
        ", ",
        &text::counted(links, "link", "links"),
        ", ",
        &parts,
    ]
    .concat();
    if links > DRAWN_LINKS_MAX {
        said.push_str("; only the first ");
        said.push_str(&DRAWN_LINKS_MAX.to_string());
        said.push_str(" links are drawn");
    }
    said
}

fn example_notice(example: Option<u32>) -> Html {
    let Some(nodes) = example else { return Html::default() };
    let said = [
        "Example of ",
        &text::counted(nodes as usize, "node", "nodes"),
        ", made up here to show how this device copes; not your mesh. ",
    ]
    .concat();
    html! {
        <p class="notice" role="note" data-testid="example-notice">
            { said }
            <a href={Room::Mesh.hash()}>{ "Back to the real one" }</a>
        </p>
    }
}

fn examples() -> Html {
    html! {
        <p class="quiet examples">
            { "How would this device cope with a larger mesh? Made-up examples:" }
            { for EXAMPLES.iter().map(|nodes| {
                let label = [&nodes.to_string(), " nodes"].concat();
                html! { <a href={Room::Example(*nodes).hash()}>{ label }</a> }
            }) }
        </p>
    }
}

fn partition_notice(view: &NodeView) -> Html {
    if view.partitions.len() < 2 {
        return Html::default();
    }
    let named = view.partitions.iter().zip(0..).take(rows::PARTS_SAID_MAX);
    let mut sizes: Vec<String> = named
        .map(|(part, number)| {
            [&mesh::part_name(number), " (", &part.len().to_string(), ")"].concat()
        })
        .collect();
    let more = view.partitions.len() - sizes.len();
    if more > 0 {
        sizes.push([&more.to_string(), " smaller ones"].concat());
    }
    let said = [
        "As seen from here the mesh has fallen into ",
        &view.partitions.len().to_string(),
        " parts, with their nodes: ",
        &text::list(&sizes),
        ". It heals by itself when a link between them comes back.",
    ]
    .concat();
    html! { <p class="notice warn" role="status" data-testid="partition-banner">{ said }</p> }
}
