//! The composition root: one `Node` per peer, driven by a shell.
//!
//! The contract of the loop, the same for tokio, a browser tab and the simulator: drain
//! [`Output`]s until [`Output::Wait`], wait for one thing, hand it in with `now`.

mod command;
mod config;
mod dispatch;
mod event;
mod health_view;
mod io;
mod leading;
mod mending;
mod message;
mod nearby;
mod picture;
mod playing;
mod view;
mod watch;

pub use crate::discover::{
    Adapter, Advertisement, BLE_COMPANY_ID, Knob, LanRecord, RadioPlan, RadioReport,
    SIGHTING_RECORD_BYTES_MAX, SIGNAL_BYTES_MAX, SILENCE_MAX, Sighting, WEBRTC_SCHEME,
};
pub use crate::game::transcript;
pub use crate::game::{CommandError, Offence, OffenceKind, Parting, RequestId, SeatRole, Strategy};
pub use crate::heal::{ADDRESS_BYTES_MAX, ADDRESSES_MAX};
pub use crate::heal::{Goal as RepairGoal, Mode as Healing, State as RepairState};
pub use crate::health::{
    AlertKind, Detector, METRICS, Metric, Risk, RiskMethod, Severity, Snapshot, Subject,
};
pub use crate::health::{Config as HealthConfig, Thresholds};
pub use crate::id::NodeKind;
pub use crate::link::{Documents as DocumentsEstimator, Loss as LossEstimator};
pub use crate::link::{HYSTERESIS, Hysteresis};
pub use crate::store::Write;
pub use crate::transport::{
    BreakerState, Class, CloseReason, LinkRole, LinkState, PathClass, SwitchReason, Transport,
};
pub use command::Command;
pub use config::Config;
pub use dispatch::Node;
pub use event::Event;
pub use health_view::{
    AdviceView, AlertView, AnomalyView, BandView, ComponentState, ComponentView, CutEdgeView,
    CutNodeView, ForecastView, HealthView, RelayView, RepairView, SampleView, TableRiskView,
};
pub use io::{Address, Input, Output, WakeReason, Wakeup};
pub use view::{
    BetView, ChatView, Counters, DepartureView, EdgeView, HandView, HistoryView, LeaderView,
    LinkView, LobbyView, MapView, MeasuredSample, MeasuredView, NearbyView, NeighbourView,
    NodeView, PauseView, PeerView, SeatView, SwitchView, TablePhase, TableState, TableView,
};
