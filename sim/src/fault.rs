//! What can go wrong in a world, and what one entry of its calendar led to.

use crate::{
    machine::Death,
    net::{Cut, EdgeId},
};
use bitcraps_core::{id::LinkId, node::Event, time::Duration};

/// A fault, or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Cut { edge: EdgeId, how: Cut },
    Restore { edge: EdgeId },
    Crash { node: usize, how: Death },
    Restart { node: usize },
}

/// Where between asking for a write and going on a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It asked and sent all that it did not hold back, and nothing reached the disk.
    Asked,
    /// It is on the disk, and the node was not told.
    Written,
    /// It was told, and what it sent then is on its way.
    Told,
}

/// A death at one write of a node's first life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    pub node: usize,
    /// Counted from 0.
    pub write: u64,
    pub moment: Moment,
    /// When it starts again.
    pub back_after: Duration,
}

/// What a node may never do to its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// More outputs for one input than `OUTPUTS_MAX`.
    TooManyOutputs,
    /// A frame larger than the link's MTU.
    FrameTooLarge { got: usize, mtu: usize },
    /// A frame for a link that the driver took down or never had.
    UnknownLink { link: LinkId },
    /// It asks to be woken without time moving on.
    TimeStandsStill,
}

/// What one entry of the calendar led to.
#[derive(Debug, Default)]
pub struct Step {
    /// What nodes told, in order.
    pub events: Vec<(usize, Event)>,
    pub breaches: Vec<(usize, Breach)>,
    /// Nodes that died or started.
    pub lives: Vec<usize>,
}
