//! The mesh map: signed announcements, who is linked to whom, partitions.
