//! Pieces of pages.

pub mod bluetooth;
pub mod chart;
pub mod chat;
pub mod dice;
pub mod felt;
pub mod history;
pub mod mesh_canvas;
pub mod saving;
pub mod sayings;
pub mod seats;
pub mod status;
pub mod typed_bet;
pub mod whose;
