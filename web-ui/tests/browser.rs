//! What only a browser can show: the real IndexedDB, real Web Locks, a real WebSocket, pages drawn
//! in a real document.
//!
//! Long because a browser test binary starts a browser of its own, and one start serves them all.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "clippy takes only #[test] functions for tests")]

mod fixture;

use bitcraps_core::{
    crypto::identity::{Identity, WORK_BITS_DEFAULT},
    id::{LinkId, TableId},
    node::{Address, CloseReason, Command, Input, NodeView, Write},
    seed::Seed,
};
use bitcraps_web::{
    inbox::Inbox,
    model::bluetooth::Ask,
    page::{self, Frame},
    route::Room,
    slot::{self, Claim},
    store::{OWN_BYTES, Store},
    transport::{
        LinkIds, Sent,
        websocket::{SOCKETS_MAX, Sockets},
    },
};
use fixture::Sample;
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{Element, HtmlElement};
use yew::{Callback, Html, Properties, function_component};

wasm_bindgen_test_configure!(run_in_browser);

/// Waits for the browser in small steps until the condition holds; fails after five seconds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        slot::pause(10).await;
    }
    panic!("{what} did not happen");
}

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put { key: key.to_vec(), value: value.to_vec() }
}

async fn stored(store: &Store, inbox: &Inbox, ticket: u64, writes: &[Write]) {
    store.write(ticket, writes, inbox);
    inbox.filled().await;
    assert!(matches!(inbox.pop(), Some(Input::Stored { ticket: t }) if t == ticket));
}

fn fresh(name: &str) -> String {
    [name, &js_sys::Math::random().to_string()].concat()
}

#[wasm_bindgen_test]
async fn what_was_stored_comes_back_in_key_order_after_the_database_is_opened_again() {
    let name = fresh("store");
    let inbox = Inbox::default();
    let store = Store::open(&name).await.unwrap();
    assert_eq!(store.load().await.unwrap(), []);
    let writes = [put(&[2], b"two"), put(&[1, 255], b"long"), put(&[1], b"one"), put(b"", b"none")];
    stored(&store, &inbox, 1, &writes).await;
    stored(&store, &inbox, 2, &[put(&[2], b"new two")]).await;
    let again = Store::open(&name).await.unwrap().load().await.unwrap();
    let expected: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (vec![], b"none".to_vec()),
        (vec![1], b"one".to_vec()),
        (vec![1, 255], b"long".to_vec()),
        (vec![2], b"new two".to_vec()),
    ];
    assert_eq!(again, expected);
}

#[wasm_bindgen_test]
async fn a_prefix_is_removed_with_every_key_under_it_and_nothing_else() {
    let inbox = Inbox::default();
    let store = Store::open(&fresh("prefix")).await.unwrap();
    let keys: [&[u8]; 6] = [b"a", b"ab", b"ab\xff\xff", b"ac", &[255], &[255, 255, 3]];
    let writes: Vec<Write> = keys.iter().map(|key| put(key, b"v")).collect();
    stored(&store, &inbox, 1, &writes).await;
    stored(&store, &inbox, 2, &[Write::DeletePrefix { prefix: b"ab".to_vec() }]).await;
    let left: Vec<Vec<u8>> = store.load().await.unwrap().into_iter().map(|(k, _)| k).collect();
    assert_eq!(left, [&b"a"[..], b"ac", &[255], &[255, 255, 3]]);
    stored(&store, &inbox, 3, &[Write::DeletePrefix { prefix: vec![255, 255] }]).await;
    stored(&store, &inbox, 4, &[Write::DeletePrefix { prefix: Vec::new() }]).await;
    assert_eq!(store.load().await.unwrap(), []);
}

#[wasm_bindgen_test]
async fn tickets_are_reported_in_their_order() {
    let inbox = Inbox::default();
    let store = Store::open(&fresh("order")).await.unwrap();
    for ticket in 1..=20 {
        let many: Vec<Write> = (0..20 - ticket as u8).map(|n| put(&[n], &[0; 500])).collect();
        store.write(ticket, &many, &inbox);
    }
    for ticket in 1..=20 {
        inbox.filled().await;
        assert!(matches!(inbox.pop(), Some(Input::Stored { ticket: t }) if t == ticket));
    }
}

#[wasm_bindgen_test]
async fn after_a_lost_write_nothing_is_reported_as_stored_any_more() {
    let name = fresh("lost");
    let inbox = Inbox::default();
    let store = Store::open(&name).await.unwrap();
    stored(&store, &inbox, 1, &[put(b"a", b"1")]).await;
    store.close();
    store.write(2, &[put(b"b", b"2")], &inbox);
    assert!(store.failure().is_some());
    store.write(3, &[put(b"c", b"3")], &inbox);
    slot::pause(100).await;
    assert!(inbox.pop().is_none());
    assert_eq!(Store::open(&name).await.unwrap().load().await.unwrap().len(), 1);
}

#[wasm_bindgen_test]
async fn the_own_key_comes_back() {
    let name = fresh("own");
    let store = Store::open(&name).await.unwrap();
    assert_eq!(store.own().await.unwrap(), None);
    let identity = Identity::generate(&Seed::from_number(5), WORK_BITS_DEFAULT);
    let mut own = [0; OWN_BYTES];
    own[..32].copy_from_slice(&identity.secret());
    own[32..].copy_from_slice(&identity.card().nonce.to_le_bytes());
    store.keep_own(&own).await.unwrap();
    assert_eq!(Store::open(&name).await.unwrap().own().await.unwrap(), Some(own));
}

#[wasm_bindgen_test]
async fn no_slot_is_given_twice_while_it_is_held() {
    let Claim::Held(first) = slot::claim().await else { panic!("no slot was free") };
    // The second asker is another tab: it has no note of the first one's slot.
    web_sys::window().unwrap().session_storage().unwrap().unwrap().clear().unwrap();
    let Claim::Held(second) = slot::claim().await else { panic!("no second slot was free") };
    assert_ne!(first, second);
    assert_ne!(slot::database(first), slot::database(second));
}

#[wasm_bindgen_test]
async fn a_lock_is_held_by_one_until_it_is_released() {
    let name = fresh("lock");
    let held = slot::hold(&name).await.unwrap();
    assert!(slot::hold(&name).await.is_none());
    held.release();
    let mut again = None;
    for _ in 0..100 {
        again = slot::hold(&name).await;
        if again.is_some() {
            break;
        }
        slot::pause(10).await;
    }
    assert!(again.is_some());
}

#[wasm_bindgen_test]
async fn a_dial_that_nobody_answers_is_reported_as_failed() {
    let inbox = Inbox::default();
    let mut sockets = Sockets::new(inbox.clone(), LinkIds::default());
    // Port 9 is discard: nobody listens there, and browsers refuse to try.
    for url in ["ws://127.0.0.1:9/mesh", "tcp://127.0.0.1:9000", "ws://"] {
        let address = Address(url.to_owned());
        sockets.dial(address.clone());
        inbox.filled().await;
        let input = inbox.pop();
        assert!(
            matches!(&input, Some(Input::DialFailed { address: a, .. }) if *a == address),
            "{url}: {input:?}"
        );
        sockets.forget_closed();
    }
    assert_eq!(sockets.count(), 0);
}

#[wasm_bindgen_test]
async fn a_refused_port_is_reported_as_failed_and_the_socket_is_forgotten() {
    let inbox = Inbox::default();
    let mut sockets = Sockets::new(inbox.clone(), LinkIds::default());
    let address = Address("ws://127.0.0.1:59999/mesh".to_owned());
    sockets.dial(address);
    assert_eq!(sockets.count(), 1);
    inbox.filled().await;
    assert!(matches!(inbox.pop(), Some(Input::DialFailed { .. })));
    sockets.forget_closed();
    assert_eq!(sockets.count(), 0);
}

#[wasm_bindgen_test]
async fn sockets_have_a_limit_and_a_link_that_is_gone_takes_no_bytes() {
    let inbox = Inbox::default();
    let mut sockets = Sockets::new(inbox.clone(), LinkIds::default());
    for _ in 0..SOCKETS_MAX {
        // An address that never answers, so that the dials stay open.
        sockets.dial(Address("ws://10.255.255.1:9000/mesh".to_owned()));
    }
    sockets.dial(Address("ws://10.255.255.1:9000/mesh".to_owned()));
    let input = inbox.pop();
    assert!(matches!(&input, Some(Input::DialFailed { why, .. }) if why.contains("too many")));
    assert_eq!(sockets.send(LinkId(999), &[1]), Sent::Queued);
    for link in 1..=SOCKETS_MAX as u64 {
        sockets.hang_up(LinkId(link), CloseReason::Stopping);
    }
    assert_eq!(sockets.count(), 0);
}

/// A page on its own, with what it asks for collected.
struct Mounted {
    root: Element,
    asked: Rc<RefCell<Vec<Command>>>,
    bluetooth: Rc<RefCell<Vec<Ask>>>,
}

#[derive(PartialEq, Properties)]
struct HostProps {
    sample: u8,
    room: Room,
    on_do: Callback<Command>,
    on_bluetooth: Callback<Ask>,
}

#[function_component]
fn Host(props: &HostProps) -> Html {
    page::frame(Frame {
        picture: &fixture::picture(SAMPLES[usize::from(props.sample)]),
        room: props.room,
        asked: Vec::new(),
        refused: None,
        on_do: props.on_do.clone(),
        on_bluetooth: props.on_bluetooth.clone(),
    })
}

const SAMPLES: [Sample; 6] = [
    Sample::Empty,
    Sample::ComeOut,
    Sample::Point,
    Sample::Frozen,
    Sample::Watching,
    Sample::Unknown,
];

async fn mount(sample: Sample, room: Room) -> Mounted {
    let document = web_sys::window().unwrap().document().unwrap();
    let root = document.create_element("div").unwrap();
    document.body().unwrap().append_child(&root).unwrap();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&asked);
    let on_do = Callback::from(move |command| heard.borrow_mut().push(command));
    let index = SAMPLES.iter().position(|s| *s == sample).unwrap() as u8;
    let bluetooth = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&bluetooth);
    let on_bluetooth = Callback::from(move |ask| heard.borrow_mut().push(ask));
    let props = HostProps { sample: index, room, on_do, on_bluetooth };
    yew::Renderer::<Host>::with_root_and_props(root.clone(), props).render();
    let drawn = Mounted { root, asked, bluetooth };
    until("the page", || drawn.find("main").is_some()).await;
    drawn
}

impl Mounted {
    fn find(&self, css: &str) -> Option<HtmlElement> {
        self.root.query_selector(css).unwrap().map(|element| element.unchecked_into())
    }

    fn by(&self, id: &str) -> Option<HtmlElement> {
        self.find(&["[data-testid='", id, "']"].concat())
    }

    fn text(&self, id: &str) -> String {
        self.by(id).unwrap_or_else(|| panic!("no {id}")).text_content().unwrap_or_default()
    }

    fn click(&self, id: &str) {
        self.by(id).unwrap_or_else(|| panic!("no {id}")).click();
    }
}

#[wasm_bindgen_test]
async fn every_room_is_drawn_from_every_sample() {
    let nowhere = Room::Table(TableId::from_bytes([1; 32]));
    for sample in SAMPLES {
        let rooms = [Room::Lobby, Room::Mesh, Room::Example(40), Room::Health];
        for room in rooms.into_iter().chain([Room::Table(fixture::table_id()), nowhere]) {
            let page = mount(sample, room).await;
            let title = page.find("h1").unwrap().text_content().unwrap();
            assert!(!title.is_empty(), "{sample:?} {room:?}");
            assert!(page.find("[style]").is_none(), "inline styles are refused by the policy");
        }
    }
}

#[wasm_bindgen_test]
async fn the_shooter_bets_by_click_and_by_words_and_rolls() {
    let page = mount(Sample::ComeOut, Room::Table(fixture::table_id())).await;
    page.click("bet-pass");
    page.click("chip-25");
    slot::pause(30).await;
    page.click("bet-field");
    page.click("roll");
    let json: Vec<String> =
        page.asked.borrow().iter().map(|c| serde_json::to_string(c).unwrap()).collect();
    assert_eq!(json.len(), 3, "{json:?}");
    assert!(json[0].contains(r#""wager":"pass","chips":5"#), "{}", json[0]);
    assert!(json[1].contains(r#""wager":"field","chips":25"#), "{}", json[1]);
    assert!(json[2].contains(r#""do":"roll""#), "{}", json[2]);
    assert_eq!(page.text("stack-own"), "1000");
}

#[wasm_bindgen_test]
async fn a_point_shows_the_puck_and_closes_the_pass_line() {
    let page = mount(Sample::Point, Room::Table(fixture::table_id())).await;
    assert_eq!(page.by("point").unwrap().get_attribute("data-point").as_deref(), Some("6"));
    assert!(page.by("bet-pass").unwrap().has_attribute("disabled"));
    assert!(!page.by("bet-pass-odds").unwrap().has_attribute("disabled"));
    assert_eq!(page.text("roll-count"), "13");
    assert_eq!(page.text("log-height"), "73");
}

#[wasm_bindgen_test]
async fn a_frozen_table_says_how_many_are_in_reach_and_takes_no_bets() {
    let page = mount(Sample::Frozen, Room::Table(fixture::table_id())).await;
    assert!(page.text("frozen-banner").contains("3 of 5 reachable, 4 needed"));
    assert!(page.by("bet-field").unwrap().has_attribute("disabled"));
    assert!(page.by("roll").unwrap().has_attribute("disabled"));
    let mesh = mount(Sample::Frozen, Room::Mesh).await;
    let said = mesh.text("partition-banner");
    assert!(said.contains("fallen into 2 parts"), "{said}");
    assert!(said.contains("A (5)") && said.contains("B (4)"), "{said}");
}

#[wasm_bindgen_test]
async fn whoever_looks_on_is_told_why_and_can_take_a_seat_but_not_bet() {
    let page = mount(Sample::Watching, Room::Table(fixture::table_id())).await;
    assert!(page.text("put-out").contains("Your 940 chips wait"));
    assert!(page.text("too-few").starts_with("3 members are left"));
    assert_eq!(page.text("slow"), "Waiting for Bot Blaise (no share of the dice).");
    let gone = page.text("departures");
    assert!(gone.contains("Gateway Garden expelled: voted twice in the deciding step"), "{gone}");
    assert!(page.by("roll").is_none() && page.by("typed-bet").is_none());
    assert!(page.by("bet-field").unwrap().has_attribute("disabled"));
    page.click("join-table");
    page.click("leave-table");
    let json: Vec<String> =
        page.asked.borrow().iter().map(|c| serde_json::to_string(c).unwrap()).collect();
    assert!(json[0].contains(r#""do":"join_table""#), "{}", json[0]);
    assert!(json[1].contains(r#""do":"leave_table""#), "{}", json[1]);
}

#[wasm_bindgen_test]
async fn people_at_a_table_talk() {
    let page = mount(Sample::Point, Room::Table(fixture::table_id())).await;
    let lines = page.by("chat-lines").unwrap();
    assert_eq!(lines.get_attribute("aria-live").as_deref(), Some("polite"));
    assert_eq!(lines.child_element_count(), 4);
    let field: web_sys::HtmlInputElement = page.by("chat-line").unwrap().unchecked_into();
    field.set_value("  ");
    page.click("chat-say");
    field.set_value(" nice throw ");
    page.click("chat-say");
    slot::pause(30).await;
    assert_eq!(field.value(), "");
    field.set_value(&"é".repeat(129));
    page.click("chat-say");
    slot::pause(30).await;
    assert!(page.find("#chat-help").unwrap().text_content().unwrap().starts_with("Too long"));
    let json: Vec<String> =
        page.asked.borrow().iter().map(|c| serde_json::to_string(c).unwrap()).collect();
    assert_eq!(json.len(), 1, "{json:?}");
    assert!(json[0].contains(r#""do":"say""#) && json[0].contains(r#""text":"nice throw""#));
}

#[wasm_bindgen_test]
async fn a_roll_of_the_past_opens_to_every_members_part_in_it() {
    let page = mount(Sample::Point, Room::Table(fixture::table_id())).await;
    let fair = page.text("why-fair");
    assert!(fair.contains("Why this roll is fair") && fair.contains("sealed secret"), "{fair}");
    assert!(fair.contains("dealt a secret that is in the sum and opened its share"), "{fair}");
}

#[wasm_bindgen_test]
async fn what_was_not_measured_is_shown_as_a_dash() {
    let page = mount(Sample::Unknown, Room::Mesh).await;
    assert!(page.text("mesh-rows").contains('–'));
    let lobby = mount(Sample::Empty, Room::Lobby).await;
    assert!(lobby.text("who-is-asked").contains("3 more bots or witnesses are needed"));
    assert_eq!(lobby.by("join-state").unwrap().get_attribute("data-state").unwrap(), "connecting");
}

#[wasm_bindgen_test]
async fn bluetooth_is_asked_for_by_a_button_and_a_device_can_be_forgotten() {
    let page = mount(Sample::Empty, Room::Lobby).await;
    page.click("bluetooth-join");
    assert_eq!(page.bluetooth.take(), [Ask::Choose]);
    assert!(page.by("bluetooth-stop").is_none());
    let choosing = mount(Sample::ComeOut, Room::Lobby).await;
    assert!(choosing.by("bluetooth-join").unwrap().has_attribute("disabled"));
    assert!(choosing.text("bluetooth-sentence").contains("switched off"));
    choosing.click("bluetooth-stop");
    assert_eq!(choosing.bluetooth.take(), [Ask::StopWaiting]);
    let linked = mount(Sample::Point, Room::Lobby).await;
    assert!(linked.text("bluetooth-device").contains("244 bytes"));
    linked.click("bluetooth-forget");
    assert_eq!(linked.bluetooth.take(), [Ask::Forget(1)]);
    let none = mount(Sample::Unknown, Room::Lobby).await;
    assert!(none.by("bluetooth-join").is_none());
    assert!(none.text("bluetooth-sentence").contains("offers no Bluetooth"));
}

#[wasm_bindgen_test]
async fn play_now_creates_a_table_with_the_suggested_name() {
    let page = mount(Sample::Point, Room::Lobby).await;
    page.click("create-table");
    let asked = page.asked.borrow();
    assert!(
        matches!(&asked[..], [Command::CreateTable { name, invite, .. }]
            if !name.is_empty() && invite.is_empty()),
        "{asked:?}"
    );
}

#[wasm_bindgen_test]
async fn a_picked_node_shows_its_card() {
    let page = mount(Sample::Point, Room::Mesh).await;
    assert!(page.by("peer-card").is_none());
    page.find("[data-testid='mesh-row'] button").unwrap().click();
    until("the card", || page.by("peer-card").is_some()).await;
    let view: NodeView = fixture::view(Sample::Point);
    assert!(page.text("peer-card").contains(&view.peer_id.to_string()));
}

#[wasm_bindgen_test]
async fn the_card_of_a_cut_node_says_what_would_be_lost_without_it() {
    let page = mount(Sample::Point, Room::Mesh).await;
    assert!(page.text("weak-points").contains("Gateway Garden: cut node, holds 4 nodes"));
    assert!(page.text("weak-points").contains("Cellar – Quiet Fox: bridge, holds 1 node"));
    page.find("[data-testid='weak-points'] button").unwrap().click();
    until("the card", || page.by("peer-card").is_some()).await;
    assert_eq!(page.text("without-it"), "4 nodes would be cut off");
}

#[wasm_bindgen_test]
async fn the_card_of_a_neighbour_shows_every_link_to_it_and_the_last_switches() {
    let page = mount(Sample::Point, Room::Mesh).await;
    page.find("[data-testid='weak-points'] button").unwrap().click();
    until("the card", || page.by("card-links").is_some()).await;
    let items = page.root.query_selector_all("[data-testid='card-links'] > li").unwrap();
    let said: Vec<String> =
        (0..items.length()).map(|i| items.get(i).unwrap().text_content().unwrap()).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    let expected = [
        [
            "WebSockettrusted",
            "Over this network, for dice, bets and logs.",
            "1.2 ms ± 0.3 ms, loss 0 %, delivered 12 kB/s, open for 6 min",
        ],
        [
            "Bluetoothon trial",
            "Over Bluetooth, for chat and the mesh itself.",
            "41 ms ± 6.2 ms, loss 1.2 %, delivered 830 B/s, signal −63 dBm, open for 61 s",
        ],
        [
            "WebRTCnot trusted",
            "Over the Internet, not used.",
            "55 ms ± 18 ms, loss 88 %, delivered –, open for 65 min",
        ],
    ];
    for (said, parts) in said.iter().zip(expected) {
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }
    let charts =
        page.root.query_selector_all("[data-testid='card-links'] svg[role='img']").unwrap();
    assert_eq!(charts.length(), 2 + 3 + 2);
    let switches = page.text("switches");
    assert!(
        switches.contains(
            "Dice, bets and logs moved from WebRTC to WebSocket: WebRTC fell silent; nothing was \
         delivered for 340 ms."
        ),
        "{switches}"
    );
}

#[wasm_bindgen_test]
async fn own_links_switches_and_who_is_near_are_told_without_the_picture() {
    let page = mount(Sample::Point, Room::Mesh).await;
    let rows = page.root.query_selector_all("[data-testid='own-link']").unwrap();
    assert_eq!(rows.length(), 4);
    let said = page.text("own-links");
    for part in ["dice, bets and logs", "0.3 ms", "88 %", "not trusted", "−63 dBm", "fell silent"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    let near = page.text("nearby");
    for part in [
        "Merry Wren: Bluetooth, about 2 m away (−58 dBm), heard just now",
        "someone at ble://00:1B:DC:07:31:99",
        "hci0 finds others, but cannot be found",
        "does not let a program set how often connected devices meet and how strongly it sends",
    ] {
        assert!(near.contains(part), "{part}: {near}");
    }
    page.find("[data-testid='near'] button").unwrap().click();
    until("the card", || page.by("peer-card").is_some()).await;
    assert!(page.text("peer-card").contains("Merry Wren"));
    let empty = mount(Sample::Empty, Room::Mesh).await;
    assert!(empty.text("own-links").contains("None yet"));
    assert!(empty.text("nearby").contains("Nobody is heard"));
    let unknown = mount(Sample::Unknown, Room::Mesh).await;
    assert!(unknown.text("own-links").contains("someone who has not said who it is"));
}

#[wasm_bindgen_test]
async fn a_large_mesh_is_listed_a_hundred_rows_at_a_time() {
    let page = mount(Sample::Point, Room::Example(250)).await;
    assert!(page.text("example-notice").contains("Example of 250 nodes"));
    assert_eq!(page.text("rows-shown"), "1 to 100 of 250");
    page.click("rows-next");
    until("the second page", || page.text("rows-shown") == "101 to 200 of 250").await;
    page.click("rows-next");
    until("the last page", || page.text("rows-shown") == "201 to 250 of 250").await;
    assert!(page.by("rows-next").unwrap().has_attribute("disabled"));
    let rows = page.root.query_selector_all("[data-testid='mesh-row']").unwrap();
    assert_eq!(rows.length(), 50);
}

#[wasm_bindgen_test]
async fn nodes_are_picked_by_keys_and_let_go() {
    let page = mount(Sample::Point, Room::Mesh).await;
    let press = |key: &str| {
        let init = web_sys::KeyboardEventInit::new();
        init.set_key(key);
        init.set_bubbles(true);
        let event = web_sys::KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &init);
        page.by("map").unwrap().dispatch_event(&event.unwrap()).unwrap();
    };
    until("the picture", || page.by("map").unwrap().has_attribute("data-brush")).await;
    press("n");
    until("the own card", || page.by("peer-card").is_some()).await;
    assert!(page.text("peer-card").contains("Calm Otter"));
    press("n");
    until("the next card", || !page.text("peer-card").contains("Calm Otter")).await;
    press("Escape");
    until("no card", || page.by("peer-card").is_none()).await;
}
