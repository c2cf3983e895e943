//! The connection pool: HTTP/2 if the server offers it, keep-alive, proxy, trusted certificate authorities and User-Agent.

use super::failure::root_cause;
use super::settings::Settings;
use super::tls;
use crate::config::is_loopback;
use crate::{Error, Result};
use reqwest::{NoProxy, Proxy, Url, redirect};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

const PRODUCT: &str = concat!("headcount/", env!("CARGO_PKG_VERSION"));

/// Idle time after which TCP probes a connection.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// The addresses of this machine. The port is that of the URL.
const LOOPBACK: [SocketAddr; 2] =
    [SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0)];

/// Makes the connection pool for the environment at `root`. Reads the files of certificate authorities; connects to nothing yet.
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
        // Plain HTTP is for loopback only, and must not leave the machine through a proxy that an environment variable names.
        None if root.scheme() == "http" => builder = builder.no_proxy(),
        None => {}
        Some("") => builder = builder.no_proxy(),
        Some(text) => {
            let url = proxy_url(text)?;
            needs_tls |= url.scheme() == "https";
            builder = builder.proxy(proxy(url)?);
        }
    }
    // Names below `localhost` always mean this machine (RFC 6761, 6.3), but not every resolver knows that, and plain HTTP must not leave it.
    if let Some(host) = root.host_str().filter(|_| is_loopback(root)) {
        builder = builder.resolve_to_addrs(host, &LOOPBACK);
    }
    let builder = builder.tls_backend_preconfigured(tls::config_of(settings, needs_tls)?);
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
