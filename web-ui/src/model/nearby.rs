//! Who is heard nearby, and how Bluetooth is, as people read it.

use super::{links, mesh, text};
use bitcraps_core::node::{Adapter, Knob, NearbyView, NodeView, RadioReport};

/// Who it is: a name where one is known.
pub fn who(view: &NodeView, near: &NearbyView) -> String {
    near.peer_id
        .map_or_else(|| ["someone at ", &near.address].concat(), |peer| mesh::name_of(view, &peer))
}

/// "Bluetooth, about 4 m away (−63 dBm), 12 s ago".
pub fn how(near: &NearbyView) -> String {
    let mut said = text::transport(near.transport).to_owned();
    if let Some(metres) = near.distance_m.filter(|m| m.is_finite() && *m >= 0.0) {
        // Strength tells distance badly: more digits would promise too much.
        let near = usize::from(metres < 1.0);
        said.extend([", about ", &text::decimal(metres, near), " m away"]);
    }
    if let Some(dbm) = near.rssi_dbm {
        said.extend([" (", &links::signal(Some(dbm)), ")"]);
    }
    said.extend([", heard ", &text::age(near.age_ms)]);
    said
}

fn knob(knob: Knob) -> &'static str {
    match knob {
        Knob::AdvertisingInterval => "how often it advertises",
        Knob::ConnectionInterval => "how often connected devices meet",
        Knob::PeripheralLatency => "how many meetings a device may skip",
        Knob::SupervisionTimeout => "when a silent connection is given up",
        Knob::TxPower => "how strongly it sends",
        Knob::ChannelMap => "which channels it uses",
    }
}

/// A word, its class, and sentences: how Bluetooth is, what cannot be done, and why.
pub fn bluetooth(radio: Option<&RadioReport>) -> (&'static str, &'static str, String) {
    let Some(radio) = radio else {
        return ("not used", "info", "Nothing was said of Bluetooth here.".to_owned());
    };
    match &radio.adapter {
        Adapter::Off { why } => ("off", "warn", why.clone()),
        Adapter::Absent { why } => ("none", "info", why.clone()),
        Adapter::On { name } => {
            let found = match radio.peripheral {
                true => " finds others and can be found.",
                false => " finds others, but cannot be found: only they can be dialled from here.",
            };
            let mut said = [name.as_str(), found].concat();
            if !radio.not_applied.is_empty() {
                let knobs = radio.not_applied.iter().map(|one| knob(*one).to_owned());
                let knobs = text::list(&knobs.collect::<Vec<_>>());
                said.extend([
                    " The system does not let a program set ",
                    &knobs,
                    ", so its own values are used.",
                ]);
            }
            ("on", "good", said)
        }
    }
}

/// What to say when nobody is heard.
pub fn nobody(radio: Option<&RadioReport>) -> &'static str {
    match radio.map(|radio| &radio.adapter) {
        Some(Adapter::On { .. }) => {
            "Nobody is heard. Peers on this network and within reach of Bluetooth appear here by \
             themselves."
        }
        _ => "Nobody is heard. Peers on this network appear here by themselves.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample;
    use bitcraps_core::node::Transport;

    fn near() -> NearbyView {
        NearbyView {
            address: "ble://00:11:22:33:44:55".to_owned(),
            transport: Transport::Ble,
            peer_id: None,
            rssi_dbm: None,
            distance_m: None,
            age_ms: 12_000,
        }
    }

    #[test]
    fn somebody_nearby_is_told_by_name_or_address_with_what_is_known() {
        let view = sample::view();
        let mut near = near();
        assert_eq!(who(&view, &near), "someone at ble://00:11:22:33:44:55");
        assert_eq!(how(&near), "Bluetooth, heard 12 s ago");
        near.peer_id = Some(sample::peer(7));
        near.rssi_dbm = Some(-63);
        near.distance_m = Some(4.4);
        assert_eq!(who(&view, &near), sample::peer(7).short());
        assert_eq!(how(&near), "Bluetooth, about 4 m away (−63 dBm), heard 12 s ago");
        near.distance_m = Some(0.42);
        assert!(how(&near).contains("about 0.4 m"));
        near.distance_m = Some(f64::NAN);
        assert!(!how(&near).contains("about"));
    }

    #[test]
    fn bluetooth_says_why_it_is_off_and_what_it_could_not_be_told() {
        let report = |adapter| RadioReport { adapter, peripheral: true, not_applied: Vec::new() };
        let mut on = report(Adapter::On { name: "hci0".to_owned() });
        assert_eq!(bluetooth(Some(&on)).2, "hci0 finds others and can be found.");
        on.not_applied = vec![Knob::TxPower, Knob::ChannelMap];
        on.peripheral = false;
        let (word, _, said) = bluetooth(Some(&on));
        assert_eq!(word, "on");
        assert!(said.contains("cannot be found"), "{said}");
        assert!(
            said.contains("set how strongly it sends and which channels it uses, so"),
            "{said}"
        );
        let why = "No Bluetooth service answers; install bluez.".to_owned();
        let absent = report(Adapter::Absent { why: why.clone() });
        assert_eq!(bluetooth(Some(&absent)), ("none", "info", why.clone()));
        assert_eq!(bluetooth(Some(&report(Adapter::Off { why: why.clone() }))).2, why);
        assert_eq!(bluetooth(None).0, "not used");
        assert!(nobody(Some(&on)).contains("Bluetooth") && !nobody(None).contains("Bluetooth"));
    }
}
