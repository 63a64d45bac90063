//! Which devices around are peers, and how often each is mentioned.
//!
//! Rules. A device is a peer's when it advertises the service and manufacturer data of
//! the number for those without one; names and addresses say nothing. Each is mentioned at most
//! once per [`MENTION_EVERY`], all together at most [`MENTIONS_MAX`] times in that time, and asking
//! the platform about unknown ones is limited likewise: a room full of headsets, or somebody who
//! invents addresses, must not keep the node busy. The table forgets the least recently heard.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Devices remembered, others than peers included. Guess: a crowded hall.
pub const HEARD_MAX: usize = 256;

/// Between two mentions of one device.
pub const MENTION_EVERY: Duration = Duration::from_secs(1);

/// Mentions of all devices in that time. Guess: more than a mesh has neighbours in reach.
pub const MENTIONS_MAX: usize = 32;

/// Questions to the platform about devices in that time.
pub const QUESTIONS_MAX: usize = 16;

/// What a device advertised, by the platform's key for it.
#[derive(Debug)]
pub struct Heard<K> {
    devices: BTreeMap<K, Device>,
    window: Option<Instant>,
    mentions: usize,
    questions: usize,
}

#[derive(Clone, Debug)]
struct Device {
    heard: Instant,
    mentioned: Option<Instant>,
    is: Is,
}

#[derive(Clone, Debug)]
enum Is {
    Unknown,
    Foreign,
    Peer { address: String, record: Vec<u8>, rssi: Option<i8> },
}

/// What to do about a device that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    Nothing,
    /// Ask the platform what it advertises, then call [`Heard::told`].
    Ask,
    /// Too much at once; counted.
    Drop,
    Mention {
        address: String,
        record: Vec<u8>,
        rssi: Option<i8>,
    },
}

/// What an event said about a device.
#[derive(Clone, Debug, Default)]
pub struct News {
    pub record: Option<Vec<u8>>,
    pub rssi: Option<i16>,
}

impl<K> Default for Heard<K> {
    fn default() -> Heard<K> {
        Heard { devices: BTreeMap::new(), window: None, mentions: 0, questions: 0 }
    }
}

impl<K: Ord + Clone> Heard<K> {
    /// A device advertised.
    pub fn on_heard(&mut self, key: &K, news: News, now: Instant) -> Then {
        self.turn(now);
        let device = self.device(key, now);
        match &mut device.is {
            Is::Unknown => {
                if self.questions == QUESTIONS_MAX {
                    return Then::Drop;
                }
                self.questions += 1;
                return Then::Ask;
            }
            Is::Foreign => return Then::Nothing,
            Is::Peer { record, rssi, .. } => {
                if let Some(new) = news.record {
                    *record = new;
                }
                if let Some(new) = news.rssi {
                    *rssi = known(new);
                }
            }
        }
        self.mention(key, now)
    }

    /// What the platform answered: the address and the record of a peer, or none.
    pub fn told(
        &mut self,
        key: &K,
        peer: Option<(String, Vec<u8>)>,
        rssi: Option<i16>,
        now: Instant,
    ) -> Then {
        let device = self.device(key, now);
        let Some((address, record)) = peer else {
            device.is = Is::Foreign;
            return Then::Nothing;
        };
        device.is = Is::Peer { address, record, rssi: rssi.and_then(known) };
        // A device that is only remembered by the platform was not heard now.
        if rssi.is_none() { Then::Nothing } else { self.mention(key, now) }
    }

    /// It advertises other services now; what was known of it may be wrong.
    pub fn doubt(&mut self, key: &K) {
        if let Some(device) = self.devices.get_mut(key)
            && matches!(device.is, Is::Foreign)
        {
            device.is = Is::Unknown;
        }
    }

    fn mention(&mut self, key: &K, now: Instant) -> Then {
        let full = self.mentions >= MENTIONS_MAX;
        let Some(device) = self.devices.get_mut(key) else { return Then::Nothing };
        let Is::Peer { address, record, rssi } = &device.is else { return Then::Nothing };
        if device.mentioned.is_some_and(|at| now.duration_since(at) < MENTION_EVERY) {
            return Then::Nothing;
        }
        if full {
            return Then::Drop;
        }
        device.mentioned = Some(now);
        self.mentions += 1;
        Then::Mention { address: address.clone(), record: record.clone(), rssi: *rssi }
    }

    fn turn(&mut self, now: Instant) {
        if self.window.is_none_or(|since| now.duration_since(since) >= MENTION_EVERY) {
            (self.window, self.mentions, self.questions) = (Some(now), 0, 0);
        }
    }

    fn device(&mut self, key: &K, now: Instant) -> &mut Device {
        if !self.devices.contains_key(key) && self.devices.len() >= HEARD_MAX {
            let oldest = self.devices.iter().min_by_key(|(_, device)| device.heard);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                self.devices.remove(&oldest);
            }
        }
        let fresh = Device { heard: now, mentioned: None, is: Is::Unknown };
        let device = self.devices.entry(key.clone()).or_insert(fresh);
        device.heard = now;
        device
    }
}

/// 127 stands for "not known" (Bluetooth Core Specification 5.4, volume 4, part E, 7.7.65.2).
fn known(rssi: i16) -> Option<i8> {
    i8::try_from(rssi).ok().filter(|rssi| *rssi != 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: usize) -> Option<(String, Vec<u8>)> {
        Some((format!("address {n}"), vec![1, 2]))
    }

    fn rssi(rssi: i16) -> News {
        News { rssi: Some(rssi), ..News::default() }
    }

    #[test]
    fn a_peer_is_asked_about_once_and_then_mentioned_once_a_second() {
        let (mut heard, start) = (Heard::default(), Instant::now());
        assert_eq!(heard.on_heard(&1, rssi(-40), start), Then::Ask);
        let mention = |record: &[u8], rssi| Then::Mention {
            address: "address 1".to_owned(),
            record: record.to_vec(),
            rssi,
        };
        assert_eq!(heard.told(&1, peer(1), Some(-40), start), mention(&[1, 2], Some(-40)));
        assert_eq!(heard.on_heard(&1, rssi(-41), start + MENTION_EVERY / 2), Then::Nothing);
        let new = News { record: Some(vec![3]), rssi: Some(127) };
        assert_eq!(heard.on_heard(&1, new, start + MENTION_EVERY), mention(&[3], None));
    }

    #[test]
    fn other_devices_are_asked_about_once_and_again_when_they_change() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        assert_eq!(heard.on_heard(&1, rssi(-40), now), Then::Ask);
        assert_eq!(heard.told(&1, None, Some(-40), now), Then::Nothing);
        assert_eq!(heard.on_heard(&1, rssi(-40), now), Then::Nothing);
        heard.doubt(&1);
        assert_eq!(heard.on_heard(&1, rssi(-40), now), Then::Ask);
    }

    #[test]
    fn a_device_that_is_only_remembered_is_not_mentioned() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        assert_eq!(heard.told(&1, peer(1), None, now), Then::Nothing);
        assert!(matches!(heard.on_heard(&1, rssi(-40), now), Then::Mention { .. }));
    }

    #[test]
    fn mentions_questions_and_devices_are_full_at_their_limits() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        for n in 0..QUESTIONS_MAX {
            assert_eq!(heard.on_heard(&n, News::default(), now), Then::Ask);
        }
        assert_eq!(heard.on_heard(&QUESTIONS_MAX, News::default(), now), Then::Drop);
        for n in 0..MENTIONS_MAX {
            assert!(matches!(heard.told(&n, peer(n), Some(-50), now), Then::Mention { .. }));
        }
        assert_eq!(heard.told(&MENTIONS_MAX, peer(0), Some(-50), now), Then::Drop);
        let later = now + MENTION_EVERY;
        assert!(matches!(heard.on_heard(&MENTIONS_MAX, rssi(-50), later), Then::Mention { .. }));
        for n in 0..HEARD_MAX * 2 {
            heard.told(&n, peer(n), None, later + Duration::from_millis(n as u64));
        }
        assert_eq!(heard.devices.len(), HEARD_MAX);
        assert!(
            heard.devices.contains_key(&(HEARD_MAX * 2 - 1)) && !heard.devices.contains_key(&0)
        );
    }
}
