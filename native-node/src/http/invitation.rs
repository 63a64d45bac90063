//! The invitation: a link that opens the table in a browser elsewhere, as text and as a QR code.
//!
//! Rules. It names an address that others can open: one that a web socket listens on, or, for one
//! that listens on every interface, the address that leads to other machines. HTTPS goes first,
//! because browsers keep half of what a player needs for it (`docs/BROWSERS.md`). Where there is
//! no such address the invitation says why, and what to do.

use super::{Shared, json, refusal};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use fast_qr::{ECL, QRBuilder, QRCode};
use serde::Serialize;
use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

/// Light modules around the code, by its standard (ISO/IEC 18004, section 9.1).
const QUIET: usize = 4;

/// What to hand to a guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// Missing when nobody else could open it.
    pub link: Option<String>,
    /// Why there is no link, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// SHA-256 of the certificate that the link's server shows, as browsers write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// The QR code of the link, a row a string, `1` for dark.
    pub modules: Vec<String>,
}

impl Invitation {
    /// `outbound` gives the address from which a packet of the same family would leave here.
    pub fn new(
        http: Option<SocketAddr>,
        https: Option<SocketAddr>,
        fingerprint: Option<String>,
        outbound: impl Fn(IpAddr) -> Option<IpAddr>,
    ) -> Invitation {
        let secure = https.and_then(|at| url("https", at, &outbound));
        let fingerprint = fingerprint.filter(|_| secure.is_some());
        let link = secure.or_else(|| http.and_then(|at| url("http", at, &outbound)));
        let modules = link.as_deref().map(modules).unwrap_or_default();
        let why = link.is_none().then(|| why_not(http, https));
        Invitation { link, why, fingerprint, modules }
    }

    /// For a terminal; empty without a link.
    pub fn text(&self) -> String {
        self.link.as_deref().and_then(code).map_or_else(String::new, |code| code.to_str())
    }

    fn svg(&self) -> String {
        let size = self.modules.len() + 2 * QUIET;
        let mut path = String::new();
        for (y, row) in self.modules.iter().enumerate() {
            for x in row.bytes().enumerate().filter(|(_, m)| *m == b'1').map(|(x, _)| x) {
                // Writing to a string cannot fail.
                let _ = write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/>\
             <path d=\"{path}\"/></svg>"
        )
    }

    /// A page without scripts: the code, the link, and what the browser will say of it.
    fn page(&self) -> String {
        let body = match (&self.link, &self.why) {
            (Some(link), _) => format!(
                "<p>Scan this on the same network, or open <a href=\"{link}\">{link}</a>.</p>\
                 <p><img src=\"/api/v1/invitation.svg\" width=\"320\" height=\"320\" \
                 alt=\"QR code of {link}\"></p>{}",
                self.trust()
            ),
            (None, Some(why)) => format!("<p>Nobody can be invited: {why}.</p>"),
            (None, None) => String::new(),
        };
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
             content=\"width=device-width\"><title>Invitation to BitCraps</title>\
             <h1>Invitation</h1>{body}<p><a href=\"/\">Back to the table</a></p></html>"
        )
    }

    fn trust(&self) -> String {
        match &self.fingerprint {
            Some(print) => format!(
                "<h2>The certificate</h2><p>The browser will warn: this node made its certificate \
                 itself, and nobody else vouches for it. Look at the certificate's SHA-256 \
                 fingerprint there; it must be</p><pre>{print}</pre><p>If it is, go on. If it is \
                 not, somebody stands between you and this node.</p>"
            ),
            None => {
                "<p>This link is not encrypted, so the guest's browser keeps some things back: \
                     its key is stored less safely, and Bluetooth and installing are not offered. \
                     Start the node with <code>--https 0.0.0.0:8443</code> for those.</p>"
                    .to_owned()
            }
        }
    }
}

fn url(
    scheme: &str,
    at: SocketAddr,
    outbound: &impl Fn(IpAddr) -> Option<IpAddr>,
) -> Option<String> {
    let ip = if at.ip().is_unspecified() { outbound(at.ip())? } else { at.ip() };
    (!ip.is_loopback()).then(|| format!("{scheme}://{}/", SocketAddr::new(ip, at.port())))
}

fn why_not(http: Option<SocketAddr>, https: Option<SocketAddr>) -> String {
    let all: Vec<SocketAddr> = [http, https].into_iter().flatten().collect();
    if all.is_empty() {
        return "the web pages are off; start with --http 0.0.0.0:8080".to_owned();
    }
    if all.iter().all(|at| at.ip().is_loopback()) {
        return "the web pages answer this machine alone; start with --http 0.0.0.0:8080 or --https \
                0.0.0.0:8443"
            .to_owned();
    }
    "this machine has no network now; join one and start again".to_owned()
}

fn code(link: &str) -> Option<QRCode> {
    QRBuilder::new(link).ecl(ECL::M).build().ok()
}

fn modules(link: &str) -> Vec<String> {
    let Some(code) = code(link) else { return Vec::new() };
    let row = |y: usize| code[y].iter().map(|m| if m.value() { '1' } else { '0' }).collect();
    (0..code.size).map(row).collect()
}

pub async fn invitation(State(dashboard): Shared) -> Response {
    json(StatusCode::OK, &*dashboard.invitation)
}

pub async fn svg(State(dashboard): Shared) -> Response {
    if let Some(why) = &dashboard.invitation.why {
        return refusal(StatusCode::NOT_FOUND, "no_link", why);
    }
    let headers = [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "no-store")];
    (headers, dashboard.invitation.svg()).into_response()
}

pub async fn page(State(dashboard): Shared) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (headers, dashboard.invitation.page()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation(http: &str, https: &str, has_network: bool) -> Invitation {
        let out = |_: IpAddr| has_network.then(|| IpAddr::from([192, 168, 1, 5]));
        let print = Some("AA:BB".to_owned());
        Invitation::new(http.parse().ok(), https.parse().ok(), print, out)
    }

    #[test]
    fn the_link_is_one_that_others_can_open_and_https_goes_first() {
        let link = |http, https| invitation(http, https, true).link;
        let both = link("0.0.0.0:80", "0.0.0.0:443");
        assert_eq!(both.as_deref(), Some("https://192.168.1.5:443/"));
        let here = link("10.0.0.9:80", "127.0.0.1:443");
        assert_eq!(here.as_deref(), Some("http://10.0.0.9:80/"));
        let v6 = link("[fd00::1]:80", "off");
        assert_eq!(v6.as_deref(), Some("http://[fd00::1]:80/"));
        assert_eq!(invitation("0.0.0.0:80", "off", true).fingerprint, None);
    }

    #[test]
    fn without_a_link_it_says_why_and_what_to_do() {
        for (http, https, network, why) in [
            ("off", "off", true, "the web pages are off"),
            ("127.0.0.1:80", "off", true, "this machine alone"),
            ("0.0.0.0:80", "off", false, "no network"),
        ] {
            let got = invitation(http, https, network);
            assert!(got.why.as_ref().unwrap().contains(why), "{got:?}");
            assert!(got.link.is_none() && got.modules.is_empty() && got.text().is_empty());
            assert!(got.page().contains(why));
        }
    }

    #[test]
    fn the_code_is_square_has_its_finders_and_is_drawn_with_a_quiet_zone() {
        let got = invitation("0.0.0.0:8080", "off", true);
        let size = got.modules.len();
        assert!(size >= 21 && got.modules.iter().all(|row| row.len() == size));
        assert!(got.modules[0].starts_with("1111111") && got.modules[0].ends_with("1111111"));
        assert!(got.modules[size - 1].starts_with("1111111"));
        let svg = got.svg();
        assert!(svg.contains(&format!("0 0 {0} {0}", size + 8)) && svg.contains("M4 4h1v1h-1z"));
        assert!(got.text().lines().count() > 10);
        assert!(got.page().contains("http://192.168.1.5:8080/"));
    }
}
