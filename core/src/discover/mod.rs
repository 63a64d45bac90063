//! Who is near and can be dialled: Bluetooth advertisements, records on the LAN, other tabs.

mod radio;
mod sighting;

pub use radio::{Adapter, Knob, RadioPlan, RadioReport};
pub use sighting::{SIGHTING_RECORD_BYTES_MAX, Sighting};
