//! Links of a tab that need a browser's own parts: real WebRTC between two ends in one page, and
//! Bluetooth with a device that the page's JavaScript plays.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "clippy takes only #[test] functions for tests")]

mod radio;

use bitcraps_core::{
    id::{LinkId, PeerId},
    node::{Address, CloseReason, Input, LinkRole, Transport},
};
use bitcraps_web::{
    inbox::Inbox,
    model::bluetooth::{Ask, DeviceState},
    slot,
    transport::{
        Carriers, LinkIds, Sent,
        web_bluetooth::QUEUED_BYTES_MAX,
        webrtc::{CALLS_MAX, Channels, FRAME_BYTES_MAX},
    },
};
use radio::{Garden, count, run};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

/// Waits for the browser in small steps until the condition holds; fails after fifteen seconds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1500 {
        if holds() {
            return;
        }
        slot::pause(10).await;
    }
    panic!("{what} did not happen");
}

/// One end of a call, with an inbox of its own.
struct End {
    inbox: Inbox,
    channels: Channels,
    own: PeerId,
}

impl End {
    fn new(n: u8) -> End {
        let inbox = Inbox::default();
        let channels = Channels::new(inbox.clone(), LinkIds::default());
        End { inbox, channels, own: PeerId::from_bytes([n; 32]) }
    }

    fn dial(&mut self, to: &End) {
        let address = Address(["webrtc://", &to.own.to_string()].concat());
        self.channels.dial(address, to.own);
    }

    async fn next(&self) -> Input {
        until("an input", || {
            if let Some(input) = self.inbox.pop() {
                self.inbox.answer(input);
                return true;
            }
            false
        })
        .await;
        self.inbox.pop().unwrap()
    }

    /// The next input, which must be a signal to the other end.
    async fn said(&self, to: &End) -> Vec<u8> {
        match self.next().await {
            Input::Signal { to: peer, body } if peer == to.own => body,
            other => panic!("no signal: {other:?}"),
        }
    }

    async fn up(&self, role: LinkRole) -> LinkId {
        match self.next().await {
            Input::LinkUp { link, transport: Transport::WebRtc, role: r, mtu, address, .. } => {
                assert_eq!((r, mtu), (role, FRAME_BYTES_MAX));
                assert_eq!(address.is_some(), role == LinkRole::Dialer);
                link
            }
            other => panic!("no link: {other:?}"),
        }
    }
}

/// A dials B, and both say that the link is up.
async fn call(a: &mut End, b: &mut End) -> (LinkId, LinkId) {
    a.dial(b);
    let offer = a.said(b).await;
    b.channels.on_signal(a.own, &offer);
    let answer = b.said(a).await;
    a.channels.on_signal(b.own, &answer);
    (a.up(LinkRole::Dialer).await, b.up(LinkRole::Listener).await)
}

#[wasm_bindgen_test]
async fn two_tabs_call_each_other_and_every_frame_arrives_both_ways() {
    let (mut a, mut b) = (End::new(1), End::new(2));
    let (ab, ba) = call(&mut a, &mut b).await;
    for n in 0..200u8 {
        let frame = vec![n; usize::from(n) * 82 + 1];
        assert_eq!(a.channels.send(ab, &frame), Sent::Queued);
        assert_eq!(b.channels.send(ba, &frame), Sent::Queued);
        // Not everything at once: what may wait is bounded.
        if n % 10 == 9 {
            slot::pause(20).await;
        }
    }
    for (end, link) in [(&a, ab), (&b, ba)] {
        let mut seen = Vec::new();
        for _ in 0..200 {
            let Input::LinkBytes { link: from, bytes } = end.next().await else {
                panic!("no frame")
            };
            assert_eq!(from, link);
            assert_eq!(bytes.len(), usize::from(bytes[0]) * 82 + 1);
            seen.push(bytes[0]);
        }
        seen.sort_unstable();
        assert_eq!(seen, Vec::from_iter(0..200));
    }
    a.channels.hang_up(ab);
    assert!(!a.channels.holds(ab));
    let end = b.next().await;
    assert!(
        matches!(end, Input::LinkDown { link, reason: CloseReason::TransportClosed } if link == ba),
        "{end:?}"
    );
    b.channels.forget(ba);
    assert_eq!((a.channels.count(), b.channels.count()), (0, 0));
    assert!(a.inbox.pop().is_none(), "who hangs up is told nothing");
}

#[wasm_bindgen_test]
async fn what_was_sent_before_hanging_up_still_arrives() {
    let (mut a, mut b) = (End::new(1), End::new(2));
    let (ab, ba) = call(&mut a, &mut b).await;
    for n in 0..10 {
        assert_eq!(a.channels.send(ab, &[n; 1000]), Sent::Queued);
    }
    a.channels.hang_up(ab);
    for _ in 0..10 {
        let input = b.next().await;
        assert!(matches!(input, Input::LinkBytes { link, .. } if link == ba), "{input:?}");
    }
    assert!(matches!(b.next().await, Input::LinkDown { .. }));
}

#[wasm_bindgen_test]
async fn a_channel_that_is_full_is_congested_and_a_frame_too_long_ends_the_link() {
    let (mut a, mut b) = (End::new(1), End::new(2));
    let (ab, ba) = call(&mut a, &mut b).await;
    let sent = (0..100).map(|_| a.channels.send(ab, &[0; FRAME_BYTES_MAX]));
    assert_eq!(sent.last(), Some(Sent::Congested));
    until("room", || a.channels.send(ab, &[0; 1]) == Sent::Queued).await;
    while b.inbox.pop().is_some() {}
    assert_eq!(a.channels.send(ab, &[0; FRAME_BYTES_MAX + 1]), Sent::Queued);
    loop {
        match b.next().await {
            Input::LinkBytes { .. } => {}
            Input::LinkDown { link, reason } => {
                assert_eq!((link, reason), (ba, CloseReason::Garbage));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[wasm_bindgen_test]
async fn an_answer_that_cannot_be_read_fails_the_dial_and_strange_signals_change_nothing() {
    let (mut a, mut b) = (End::new(1), End::new(2));
    a.dial(&b);
    let offer = a.said(&b).await;
    // Not from whom it was asked, not of this call, not of this form.
    let mut answer = offer.clone();
    answer[0] = 1;
    let mut other_call = answer.clone();
    other_call[1] ^= 1;
    a.channels.on_signal(PeerId::from_bytes([9; 32]), &answer);
    a.channels.on_signal(b.own, &other_call);
    for body in [&b""[..], b"\x07garbage garbage", &[1; 5000]] {
        a.channels.on_signal(b.own, body);
    }
    slot::pause(50).await;
    assert!(a.inbox.pop().is_none());
    answer.truncate(9);
    answer.extend(b"no description");
    a.channels.on_signal(b.own, &answer);
    let failed = a.next().await;
    assert!(
        matches!(&failed, Input::DialFailed { why, .. } if why.contains("cannot be read")),
        "{failed:?}"
    );
    a.channels.forget_closed();
    assert_eq!(a.channels.count(), 0);
    // An offer of that kind is dropped without an answer.
    let mut bad_offer = answer.clone();
    bad_offer[0] = 0;
    b.channels.on_signal(a.own, &bad_offer);
    slot::pause(100).await;
    b.channels.forget_closed();
    assert_eq!(b.channels.count(), 0);
    assert!(b.inbox.pop().is_none());
}

#[wasm_bindgen_test]
async fn calls_have_a_limit_and_a_new_offer_replaces_the_one_before() {
    let (mut a, mut b) = (End::new(1), End::new(2));
    for _ in 0..3 {
        a.dial(&b);
        let offer = a.said(&b).await;
        b.channels.on_signal(a.own, &offer);
        assert_eq!(b.channels.count(), 1);
    }
    for n in 3..CALLS_MAX as u8 + 9 {
        a.dial(&End::new(n));
    }
    assert_eq!(a.channels.count(), CALLS_MAX);
    let refused = || {
        let mut refused = 0;
        while let Some(input) = a.inbox.pop() {
            if let Input::DialFailed { why, .. } = input {
                assert!(why.contains("too many"), "{why}");
                refused += 1;
            }
        }
        refused
    };
    assert_eq!(refused(), 9);
}

#[wasm_bindgen_test]
async fn a_dial_goes_to_the_carrier_of_its_address_or_is_refused() {
    let inbox = Inbox::default();
    let mut carriers = Carriers::new(inbox.clone());
    for (url, word) in [
        ("tcp://127.0.0.1:9000", "WebSocket addresses and other tabs only"),
        ("webrtc://nobody", "names no peer"),
        ("garbage", "only"),
    ] {
        let address = Address(url.to_owned());
        carriers.dial(address.clone());
        let input = inbox.pop();
        assert!(
            matches!(&input, Some(Input::DialFailed { address: a, why })
                if *a == address && why.contains(word)),
            "{url}: {input:?}"
        );
    }
    carriers.dial(Address(["webrtc://", &PeerId::from_bytes([3; 32]).to_string()].concat()));
    until("an offer", || matches!(inbox.pop(), Some(Input::Signal { .. }))).await;
    assert_eq!(carriers.send(LinkId(999), &[1]), Sent::Queued);
}

#[wasm_bindgen_test]
async fn frames_over_bluetooth_go_one_by_one_in_order_and_arrive_both_ways() {
    let garden = Garden::new();
    let link = garden.joined(244).await;
    assert!(garden.radios.holds(link));
    for n in 0..50 {
        assert_eq!(garden.radios.send(link, &[n; 244]), Sent::Queued);
    }
    until("the frames", || count("written.length") == 50.0).await;
    let firsts = run("return fake.written.map(frame => frame[0]).join()");
    let expected: Vec<String> = (0..50).map(|n: u8| n.to_string()).collect();
    assert_eq!(firsts.as_string().unwrap(), expected.join(","));
    assert_eq!(count("overlaps"), 0.0, "two operations at once");
    run("fake.push([7, 8, 9])");
    let heard = garden.next().await;
    assert!(
        matches!(&heard, Input::LinkBytes { link: l, bytes } if *l == link && bytes == &[7, 8, 9]),
        "{heard:?}"
    );
    garden.leave().await;
}

#[wasm_bindgen_test]
async fn a_slow_device_is_congested_and_a_busy_radio_is_asked_again() {
    let garden = Garden::new();
    let link = garden.joined(244).await;
    run("fake.stuck = 3");
    let full = QUEUED_BYTES_MAX / 200;
    for _ in 0..full {
        assert_eq!(garden.radios.send(link, &[1; 200]), Sent::Queued);
    }
    assert_eq!(garden.radios.send(link, &[1; 200]), Sent::Congested);
    until("room", || garden.radios.send(link, &[2; 200]) == Sent::Queued).await;
    until("a frame", || count("written.length") > 5.0).await;
    assert_eq!(count("stuck"), 0.0);
    garden.leave().await;
}

#[wasm_bindgen_test]
async fn a_platform_that_refuses_long_values_gets_shorter_frames_on_the_next_connection() {
    let garden = Garden::new();
    run("fake.first = [0, 2]; fake.max = 150");
    let mut link = garden.joined(512).await;
    for (refused, next) in [(512, 244), (244, 182), (182, 100)] {
        assert_eq!(garden.radios.send(link, &vec![1; refused]), Sent::Queued);
        let down = garden.next().await;
        assert!(matches!(down, Input::LinkDown { link: l, .. } if l == link), "{down:?}");
        let again = garden.up(next).await;
        assert_ne!(again, link, "a link's number is given once");
        link = again;
    }
    assert_eq!(garden.radios.send(link, &[1; 100]), Sent::Queued);
    until("the frame", || count("written.length") == 1.0).await;
    garden.leave().await;
}

#[wasm_bindgen_test]
async fn a_lost_device_is_connected_to_again_without_a_click() {
    let garden = Garden::new();
    let link = garden.joined(244).await;
    run("fake.refuse = 2; fake.drop()");
    let down = garden.next().await;
    assert!(
        matches!(&down, Input::LinkDown { link: l, reason: CloseReason::TransportClosed }
            if *l == link),
        "{down:?}"
    );
    until(
        "a refusal",
        || matches!(garden.device(), DeviceState::Waiting { why, .. } if why.contains("refused")),
    )
    .await;
    let again = garden.up(244).await;
    assert_eq!(count("connects"), 4.0);
    // Hung up by the core: what waits is sent first, and nobody is told.
    assert_eq!(garden.radios.send(again, &[5; 10]), Sent::Queued);
    garden.radios.hang_up(again, CloseReason::Silent);
    let third = garden.up(244).await;
    assert!(third != again && !garden.radios.holds(again));
    assert_eq!(count("written.length"), 1.0);
    // Forgotten: the link ends, and nothing comes back.
    let before = count("connects");
    garden.radios.ask(Ask::Forget(1));
    let down = garden.next().await;
    assert!(matches!(down, Input::LinkDown { link: l, .. } if l == third), "{down:?}");
    slot::pause(700).await;
    assert_eq!(count("connects"), before);
    assert!(garden.radios.face().devices.is_empty());
    garden.leave().await;
}

#[wasm_bindgen_test]
async fn a_loss_ends_the_wait_for_a_write_that_is_never_answered() {
    let garden = Garden::new();
    let link = garden.joined(244).await;
    run("fake.silent = true");
    assert_eq!(garden.radios.send(link, &[1; 10]), Sent::Queued);
    slot::pause(50).await;
    run("fake.silent = false; fake.drop()");
    let down = garden.next().await;
    assert!(matches!(down, Input::LinkDown { link: l, .. } if l == link), "{down:?}");
    let again = garden.up(244).await;
    assert_eq!(garden.radios.send(again, &[2; 10]), Sent::Queued);
    until("the frame", || count("written.length") == 1.0).await;
    garden.leave().await;
}

#[wasm_bindgen_test]
async fn another_version_a_held_lock_and_a_chooser_given_up_are_told() {
    let garden = Garden::new();
    run("fake.first = [1, 2, 3]");
    garden.radios.ask(Ask::Choose);
    until("the other version", || {
        !garden.radios.face().devices.is_empty()
            && matches!(garden.device(), DeviceState::Waiting { why, .. }
                if why.contains("another version"))
    })
    .await;
    let other = Garden::new();
    other.radios.ask(Ask::Choose);
    until("the other tab", || {
        other.radios.face().refused.is_some_and(|why| why.contains("Another tab"))
    })
    .await;
    assert!(other.radios.face().devices.is_empty());
    garden.leave().await;
    // The answer to a choice that was given up is nobody's.
    run("fake.choice = () => new Promise(done => { fake.answer = done; })");
    other.radios.ask(Ask::Choose);
    assert!(other.radios.face().choosing_ms.is_some());
    other.radios.ask(Ask::StopWaiting);
    run("fake.answer({})");
    slot::pause(50).await;
    assert!(other.radios.face().devices.is_empty());
    for (name, word) in [("NotFoundError", "No peer was chosen"), ("SecurityError", "click")] {
        let thrown = ["throw new DOMException('', '", name, "')"].concat();
        run(&["fake.choice = async () => { ", &thrown, "; }"].concat());
        other.radios.ask(Ask::Choose);
        until(name, || other.radios.face().refused.is_some_and(|why| why.contains(word))).await;
    }
    other.leave().await;
}
