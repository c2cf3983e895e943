//! Events of verified webhooks.

use crate::boundary::{free, read, text};
use crate::text::{Text, c_string};
use headcount_core::Event;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Mutex, PoisonError};

/// An event of a verified webhook.
pub struct hc_event {
    pub(crate) event: Event,
    message_id: Text,
    id: Text,
    type_: Text,
    occurred_at: Text,
    environment_id: Text,
    organization_id: Text,
    object: Text,
    display_name: Text,
    spec_version: Text,
    data: Text,
    /// The C strings that hc_event_data_at returned, by JSON Pointer; `None` for a value that does not exist or is null.
    values: Mutex<BTreeMap<String, Option<CString>>>,
}

impl From<Event> for hc_event {
    fn from(event: Event) -> hc_event {
        hc_event {
            event,
            message_id: Text::default(),
            id: Text::default(),
            type_: Text::default(),
            occurred_at: Text::default(),
            environment_id: Text::default(),
            organization_id: Text::default(),
            object: Text::default(),
            display_name: Text::default(),
            spec_version: Text::default(),
            data: Text::default(),
            values: Mutex::default(),
        }
    }
}

impl hc_event {
    /// Returns the value of the data at a JSON Pointer as a C string, or NULL if it does not exist or is null.
    fn value_at(&self, pointer: &str) -> *const c_char {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let found = values.entry(pointer.to_owned()).or_insert_with(|| {
            let data: Value = self.event.data().decode().ok()?;
            match data.pointer(pointer)? {
                Value::Null => None,
                Value::String(text) => Some(c_string(text)),
                other => Some(c_string(&other.to_string())),
            }
        });
        // The C string is on the heap and stays in the map until the event is freed, so the pointer is valid until then.
        found.as_ref().map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// The event's id, "evt_...". It is the same in every delivery.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, never "".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_id(event: *const hc_event) -> *const c_char {
    read!(event => event.id.of(event.event.id()))
}

/// Id of the message that carried the event (header webhook-id or interceptor-id). It is the same in every delivery attempt.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, with U+FFFD for bytes that are not UTF-8.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_message_id(event: *const hc_event) -> *const c_char {
    read!(event => event.message_id.of(event.event.message_id()))
}

/// Type of the event, such as "organization.directory.user_created".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, never "".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_type(event: *const hc_event) -> *const c_char {
    read!(event => event.type_.of(event.event.type_()))
}

/// Time of the event, to the nanosecond.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `event`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_occurred_at(event: *const hc_event) -> *const c_char {
    read!(event => event.occurred_at.of_display(Some(event.event.occurred_at())))
}

/// Id of the environment, "env_...".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_environment_id(event: *const hc_event) -> *const c_char {
    read!(event => event.environment_id.of(event.event.environment_id()))
}

/// Id of the organization, "org_...".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_organization_id(event: *const hc_event) -> *const c_char {
    read!(event => event.organization_id.of(event.event.organization_id()))
}

/// Type of the object in the data, such as "DirectoryUser".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_object(event: *const hc_event) -> *const c_char {
    read!(event => event.object.of(event.event.object()))
}

/// Display name of the type, such as "Directory User Created".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_display_name(event: *const hc_event) -> *const c_char {
    read!(event => event.display_name.of(event.event.display_name()))
}

/// Version of the vendor's event format.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" if the server sent none.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_spec_version(event: *const hc_event) -> *const c_char {
    read!(event => event.spec_version.of(event.event.spec_version()))
}

/// The event's `data`: the object that the event is about.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `event`, as it was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_data(event: *const hc_event) -> *const c_char {
    read!(event => event.data.of(event.event.data().get()))
}

/// The verified body, unchanged. It is not NUL-terminated: hc_event_body_len is its length.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns bytes owned by `event`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_body(event: *const hc_event) -> *const u8 {
    read!(event => event.event.body().as_ptr())
}

/// Length of the body in bytes.
///
/// - `event`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_body_len(event: *const hc_event) -> usize {
    read!(event => event.event.body().len())
}

/// Returns one value of the data.
///
/// - `event`: may be NULL, which gives NULL.
/// - `pointer`: JSON Pointer to the value (RFC 6901): "/email", "/groups/0/id". It is copied.
/// - Returns text owned by `event`: a JSON string without quotes, any other value as JSON. NULL if there is no such value, if it is null, or if
///   `pointer` is NULL or not UTF-8.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_data_at(event: *const hc_event, pointer: *const c_char) -> *const c_char {
    read!(event => {
        // SAFETY: by the header's conventions, a text is NULL, or NUL-terminated and alive during the call.
        unsafe { text(pointer, "pointer") }.map_or(ptr::null(), |pointer| event.value_at(pointer))
    })
}

/// Frees an event and the texts that came from it.
///
/// - `event`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_free(event: *mut hc_event) {
    free!(event);
}
