//! Who is near, as far as this machine's networks tell. Whom to dial of them is the core's
//! business.

pub mod lan;
