//! Bodies of events, for tests of applications.

use crate::errors::thrown;
use headcount::internal::catch_panic;
use headcount_sandbox::{EventOverrides, FieldNames, from_json};

/// Returns the body of an event of this type: the vendor's example, with these overrides.
#[napi_derive::napi]
pub fn event_body(kind: String, overrides: String) -> napi::Result<String> {
    catch_panic(|| {
        let overrides: EventOverrides = from_json(&overrides, FieldNames::CamelCase)?;
        Ok(headcount_sandbox::event_body(&kind, &overrides))
    })
    .map_err(thrown)?
    .map_err(|error| thrown(error.into_headcount()))
}
