//! `Event`: a verified webhook event.

use crate::convert::{Moment, Text, datetime, wrong_type};
use crate::errors::OrRaise;
use crate::json::from_json;
use headcount::events::EventType;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDateTime, PyDict, PyTuple, PyType};
use std::collections::HashMap;

/// A webhook event. An event of an unknown type is an object of this class itself.
///
/// ``headcount.events`` has a subclass for each known type, for ``match`` and for type checkers.
#[pyclass(frozen, subclass, module = "headcount")]
pub(crate) struct Event {
    value: headcount::Event,
    /// The decoded data, made when it is first read.
    data: PyOnceLock<Py<PyAny>>,
}

impl From<headcount::Event> for Event {
    fn from(value: headcount::Event) -> Event {
        Event { value, data: PyOnceLock::new() }
    }
}

impl Event {
    /// Makes an object of the class that `headcount.events` has for the event's type, or of `Event` for an unknown
    /// type.
    pub(crate) fn typed(py: Python<'_>, value: headcount::Event) -> PyResult<Bound<'_, PyAny>> {
        static CLASSES: PyOnceLock<HashMap<EventType, Py<PyAny>>> = PyOnceLock::new();
        let classes = CLASSES.get_or_try_init(py, || {
            let types = py.import("headcount.events")?.getattr("TYPES")?.cast_into::<PyDict>()?;
            let class = |(name, class): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
                Ok((EventType::named(&name.extract::<Text>()?), class.unbind()))
            };
            types.iter().map(class).collect::<PyResult<_>>()
        })?;
        let class = classes.get(value.event_type());
        let event = Bound::new(py, Event::from(value))?;
        match class {
            Some(class) => class.bind(py).call1((event,)),
            None => Ok(event.into_any()),
        }
    }
}

/// An event as an argument.
pub(crate) struct GivenEvent(pub(crate) headcount::Event);

impl<'a, 'py> FromPyObject<'a, 'py> for GivenEvent {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<GivenEvent> {
        match value.cast::<Event>() {
            Ok(event) => Ok(GivenEvent(event.get().value.clone())),
            Err(_) => Err(wrong_type(&value, "an Event, as Webhook.verify returns it")),
        }
    }
}

#[pymethods]
impl Event {
    // `Event::typed` makes the objects of subclasses with this.
    /// Copies an event.
    #[new]
    fn new(event: GivenEvent) -> Event {
        Event::from(event.0)
    }

    /// Value of the ``webhook-id`` header: the same for every attempt to deliver the event.
    #[getter]
    fn message_id(&self) -> &str {
        self.value.message_id()
    }

    /// Id of the event (``evt_...``).
    #[getter]
    fn id(&self) -> &str {
        self.value.id()
    }

    /// Type of the event, such as ``organization.directory.user_created``.
    #[getter(r#type)]
    fn type_(&self) -> &str {
        self.value.type_()
    }

    /// Time at which the event occurred, cut off after the microsecond. ``to_dict()`` has all digits.
    #[getter]
    fn occurred_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDateTime>> {
        datetime(py, self.value.occurred_at())
    }

    /// Id of the environment (``env_...``).
    #[getter]
    fn environment_id(&self) -> &str {
        self.value.environment_id()
    }

    /// Id of the organization (``org_...``), or empty if the event does not concern an organization.
    #[getter]
    fn organization_id(&self) -> &str {
        self.value.organization_id()
    }

    /// Kind of object that ``data`` is, such as ``DirectoryUser``.
    #[getter]
    fn object(&self) -> &str {
        self.value.object()
    }

    /// The type as a title, such as ``Directory User Created``.
    #[getter]
    fn display_name(&self) -> &str {
        self.value.display_name()
    }

    /// Version of the vendor's event format, such as ``1``.
    #[getter]
    fn spec_version(&self) -> &str {
        self.value.spec_version()
    }

    /// The object that the event is about, as decoded JSON. Decoded when it is first read.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let read = || from_json(py, self.value.data().get()).map(Bound::unbind);
        Ok(self.data.get_or_try_init(py, read)?.bind(py).clone())
    }

    /// The verified body, byte for byte.
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.value.body())
    }

    /// Returns the whole event as decoded JSON.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        from_json(py, self.value.json().get())
    }

    fn __eq__(&self, other: &Event) -> bool {
        self.value == other.value
    }

    fn __hash__(&self) -> u64 {
        crate::record::hash(&self.value.body())
    }

    /// Returns a text without `data`, which contains personal data.
    fn __repr__(&self) -> String {
        format!(
            "Event(id={:?}, type={:?}, occurred_at={:?}, organization_id={:?})",
            self.value.id(),
            self.value.type_(),
            self.value.occurred_at().to_string(),
            self.value.organization_id()
        )
    }

    #[classmethod]
    #[pyo3(signature = (body, message_id = None, sent_at = None))]
    fn _from_body<'py>(
        class: &Bound<'py, PyType>,
        body: &[u8],
        message_id: Option<Text>,
        sent_at: Option<Moment>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let message_id = message_id.as_deref().unwrap_or_default();
        let event = match sent_at {
            Some(Moment(sent_at)) => headcount::Event::from_verified_message_at(body, message_id, sent_at),
            None => headcount::Event::from_verified_message(body, message_id),
        };
        Event::typed(class.py(), event.or_raise(class.py())?)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Event>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let from_body = slf.get_type().getattr(intern!(py, "_from_body"))?;
        let event = &slf.get().value;
        let occurred_at = event.occurred_at().to_string();
        Ok((from_body, (PyBytes::new(py, event.body()), event.message_id(), occurred_at).into_pyobject(py)?))
    }
}
