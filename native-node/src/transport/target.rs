//! Addresses that this shell can dial, read from their text.
//!
//! Rules. A scheme is listed once it is dialled, so that nobody is told of a way that does not
//! exist. The error names what is wrong.

/// Bytes of a device's name: macOS names devices by UUIDs.
const DEVICE_BYTES_MAX: usize = 64;

/// An address this shell can dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Tcp { authority: String },
    Quic { authority: String },
    Udp { authority: String },
    WebSocket { authority: String, url: String, tls: Tls },
    Ble { device: String },
}

/// Whether a WebSocket is dialled through TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    Off,
    On,
}

impl Target {
    /// What stands in front of `://` in the addresses it reads.
    pub const SCHEMES: [&str; 6] = ["tcp", "quic", "udp", "ws", "wss", "ble"];

    /// Reads `tcp://host:port`, the same of `quic` and `udp`, or `ws://host:port[/mesh]` and
    /// the same of `wss`.
    pub fn parse(text: &str) -> Result<Target, String> {
        let unknown = || {
            let schemes = Target::SCHEMES.map(|scheme| format!("{scheme}://"));
            format!("an address starts with {}", schemes.join(" or "))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(unknown)?;
        match scheme {
            "tcp" => Ok(Target::Tcp { authority: authority(rest)? }),
            "quic" => Ok(Target::Quic { authority: authority(rest)? }),
            "udp" => Ok(Target::Udp { authority: authority(rest)? }),
            "ws" => web(scheme, rest, Tls::Off),
            "wss" => web(scheme, rest, Tls::On),
            "ble" => Ok(Target::Ble { device: device(rest)? }),
            _ => Err(unknown()),
        }
    }
}

fn web(scheme: &str, rest: &str, tls: Tls) -> Result<Target, String> {
    let (host_and_port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority(host_and_port)?;
    match path {
        "" | "/" | "/mesh" => {
            let url = format!("{scheme}://{authority}/mesh");
            Ok(Target::WebSocket { authority, url, tls })
        }
        _ => Err(format!("a node accepts at /mesh, not at {path}")),
    }
}

/// Checks a Bluetooth address such as `AA:BB:CC:DD:EE:FF`, or the platform's name for a device.
fn device(text: &str) -> Result<String, String> {
    let sound = (1..=DEVICE_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_".contains(&b));
    match sound {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no Bluetooth address such as AA:BB:CC:DD:EE:FF")),
    }
}

/// Checks `host:port`.
fn authority(text: &str) -> Result<String, String> {
    let (host, port) = text.rsplit_once(':').ok_or_else(|| "the port is missing".to_owned())?;
    port.parse::<u16>().map_err(|_| format!("{port:?} is no port from 0 to 65535"))?;
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let sound = match bracketed {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        }
    };
    match sound {
        true => Ok(text.to_owned()),
        false => Err(format!("{host:?} is no host name or IP address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused_with_what_is_wrong() {
        let web = |scheme: &str, authority: &str, tls| {
            let url = format!("{scheme}://{authority}/mesh");
            Ok(Target::WebSocket { authority: authority.to_owned(), url, tls })
        };
        let ws = |authority: &str| web("ws", authority, Tls::Off);
        assert_eq!(
            Target::parse("tcp://a.example:9000"),
            Ok(Target::Tcp { authority: "a.example:9000".to_owned() })
        );
        let authority = "[::1]:9000".to_owned();
        assert_eq!(
            Target::parse("quic://[::1]:9000"),
            Ok(Target::Quic { authority: authority.clone() })
        );
        assert_eq!(Target::parse("udp://[::1]:9000"), Ok(Target::Udp { authority }));
        assert_eq!(Target::parse("ws://[::1]:80"), ws("[::1]:80"));
        assert_eq!(Target::parse("ws://h:1/mesh"), ws("h:1"));
        assert_eq!(Target::parse("wss://h:1/"), web("wss", "h:1", Tls::On));
        assert_eq!(
            Target::parse("ble://AA:BB:CC:DD:EE:FF"),
            Ok(Target::Ble { device: "AA:BB:CC:DD:EE:FF".to_owned() })
        );
        for wrong in [
            "gopher://h:1",
            "tcp://h",
            "tcp://:1",
            "tcp://h:65536",
            "ws://h:1/other",
            "ws://a@b:1",
            "tcp://[zz]:1",
            "tcp://h:1/x",
            "quic://h:1/mesh",
            "udp://h",
            "ble://",
            "ble://a/b",
            "",
        ] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
