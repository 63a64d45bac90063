//! What two tabs say to each other, through the mesh, before there is a link between them.
//!
//! One byte of kind, eight bytes of the call's number (little-endian), then the description as SDP.
//! All candidates are inside it, so one message each way is enough and no order matters.
//!
//! Rules. A description comes from another peer and goes into the browser's own parser, so its
//! candidates are cut down to addresses of this machine and its networks first. Nobody can make a
//! tab send packets into the Internet, and a link made this way stays inside one network.

use crate::transport::path_to;
use bitcraps_core::node::{PathClass, SIGNAL_BYTES_MAX};

const HEADER_BYTES: usize = 9;

/// Bytes of one description: what the mesh carries for tabs, without the header.
pub const SDP_BYTES_MAX: usize = SIGNAL_BYTES_MAX - HEADER_BYTES;

/// Which half of the exchange it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Offer,
    Answer,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub kind: Kind,
    /// Chosen by the dialer, repeated in the answer.
    pub number: u64,
    pub sdp: String,
}

impl Call {
    /// Nothing when the description is too long to be sent.
    pub fn encode(&self) -> Option<Vec<u8>> {
        if self.sdp.len() > SDP_BYTES_MAX {
            return None;
        }
        let kind = match self.kind {
            Kind::Offer => 0,
            Kind::Answer => 1,
        };
        let mut bytes = vec![kind];
        bytes.extend(self.number.to_le_bytes());
        bytes.extend(self.sdp.as_bytes());
        Some(bytes)
    }

    /// Nothing when it is no message of this form.
    pub fn decode(bytes: &[u8]) -> Option<Call> {
        let (header, sdp) = bytes.split_at_checked(HEADER_BYTES)?;
        let kind = match header[0] {
            0 => Kind::Offer,
            1 => Kind::Answer,
            _ => return None,
        };
        if sdp.len() > SDP_BYTES_MAX {
            return None;
        }
        let number = u64::from_le_bytes(header[1..].try_into().ok()?);
        Some(Call { kind, number, sdp: str::from_utf8(sdp).ok()?.to_owned() })
    }
}

/// The description without candidates that lie outside this machine and its networks.
pub fn local_only(sdp: &str) -> String {
    let stays = |line: &&str| match line.strip_prefix("a=candidate:") {
        // foundation component transport priority ADDRESS port "typ" type …
        Some(candidate) => {
            candidate.split(' ').nth(4).is_some_and(|host| path_to(host) == PathClass::Lan)
        }
        None => true,
    };
    sdp.split_inclusive('\n').filter(stays).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_as_documented() {
        let call = Call { kind: Kind::Answer, number: 0x0102, sdp: "v=0\r\n".to_owned() };
        let bytes = call.encode().unwrap();
        assert_eq!(bytes, b"\x01\x02\x01\0\0\0\0\0\0v=0\r\n");
        assert_eq!(Call::decode(&bytes), Some(call));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let offer = |sdp: &[u8]| [&[0; HEADER_BYTES], sdp].concat();
        for bytes in [&b""[..], &[0; HEADER_BYTES - 1], &[2; 20], &offer(b"\xff")] {
            assert_eq!(Call::decode(bytes), None, "{bytes:?}");
        }
        assert!(Call::decode(&offer(&[b'a'; SDP_BYTES_MAX])).is_some());
        assert_eq!(Call::decode(&offer(&[b'a'; SDP_BYTES_MAX + 1])), None);
        let long = Call { kind: Kind::Offer, number: 1, sdp: "a".repeat(SDP_BYTES_MAX + 1) };
        assert_eq!(long.encode(), None);
    }

    #[test]
    fn candidates_elsewhere_are_dropped_and_all_else_stays() {
        let line =
            |host: &str| ["a=candidate:1 1 udp 2113937151 ", host, " 50000 typ host\r\n"].concat();
        let sdp = [
            "v=0\r\n".to_owned(),
            line("1b2c-3d.local"),
            line("203.0.113.9"),
            line("192.168.1.5"),
            line("2001:db8::1"),
            "a=candidate:broken\r\n".to_owned(),
            "a=end-of-candidates\r\n".to_owned(),
        ];
        let kept = [&sdp[0][..], &sdp[1], &sdp[3], &sdp[6]].concat();
        assert_eq!(local_only(&sdp.concat()), kept);
    }
}
