//! Agreement through its public API: a virtual network with liars and crashes (`world`), scripted
//! attacks (a random adversary rarely finds them), limits filled to the brim, and golden bytes.

mod attacks;
mod forge;
mod golden;
mod limits;
mod scenarios;
mod world;
