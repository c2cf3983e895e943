//! Bodies of events for a user's own tests.

use crate::errors::thrown;
use crate::options::read;
use headcount::{Timestamp, catch_panic};
use headcount_sandbox::EventOverrides;
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Overrides {
    id: Option<String>,
    occurred_at: Option<Timestamp>,
    organization_id: Option<String>,
    environment_id: Option<String>,
    data: Option<Map<String, Value>>,
}

/// The body of an event of this type.
#[napi_derive::napi]
pub fn event_body(kind: String, overrides: String) -> napi::Result<String> {
    catch_panic(|| {
        let Overrides { id, occurred_at, organization_id, environment_id, data } = read(&overrides)?;
        let overrides = EventOverrides { id, occurred_at, organization_id, environment_id, data };
        Ok(headcount_sandbox::event_body(&kind, &overrides))
    })
    .map_err(thrown)?
    .map_err(|error| thrown(error.into_headcount()))
}
