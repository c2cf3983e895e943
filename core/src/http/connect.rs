//! The connection pool: HTTP/2 where the server offers it, kept alive, through a proxy where there is one, trusting whom it should.

use super::settings::Settings;
use super::transport::root_cause;
use crate::{Error, Result};
use reqwest::{Certificate, NoProxy, Proxy, Url, redirect};
use std::time::Duration;

const PRODUCT: &str = concat!("headcount/", env!("CARGO_PKG_VERSION"));

pub(super) fn pool(settings: &Settings, root: &Url) -> Result<reqwest::Client> {
    // Another user of rustls in this process may have chosen a provider already; theirs does as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(user_agent(&settings.user_agent_suffix)?)
        .connect_timeout(settings.connect_timeout)
        .tcp_keepalive(Duration::from_secs(30))
        // A redirect would carry the token to wherever it points.
        .redirect(redirect::Policy::none())
        // What is repeated, and how often, the retry policy says alone.
        .retry(reqwest::retry::never());
    match settings.proxy.as_deref().map(str::trim) {
        // What goes to this machine in the clear must not leave it by way of a proxy that the environment happens to name.
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

/// The URL's own text is not repeated: it may hold a password.
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
    // RFC 9110, 5.5: what a header's value may hold.
    if !suffix.chars().all(|character| matches!(character, ' '..='~')) {
        return Err(Error::config("user_agent_suffix must be printable ASCII, such as acme-provisioning/2.1"));
    }
    Ok(format!("{PRODUCT} {suffix}").trim_end().to_owned())
}
