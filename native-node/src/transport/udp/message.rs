//! The datagrams of a `udp` link, as bytes.
//!
//! ```text
//! hello    01  version  dialer's id(8)  cookie(32)       42 bytes, the cookie zero at first
//! cookie   02  version  dialer's id(8)  cookie(32)       42 bytes
//! welcome  03  version  dialer's id(8)  listener's id(8) 18 bytes
//! frame    04  receiver's id(8)  frame…                  at most 1200 bytes
//! alive    05  receiver's id(8)
//! ```
//!
//! Rules. No answer is longer than what asked for it, so that nobody can be flooded through a
//! listener. The first byte is below 0x40, which tells these datagrams from QUIC on the same port.
//! Nothing here is authenticated: an id only keeps out who cannot see the datagrams.

/// Counts up with every change of these bytes.
pub const VERSION: u8 = 1;

/// Bytes of one datagram: what every path carries unfragmented, IPv6's least MTU of 1280 less its
/// headers of 48, and some room for tunnels.
pub const DATAGRAM_BYTES_MAX: usize = 1200;

/// Bytes before the frame.
pub const FRAME_HEADER_BYTES: usize = 9;

/// Largest frame, in bytes.
pub const FRAME_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - FRAME_HEADER_BYTES;

const HELLO: u8 = 0x01;
const COOKIE: u8 = 0x02;
const WELCOME: u8 = 0x03;
const FRAME: u8 = 0x04;
const ALIVE: u8 = 0x05;

/// One end's name for a link, drawn at random by that end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub [u8; 8]);

/// What proves that the dialer hears what is sent to its address.
pub type Cookie = [u8; 32];

/// A datagram that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datagram<'a> {
    Hello { dialer: Id, cookie: Cookie },
    Cookie { dialer: Id, cookie: Cookie },
    Welcome { dialer: Id, listener: Id },
    Frame { to: Id, frame: &'a [u8] },
    Alive { to: Id },
}

/// Reads a datagram; `None` when it is none of these.
pub fn parse(bytes: &[u8]) -> Option<Datagram<'_>> {
    let (kind, rest) = bytes.split_first()?;
    let id = |bytes: &[u8]| bytes.try_into().map(Id).ok();
    match *kind {
        HELLO | COOKIE => {
            let rest = rest.strip_prefix(&[VERSION])?;
            let (dialer, cookie) = rest.split_at_checked(8)?;
            let (dialer, cookie) = (id(dialer)?, cookie.try_into().ok()?);
            Some(match *kind {
                HELLO => Datagram::Hello { dialer, cookie },
                _ => Datagram::Cookie { dialer, cookie },
            })
        }
        WELCOME => {
            let rest = rest.strip_prefix(&[VERSION])?;
            let (dialer, listener) = rest.split_at_checked(8)?;
            Some(Datagram::Welcome { dialer: id(dialer)?, listener: id(listener)? })
        }
        FRAME if bytes.len() <= DATAGRAM_BYTES_MAX => {
            let (to, frame) = rest.split_at_checked(8)?;
            (!frame.is_empty()).then_some(Datagram::Frame { to: id(to)?, frame })
        }
        ALIVE => Some(Datagram::Alive { to: id(rest)? }),
        _ => None,
    }
}

pub fn hello(dialer: Id, cookie: &Cookie) -> Vec<u8> {
    [&[HELLO, VERSION], &dialer.0[..], cookie].concat()
}

pub fn cookie(dialer: Id, cookie: &Cookie) -> Vec<u8> {
    [&[COOKIE, VERSION], &dialer.0[..], cookie].concat()
}

pub fn welcome(dialer: Id, listener: Id) -> Vec<u8> {
    [&[WELCOME, VERSION], &dialer.0[..], &listener.0].concat()
}

pub fn alive(to: Id) -> Vec<u8> {
    [&[ALIVE], &to.0[..]].concat()
}

/// Writes a frame's datagram over `out`.
pub fn frame(to: Id, frame: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.push(FRAME);
    out.extend_from_slice(&to.0);
    out.extend_from_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALER: Id = Id(*b"dialer..");
    const LISTENER: Id = Id(*b"listener");

    #[test]
    fn datagrams_have_the_bytes_that_version_one_wrote_down() {
        let c = [0xcc; 32];
        let mut framed = Vec::new();
        frame(LISTENER, b"frame", &mut framed);
        let golden: [(Vec<u8>, &[u8], Datagram); 5] = [
            (hello(DIALER, &c), b"\x01\x01dialer..", Datagram::Hello { dialer: DIALER, cookie: c }),
            (
                cookie(DIALER, &c),
                b"\x02\x01dialer..",
                Datagram::Cookie { dialer: DIALER, cookie: c },
            ),
            (
                welcome(DIALER, LISTENER),
                b"\x03\x01dialer..listener",
                Datagram::Welcome { dialer: DIALER, listener: LISTENER },
            ),
            (framed, b"\x04listenerframe", Datagram::Frame { to: LISTENER, frame: b"frame" }),
            (alive(LISTENER), b"\x05listener", Datagram::Alive { to: LISTENER }),
        ];
        for (written, starts, read) in &golden {
            assert!(written.starts_with(starts), "{written:x?}");
            let rest = &written[starts.len()..];
            assert!(rest.is_empty() || rest == c, "{written:x?}");
            assert_eq!(parse(written), Some(*read));
            assert!(written[0] < 0x40, "QUIC would take it");
            for end in 0..written.len() {
                let cut = parse(&written[..end]);
                assert!(cut.is_none() || matches!(cut, Some(Datagram::Frame { .. })), "{cut:?}");
            }
        }
        assert!(welcome(DIALER, LISTENER).len() <= hello(DIALER, &c).len());
        assert!(cookie(DIALER, &c).len() <= hello(DIALER, &c).len());
    }

    #[test]
    fn what_is_none_of_these_is_not_read() {
        let mut long = vec![FRAME];
        long.resize(DATAGRAM_BYTES_MAX + 1, 7);
        for bytes in [&b""[..], b"\x00", b"\x06listener", b"\x01\x02dialer..", b"\x04listener"] {
            assert_eq!(parse(bytes), None, "{bytes:x?}");
        }
        assert_eq!(parse(&long), None);
        assert!(parse(&long[..DATAGRAM_BYTES_MAX]).is_some());
    }
}
