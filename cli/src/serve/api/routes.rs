//! How handlers become routes of the API and operations of its document, and what their parameters have in common.

use super::super::access::to_api;
use super::super::answer::{Failed, Problem};
use super::super::app::App;
use super::super::tokens::Scope;
use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use utoipa::__dev::SchemaReferences;
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Ref, RefOr, ResponseBuilder,
    Schema,
};

const DESCRIPTION: &str = "\
The mirror of the directories that `headcount serve` keeps.

Requests have the header `authorization: Bearer` and a token, unless the service listens on a loopback address and has no tokens. Reading needs a token of either \
kind; consumers, decisions and syncs need one that may write.

Times are RFC 3339 texts, in UTC. A list has `items` and `next`: pass `next` as `after` for the next part, until it is null. Clients should ignore fields that they do \
not know: later versions add fields, kinds of changes and other names.";

/// The number of items that lists return if the request does not say.
const LIMIT: usize = 100;
/// The greatest number of items of a list.
const MOST: usize = 500;

/// The routes of the API, and their description.
pub(super) struct Api {
    /// `None` while only the document is made.
    app: Option<Arc<App>>,
    pub(super) router: Router<Arc<App>>,
    paths: PathsBuilder,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Api {
    pub(super) fn new(app: Option<Arc<App>>) -> Api {
        Api { app, router: Router::new(), paths: PathsBuilder::new(), schemas: Vec::new() }
    }

    /// Adds a handler that tokens of either kind may call. `P` is its description, which the attribute of the handler makes.
    pub(super) fn read<P, H, T>(self, _: P, handler: H) -> Api
    where
        P: utoipa::Path + SchemaReferences,
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add::<P, H, T>(Scope::Read, handler)
    }

    /// Adds a handler that needs a token that may write.
    pub(super) fn write<P, H, T>(self, _: P, handler: H) -> Api
    where
        P: utoipa::Path + SchemaReferences,
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add::<P, H, T>(Scope::Write, handler)
    }

    fn add<P, H, T>(mut self, needed: Scope, handler: H) -> Api
    where
        P: utoipa::Path + SchemaReferences,
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        P::schemas(&mut self.schemas);
        let (path, methods) = (P::path(), P::methods());
        let mut operation = P::operation();
        let failed = ContentBuilder::new().schema(Some(Ref::from_schema_name("Failed"))).build();
        let response = ResponseBuilder::new().description("The request failed").content("application/json", failed);
        operation.responses.responses.insert("default".to_owned(), RefOr::T(response.build()));
        let scope = if needed == Scope::Write { "write" } else { "read" };
        operation.security = Some(vec![SecurityRequirement::new("token", [scope])]);
        for method in methods {
            let filter = match method {
                HttpMethod::Post => MethodFilter::POST,
                HttpMethod::Put => MethodFilter::PUT,
                HttpMethod::Delete => MethodFilter::DELETE,
                // The API has no other methods. A test compares the document with the router.
                _ => MethodFilter::GET,
            };
            let routes: MethodRouter<Arc<App>> = on(filter, handler.clone());
            let routes = match &self.app {
                Some(app) => {
                    let app = Arc::clone(app);
                    routes.layer(middleware::from_fn(move |request: Request, next: Next| {
                        to_api(Arc::clone(&app), needed, request, next)
                    }))
                }
                None => routes,
            };
            self.router = self.router.route(&path, routes);
            let item = utoipa::openapi::PathItem::new(method, operation.clone());
            self.paths = self.paths.path(path.clone(), item);
        }
        self
    }

    pub(super) fn document(self) -> OpenApi {
        let mut schemas = self.schemas;
        schemas.push(("Failed".to_owned(), <Failed as utoipa::PartialSchema>::schema()));
        <Failed as utoipa::ToSchema>::schemas(&mut schemas);
        let scheme = SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A token of the service: one that may read and write, or one that may only read"))
                .build(),
        );
        let components = ComponentsBuilder::new().schemas_from_iter(schemas).security_scheme("token", scheme).build();
        let info = InfoBuilder::new()
            .title("headcount")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(DESCRIPTION))
            .build();
        OpenApiBuilder::new().info(info).paths(self.paths).components(Some(components)).build()
    }
}

/// Returns how many items a request asks for.
pub(super) fn limit_of(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(LIMIT) {
        limit @ 1..=MOST => Ok(limit),
        limit => Err(Problem::invalid(format!("limit: expected 1 to {MOST}, got {limit}"))),
    }
}

/// Reads the cursor of a list, which [`Items`](super::super::answer::Items) wrote.
pub(super) fn cursor_of(after: Option<&str>) -> Result<Option<i64>, Problem> {
    let number = |text: &str| {
        text.parse()
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| Problem::invalid("after: expected the value of `next` in an answer, got another text"))
    };
    after.map(number).transpose()
}

/// Reads a time: RFC 3339, or a date.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<headcount::Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let parsed = text.map(|text| headcount::internal::parse_moment(&text)).transpose();
    parsed.map_err(|error| serde::de::Error::custom(error.message()))
}
