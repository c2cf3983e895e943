//! The style and the script. Their names contain a hash of their content, so that browsers may keep them.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::LazyLock;

/// A file that pages load.
pub(super) struct Asset {
    /// The path of its URL.
    pub(super) path: String,
    content: &'static str,
    content_type: &'static str,
}

pub(super) static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("style", "css", include_str!("assets/style.css"), "text/css; charset=utf-8"));

pub(super) static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("script", "js", include_str!("assets/script.js"), "text/javascript; charset=utf-8"));

impl Asset {
    fn new(name: &str, extension: &str, content: &'static str, content_type: &'static str) -> Asset {
        Asset { path: format!("/assets/{name}-{:016x}.{extension}", hash(content)), content, content_type }
    }

    fn response(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        (headers, self.content).into_response()
    }
}

/// Returns the routes of the style and of the script. They need no session.
pub(crate) fn assets() -> Router {
    Router::new()
        .route(&STYLE.path, get(async || STYLE.response()))
        .route(&SCRIPT.path, get(async || SCRIPT.response()))
}

/// Returns the FNV-1a hash of a text. It tells versions of a file apart, and protects nothing.
fn hash(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_content_has_another_name() {
        // A known value of FNV-1a.
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(hash("body{}"), hash("body{ }"));
        assert!(STYLE.path.starts_with("/assets/style-") && STYLE.path.ends_with(".css"));
    }
}
