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

/// Something large that costs nothing to hand around; two are equal when they are the same one.
#[derive(Debug)]
pub struct Same<T>(Rc<T>);

/// A picture as pages get it.
pub type Shown = Same<Picture>;

impl<T> Same<T> {
    pub fn new(inner: T) -> Same<T> {
        Same(Rc::new(inner))
    }
}

impl<T> Clone for Same<T> {
    fn clone(&self) -> Same<T> {
        Same(Rc::clone(&self.0))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Same<T>) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Deref for Same<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
