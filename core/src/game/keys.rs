//! The names under which a table is stored.
//!
//! `table/<id>/genesis`, `table/<id>/log/<height>` for certified batches and
//! `table/<id>/now/<height><place>` for the records of the height being decided. Numbers are
//! big-endian, so that keys sort by them. `table/<id>/seatless` stands while this peer follows the
//! table without a seat: what was stored then is no memory of its votes.

use crate::id::TableId;

/// Everything of one table starts with this.
pub(super) fn table_prefix(table: TableId) -> Vec<u8> {
    [&b"table/"[..], table.as_bytes(), b"/"].concat()
}

pub(super) fn genesis_key(table: TableId) -> Vec<u8> {
    [&table_prefix(table)[..], b"genesis"].concat()
}

pub(super) fn seatless_key(table: TableId) -> Vec<u8> {
    [&table_prefix(table)[..], b"seatless"].concat()
}

pub(super) fn decision_key(table: TableId, height: u64) -> Vec<u8> {
    [&table_prefix(table)[..], b"log/", &height.to_be_bytes()].concat()
}

pub(super) fn records_prefix(table: TableId) -> Vec<u8> {
    [&table_prefix(table)[..], b"now/"].concat()
}

pub(super) fn record_key(table: TableId, height: u64, place: u64) -> Vec<u8> {
    [&records_prefix(table)[..], &height.to_be_bytes(), &place.to_be_bytes()].concat()
}
