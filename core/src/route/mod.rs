//! How a packet gets there: cheapest path, flood, acknowledgement, retry.
