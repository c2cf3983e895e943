//! What a verified webhook said.

use crate::boundary::{free, read, text};
use crate::text::{Text, c_string};
use headcount_core::Event;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::{Mutex, PoisonError};

/// One thing that happened, as a verified webhook told it.
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
    /// What was asked for inside the data, by its pointer.
    inside: Mutex<BTreeMap<String, Option<CString>>>,
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
            inside: Mutex::default(),
        }
    }
}

impl hc_event {
    fn inside(&self, pointer: &str) -> *const c_char {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let found = inside.entry(pointer.to_owned()).or_insert_with(|| {
            let data: Value = self.event.data().decode().ok()?;
            match data.pointer(pointer)? {
                Value::Null => None,
                Value::String(text) => Some(c_string(text)),
                other => Some(c_string(&other.to_string())),
            }
        });
        // It lies on the heap, and stays there until the event is freed.
        found.as_ref().map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// The event's own id, "evt_...": the same however often it is delivered.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, never "".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_id(event: *const hc_event) -> *const c_char {
    read!(event => event.id.of(event.event.id()))
}

/// The id of the message that it came in, which is the same for every attempt to deliver it: the header webhook-id or interceptor-id.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, with U+FFFD for bytes that are not UTF-8.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_message_id(event: *const hc_event) -> *const c_char {
    read!(event => event.message_id.of(event.event.message_id()))
}

/// What happened, such as "organization.directory.user_created".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, never "".
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_type(event: *const hc_event) -> *const c_char {
    read!(event => event.type_.of(event.event.type_()))
}

/// When it happened, to the nanosecond.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns RFC 3339 text owned by `event`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_occurred_at(event: *const hc_event) -> *const c_char {
    read!(event => event.occurred_at.of_display(Some(event.event.occurred_at())))
}

/// The environment it happened in, "env_...".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_environment_id(event: *const hc_event) -> *const c_char {
    read!(event => event.environment_id.of(event.event.environment_id()))
}

/// The organization it happened to, "org_...".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_organization_id(event: *const hc_event) -> *const c_char {
    read!(event => event.organization_id.of(event.event.organization_id()))
}

/// The kind of object in the data, such as "DirectoryUser".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_object(event: *const hc_event) -> *const c_char {
    read!(event => event.object.of(event.event.object()))
}

/// The type for a person to read, such as "Directory User Created".
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_display_name(event: *const hc_event) -> *const c_char {
    read!(event => event.display_name.of(event.event.display_name()))
}

/// The version of the vendor's envelope.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns text owned by `event`, "" where none was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_spec_version(event: *const hc_event) -> *const c_char {
    read!(event => event.spec_version.of(event.event.spec_version()))
}

/// The object it happened to.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns JSON text owned by `event`, as it was sent.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_data(event: *const hc_event) -> *const c_char {
    read!(event => event.data.of(event.event.data().get()))
}

/// The body that was verified, byte for byte. Nothing terminates it: hc_event_body_len says how long it is.
///
/// - `event`: may be NULL, which gives NULL.
/// - Returns bytes owned by `event`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_body(event: *const hc_event) -> *const u8 {
    read!(event => event.event.body().as_ptr())
}

/// How many bytes the body has.
///
/// - `event`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_body_len(event: *const hc_event) -> usize {
    read!(event => event.event.body().len())
}

/// A value inside the object it happened to.
///
/// - `event`: may be NULL, which gives NULL.
/// - `pointer`: where it is, as a JSON Pointer (RFC 6901): "/email", "/groups/0/id". It is copied.
/// - Returns text owned by `event`: a text as it is, any other value as JSON; NULL where there is none, or null.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_data_at(event: *const hc_event, pointer: *const c_char) -> *const c_char {
    read!(event => {
        // SAFETY: the header's conventions: a text is NULL, or NUL-terminated and alive during the call.
        unsafe { text(pointer, "pointer") }.map_or(ptr::null(), |pointer| event.inside(pointer))
    })
}

/// Frees an event and every text that came from it.
///
/// - `event`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_event_free(event: *mut hc_event) {
    free!(event);
}
