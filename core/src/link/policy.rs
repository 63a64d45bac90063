//! Which link a message takes: the policies as data, and the one function that reads them.
//!
//! Rules. Links are ordered by standing first (does it work), then by what the policy puts first,
//! then by cost; among those that cost about the same, the kind that is preferred anyhow wins.
//! Everything is whole numbers, so that a node, a tab and a simulated run choose alike.
//!
//! The documents add points for the kind, the loss and the latency. Here the same wishes are a
//! list of criteria for each policy, because a sum lets a preferred kind outbid a broken link.

use super::stream::WINDOW_MESSAGES;
use crate::{
    id::LinkId,
    time::Duration,
    transport::{Class, Transport},
};

/// How a class of messages chooses among the links to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The shortest time to arrive, losses counted in.
    FastestFirst,
    /// The smallest share lost.
    MostReliable,
    /// All of them in turns, by what they can carry, and the least loaded when they lag.
    LoadBalanced,
    /// On battery: Bluetooth for what is small, anything else for what is not. On mains: the
    /// fastest.
    EnergyEfficient,
}

/// What the links owe a class of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    pub policy: Policy,
    /// Repeated until the neighbour has it, over whatever link there is.
    pub acknowledged: bool,
    /// Handed up in the order of sending. Acknowledged classes only.
    pub ordered: bool,
}

/// What is owed to each class, in the order of [`Class::ALL`].
pub type Services = [Service; Class::ALL.len()];

/// The documents' policies. Dice carry their own heights and rounds and bulk its own, so only
/// what a person sees one after the other is ordered: waiting for a lost message would hold up
/// the others. The mesh's own messages are made good by its digests, so they are not repeated.
pub const SERVICES: Services = [
    Service { policy: Policy::FastestFirst, acknowledged: true, ordered: false },
    Service { policy: Policy::MostReliable, acknowledged: true, ordered: true },
    Service { policy: Policy::EnergyEfficient, acknowledged: true, ordered: true },
    Service { policy: Policy::LoadBalanced, acknowledged: true, ordered: false },
    Service { policy: Policy::MostReliable, acknowledged: false, ordered: false },
];

/// What is known of a kind of link before anything was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The smaller is taken among links that cost the same: the order of the documents' points.
    pub preference: u8,
    /// Round trip that is assumed until one was measured. Guess.
    pub round_trip: Duration,
    /// Share of balanced messages. Guess: what the kinds carry, coarsely.
    pub weight: i64,
    /// Bytes per second that any link of this kind manages, at least. Guess.
    pub bytes_per_s: u64,
    /// Bytes under way and unacknowledged before the rest waits here. More would only wait in the
    /// driver, where a message for the dice cannot overtake it. Guess: a quarter of a second of
    /// Bluetooth; of the others a window of TCP.
    pub flight_bytes_max: usize,
    /// The same in messages. Nothing but the links' own acknowledgements holds datagrams back, and
    /// a listener keeps 64 of a link that its task has not read: with a window of bytes alone more
    /// messages were sent again than sent.
    pub flight_messages_max: usize,
    /// Whether it is spared on battery when the message is small.
    pub hungry: bool,
}

pub const fn profile(transport: Transport) -> Profile {
    match transport {
        Transport::Quic => wide(0, 8),
        Transport::Tcp => wide(1, 8),
        Transport::WebSocket => wide(2, 8),
        Transport::WebRtc => wide(3, 4),
        Transport::Udp => Profile { flight_messages_max: 48, ..wide(4, 4) },
        Transport::Ble => Profile {
            preference: 5,
            round_trip: Duration::from_millis(100),
            weight: 1,
            bytes_per_s: 16 * 1024,
            flight_bytes_max: 4 * 1024,
            flight_messages_max: WINDOW_MESSAGES,
            hungry: false,
        },
    }
}

const fn wide(preference: u8, weight: i64) -> Profile {
    Profile {
        preference,
        round_trip: Duration::from_millis(50),
        weight,
        bytes_per_s: 512 * 1024,
        flight_bytes_max: 256 * 1024,
        flight_messages_max: WINDOW_MESSAGES,
        hungry: true,
    }
}

/// Whether a link works, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    Sound,
    /// It weakens: better left before it dies.
    Fading,
    /// Fewer than three in ten get through.
    Lossy,
    /// An answer is overdue.
    Silent,
    /// Its breaker is open: nothing may be sent.
    Broken,
}

/// A link as the policies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    pub link: LinkId,
    pub transport: Transport,
    pub standing: Standing,
    /// Half a round trip and twice its deviation.
    pub latency: Duration,
    /// Messages lost, in a million.
    pub loss_ppm: u64,
}

/// What a message means to a policy beside its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub policy: Policy,
    /// Shorter than [`SMALL_BYTES`].
    pub small: bool,
    /// This device runs on its battery.
    pub on_battery: bool,
    /// [`Hysteresis::better_percent`].
    pub better_percent: u64,
}

/// Messages below this go by Bluetooth on battery: the documents' number.
pub const SMALL_BYTES: usize = 1000;

/// What a policy looks at after standing, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Criterion {
    /// The radio that costs less for a message of this size.
    Energy,
    Latency,
    Loss,
}

const fn criteria(need: Need) -> &'static [Criterion] {
    match need.policy {
        Policy::FastestFirst | Policy::LoadBalanced => &[Criterion::Latency],
        Policy::MostReliable => &[Criterion::Loss],
        Policy::EnergyEfficient if need.on_battery => &[Criterion::Energy, Criterion::Latency],
        Policy::EnergyEfficient => &[Criterion::Latency],
    }
}

/// Added to every latency, so that microseconds between two links on one machine are no reason.
const LATENCY_FLOOR_US: u64 = 10_000;

/// Added to every loss, so that the first lost message in a hundred is no reason.
const LOSS_FLOOR_PPM: u64 = 20_000;

/// When a link is left for a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hysteresis {
    /// A link is clearly better when it costs this many hundredths less; 1 to 99.
    pub better_percent: u64,
    /// It must be that for this long without a break.
    pub stable_for: Duration,
    /// No such change within this long after another.
    pub cool_down: Duration,
}

/// The start, kept: docs/SIMULATION.md says what others came to.
pub const HYSTERESIS: Hysteresis = Hysteresis {
    better_percent: 20,
    stable_for: Duration::from_secs(8),
    cool_down: Duration::from_secs(20),
};

impl Criterion {
    fn cost(self, need: Need, offer: &Offer) -> u64 {
        match self {
            // One and two: the lesser of two kinds is always clearly better.
            Criterion::Energy => 1 + u64::from(profile(offer.transport).hungry == need.small),
            Criterion::Latency => {
                let through_ppm = 1_000_000_u64.saturating_sub(offer.loss_ppm).max(50_000);
                (LATENCY_FLOOR_US + offer.latency.as_micros() as u64) * 1_000_000 / through_ppm
            }
            Criterion::Loss => LOSS_FLOOR_PPM + offer.loss_ppm,
        }
    }
}

/// Whether `a` is clearly better than `b`, both in the same standing.
pub fn clearly_better(need: Need, a: &Offer, b: &Offer) -> bool {
    let keep = 100 - need.better_percent.clamp(1, 99);
    for criterion in criteria(need) {
        let (a, b) = (criterion.cost(need, a), criterion.cost(need, b));
        if a * 100 <= b * keep {
            return true;
        }
        if b * 100 <= a * keep {
            return false;
        }
    }
    false
}

/// The best of these, if any is there.
pub fn best<'a>(need: Need, offers: impl Iterator<Item = &'a Offer> + Clone) -> Option<&'a Offer> {
    let standing = offers.clone().map(|offer| offer.standing).min()?;
    let alike = offers.filter(|offer| offer.standing == standing);
    // What nobody clearly beats; the kind decides among them.
    let unbeaten = alike
        .clone()
        .filter(|offer| !alike.clone().any(|other| clearly_better(need, other, offer)));
    let cost = |offer: &Offer| {
        let mut costs = criteria(need).iter().map(|criterion| criterion.cost(need, offer));
        (profile(offer.transport).preference, costs.next_back(), offer.link)
    };
    unbeaten.min_by_key(|offer| cost(offer))
}

/// All of them in the order in which they are tried.
pub fn in_order(need: Need, offers: &[Offer]) -> Vec<Offer> {
    let mut rest = offers.to_vec();
    let mut order = Vec::with_capacity(rest.len());
    while let Some(next) = best(need, rest.iter()).copied() {
        rest.retain(|offer| offer.link != next.link);
        order.push(next);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(link: u64, transport: Transport, ms: u64) -> Offer {
        Offer {
            link: LinkId(link),
            transport,
            standing: Standing::Sound,
            latency: Duration::from_millis(ms),
            loss_ppm: 0,
        }
    }

    fn need(policy: Policy) -> Need {
        Need { policy, small: true, on_battery: false, better_percent: HYSTERESIS.better_percent }
    }

    fn order(need: Need, offers: &[Offer]) -> Vec<u64> {
        in_order(need, offers).iter().map(|offer| offer.link.0).collect()
    }

    #[test]
    fn alike_links_go_by_kind() {
        let kinds = [
            Transport::Ble,
            Transport::Udp,
            Transport::WebRtc,
            Transport::WebSocket,
            Transport::Tcp,
            Transport::Quic,
        ];
        let offers: Vec<_> = (0..).zip(kinds).map(|(n, kind)| offer(n, kind, 5)).collect();
        for policy in [Policy::FastestFirst, Policy::MostReliable] {
            assert_eq!(order(need(policy), &offers), [5, 4, 3, 2, 1, 0]);
        }
    }

    #[test]
    fn what_works_goes_before_what_is_fast() {
        use Standing::*;
        let offers: Vec<_> = (0..)
            .zip([Broken, Silent, Lossy, Fading, Sound])
            .map(|(n, standing)| Offer { standing, ..offer(n, Transport::Tcp, n * 100) })
            .collect();
        assert_eq!(order(need(Policy::FastestFirst), &offers), [4, 3, 2, 1, 0]);
    }

    #[test]
    fn the_fastest_is_clearly_faster_or_of_the_better_kind() {
        let fast = need(Policy::FastestFirst);
        let (quic, ble) = (offer(1, Transport::Quic, 40), offer(2, Transport::Ble, 20));
        assert_eq!(order(fast, &[quic, ble]), [2, 1]);
        let ble = offer(2, Transport::Ble, 35);
        assert_eq!(order(fast, &[quic, ble]), [1, 2]);
    }

    #[test]
    fn what_is_lost_takes_longer_and_is_less_reliable() {
        let lossy = Offer { loss_ppm: 300_000, ..offer(1, Transport::Quic, 5) };
        let slower = offer(2, Transport::Udp, 6);
        assert_eq!(order(need(Policy::FastestFirst), &[lossy, slower]), [2, 1]);
        let far_slower = offer(2, Transport::Udp, 600);
        assert_eq!(order(need(Policy::FastestFirst), &[lossy, far_slower]), [1, 2]);
        assert_eq!(order(need(Policy::MostReliable), &[lossy, far_slower]), [2, 1]);
    }

    #[test]
    fn on_battery_size_decides_the_radio() {
        let offers = [offer(1, Transport::Ble, 50), offer(2, Transport::Tcp, 5)];
        let policy = Policy::EnergyEfficient;
        let mains = need(policy);
        assert_eq!(order(mains, &offers), [2, 1]);
        assert_eq!(order(Need { on_battery: true, ..mains }, &offers), [1, 2]);
        assert_eq!(order(Need { small: false, on_battery: true, ..mains }, &offers), [2, 1]);
    }
}
