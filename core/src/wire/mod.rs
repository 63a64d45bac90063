//! What travels between neighbours: one envelope, one version byte.
