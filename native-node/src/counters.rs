//! What only the shell sees, counted for `/metrics`. The core's own counts are in its view.

use prometheus_client::metrics::histogram::Histogram;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $help:literal])+ $name:ident),+ $(,)?) => {
        /// Counts since the start.
        #[derive(Debug, Default)]
        pub struct ShellCounters {
            $($(#[doc = $help])+ pub $name: Count,)+
            /// What each look at the mesh took, with all that followed from it.
            pub analysis: Seconds,
        }

        impl ShellCounters {
            /// Name, help and value of each, in the order of `/metrics`.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($help),+), self.$name.value()),)+]
            }
        }
    };
}

counters! {
    /// TCP mesh connections that were accepted
    tcp_accepted,
    /// TCP mesh connections refused because every seat was settled
    tcp_refused,
    /// QUIC mesh connections that were accepted
    quic_accepted,
    /// QUIC mesh connections refused because every seat was settled or their address had too many
    quic_refused,
    /// QUIC connections that had to prove their address first, as many handshakes were under way
    quic_retried,
    /// UDP mesh links that were accepted
    udp_accepted,
    /// UDP mesh links refused because every seat was settled or their address had too many
    udp_refused,
    /// UDP datagrams that belonged to no link, or found its queue full
    udp_dropped,
    /// WebSocket mesh connections that were accepted
    websocket_accepted,
    /// WebSocket mesh connections refused because every seat was settled
    websocket_refused,
    /// WebSocket and API requests refused for their origin
    origin_refused,
    /// Half-open mesh connections that gave their seat to a newcomer
    connections_evicted,
    /// Bluetooth centrals that were accepted
    ble_accepted,
    /// Bluetooth centrals refused because every seat was settled or too many were there
    ble_refused,
    /// Bluetooth advertisements of peers that were noticed
    ble_sightings,
    /// Bluetooth advertisements dropped because too many came at once
    ble_sightings_dropped,
    /// Bluetooth frames that arrived and were dropped because too many waited
    ble_frames_lost,
    /// Records on the LAN that did not verify
    lan_records_refused,
    /// TLS handshakes of browsers that failed or took too long
    tls_failed,
    /// HTTP connections that were accepted
    http_accepted,
    /// HTTP connections refused because every seat was settled
    http_refused,
    /// HTTP connections that gave their seat to a newcomer before their first whole request
    http_evicted,
    /// Times that accepting failed, most often for want of file descriptors
    accept_failed,
    /// Frames longer than the limit; each closed its link
    frames_oversize,
    /// Bytes that were no frame for another reason; each closed its link
    frames_garbage,
    /// Frames dropped because the link's queue was full
    frames_dropped,
    /// Links closed because a write took too long
    writes_timed_out,
    /// Connections this node opened
    dials_connected,
    /// Connections this node tried to open in vain
    dials_failed,
    /// Events that slow subscribers of the event stream lost
    events_lagged,
}

/// One count. Order between counts is not kept.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn one(&self) {
        self.add(1);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper ends of the buckets of what takes time, in seconds: three for each power of ten would be
/// too many to read, two are enough to see a trend.
const BUCKETS: [f64; 13] =
    [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0];

/// How long something took, each time: in buckets from 10 µs to 10 s.
#[derive(Debug)]
pub struct Seconds(Histogram);

impl Default for Seconds {
    fn default() -> Seconds {
        Seconds(Histogram::new(BUCKETS))
    }
}

impl Seconds {
    pub fn observe(&self, seconds: f64) {
        self.0.observe(seconds);
    }

    pub fn histogram(&self) -> &Histogram {
        &self.0
    }
}
