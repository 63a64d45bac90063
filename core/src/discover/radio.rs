//! How a Bluetooth adapter should be run, and what it says of itself.
//!
//! Rules. What a plan costs is decided by what feeds the device and by whether anyone is missed
//! (no neighbour at all, or parts of the mesh out of reach): a table, [`SEARCHING`], not
//! arithmetic. A scan lasts longer than the longest pause between two advertisements of anybody,
//! and comes round twice within the time after which a silent peer is gone, so that saving never
//! makes anybody vanish. Connections are short in a game and long otherwise; latency is 0, because
//! a peripheral that sleeps through events doubles the round trip. The strength of sending follows
//! the weakest link with a margin against flapping.

use crate::{id::LinkId, sorted::SortedMap, time::Duration};
use serde::{Deserialize, Serialize};

/// What to do with the adapter. A shell does what its platform lets it and reports the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RadioPlan {
    /// Manufacturer data to advertise, at most 6 bytes beside the service UUID; none: be silent.
    pub advertisement: Option<Vec<u8>>,
    /// Between two advertisements.
    pub advertise_every: Duration,
    /// Scan for `scan_on` out of every `scan_period`; zero: do not scan.
    pub scan_on: Duration,
    pub scan_period: Duration,
    /// Of connections, by the specification in steps of 1.25 ms.
    pub connection_interval: Duration,
    pub peripheral_latency: u16,
    pub supervision_timeout: Duration,
    pub tx_power_dbm: i8,
    /// The 37 data channels, lowest bit first; a cleared bit is not used.
    pub channels: u64,
}

/// What can be wished for but not everywhere be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    AdvertisingInterval,
    ConnectionInterval,
    PeripheralLatency,
    SupervisionTimeout,
    TxPower,
    ChannelMap,
}

/// The state of Bluetooth on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioReport {
    pub adapter: Adapter,
    /// Whether this machine can be found and connected to, not only find others.
    pub peripheral: bool,
    /// Wishes of the plan that the platform does not let a program make.
    pub not_applied: Vec<Knob>,
}

/// The adapter of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Adapter {
    On {
        name: String,
    },
    /// Switched off, or refused to this program; `why` is a sentence.
    Off {
        why: String,
    },
    /// None, or no Bluetooth service; `why` is a sentence.
    Absent {
        why: String,
    },
}

/// What feeds this device, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Supply {
    /// A cable, or nothing is known of a battery.
    Mains,
    Full,
    Low,
    Critical,
}

/// Percent of charge below which a battery counts as low, and as critical. Guess: where phones
/// begin to warn.
const LOW_PERCENT: u8 = 40;
const CRITICAL_PERCENT: u8 = 15;

/// How to search and be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Search {
    scan_on: Duration,
    scan_period: Duration,
    advertise_every: Duration,
}

const fn search(scan_on_ms: u64, scan_period_ms: u64, advertise_every_ms: u64) -> Search {
    Search {
        scan_on: Duration::from_millis(scan_on_ms),
        scan_period: Duration::from_millis(scan_period_ms),
        advertise_every: Duration::from_millis(advertise_every_ms),
    }
}

/// By supply: while somebody is missed, and while nobody is. Guesses, within the rules of this
/// module; what they save and cost is measured by
/// `the_duty_cycle_saves_energy_and_finds_everybody_in_time`.
const SEARCHING: [(Supply, Search, Search); 4] = [
    (Supply::Mains, search(5000, 5000, 100), search(1250, 5000, 250)),
    (Supply::Full, search(2500, 5000, 250), search(1250, 10_000, 500)),
    (Supply::Low, search(1250, 5000, 500), search(1250, 14_000, 1000)),
    (Supply::Critical, search(1250, 10_000, 1000), search(1250, 14_000, 1000)),
];

/// By supply, in multiples of 1.25 ms: between two events of a connection in a game, and
/// otherwise. 20 ms is SYSTEMS C13, the rest guesses.
const INTERVALS_US: [(Supply, u64, u64); 4] = [
    (Supply::Mains, 20_000, 50_000),
    (Supply::Full, 20_000, 100_000),
    (Supply::Low, 30_000, 200_000),
    (Supply::Critical, 50_000, 400_000),
];

/// A connection without a word is given up after this; in a game sooner. At least six intervals.
const SUPERVISION: Duration = Duration::from_secs(4);
const SUPERVISION_IN_GAMES: Duration = Duration::from_secs(2);

/// How strongly to send, by how strongly the weakest link is heard at least; strongest first.
/// Guess: a link is comfortable at −70 dBm.
const TX_POWERS: [(i8, i8); 4] = [(-50, -12), (-62, -4), (-72, 0), (i8::MIN, 4)];

/// Sending grows weaker only when the weakest link is heard this much better than needed, in dB.
const TX_MARGIN_DB: i8 = 4;

/// All data channels.
pub const CHANNELS_ALL: u64 = (1 << CHANNELS) - 1;

/// Data channels of Bluetooth LE.
pub const CHANNELS: usize = 37;

/// Channels on which more than this share of packets is lost are left out (SYSTEMS C13).
const CHANNEL_LOSS_MAX_PERCENT: u8 = 30;

/// Channels that stay, however bad they are (SYSTEMS C13).
const CHANNELS_MIN: usize = 15;

/// Readings that may stand beside each other: more than links over Bluetooth.
const STRENGTHS_MAX: usize = 16;

/// What the plan depends on besides the adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// A table is in play here.
    pub gaming: bool,
    /// There is no neighbour, or a part of the mesh is out of reach.
    pub missed: bool,
}

/// Decides the plan.
pub(super) struct Radio {
    advertisement: Vec<u8>,
    report: Option<RadioReport>,
    supply: Supply,
    circumstances: Circumstances,
    strengths: SortedMap<LinkId, i8>,
    tx_power_dbm: i8,
    channels: u64,
    told: Option<RadioPlan>,
}

impl Radio {
    pub(super) fn new(advertisement: Vec<u8>) -> Radio {
        Radio {
            advertisement,
            report: None,
            supply: Supply::Mains,
            circumstances: Circumstances::default(),
            strengths: SortedMap::new(),
            tx_power_dbm: TX_POWERS[TX_POWERS.len() - 1].1,
            channels: CHANNELS_ALL,
            told: None,
        }
    }

    pub(super) fn report(&self) -> Option<&RadioReport> {
        self.report.as_ref()
    }

    pub(super) fn on_report(&mut self, report: RadioReport) {
        let was_on = self.is_on();
        self.report = Some(report);
        if !was_on {
            // An adapter that comes back has forgotten everything.
            self.told = None;
        }
    }

    pub(super) fn on_power(&mut self, battery_percent: Option<u8>, charging: bool) {
        self.supply = match battery_percent {
            _ if charging => Supply::Mains,
            None => Supply::Mains,
            Some(percent) if percent < CRITICAL_PERCENT => Supply::Critical,
            Some(percent) if percent < LOW_PERCENT => Supply::Low,
            Some(_) => Supply::Full,
        };
    }

    pub(super) fn on_circumstances(&mut self, circumstances: Circumstances) {
        self.circumstances = circumstances;
    }

    /// How strongly a Bluetooth link is heard.
    pub(super) fn on_signal(&mut self, link: LinkId, rssi_dbm: i8) {
        if self.strengths.len() < STRENGTHS_MAX || self.strengths.contains_key(&link) {
            self.strengths.insert(link, rssi_dbm);
        }
        let Some(weakest) = self.strengths.values().min().copied() else { return };
        let needed = |margin: i8| {
            let enough = |(rssi, _): &&(i8, i8)| weakest >= rssi.saturating_add(margin);
            TX_POWERS.iter().find(enough).unwrap_or(&TX_POWERS[TX_POWERS.len() - 1]).1
        };
        let (at_least, at_most) = (needed(0), needed(TX_MARGIN_DB));
        self.tx_power_dbm = self.tx_power_dbm.clamp(at_least, at_most);
    }

    pub(super) fn on_closed(&mut self, link: LinkId) {
        if self.strengths.remove(&link).is_some() && self.strengths.is_empty() {
            self.tx_power_dbm = TX_POWERS[TX_POWERS.len() - 1].1;
        }
    }

    /// The share of packets lost on each data channel, in percent, where it was measured.
    pub(super) fn on_interference(&mut self, lost_percent: &[Option<u8>]) {
        self.channels = channels(lost_percent);
    }

    fn is_on(&self) -> bool {
        matches!(self.report, Some(RadioReport { adapter: Adapter::On { .. }, .. }))
    }

    /// The plan, when it is another than the last one.
    pub(super) fn poll_plan(&mut self) -> Option<RadioPlan> {
        if !self.is_on() {
            return None;
        }
        let plan = self.plan();
        if self.told.as_ref() == Some(&plan) {
            return None;
        }
        self.told = Some(plan.clone());
        Some(plan)
    }

    fn plan(&self) -> RadioPlan {
        let Circumstances { gaming, missed } = self.circumstances;
        let row = self.supply as usize;
        let (_, seeking, resting) = SEARCHING[row];
        let Search { scan_on, scan_period, advertise_every } =
            if missed { seeking } else { resting };
        let (_, in_games, otherwise) = INTERVALS_US[row];
        let interval_us = if gaming { in_games } else { otherwise };
        let peripheral = self.report.as_ref().is_some_and(|report| report.peripheral);
        RadioPlan {
            advertisement: peripheral.then(|| self.advertisement.clone()),
            advertise_every,
            scan_on,
            scan_period,
            connection_interval: Duration::from_micros(interval_us),
            peripheral_latency: 0,
            supervision_timeout: if gaming { SUPERVISION_IN_GAMES } else { SUPERVISION },
            tx_power_dbm: self.tx_power_dbm,
            channels: self.channels,
        }
    }
}

/// The channels to use: those that lose too much are left out, the worst first, as long as enough
/// stay. Unmeasured channels count as good.
fn channels(lost_percent: &[Option<u8>]) -> u64 {
    let lost = |channel: usize| lost_percent.get(channel).copied().flatten().unwrap_or(0);
    let mut worst: Vec<usize> =
        (0..CHANNELS).filter(|channel| lost(*channel) > CHANNEL_LOSS_MAX_PERCENT).collect();
    worst.sort_by_key(|channel| (core::cmp::Reverse(lost(*channel)), *channel));
    worst.truncate(CHANNELS - CHANNELS_MIN);
    worst.iter().fold(CHANNELS_ALL, |map, channel| map & !(1 << channel))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "A test stops at the first surprise.")]

    use super::{super::sighting::SILENCE_MAX, *};
    use crate::seed::Seed;

    fn report(adapter: Adapter) -> RadioReport {
        RadioReport { adapter, peripheral: true, not_applied: Vec::new() }
    }

    fn on() -> RadioReport {
        report(Adapter::On { name: "hci0".to_owned() })
    }

    fn radio() -> Radio {
        let mut radio = Radio::new(vec![1, 2, 3, 4, 5, 7]);
        radio.on_report(on());
        radio
    }

    #[test]
    fn a_plan_is_told_once_an_adapter_is_on_and_again_when_it_changes_or_comes_back() {
        let mut radio = Radio::new(vec![1, 2, 3, 4, 5, 7]);
        assert_eq!(radio.poll_plan(), None);
        radio.on_report(report(Adapter::Absent { why: "none".to_owned() }));
        assert_eq!(radio.poll_plan(), None);
        radio.on_report(on());
        let plan = radio.poll_plan().unwrap();
        assert_eq!(plan.advertisement, Some(vec![1, 2, 3, 4, 5, 7]));
        assert_eq!((radio.poll_plan(), plan.peripheral_latency), (None, 0));
        radio.on_report(report(Adapter::Off { why: "switch".to_owned() }));
        radio.on_power(Some(10), false);
        assert_eq!(radio.poll_plan(), None);
        radio.on_report(on());
        assert!(radio.poll_plan().unwrap().advertise_every > plan.advertise_every);
        radio.on_report(RadioReport { peripheral: false, ..on() });
        assert_eq!(radio.poll_plan().unwrap().advertisement, None, "it cannot be found");
    }

    #[test]
    fn games_are_quick_and_batteries_make_everything_slower() {
        let mut radio = radio();
        let mut last = Duration::ZERO;
        for percent in [None, Some(100), Some(39), Some(14)] {
            radio.on_power(percent, false);
            for gaming in [true, false] {
                radio.on_circumstances(Circumstances { gaming, missed: false });
                let plan = radio.plan();
                let interval = plan.connection_interval;
                assert_eq!(interval.as_micros() % 1250, 0);
                assert!(plan.supervision_timeout >= interval * 6);
                if gaming {
                    assert!(interval <= Duration::from_millis(50));
                } else {
                    assert!(interval > last);
                    last = interval;
                }
            }
        }
        radio.on_power(Some(90), false);
        radio.on_circumstances(Circumstances { gaming: true, missed: false });
        assert_eq!(radio.plan().connection_interval, Duration::from_millis(20));
        radio.on_power(Some(3), true);
        assert_eq!(radio.supply, Supply::Mains, "it is charging");
    }

    #[test]
    fn sending_follows_the_weakest_link_with_a_margin() {
        let mut radio = radio();
        assert_eq!(radio.plan().tx_power_dbm, 4, "nobody is heard yet");
        radio.on_signal(LinkId(1), -45);
        assert_eq!(radio.plan().tx_power_dbm, -12);
        radio.on_signal(LinkId(2), -75);
        assert_eq!(radio.plan().tx_power_dbm, 4, "the weakest counts");
        radio.on_signal(LinkId(2), -70);
        assert_eq!(radio.plan().tx_power_dbm, 4, "not enough better yet");
        radio.on_signal(LinkId(2), -67);
        assert_eq!(radio.plan().tx_power_dbm, 0);
        radio.on_signal(LinkId(2), -71);
        assert_eq!(radio.plan().tx_power_dbm, 0, "no flapping");
        for n in 3..100 {
            radio.on_signal(LinkId(n), -60);
        }
        assert_eq!(radio.strengths.len(), STRENGTHS_MAX);
        for n in 1..100 {
            radio.on_closed(LinkId(n));
        }
        assert_eq!(radio.plan().tx_power_dbm, 4);
    }

    #[test]
    fn bad_channels_are_left_out_the_worst_first_and_fifteen_always_stay() {
        let mut lost = [Some(5); CHANNELS];
        (lost[3], lost[9], lost[20]) = (Some(31), Some(30), None);
        assert_eq!(channels(&lost), CHANNELS_ALL & !(1 << 3));
        let all_bad: Vec<_> = (0..CHANNELS as u8).map(|n| Some(40 + n)).collect();
        let kept = channels(&all_bad);
        assert_eq!((kept.count_ones() as usize, kept), (CHANNELS_MIN, (1 << CHANNELS_MIN) - 1));
        assert_eq!(channels(&[]), CHANNELS_ALL);
        assert_eq!(channels(&[Some(99); 64]).count_ones() as usize, CHANNELS_MIN);
    }

    #[test]
    fn saving_never_makes_anybody_vanish() {
        let all = || SEARCHING.iter().flat_map(|(_, seeking, resting)| [seeking, resting]);
        let slowest = all().map(|search| search.advertise_every).max().unwrap();
        // An advertisement is delayed by up to 10 ms at random (Core Specification, volume 6,
        // part B, section 4.4.2.2).
        let slowest = slowest + Duration::from_millis(10);
        for search in all() {
            assert!(search.scan_on > slowest && search.scan_on <= search.scan_period);
            assert!(search.scan_period * 2 < SILENCE_MAX);
        }
        for (row, (supply, ..)) in SEARCHING.iter().enumerate() {
            assert_eq!((*supply as usize, INTERVALS_US[row].0), (row, *supply));
        }
    }

    /// The radio of a common chip at 3 V (Nordic nRF52832 product specification 1.4, section
    /// 5.2.1, with its DC/DC converter): 5.4 mA receiving, 5.3 mA sending at 0 dBm. An
    /// advertisement keeps it busy for about 3 ms: three channels, each with 376 µs on the air and
    /// the switching and listening around it (guess from its power profiles).
    fn radio_milliamps(search: &Search) -> f64 {
        let share = |part: Duration, whole: Duration| part.as_secs_f64() / whole.as_secs_f64();
        let sending = share(Duration::from_millis(3), search.advertise_every).min(1.0);
        5.4 * share(search.scan_on, search.scan_period) + 5.3 * sending
    }

    /// Until one node hears the first advertisement of another, both in random phase.
    fn found_after(
        searcher: &Search,
        other: &Search,
        lost: f64,
        rng: &mut crate::seed::Rng,
    ) -> f64 {
        let micros = |d: Duration| d.as_micros() as u64;
        let phase = rng.below(micros(searcher.scan_period));
        let mut at = rng.below(micros(other.advertise_every));
        loop {
            let listens = (at + phase) % micros(searcher.scan_period) < micros(searcher.scan_on);
            if listens && !rng.chance(lost) {
                return at as f64 / 1e6;
            }
            at += micros(other.advertise_every) + rng.below(10_001);
        }
    }

    #[test]
    fn the_duty_cycle_saves_energy_and_finds_everybody_in_time() {
        let always = search(5000, 5000, 100);
        let mut rng = Seed::from_number(1).rng();
        println!("supply    missed   mA  saved  found p50, p95 by the same kind with 10 % lost");
        for (supply, seeking, resting) in &SEARCHING {
            for (search, missed) in [(seeking, true), (resting, false)] {
                let mut found: Vec<f64> =
                    (0..2000).map(|_| found_after(search, search, 0.1, &mut rng)).collect();
                found.sort_by(f64::total_cmp);
                let (p50, p95) = (found[1000], found[1900]);
                let (spent, full) = (radio_milliamps(search), radio_milliamps(&always));
                let saved = 100.0 * (1.0 - spent / full);
                println!(
                    "{supply:?} {missed:>8} {spent:>6.2} {saved:>4.0} % {p50:>6.1} s {p95:>5.1} s"
                );
                assert!(p95 < SILENCE_MAX.as_secs_f64(), "{supply:?}");
                // A device on mains that misses somebody saves nothing, and should not.
                let at_least = if *supply == Supply::Mains && missed { 0.0 } else { 18.0 };
                assert!(saved >= at_least, "{supply:?}: {saved} %");
            }
        }
    }
}
