//! The JSON API. Each handler has its route, and what its parameters and answers are, in its attribute: the router and the OpenAPI document are made from these, by `routes`.

mod feed;
mod holds;
mod past;
mod routes;
mod sync;
mod users;

use super::answer::{Problem, wrong_method};
use super::app::App;
use super::schemas;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use routes::Api;
use serde_json::Value;
use std::sync::Arc;

fn build(app: Option<Arc<App>>) -> Api {
    let api = Api::new(app);
    let api = users::add(api);
    let api = past::add(api);
    let api = holds::add(api);
    let api = sync::add(api);
    feed::add(api)
}

/// Returns the routes of the API, and that of its document, which needs no token because it is the same for every service.
pub(super) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let unknown = || async { Problem::not_found("there is no such path: see /openapi.json") };
    build(Some(Arc::clone(app)))
        .router
        .route("/v1/{*path}", any(unknown))
        .route("/openapi.json", get(show_document))
        .method_not_allowed_fallback(wrong_method)
}

async fn show_document() -> Result<impl IntoResponse, Problem> {
    let document = document().map_err(|error| headcount::Error::internal(error.to_string()))?;
    Ok(axum::Json(document))
}

/// Returns the OpenAPI document.
///
/// # Errors
///
/// As [`schemas::complete`].
pub(crate) fn document() -> serde_json::Result<Value> {
    schemas::complete(&build(None).document())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_document_is_the_one_in_the_documentation() {
        let text = serde_json::to_string_pretty(&document().unwrap()).unwrap() + "\n";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        if std::env::var_os("HEADCOUNT_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(expected == text, "docs/openapi.json differs: if this is right, run the test with HEADCOUNT_BLESS=1");
    }

    #[test]
    fn every_reference_of_the_document_leads_to_a_schema() {
        let document = document().unwrap();
        let text = document.to_string();
        let references: Vec<&str> =
            text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(references.len() > 20);
        for reference in references {
            assert!(document.pointer(reference).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_operation_says_which_token_it_needs() {
        let document = document().unwrap();
        let paths = document["paths"].as_object().unwrap();
        for operation in paths.values().flat_map(|item| item.as_object().unwrap().values()) {
            let scopes = &operation["security"][0]["token"];
            assert!(*scopes == json!(["read"]) || *scopes == json!(["write"]), "{operation}");
            assert!(operation["summary"].is_string(), "{operation}");
        }
    }
}
