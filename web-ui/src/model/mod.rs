//! From a [`bitcraps_core::node::NodeView`] to what a page says and shows: pure functions, tested
//! natively.

pub mod connection;
pub mod felt;
pub mod mesh;
pub mod names;
pub mod story;
pub mod table;
pub mod text;
pub mod typed;
