//! Algorithms on compact index graphs; no ids, no protocol.
