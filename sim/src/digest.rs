//! A running digest of everything that is handed to nodes and told by them: two runs that differ
//! anywhere differ in it.

use bitcraps_core::{
    node::{Event, Input},
    time::Instant,
};

pub(crate) struct Digest {
    hasher: blake3::Hasher,
}

impl Digest {
    pub fn new() -> Digest {
        Digest { hasher: blake3::Hasher::new_derive_key("bitcraps v1 simulated world") }
    }

    pub fn finish(&self) -> blake3::Hash {
        self.hasher.finalize()
    }

    pub fn input(&mut self, now: Instant, node: usize, input: &Input) {
        let (kind, number, bytes): (u8, u64, &[u8]) = match input {
            Input::LinkUp { link, .. } => (0, link.0, &[]),
            Input::LinkBytes { link, bytes } => (1, link.0, bytes),
            Input::LinkDown { link, .. } => (2, link.0, &[]),
            Input::Congested { link } => (3, link.0, &[]),
            Input::DialFailed { address, .. } => (4, 0, address.0.as_bytes()),
            Input::LinkSignal { link, .. } => (10, link.0, &[]),
            Input::Sighted(sighting) => (11, 0, sighting.address.as_bytes()),
            Input::Radio(report) => (12, u64::from(report.peripheral), &[]),
            Input::Power { battery_percent, .. } => {
                (13, battery_percent.map_or(u64::MAX, u64::from), &[])
            }
            Input::Signal { body, .. } => (14, 0, body),
            Input::Interference { .. } => (15, 0, &[]),
            Input::Stored { ticket } => (5, *ticket, &[]),
            Input::Command { request, .. } => (6, request.0, &[]),
            Input::Wake => (7, 0, &[]),
            Input::Stop => (8, 0, &[]),
        };
        self.note(now, (node, kind, number), bytes);
    }

    pub fn event(&mut self, now: Instant, node: usize, event: &Event) {
        let bytes = postcard::to_allocvec(event).expect("an event has nothing postcard refuses");
        self.note(now, (node, 9, 0), &bytes);
    }

    fn note(&mut self, now: Instant, (node, kind, number): (usize, u8, u64), bytes: &[u8]) {
        self.hasher.update(&now.as_micros().to_le_bytes());
        self.hasher.update(&(node as u64).to_le_bytes());
        self.hasher.update(&[kind]);
        self.hasher.update(&number.to_le_bytes());
        self.hasher.update(&(bytes.len() as u64).to_le_bytes());
        self.hasher.update(bytes);
    }
}
