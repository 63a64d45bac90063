//! One neighbour over one connection: handshake, encryption, fragmentation, round-trip time.
