//! Settings: the names of environment variables, and the checks that apply to every setting whatever its source.

use crate::{Error, Result};
use std::ffi::OsString;

/// Name of the environment variable with the environment's URL.
pub const ENVIRONMENT_URL: &str = "SCALEKIT_ENVIRONMENT_URL";
/// Name of the environment variable with the client id.
pub const CLIENT_ID: &str = "SCALEKIT_CLIENT_ID";
/// Name of the environment variable with the client secret.
pub const CLIENT_SECRET: &str = "SCALEKIT_CLIENT_SECRET";
/// Name of the environment variable with the webhook secret, or several separated by spaces while one is being rotated.
pub const WEBHOOK_SECRET: &str = "SCALEKIT_WEBHOOK_SECRET";

/// Returns the value of an environment variable of the process, or `None` if it is not set.
pub(crate) fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Checks the value of the environment variable `name`, and returns it without surrounding white space and quotes. If the
/// variable is not set, blank or not UTF-8, the error names it.
pub(crate) fn from_value(name: &'static str, value: Option<OsString>) -> Result<String> {
    let value = value.ok_or_else(|| Error::config(format!("{name} is not set: set it in the environment")))?;
    let text = value.into_string().map_err(|_| Error::config(format!("{name} is not valid UTF-8")))?;
    let text = unquote(&text);
    if text.is_empty() {
        return Err(Error::config(format!("{name} is empty: give it a value, or pass the setting in code")));
    }
    Ok(text.to_owned())
}

/// Strips surrounding white space, then one pair of surrounding quotes (`docker run --env-file` keeps them) and the white space next to them.
pub(crate) fn unquote(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner.trim();
        }
    }
    text
}

#[cfg(feature = "client")]
pub(crate) use url::EnvironmentUrl;
#[cfg(feature = "client")]
pub use url::is_loopback;

#[cfg(feature = "client")]
mod url {
    use super::unquote;
    use crate::{Error, Result};
    use reqwest::Url;

    /// The base URL of all requests: `https`, or `http` for loopback hosts only.
    #[derive(Clone, Debug)]
    pub(crate) struct EnvironmentUrl(Url);

    impl EnvironmentUrl {
        /// Parses the setting `name`. Errors do not repeat the URL, which can contain a password.
        pub(crate) fn parse(name: &str, text: &str) -> Result<EnvironmentUrl> {
            let text = unquote(text);
            if text.is_empty() {
                return Err(Error::config(format!("{name} is empty: expected https://<your environment>")));
            }
            if !text.contains("://") {
                return Err(Error::config(format!("{name} has no scheme: expected https://<your environment>")));
            }
            let mut url = Url::parse(text).map_err(|error| {
                Error::config(format!("{name} is not a URL ({error}): expected https://<your environment>"))
            })?;
            match url.scheme() {
                "https" => {}
                "http" if is_loopback(&url) => {}
                "http" => {
                    return Err(Error::config(format!(
                        "{name} is http:// to a host that is not this machine: use https:// (http:// is for loopback hosts only)"
                    )));
                }
                scheme => {
                    return Err(Error::config(format!(
                        "{name} has the scheme {scheme}: expected https://<your environment>"
                    )));
                }
            }
            if !url.username().is_empty() || url.password().is_some() {
                return Err(Error::config(format!(
                    "{name} holds a user name or password: pass the client id and secret as settings of their own"
                )));
            }
            if url.query().is_some() || url.fragment().is_some() {
                return Err(Error::config(format!(
                    "{name} has a query or fragment: expected https://<your environment>"
                )));
            }
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            Ok(EnvironmentUrl(url))
        }

        /// Returns the name by which a mirror recognizes its environment: the host in lower case, with the port if it is not the scheme's default,
        /// and the path if there is one. For loopback hosts it is `loopback`, because a sandbox has a different port each time it is started.
        #[cfg(feature = "mirror")]
        pub(crate) fn host(&self) -> String {
            if is_loopback(&self.0) {
                return "loopback".to_owned();
            }
            let host = self.0.host_str().unwrap_or_default();
            let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{host}{port}{}", self.0.path().trim_end_matches('/'))
        }

        /// Appends `path`, which is relative and already percent-encoded, such as `api/v1/organizations`.
        pub(crate) fn join(&self, path: &str) -> Url {
            let mut url = self.0.clone();
            url.set_path(&format!("{}{path}", self.0.path()));
            url
        }
    }

    /// Returns whether the URL's host is a loopback address, `localhost` or a name below `localhost` (RFC 6761, 6.3). Public for the sandbox.
    pub fn is_loopback(url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name = host.trim_end_matches('.');
        name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn accepts_https_for_any_host_and_http_for_loopback() {
            for text in [
                "https://acme.scalekit.com",
                "https://acme.scalekit.com/",
                " 'https://auth.acme.example:8443' ",
                "http://localhost:3000",
                "http://127.0.0.1:3000",
                "http://127.9.9.9",
                "http://[::1]:3000/",
                "http://app.localhost:3000",
                "http://LOCALHOST.",
            ] {
                EnvironmentUrl::parse("url", text).unwrap();
            }
        }

        #[cfg(feature = "mirror")]
        #[test]
        fn a_host_is_in_lower_case_without_the_default_port_of_its_scheme() {
            for (text, expected) in [
                ("https://ACME.scalekit.com", "acme.scalekit.com"),
                ("https://acme.scalekit.com:443/", "acme.scalekit.com"),
                ("https://acme.example:8443", "acme.example:8443"),
                ("http://127.0.0.1:3000", "loopback"),
                ("http://localhost:4000/x", "loopback"),
                ("https://acme.example/auth/", "acme.example/auth"),
            ] {
                assert_eq!(EnvironmentUrl::parse("url", text).unwrap().host(), expected);
            }
        }

        #[test]
        fn the_error_for_an_unusable_url_names_the_setting_and_the_fault_but_no_password() {
            for (text, expected) in [
                ("", "empty"),
                ("acme.scalekit.com", "no scheme"),
                ("http://acme.scalekit.com", "loopback"),
                ("http://127.0.0.1.acme.example", "loopback"),
                ("http://localhost.acme.example", "loopback"),
                ("http://evillocalhost", "loopback"),
                ("http://10.0.0.1", "loopback"),
                ("ftp://acme.scalekit.com", "scheme ftp"),
                ("https://me:pass@acme.scalekit.com", "user name or password"),
                ("https://acme.scalekit.com?x=1", "query"),
                ("https://", "not a URL"),
                ("https://exa mple.com", "not a URL"),
            ] {
                let error = EnvironmentUrl::parse("SCALEKIT_ENVIRONMENT_URL", text).unwrap_err();
                assert!(error.message().starts_with("SCALEKIT_ENVIRONMENT_URL "), "{error}");
                assert!(error.message().contains(expected), "{text}: {error}");
                assert!(!error.message().contains("pass@"), "{error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_one_pair_of_quotes_are_stripped() {
        for (text, plain) in [
            ("  a b ", "a b"),
            ("\"a\"", "a"),
            ("'a'", "a"),
            (" ' a ' ", "a"),
            ("\"'a'\"", "'a'"),
            ("\"a'", "\"a'"),
            ("\"", "\""),
            ("''", ""),
        ] {
            assert_eq!(unquote(text), plain, "{text}");
        }
    }

    #[test]
    fn the_error_names_a_missing_or_blank_variable() {
        for value in [None, Some(""), Some("  "), Some("\"\"")] {
            let error = from_value(CLIENT_ID, value.map(Into::into)).unwrap_err();
            assert!(error.message().contains("SCALEKIT_CLIENT_ID"), "{error}");
        }
        assert_eq!(from_value(CLIENT_ID, Some("'skc_1'\n".into())).unwrap(), "skc_1");
    }
}
