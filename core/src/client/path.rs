//! Paths of requests. Ids are escaped so that each stays inside its own segment.

use crate::http::Call;
use crate::{Error, Result};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All characters except RFC 3986's unreserved ones.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A path below `api/v1`, or the error of an id that cannot be part of a path.
pub(super) struct Path {
    path: String,
    route: String,
    context: Vec<(&'static str, String)>,
    error: Option<Error>,
}

impl Path {
    /// Starts with `api/v1/` and `rest`.
    pub(super) fn new(rest: &str) -> Path {
        Path { path: format!("api/v1/{rest}"), route: format!("/api/v1/{rest}"), context: Vec::new(), error: None }
    }

    /// Appends a fixed segment.
    pub(super) fn then(mut self, segment: &str) -> Path {
        for path in [&mut self.path, &mut self.route] {
            path.push('/');
            path.push_str(segment);
        }
        self
    }

    /// Appends a custom verb to the last segment (`…:enable`).
    pub(super) fn verb(mut self, verb: &str) -> Path {
        for path in [&mut self.path, &mut self.route] {
            path.push(':');
            path.push_str(verb);
        }
        self
    }

    /// Appends a segment that is an id. `what` is the name of the id in errors, such as `organization`.
    pub(super) fn id(mut self, what: &'static str, id: &str) -> Path {
        // URL parsers resolve dots even if they are escaped, so such a segment cannot be sent.
        if id.is_empty() || id == "." || id == ".." {
            let came = if id.is_empty() { "an empty text" } else { "dots alone" };
            self.error.get_or_insert_with(|| {
                Error::invalid_argument(format!("the {what} id is {came}: expected an id as the API returns it"))
            });
        }
        self.path.push('/');
        self.path.extend(utf8_percent_encode(id, ESCAPED));
        self.route.extend(["/{", what, "}"]);
        self.context.push((what, id.to_owned()));
        self
    }

    /// Makes the call. Fails if an id cannot be part of a path.
    pub(super) fn call(self, method: Method, operation: &'static str) -> Result<Call> {
        match self.error {
            Some(error) => Err(error.with_context("operation", operation)),
            None => Ok(Call {
                method,
                path: self.path,
                route: self.route,
                query: Vec::new(),
                body: None,
                operation,
                context: self.context,
            }),
        }
    }

    /// Makes a GET call. Fails if an id cannot be part of a path.
    pub(super) fn get(self, operation: &'static str) -> Result<Call> {
        self.call(Method::GET, operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EnvironmentUrl;
    use proptest::prelude::*;

    fn sent(id: &str) -> Result<String> {
        let call = Path::new("organizations").id("organization", id).then("directories").get("test")?;
        Ok(EnvironmentUrl::parse("url", "https://acme.example")?.join(&call.path).as_str().to_owned())
    }

    #[test]
    fn ids_are_escaped_within_their_segment_or_refused() {
        for (id, segment) in [
            ("org_1", "org_1"),
            ("a/b", "a%2Fb"),
            ("../x", "..%2Fx"),
            ("...", "..."),
            ("%2e%2e", "%252e%252e"),
            ("a?b#c", "a%3Fb%23c"),
            ("a:disable", "a%3Adisable"),
            ("ä 漢", "%C3%A4%20%E6%BC%A2"),
            ("\r\n", "%0D%0A"),
            ("\\..\\", "%5C..%5C"),
        ] {
            assert_eq!(sent(id).unwrap(), format!("https://acme.example/api/v1/organizations/{segment}/directories"));
        }
        for id in ["", ".", ".."] {
            assert_eq!(sent(id).unwrap_err().kind(), crate::ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn a_route_has_placeholders_instead_of_ids() {
        let call = Path::new("organizations").id("organization", "org_1").then("directories").id("directory", "dir_1");
        let call = call.verb("enable").call(Method::PATCH, "test").unwrap();
        assert_eq!(call.route, "/api/v1/organizations/{organization}/directories/{directory}:enable");
        assert_eq!(call.path, "api/v1/organizations/org_1/directories/dir_1:enable");
    }

    proptest! {
        #[test]
        fn no_id_changes_the_structure_of_the_path(id in "\\PC*|[./%:?#\\\\a-z]{0,8}") {
            if let Ok(url) = sent(&id) {
                let url = reqwest::Url::parse(&url).unwrap();
                let segments: Vec<_> = url.path_segments().unwrap().collect();
                prop_assert_eq!(segments.len(), 5);
                let decoded = percent_encoding::percent_decode_str(segments[3]).decode_utf8().unwrap();
                prop_assert_eq!(decoded.as_ref(), id.as_str());
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
