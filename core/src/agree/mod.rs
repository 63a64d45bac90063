//! Byzantine agreement on one log, without I/O.
