//! The face of Bluetooth in this tab: whether it can be had, whom it reaches, why not.

use super::text;

/// A chooser that was not answered for this long may not be there at all, in milliseconds: where
/// the adapter is switched off, browsers neither show one nor say so.
pub const CHOOSER_MS_EXPECTED: u64 = 8_000;

/// What the page shows of Bluetooth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bluetooth {
    pub offer: Offer,
    /// How long the browser's list of devices has been asked for.
    pub choosing_ms: Option<u64>,
    /// Why the last choice led to nothing.
    pub refused: Option<String>,
    pub devices: Vec<Device>,
}

/// Whether this browser has Bluetooth for this page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    Yes,
    /// The page was opened neither over https nor from this device itself.
    Insecure,
    #[default]
    No,
}

/// A peer that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Counts up with every choice; names may be equal.
    pub number: u32,
    pub name: String,
    pub state: DeviceState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    Connecting,
    /// Frames of so many bytes go to and fro.
    Linked {
        frame_bytes: usize,
    },
    /// The last try failed; the next one comes by itself.
    Waiting {
        why: String,
        retry_ms: u64,
    },
}

/// What a person asks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Let the browser show its list of devices. Needs a click.
    Choose,
    /// Do not wait for the list any longer.
    StopWaiting,
    /// End the link to the device of this number, and do not connect to it again.
    Forget(u32),
}

impl Bluetooth {
    /// Whether the button does something now.
    pub fn can_choose(&self) -> bool {
        self.offer == Offer::Yes && self.choosing_ms.is_none()
    }

    /// The sentence under the button.
    pub fn sentence(&self) -> String {
        match (self.offer, self.choosing_ms, &self.refused) {
            (Offer::Insecure, ..) => "Browsers offer Bluetooth only to pages opened over https or \
                from this device itself. Open this page over https to join without any network."
                .to_owned(),
            (Offer::No, ..) => "This browser offers no Bluetooth to pages. Chrome and Edge do, on \
                Android, Windows, macOS and ChromeOS."
                .to_owned(),
            (Offer::Yes, Some(CHOOSER_MS_EXPECTED..), _) => "Still no answer from the browser. If \
                you see no list of devices, Bluetooth is probably switched off on this device: \
                switch it on, stop waiting here and try again."
                .to_owned(),
            (Offer::Yes, Some(_), _) => {
                "Choose a BitCraps peer in the list that your browser shows.".to_owned()
            }
            (Offer::Yes, None, Some(why)) => why.clone(),
            (Offer::Yes, None, None) => "Reaches a BitCraps peer in this room without Wi-Fi or \
                Internet. Your browser asks which one; afterwards the link comes back by itself."
                .to_owned(),
        }
    }
}

impl Device {
    /// What stands beside the name.
    pub fn sentence(&self) -> String {
        match &self.state {
            DeviceState::Connecting => "connecting…".to_owned(),
            DeviceState::Linked { frame_bytes } => {
                ["linked, ", &frame_bytes.to_string(), " bytes in a frame"].concat()
            }
            DeviceState::Waiting { why, retry_ms } => {
                let next = match retry_ms {
                    0..1_000 => ". Trying again now.".to_owned(),
                    millis => [". Trying again in ", &text::span(*millis), "."].concat(),
                };
                [why, &next[..]].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered() -> Bluetooth {
        Bluetooth { offer: Offer::Yes, ..Bluetooth::default() }
    }

    #[test]
    fn a_browser_without_bluetooth_says_so_and_what_to_do() {
        let none = Bluetooth::default();
        assert!(!none.can_choose() && none.sentence().contains("Chrome and Edge"));
        let insecure = Bluetooth { offer: Offer::Insecure, ..none };
        assert!(!insecure.can_choose() && insecure.sentence().contains("over https"));
    }

    #[test]
    fn a_chooser_that_never_comes_is_not_waited_for_in_silence() {
        let waiting = |ms| Bluetooth { choosing_ms: Some(ms), ..offered() };
        assert!(!waiting(0).can_choose());
        assert!(waiting(CHOOSER_MS_EXPECTED - 1).sentence().contains("Choose a BitCraps peer"));
        assert!(waiting(CHOOSER_MS_EXPECTED).sentence().contains("switched off"));
    }

    #[test]
    fn the_reason_of_the_last_refusal_stands_until_the_next_choice() {
        let refused = Bluetooth { refused: Some("No adapter.".to_owned()), ..offered() };
        assert!(refused.can_choose());
        assert_eq!(refused.sentence(), "No adapter.");
        assert!(offered().sentence().contains("without Wi-Fi"));
    }

    #[test]
    fn a_device_that_waits_says_why_and_when() {
        let device = |state| Device { number: 1, name: "Garden".to_owned(), state };
        let why = "The connection broke".to_owned();
        let waits = |retry_ms| device(DeviceState::Waiting { why: why.clone(), retry_ms });
        assert_eq!(waits(10).sentence(), "The connection broke. Trying again now.");
        assert_eq!(waits(4_200).sentence(), "The connection broke. Trying again in 4 s.");
        let linked = device(DeviceState::Linked { frame_bytes: 244 });
        assert_eq!(linked.sentence(), "linked, 244 bytes in a frame");
    }
}
