//! Where a request comes from: the address, and what a browser says about the page that sends it.

use super::answer::Problem;
use super::app::App;
use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};
use std::net::SocketAddr;
use tokio::time::Instant;

/// The address that a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

/// Counts a wrong token, and returns the answer to it.
pub(super) fn wrong_token(app: &App, request: &Request) -> Problem {
    let peer = request.extensions().get::<Peer>();
    match peer.and_then(|Peer(address)| app.wrong_tokens.count(address.ip(), Instant::now())) {
        Some(wait) => Problem::too_many(wait),
        None => Problem::unauthenticated(),
    }
}

/// Returns whether a browser says that a page of another site sends the request. Programs send none of these headers.
pub(super) fn is_from_other_site(request: &Request) -> bool {
    let headers = request.headers();
    // Browsers send it for every request to an address that they trust, such as HTTPS and this machine.
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else { return false };
    // The scheme is not compared, because a proxy may serve HTTPS for this service.
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = host(headers, request.uri());
    !matches!((origin, host), (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(&host))
}

/// Returns the name and port that the request is for: HTTP/1.1 has them in a header, and HTTP/2 in the URI.
pub(super) fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let header = headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| uri.authority().map(|authority| authority.as_str())).map(str::to_owned)
}

/// Removes the port from a host. An IPv6 address is in brackets.
pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri("/v1/status");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn the_port_is_not_part_of_a_name() {
        for (host, name) in [
            ("localhost:8080", "localhost"),
            ("localhost", "localhost"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            (":8080", ":8080"),
        ] {
            assert_eq!(without_port(host), name);
        }
    }

    #[test]
    fn a_request_of_another_site_is_recognized() {
        let own = ("host", "localhost:8080");
        assert!(!is_from_other_site(&request(&[own])));
        assert!(!is_from_other_site(&request(&[
            own,
            ("origin", "http://localhost:8080"),
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(!is_from_other_site(&request(&[own, ("sec-fetch-site", "none")])));
        for other in [
            ("origin", "https://evil.example"),
            ("origin", "http://localhost:9090"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(is_from_other_site(&request(&[own, other])), "{other:?}");
        }
    }
}
