//! The connection pool: HTTP/2 if the server offers it, keep-alive, proxy, trusted certificate authorities and User-Agent.

use super::failure::root_cause;
use super::settings::Settings;
use crate::{Error, Result};
use reqwest::{Certificate, NoProxy, Proxy, Url, redirect};
use std::time::Duration;

const PRODUCT: &str = concat!("headcount/", env!("CARGO_PKG_VERSION"));

/// Idle time after which TCP probes a connection.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Makes the connection pool for the environment at `root`. Reads the file of certificate authorities; connects to nothing yet.
pub(super) fn pool(settings: &Settings, root: &Url) -> Result<reqwest::Client> {
    // Fails if this process has installed a provider already, which works as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent(&settings.user_agent_suffix)?)
        .connect_timeout(settings.connect_timeout)
        .tcp_keepalive(TCP_KEEPALIVE)
        // Following a redirect would send the token to another server.
        .redirect(redirect::Policy::none())
        // Retries are made by `transport` alone, which counts them.
        .retry(reqwest::retry::never());
    match settings.proxy.as_deref().map(str::trim) {
        // Plain HTTP is for loopback only, and must not leave the machine through a proxy of the environment.
        None if root.scheme() == "http" => builder = builder.no_proxy(),
        None => {}
        Some("") => builder = builder.no_proxy(),
        Some(url) => builder = builder.proxy(proxy(url)?),
    }
    if let Some(path) = &settings.ca_file {
        let name = path.display();
        let pem = std::fs::read(path)
            .map_err(|error| Error::config(format!("ca_file {name} cannot be read: {}", error.kind())))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| Error::config(format!("ca_file {name} holds no certificate: expected PEM")))?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| Error::config(format!("the HTTP client cannot be set up: {}", root_cause(&error))))
}

/// Reads the proxy's URL. Errors do not repeat its text, which can contain a password.
fn proxy(text: &str) -> Result<Proxy> {
    let expected = "expected http://host:port or https://host:port, or an empty text for no proxy at all";
    let url = Url::parse(text).map_err(|error| Error::config(format!("proxy is not a URL ({error}): {expected}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::config(format!("proxy has the scheme {}: {expected}", url.scheme())));
    }
    let proxy = Proxy::all(url).map_err(|_| Error::config(format!("proxy cannot be used: {expected}")))?;
    Ok(proxy.no_proxy(NoProxy::from_env()))
}

fn user_agent(suffix: &str) -> Result<String> {
    // RFC 9110, 5.5: the characters of a header's value.
    if !suffix.chars().all(|character| matches!(character, ' '..='~')) {
        return Err(Error::config("user_agent_suffix must be printable ASCII, such as acme-provisioning/2.1"));
    }
    Ok(format!("{PRODUCT} {suffix}").trim_end().to_owned())
}
