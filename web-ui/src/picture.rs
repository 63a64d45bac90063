//! Everything that the page draws from, as one value.

use crate::model::{bluetooth::Bluetooth, connection::Connection, story::Story};
use bitcraps_core::node::NodeView;
use std::{ops::Deref, rc::Rc};

/// Whether what must survive a crash does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saving {
    Kept,
    /// Nothing can be kept here; the peer lasts as long as its tab. Says why.
    ThisVisit(String),
    /// Something was lost on the way to the store, so this peer votes no more. Says why.
    Broken(String),
}

/// One moment of the peer.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    pub view: NodeView,
    pub story: Story,
    pub connection: Connection,
    pub saving: Saving,
    pub bluetooth: Bluetooth,
    /// The address that this page dials.
    pub home: String,
}

/// A picture that costs nothing to hand around; two are equal when they are the same one.
#[derive(Clone, Debug)]
pub struct Shown(Rc<Picture>);

impl Shown {
    pub fn new(picture: Picture) -> Shown {
        Shown(Rc::new(picture))
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Shown) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Deref for Shown {
    type Target = Picture;
    fn deref(&self) -> &Picture {
        &self.0
    }
}
