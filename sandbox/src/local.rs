//! Restricts a sandbox to this machine: requests must name a loopback host, and webhooks are sent to loopback hosts only unless others are
//! permitted.
//!
//! A web page of another site can make a browser on this machine send requests to the sandbox's port, and can read the answers if its own name
//! resolves to 127.0.0.1 (DNS rebinding). In that case the request's `Host` is the site's name; otherwise its `Origin` is the site.

use crate::error::Error;
use axum::extract::Request;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headcount::internal::is_loopback;
use reqwest::Url;

/// Refuses requests whose host or origin is not this machine.
pub(crate) async fn refuse_foreign(request: Request, next: Next) -> Response {
    match check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Returns an error unless the request names a host, and every host and origin that it names is this machine.
fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Error> {
    // HTTP/2 has the host in the URI.
    let hosts = headers.get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or_default());
    let hosts: Vec<&str> = uri.authority().map(|authority| authority.as_str()).into_iter().chain(hosts).collect();
    if hosts.is_empty() || !hosts.iter().all(|host| is_local_url(&format!("http://{host}/"))) {
        return Err(Error::forbidden("the request's Host is not this machine: expected 127.0.0.1 or localhost"));
    }
    let mut origins = headers.get_all(header::ORIGIN).iter();
    if !origins.all(|origin| origin.to_str().is_ok_and(is_local_url)) {
        return Err(Error::forbidden(
            "the request's Origin is not this machine: web pages of other sites have no access",
        ));
    }
    Ok(())
}

/// Returns an error if `url` is not an `http` or `https` URL, or if it is not on this machine and `remote` is false.
pub(crate) fn check_endpoint(url: &str, remote: bool) -> Result<(), Error> {
    let parsed = Url::parse(url).map_err(|error| Error::invalid(format!("url: is not a URL ({error})")))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(Error::invalid(format!("url: has the scheme {}, expected http or https", parsed.scheme())));
    }
    if !remote && !is_loopback(&parsed) {
        return Err(Error::invalid(
            "url: is not on this machine: expected 127.0.0.1 or localhost, or a sandbox with the option remote_endpoints",
        ));
    }
    Ok(())
}

fn is_local_url(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| is_loopback(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(uri: &str, headers: &[(&str, &str)]) -> Option<u16> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        check(&uri.parse().unwrap(), &headers).err().map(|error| error.status())
    }

    #[test]
    fn requests_to_a_loopback_host_are_served() {
        for host in ["127.0.0.1:3000", "localhost", "LOCALHOST:8080", "[::1]:3000", "127.9.9.9", "app.localhost:3000"] {
            assert_eq!(checked("/", &[("host", host)]), None, "{host}");
        }
        assert_eq!(checked("http://127.0.0.1:3000/", &[]), None);
        assert_eq!(checked("/", &[("host", "127.0.0.1:1"), ("origin", "http://localhost:5173")]), None);
    }

    #[test]
    fn requests_with_a_foreign_host_or_origin_are_refused() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "169.254.169.254", "a@b", "", " "]
        {
            assert_eq!(checked("/", &[("host", host)]), Some(403), "{host}");
        }
        assert_eq!(checked("/", &[]), Some(403));
        assert_eq!(checked("http://evil.example/", &[("host", "127.0.0.1")]), Some(403));
        assert_eq!(checked("/", &[("host", "127.0.0.1"), ("host", "evil.example")]), Some(403));
        for origin in ["http://evil.example", "null", "https://127.0.0.1.evil.example"] {
            assert_eq!(checked("/", &[("host", "127.0.0.1:1"), ("origin", origin)]), Some(403), "{origin}");
        }
    }

    #[test]
    fn endpoints_have_to_be_on_this_machine_unless_the_option_permits_others() {
        for url in ["http://127.0.0.1:8000/hook", "https://localhost/hook", "http://[::1]:1/"] {
            assert!(check_endpoint(url, false).is_ok(), "{url}");
        }
        for url in ["http://169.254.169.254/latest", "http://10.0.0.1/", "https://example.com/hook"] {
            assert_eq!(check_endpoint(url, false).unwrap_err().status(), 400, "{url}");
            assert!(check_endpoint(url, true).is_ok(), "{url}");
        }
        for url in ["", "hook", "ftp://127.0.0.1/", "file:///etc/passwd"] {
            assert_eq!(check_endpoint(url, true).unwrap_err().status(), 400, "{url}");
        }
    }
}
