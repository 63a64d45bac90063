//! Peers on the same network, by DNS-SD over multicast DNS (RFC 6762, RFC 6763).
//!
//! The service is `_bitcraps._tcp`; its text holds the core's signed record in pieces `r0`, `r1`,
//! …, which names addresses and proves whose they are. What DNS says of hosts and ports is not
//! used: anybody on the network can say it.
//!
//! Rules. A node that only this machine can dial says nothing and looks for nobody. A record that
//! does not verify is counted and forgotten. Whoever is known is told to the core again and again
//! while the network confirms it (RFC 6762, section 10.4), because a node that dies says no
//! goodbye and its record would live on in the cache for an hour.
//!
//! It runs on a thread of its own, since the library's channels block.

use crate::{
    components::{REPORT_EVERY, Reporter},
    transport::{Ports, Target},
};
use bitcraps_core::{
    crypto::identity::Identity,
    id::PeerId,
    node::{
        Address, ComponentState, Config, Input, LanRecord, SIGHTING_RECORD_BYTES_MAX, Sighting,
        Transport,
    },
};
use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo, TxtProperty};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

pub const SERVICE: &str = "_bitcraps._tcp.local.";

/// Bytes of one piece of the record: a string of text has 255 with its key (RFC 6763, section 6.1).
const PIECE_BYTES: usize = 250;
const PIECES_MAX: usize = SIGHTING_RECORD_BYTES_MAX.div_ceil(PIECE_BYTES);

/// Other nodes that are remembered; more are not looked at. Guess: a large hall.
pub const NEIGHBOURS_MAX: usize = 64;

/// How often those who are known are told to the core: thrice before it takes them for gone.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// How long the network has to confirm that somebody is still there.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at whether to stop.
const TICK: Duration = Duration::from_millis(250);

/// What is published.
#[derive(Clone, Debug)]
pub struct Publication {
    pub peer: PeerId,
    /// The core's signed record.
    pub record: Vec<u8>,
    pub addresses: Vec<Address>,
    pub work_bits: u8,
}

impl Publication {
    /// What a node of this configuration says of itself.
    pub fn new(identity: &Identity, config: &Config, wall_ms: u64) -> Publication {
        let addresses = config.addresses.clone();
        let texts: Vec<String> = addresses.iter().map(|address| address.0.clone()).collect();
        Publication {
            peer: identity.id(),
            record: LanRecord::sign(identity, &texts, wall_ms),
            addresses,
            work_bits: config.work_bits,
        }
    }
}

/// Discovery that runs until this is dropped.
pub struct Lan {
    stopping: Arc<AtomicBool>,
}

impl Drop for Lan {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

/// Why there is nothing to publish.
pub fn off_because(addresses: &[Address]) -> Option<&'static str> {
    let is_loopback = |address: &Address| {
        let host = address.0.split_once("://").map_or("", |(_, host)| host);
        ["127.", "[::1]", "localhost"].iter().any(|start| host.starts_with(start))
    };
    match addresses {
        [] => Some("no address of this node leads here from another machine"),
        all if all.iter().all(is_loopback) => Some(
            "this node listens on this machine alone; listen on tcp://0.0.0.0:9000 to be found",
        ),
        _ => None,
    }
}

/// Publishes and browses.
pub fn start(publication: Publication, ports: Ports, reporter: Reporter) -> Lan {
    let stopping = Arc::new(AtomicBool::new(false));
    let seen = stopping.clone();
    let failed = reporter.clone();
    let run = move || search(&publication, &ports, &reporter, &seen);
    if let Err(e) = thread::Builder::new().name("lan discovery".to_owned()).spawn(run) {
        failed.degraded(format!("no thread for it: {e}"));
    }
    Lan { stopping }
}

fn search(publication: &Publication, ports: &Ports, reporter: &Reporter, stopping: &AtomicBool) {
    let why = match browse(publication, ports, reporter, stopping) {
        Ok(()) => return,
        Err(e) => format!("multicast DNS does not work here: {e}"),
    };
    tracing::info!("LAN discovery is off: {why}");
    // A network that comes later needs a restart; until then this is said and nothing is tried.
    while !stopping.load(Ordering::Relaxed) {
        reporter.report(ComponentState::Off { why: why.clone() }, None);
        thread::sleep(TICK);
    }
}

/// Ends when it should stop, or with the error of the library.
fn browse(
    publication: &Publication,
    ports: &Ports,
    reporter: &Reporter,
    stopping: &AtomicBool,
) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let info = service(publication)?;
    let own = info.get_fullname().to_owned();
    let events = daemon.browse(SERVICE)?;
    daemon.register(info)?;
    let mut known: BTreeMap<String, Vec<Sighting>> = BTreeMap::new();
    let (mut told, mut reported) = (Instant::now(), None::<Instant>);
    while !stopping.load(Ordering::Relaxed) {
        match events.recv_timeout(TICK) {
            Ok(ServiceEvent::ServiceResolved(found)) if found.get_fullname() != own => {
                match sightings(&found, publication.work_bits) {
                    Some(sightings) => {
                        notice(ports, &sightings);
                        let name = found.get_fullname().to_owned();
                        if known.len() < NEIGHBOURS_MAX || known.contains_key(&name) {
                            known.insert(name, sightings);
                        }
                    }
                    None => ports.counters.lan_records_refused.one(),
                }
            }
            Ok(ServiceEvent::ServiceRemoved(_, name)) => {
                known.remove(&name);
            }
            // Of ourselves, or of no interest; a silent network is one, too.
            Ok(_) | Err(_) => {}
        }
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            for (name, sightings) in &known {
                notice(ports, sightings);
                // A full queue of the library is asked again next time.
                let _ = daemon.verify(name.clone(), CONFIRM_WITHIN);
            }
        }
        if reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            reported = Some(Instant::now());
            reporter.healthy();
        }
    }
    // Says goodbye; a library that does not answer has ended already.
    if let Ok(answer) = daemon.unregister(&own) {
        let _ = answer.recv_timeout(TICK);
    }
    let _ = daemon.shutdown();
    Ok(())
}

fn notice(ports: &Ports, sightings: &[Sighting]) {
    for sighting in sightings {
        // It is said again; a driver that is busy need not hear every time.
        let _ = ports.mention(Input::Sighted(sighting.clone()));
    }
}

fn service(publication: &Publication) -> Result<ServiceInfo, mdns_sd::Error> {
    let name = publication.peer.to_string()[..16].to_owned();
    let host = format!("bitcraps-{name}.local.");
    let port = publication.addresses.iter().find_map(|address| port_of(&address.0));
    let pieces = publication.record.chunks(PIECE_BYTES).take(PIECES_MAX).enumerate();
    let text: Vec<TxtProperty> =
        pieces.map(|(n, piece)| TxtProperty::from((format!("r{n}"), piece))).collect();
    let info = ServiceInfo::new(SERVICE, &name, &host, "", port.unwrap_or_default(), text)?;
    Ok(info.enable_addr_auto())
}

fn port_of(address: &str) -> Option<u16> {
    let (_, host) = address.split_once("://")?;
    let authority = host.split_once('/').map_or(host, |(authority, _)| authority);
    authority.rsplit_once(':')?.1.parse().ok()
}

/// What a verified record says can be dialled; `None` for one that does not verify.
fn sightings(found: &ResolvedService, work_bits: u8) -> Option<Vec<Sighting>> {
    let piece = |n: usize| found.get_property_val(&format!("r{n}")).flatten();
    let record: Vec<u8> = (0..PIECES_MAX).map_while(piece).flatten().copied().collect();
    let verified = LanRecord::verify(&record, work_bits).ok()?;
    let sighting = |address: &String| {
        let transport = transport_of(address)?;
        let (address, record) = (address.clone(), record.clone());
        Some(Sighting { address, transport, record, rssi_dbm: None })
    };
    Some(verified.addresses().iter().filter_map(sighting).collect())
}

/// Of an address that this shell can dial.
fn transport_of(address: &str) -> Option<Transport> {
    Target::parse(address).ok()?;
    match address.split_once("://")?.0 {
        "tcp" => Some(Transport::Tcp),
        "ws" | "wss" => Some(Transport::WebSocket),
        "quic" => Some(Transport::Quic),
        "udp" => Some(Transport::Udp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bitcraps_core::seed::Seed;

    fn addresses(list: &[&str]) -> Vec<Address> {
        list.iter().map(|address| Address((*address).to_owned())).collect()
    }

    fn publication(list: &[&str]) -> Publication {
        let identity = Identity::generate(&Seed::from_number(1), 0);
        let config = Config { work_bits: 0, addresses: addresses(list), ..Config::default() };
        Publication::new(&identity, &config, 7)
    }

    #[test]
    fn who_cannot_be_dialled_from_elsewhere_publishes_nothing() {
        assert!(off_because(&[]).is_some());
        assert!(off_because(&addresses(&["tcp://127.0.0.1:1", "ws://[::1]:2/mesh"])).is_some());
        assert!(off_because(&addresses(&["tcp://127.0.0.1:1", "tcp://10.0.0.1:2"])).is_none());
    }

    #[test]
    fn the_largest_record_fits_the_text_and_comes_back_whole() {
        let long = format!("tcp://{}:1", "h".repeat(100));
        let said = publication(&[&long, &long, &long, "udp://a:1"]);
        let found = service(&said).unwrap().as_resolved_service();
        let seen = sightings(&found, 0).unwrap();
        assert!(said.record.len() > PIECE_BYTES && seen.len() >= 3);
        assert!(seen.iter().all(|s| s.record == said.record && s.transport == Transport::Tcp));
    }

    #[test]
    fn an_altered_record_and_one_without_work_are_refused() {
        let mut said = publication(&["tcp://10.0.0.1:9"]);
        let found = |said: &Publication| service(said).unwrap().as_resolved_service();
        assert_eq!(sightings(&found(&said), 0).unwrap()[0].address, "tcp://10.0.0.1:9");
        assert!(sightings(&found(&said), 60).is_none());
        for at in 0..said.record.len() {
            said.record[at] ^= 1;
            assert!(sightings(&found(&said), 0).is_none(), "byte {at}");
            said.record[at] ^= 1;
        }
        said.record.clear();
        assert!(sightings(&found(&said), 0).is_none());
    }

    #[test]
    fn what_cannot_be_dialled_is_not_noticed() {
        assert_eq!(transport_of("tcp://h:1"), Some(Transport::Tcp));
        assert_eq!(transport_of("ws://h:1/mesh"), Some(Transport::WebSocket));
        for address in ["gopher://h:1", "tcp://h", "h:1"] {
            assert_eq!(transport_of(address), None, "{address}");
        }
        assert_eq!(port_of("ws://[fd00::1]:80/mesh"), Some(80));
    }
}
