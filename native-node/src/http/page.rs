//! The web client, embedded at build time, and the headers every answer carries.
//!
//! Files are revalidated by their hash, never kept blindly: after an update a tab runs one version
//! of everything.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

/// One embedded file.
pub struct File {
    path: &'static str,
    etag: &'static str,
    bytes: &'static [u8],
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/page.rs"));

const WITHOUT_CLIENT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>BitCraps</title><p>This node was built without its web client; build and start it with \
    <code>cargo xtask run</code>.</p></html>";

/// Serves `/` and every embedded file.
pub async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path() {
        "/" => "/index.html",
        path => path,
    };
    match FILES.iter().find(|file| file.path == path) {
        Some(file) => send(file, &headers),
        None if path == "/index.html" => {
            ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], WITHOUT_CLIENT).into_response()
        }
        None => super::refusal(StatusCode::NOT_FOUND, "not_found", "there is nothing here"),
    }
}

fn send(file: &File, headers: &HeaderMap) -> Response {
    let fresh = headers.get(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.to_str().is_ok_and(|tags| tags.split(',').any(|tag| same(tag, file.etag)))
    });
    let common = [
        (header::ETAG, file.etag),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_TYPE, content_type(file.path)),
    ];
    if fresh {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    match file.brotli.filter(|_| accepts_brotli(headers)) {
        Some(brotli) => (common, [(header::CONTENT_ENCODING, "br")], brotli).into_response(),
        None => (common, file.bytes).into_response(),
    }
}

fn same(tag: &str, etag: &str) -> bool {
    let tag = tag.trim();
    tag == "*" || tag.trim_start_matches("W/") == etag
}

fn accepts_brotli(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
        value.to_str().is_ok_and(|list| {
            list.split(',').any(|entry| {
                let (name, q) = entry.split_once(';').unwrap_or((entry, ""));
                let refused = q.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
                name.trim().eq_ignore_ascii_case("br") && !refused
            })
        })
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Adds the headers that keep a page to itself.
pub async fn secure(request: Request, next: Next) -> Response {
    let policy = policy(request.headers());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// `'self'` does not cover `ws://` in every browser, so the host that was asked for is named.
fn policy(headers: &HeaderMap) -> HeaderValue {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b)));
    let sockets = host.map(|host| format!(" ws://{host} wss://{host}")).unwrap_or_default();
    // Styles may be set on elements by the client; scripts come from files alone.
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' \
         'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'{sockets}; object-src \
         'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: File =
        File { path: "/a.wasm", etag: "\"1\"", bytes: b"plain", brotli: Some(b"small") };

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.clone(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn the_brotli_form_goes_to_those_who_take_it() {
        let encoding = |value| send(&FILE, &headers(&[(header::ACCEPT_ENCODING, value)]));
        for (accept, expected) in [
            ("gzip, br", Some("br")),
            ("br;q=0.5", Some("br")),
            ("br;q=0", None),
            ("gzip, brotli", None),
        ] {
            let answer = encoding(accept);
            let got = answer.headers().get(header::CONTENT_ENCODING).map(|v| v.to_str().unwrap());
            assert_eq!(got, expected, "{accept}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/wasm");
        }
    }

    #[test]
    fn a_file_the_browser_already_has_is_not_sent_again() {
        for (tag, status) in [("\"1\"", 304), ("\"0\", W/\"1\"", 304), ("\"2\"", 200)] {
            let answer = send(&FILE, &headers(&[(header::IF_NONE_MATCH, tag)]));
            assert_eq!(answer.status(), status, "{tag}");
        }
    }

    #[test]
    fn a_strange_host_header_does_not_get_into_the_policy() {
        let good = policy(&headers(&[(header::HOST, "play.example:8080")]));
        assert!(good.to_str().unwrap().contains("connect-src 'self' ws://play.example:8080 "));
        let bad = policy(&headers(&[(header::HOST, "x; script-src *")]));
        assert!(bad.to_str().unwrap().contains("connect-src 'self';"));
    }
}
