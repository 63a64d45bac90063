//! Figures and names as people read them. What is unknown is shown as "–", what is old with its
//! age.

use bitcraps_core::{
    craps::{Dice, Number},
    node::{CloseReason, NodeKind, SeatRole, Transport},
};

/// Shown where nothing was measured.
pub const UNKNOWN: &str = "–";

/// "just now", "12 s ago", "3 min ago", "2 h ago".
pub fn age(millis: u64) -> String {
    match millis {
        0..3_000 => "just now".to_owned(),
        _ => [&span(millis), " ago"].concat(),
    }
}

/// "12 s", "3 min", "2 h", "4 days".
pub fn span(millis: u64) -> String {
    let (figure, unit) = match millis / 1000 {
        seconds @ 0..120 => (seconds, " s"),
        seconds @ 120..7_200 => (seconds / 60, " min"),
        seconds @ 7_200..172_800 => (seconds / 3_600, " h"),
        seconds => (seconds / 86_400, " days"),
    };
    [&figure.to_string(), unit].concat()
}

/// Milliseconds with one decimal below ten, whole above.
pub fn latency(millis: Option<f64>) -> String {
    let Some(millis) = millis.filter(|m| m.is_finite() && *m >= 0.0) else {
        return UNKNOWN.to_owned();
    };
    // Tenths as a whole number: printing floats costs the page several kilobytes.
    let tenths = (millis * 10.0 + 0.5) as u64;
    if tenths < 100 {
        [&(tenths / 10).to_string(), ".", &(tenths % 10).to_string(), " ms"].concat()
    } else {
        [&((millis + 0.5) as u64).to_string(), " ms"].concat()
    }
}

/// With up to two decimals, without the machinery that prints floats.
pub fn decimal(value: f64, places: usize) -> String {
    let scale = [1u64, 10, 100][places.min(2)];
    let scaled = (value * scale as f64 + 0.5) as u64;
    let (whole, rest) = ((scaled / scale).to_string(), scaled % scale);
    match places {
        0 => whole,
        1 => [&whole, ".", &rest.to_string()].concat(),
        _ => [whole.as_str(), ".", if rest < 10 { "0" } else { "" }, &rest.to_string()].concat(),
    }
}

/// A share from 0 to 1 in per cent; small ones with a decimal.
pub fn percent(share: f64) -> String {
    [&decimal(share * 100.0, usize::from(share > 0.0 && share < 0.1)), " %"].concat()
}

/// "900 B/s", "12 kB/s".
pub fn bytes_per_second(rate: f64) -> String {
    match rate {
        10_000.0.. => [&decimal(rate / 1000.0, 0), " kB/s"].concat(),
        _ => [&decimal(rate, 0), " B/s"].concat(),
    }
}

/// "1 chip", "12 chips".
pub fn counted(n: usize, one: &str, many: &str) -> String {
    let word = if n == 1 { one } else { many };
    [&n.to_string(), " ", word].concat()
}

/// "a", "a and b", "a, b and c".
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [head @ .., last] => [&head.join(", "), " and ", last].concat(),
    }
}

pub fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Regular => "native node",
        NodeKind::Gateway => "gateway",
        NodeKind::Browser => "browser tab",
    }
}

pub fn role(role: SeatRole) -> &'static str {
    match role {
        SeatRole::Player => "player",
        SeatRole::Bot => "bot",
        SeatRole::Witness => "witness",
    }
}

pub fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::WebSocket => "WebSocket",
        Transport::Quic => "QUIC",
        Transport::Udp => "UDP",
        Transport::Ble => "Bluetooth",
        Transport::WebRtc => "WebRTC",
    }
}

/// Why a link ended, with a next step where there is one.
pub fn close_reason(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::TransportClosed => "the connection broke",
        CloseReason::TooSlow => "this device could not keep up; close other tabs",
        CloseReason::Silent => "nothing was heard for too long",
        CloseReason::HandshakeTimeout => "the other side did not finish saying hello in time",
        CloseReason::Garbage => "what arrived is not this protocol; reload the page",
        CloseReason::WrongVersion => {
            "the other side speaks another version; reload the page to get its own"
        }
        CloseReason::BadSignature => "the other side could not prove who it is",
        CloseReason::NoWork => "an identity came without its proof of work",
        CloseReason::Duplicate => "there is a better link to the same peer already",
        CloseReason::Limit => "a limit on connections was reached; try again later",
        CloseReason::PeerLeft => "the other side said goodbye",
        CloseReason::Stopping => "this peer is stopping",
    }
}

/// What a roll meant for the pass line.
pub fn outcome(point: Option<Number>, dice: Dice) -> &'static str {
    match (point.map(Number::total), dice.total()) {
        (None, 7 | 11) => "natural",
        (None, 2 | 3 | 12) => "craps",
        (None, _) => "the point",
        (Some(_), 7) => "seven out",
        (Some(point), sum) if point == sum => "point made",
        (Some(_), _) => "no decision",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_change_their_unit_when_they_grow() {
        for (millis, text) in [
            (0, "0 s"),
            (12_400, "12 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 days"),
        ] {
            assert_eq!(span(millis), text);
        }
        assert_eq!((age(0), age(5_000)), ("just now".to_owned(), "5 s ago".to_owned()));
    }

    #[test]
    fn a_latency_that_was_not_measured_is_shown_as_unknown() {
        for (millis, text) in [
            (None, UNKNOWN),
            (Some(f64::NAN), UNKNOWN),
            (Some(-1.0), UNKNOWN),
            (Some(0.04), "0.0 ms"),
            (Some(0.25), "0.3 ms"),
            (Some(9.96), "10 ms"),
            (Some(42.5), "43 ms"),
        ] {
            assert_eq!(latency(millis), text);
        }
    }

    #[test]
    fn lists_read_like_sentences() {
        let names = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(list(&names[..0]), "");
        assert_eq!(list(&names[..1]), "a");
        assert_eq!(list(&names[..2]), "a and b");
        assert_eq!(list(&names), "a, b and c");
    }

    #[test]
    fn a_roll_is_named_by_what_it_does_to_the_pass_line() {
        for (point, dice, name) in [
            (None, Dice(3, 4), "natural"),
            (None, Dice(1, 1), "craps"),
            (None, Dice(2, 2), "the point"),
            (Some(Number::Four), Dice(3, 4), "seven out"),
            (Some(Number::Four), Dice(1, 3), "point made"),
            (Some(Number::Four), Dice(6, 6), "no decision"),
        ] {
            assert_eq!(outcome(point, dice), name);
        }
    }
}
