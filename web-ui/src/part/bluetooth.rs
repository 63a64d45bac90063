//! Joining over Bluetooth: the button that browsers ask for, and what has become of it.

use crate::model::bluetooth::{Ask, Bluetooth, Device, DeviceState, Offer};
use yew::{Callback, Html, html};

pub fn panel(bluetooth: &Bluetooth, on_ask: &Callback<Ask>) -> Html {
    let emit = |ask: Ask| {
        let on_ask = on_ask.clone();
        move |_| on_ask.emit(ask)
    };
    let choosing = bluetooth.choosing_ms.is_some();
    let label = if choosing { "Waiting for your choice…" } else { "Join over Bluetooth" };
    html! {
        <section class="panel" aria-labelledby="bluetooth-title" data-testid="bluetooth">
            <h2 id="bluetooth-title">{ "Bluetooth" }</h2>
            if bluetooth.offer == Offer::Yes {
                <p class="bluetooth-buttons">
                    <button type="button" class="button" disabled={!bluetooth.can_choose()}
                        onclick={emit(Ask::Choose)} data-testid="bluetooth-join">
                        { label }
                    </button>
                    if choosing {
                        <button type="button" class="button" onclick={emit(Ask::StopWaiting)}
                            data-testid="bluetooth-stop">
                            { "Stop waiting" }
                        </button>
                    }
                </p>
            }
            <p class="quiet" role="status" data-testid="bluetooth-sentence">
                { bluetooth.sentence() }
            </p>
            if !bluetooth.devices.is_empty() {
                <ul class="peers">
                    { for bluetooth.devices.iter().map(|d| device(d, emit(Ask::Forget(d.number)))) }
                </ul>
            }
        </section>
    }
}

fn device(device: &Device, forget: impl Fn(yew::MouseEvent) + 'static) -> Html {
    let (lamp, state) = match device.state {
        DeviceState::Linked { .. } => ("lamp ok", "linked"),
        DeviceState::Connecting => ("lamp", "connecting"),
        DeviceState::Waiting { .. } => ("lamp gone", "waiting"),
    };
    html! {
        <li key={device.number.to_string()} class="peer bluetooth-device"
            data-testid="bluetooth-device" data-state={state}>
            <span class={lamp} aria-hidden="true"></span>
            <span class="peer-name">{ device.name.clone() }</span>
            <span class="quiet">{ device.sentence() }</span>
            <button type="button" class="button small" onclick={forget}
                data-testid="bluetooth-forget"
                aria-label={["Forget ", &device.name].concat()}>
                { "Forget" }
            </button>
        </li>
    }
}
