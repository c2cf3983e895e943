//! The connection pool: HTTP/2 if the server offers it, keep-alive, proxy, trusted certificate authorities and User-Agent.

use super::failure::root_cause;
use super::settings::Settings;
use super::tls::{self, SystemRoots};
use crate::{Error, Result};
use reqwest::{NoProxy, Proxy, Url, redirect};
use std::time::Duration;

const PRODUCT: &str = concat!("headcount/", env!("CARGO_PKG_VERSION"));

/// Idle time after which TCP probes a connection.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Makes the connection pool for the environment at `root`. Reads the file of certificate authorities; connects to nothing yet.
pub(super) fn pool(settings: &Settings, root: &Url) -> Result<reqwest::Client> {
    let mut needs_tls = root.scheme() == "https";
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
        Some(text) => {
            let url = proxy_url(text)?;
            needs_tls |= url.scheme() == "https";
            builder = builder.proxy(proxy(url)?);
        }
    }
    let roots = if needs_tls { SystemRoots::Required } else { SystemRoots::Unused };
    let tls = tls::config(roots, tls::certificates(&settings.ca_files)?)?;
    let builder = builder.tls_backend_preconfigured(tls);
    builder.build().map_err(|error| Error::config(format!("the HTTP client cannot be set up: {}", root_cause(&error))))
}

const EXPECTED_PROXY: &str = "expected http://host:port or https://host:port, or an empty text for no proxy at all";

/// Reads the proxy's URL. Errors do not repeat its text, which can contain a password.
fn proxy_url(text: &str) -> Result<Url> {
    let url =
        Url::parse(text).map_err(|error| Error::config(format!("proxy is not a URL ({error}): {EXPECTED_PROXY}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Error::config(format!("proxy has the scheme {}: {EXPECTED_PROXY}", url.scheme())));
    }
    Ok(url)
}

fn proxy(url: Url) -> Result<Proxy> {
    let proxy = Proxy::all(url).map_err(|_| Error::config(format!("proxy cannot be used: {EXPECTED_PROXY}")))?;
    Ok(proxy.no_proxy(NoProxy::from_env()))
}

fn user_agent(suffix: &str) -> Result<String> {
    // RFC 9110, 5.5: the characters of a header's value.
    if !suffix.chars().all(|character| matches!(character, ' '..='~')) {
        return Err(Error::config("user_agent_suffix must be printable ASCII, such as acme-provisioning/2.1"));
    }
    Ok(format!("{PRODUCT} {suffix}").trim_end().to_owned())
}
