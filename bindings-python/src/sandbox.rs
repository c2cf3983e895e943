//! `Sandbox`: a local Scalekit environment in this process, for demos and for users' own tests.

use crate::client::{AsyncClient, Client};
use crate::convert::{Count, Moment, Size, Span, Text, wrong_type};
use crate::errors::{OrRaise, exception, invalid_argument};
use crate::json::{compact_json, to_dict};
use crate::models::{Group, User};
use headcount::catch_panic;
use headcount_sandbox::{
    Error, EventOverrides, FaultPlan, NewGroup, NewUser, SandboxBuilder, SandboxOptions, UserChange, parse_duration,
};
use pyo3::PyTypeInfo;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A local Scalekit environment over real HTTP, for demos and for tests. May be used from any number of threads at once.
///
/// It has a thread of its own, and listens on loopback until it is closed. The same ``seed`` gives the same organizations, people and
/// ids every time; ``directories`` is how many each organization has, ``users`` and ``groups`` how many each directory has. ``port`` is
/// any free one unless given. ``token_ttl`` is how long tokens live (an hour unless given), ``speed`` how many of its seconds pass in
/// a real one (1 unless given).
#[pyclass(frozen, module = "headcount")]
pub(crate) struct Sandbox {
    running: Running,
    environment_url: String,
    control_url: String,
    client_id: String,
    client_secret: String,
    webhook_secret: String,
    organization_id: String,
    directory_id: String,
}

/// The native sandbox until it is closed.
struct Running {
    process: u32,
    sandbox: RwLock<Option<Arc<headcount_sandbox::Sandbox>>>,
}

impl Running {
    fn open(&self) -> headcount::Result<Arc<headcount_sandbox::Sandbox>> {
        // Its locks may have been held at the fork by threads that the child does not have.
        if self.process != std::process::id() {
            return Err(headcount::Error::invalid_argument(
                "the sandbox was started before a fork: its parent has it, and control_url is the way to it from here",
            ));
        }
        let sandbox = self.sandbox.read().unwrap_or_else(PoisonError::into_inner);
        sandbox.clone().ok_or_else(|| headcount::Error::invalid_argument("the sandbox is closed: start another one"))
    }

    /// Ends it and waits for its thread; in a forked child, which has but a picture of both, nothing is touched.
    fn close(&mut self) {
        let sandbox = self.sandbox.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if self.process != std::process::id() {
            std::mem::forget(sandbox);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An interpreter that is ending has nobody to let in meanwhile.
        if Python::try_attach(|py| py.detach(|| self.close())).is_none() {
            self.close();
        }
    }
}

impl Sandbox {
    /// Makes a call with the interpreter released: the sandbox's own thread may hold what the call waits for.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&headcount_sandbox::Sandbox) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| {
            catch_panic(|| {
                let sandbox = self.running.open()?;
                Ok(call(&sandbox))
            })
        })
        .or_raise(py)?
        .map_err(|error| exception(py, &error.into_headcount()))
    }
}

#[pymethods]
impl Sandbox {
    #[new]
    #[pyo3(signature = (
        *, organizations = None, directories = None, users = None, groups = None, seed = None, port = None, token_ttl = None,
        speed = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        organizations: Option<Size>,
        directories: Option<Size>,
        users: Option<Size>,
        groups: Option<Size>,
        seed: Option<u64>,
        port: Option<Size>,
        token_ttl: Option<Span>,
        speed: Option<f64>,
    ) -> PyResult<Sandbox> {
        let port = port.map(|port| u16::try_from(u32::from(port))).transpose();
        let port = port.map_err(|_| invalid_argument(py, "the port is out of range: expected 0 to 65535"))?;
        let options = SandboxOptions {
            organizations: organizations.map(Into::into),
            directories: directories.map(Into::into),
            users: users.map(Into::into),
            groups: groups.map(Into::into),
            seed,
            port,
            token_ttl: token_ttl.map(Into::into),
            speed,
        };
        let started = py.detach(|| catch_panic(|| Ok(SandboxBuilder::from(options).start())));
        let sandbox = started.or_raise(py)?.map_err(|error| exception(py, &error.into_headcount()))?;
        Ok(Sandbox {
            environment_url: sandbox.environment_url().to_owned(),
            control_url: sandbox.control_url().to_owned(),
            client_id: sandbox.client_id().to_owned(),
            client_secret: sandbox.client_secret().to_owned(),
            webhook_secret: sandbox.webhook_secret().to_owned(),
            organization_id: sandbox.organization_id().to_owned(),
            directory_id: sandbox.directory_id().to_owned(),
            running: Running { process: std::process::id(), sandbox: RwLock::new(Some(Arc::new(sandbox))) },
        })
    }

    /// Where it is: ``http://127.0.0.1:...``.
    #[getter]
    fn environment_url(&self) -> &str {
        &self.environment_url
    }

    /// The client id to sign in with.
    #[getter]
    fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The client secret to sign in with.
    #[getter]
    fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The secret that its webhooks are signed with.
    #[getter]
    fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// Where the same calls are over HTTP, for programs in other languages.
    #[getter]
    fn control_url(&self) -> &str {
        &self.control_url
    }

    /// The first organization.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// The first organization's first directory.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.directory_id
    }

    /// A client of this environment; ``settings`` are those of ``headcount.Client``.
    #[pyo3(signature = (**settings))]
    fn client<'py>(&self, py: Python<'py>, settings: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let credentials = (&self.environment_url, &self.client_id, &self.client_secret);
        py.get_type::<Client>().call(credentials, settings)
    }

    /// A client of this environment for asyncio; ``settings`` are those of ``headcount.AsyncClient``.
    #[pyo3(signature = (**settings))]
    fn async_client<'py>(&self, py: Python<'py>, settings: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let credentials = (&self.environment_url, &self.client_id, &self.client_secret);
        py.get_type::<AsyncClient>().call(credentials, settings)
    }

    /// From now on, what happens is told to ``url`` as well, signed.
    fn register_endpoint(&self, py: Python<'_>, url: Text) -> PyResult<()> {
        self.call(py, |sandbox| {
            sandbox.register_endpoint(&url);
            Ok(())
        })
    }

    /// Hires somebody. ``groups`` are names or ids of groups that there are; the organization and the directory are the first unless
    /// given. ``BadRequestError`` for an address without ``@`` or an unknown group, ``NotFoundError`` for an unknown organization or
    /// directory.
    #[pyo3(signature = (
        email, *, given_name = None, family_name = None, preferred_username = None, groups = None, organization_id = None,
        directory_id = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn create_user(
        &self,
        py: Python<'_>,
        email: Text,
        given_name: Option<Text>,
        family_name: Option<Text>,
        preferred_username: Option<Text>,
        groups: Option<Vec<Text>>,
        organization_id: Option<Text>,
        directory_id: Option<Text>,
    ) -> PyResult<User> {
        let new = NewUser {
            email: email.into(),
            given_name: given_name.map(String::from).unwrap_or_default(),
            family_name: family_name.map(String::from).unwrap_or_default(),
            preferred_username: preferred_username.map(String::from),
            groups: texts(groups).unwrap_or_default(),
            organization_id: organization_id.map(String::from),
            directory_id: directory_id.map(String::from),
        };
        self.call(py, |sandbox| sandbox.create_user(new)).map(User::from)
    }

    /// Changes somebody; what is not given stays. ``groups`` are all of their groups, by names or ids. ``NotFoundError`` for an unknown
    /// user, ``BadRequestError`` for an unknown group.
    #[pyo3(signature = (
        user_id, *, email = None, given_name = None, family_name = None, preferred_username = None, active = None, groups = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn update_user(
        &self,
        py: Python<'_>,
        user_id: Text,
        email: Option<Text>,
        given_name: Option<Text>,
        family_name: Option<Text>,
        preferred_username: Option<Text>,
        active: Option<bool>,
        groups: Option<Vec<Text>>,
    ) -> PyResult<User> {
        let change = UserChange {
            email: email.map(String::from),
            given_name: given_name.map(String::from),
            family_name: family_name.map(String::from),
            preferred_username: preferred_username.map(String::from),
            active,
            groups: texts(groups),
        };
        self.call(py, |sandbox| sandbox.update_user(&user_id, change)).map(User::from)
    }

    /// Lets somebody go. ``NotFoundError`` for an unknown user.
    fn delete_user(&self, py: Python<'_>, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.delete_user(&user_id))
    }

    /// Makes a group. ``BadRequestError`` for an empty name, ``NotFoundError`` for an unknown organization or directory.
    #[pyo3(signature = (display_name, *, organization_id = None, directory_id = None))]
    fn create_group(
        &self,
        py: Python<'_>,
        display_name: Text,
        organization_id: Option<Text>,
        directory_id: Option<Text>,
    ) -> PyResult<Group> {
        let new = NewGroup {
            display_name: display_name.into(),
            organization_id: organization_id.map(String::from),
            directory_id: directory_id.map(String::from),
        };
        self.call(py, |sandbox| sandbox.create_group(new)).map(Group::from)
    }

    /// Renames a group. ``NotFoundError`` for an unknown group.
    fn update_group(&self, py: Python<'_>, group_id: Text, display_name: Text) -> PyResult<Group> {
        self.call(py, |sandbox| sandbox.update_group(&group_id, &display_name)).map(Group::from)
    }

    /// Ends a group; its members stay. ``NotFoundError`` for an unknown group.
    fn delete_group(&self, py: Python<'_>, group_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.delete_group(&group_id))
    }

    /// Puts somebody into a group. ``NotFoundError`` for an unknown user or group.
    fn add_member(&self, py: Python<'_>, group_id: Text, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.add_member(&group_id, &user_id))
    }

    /// Takes somebody out of a group. ``NotFoundError`` for an unknown user or group.
    fn remove_member(&self, py: Python<'_>, group_id: Text, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.remove_member(&group_id, &user_id))
    }

    /// Every ``every``-th REST call from now on meets the next of ``faults``; None, or no fault at all, ends it.
    ///
    /// A fault is a status (``"429"``, ``"429:5"`` with that ``Retry-After``, ``"500"``, ``"503"``), ``"reset"``, ``"truncate"``,
    /// ``"garbage"``, ``"html"``, ``"wrong-types"``, ``"junk"``, ``"drip"``, ``"redirect"``, ``"latency:2s"`` or ``"expire-token"``; others
    /// are a ``BadRequestError``. Token requests are spared.
    #[pyo3(signature = (*faults, every = Count(1)), text_signature = "(self, *faults, every=1)")]
    fn fault(&self, py: Python<'_>, faults: &Bound<'_, PyTuple>, every: Count) -> PyResult<()> {
        let mut plan = FaultPlan { every: every.0, ..FaultPlan::default() };
        for fault in faults.iter().filter(|fault| !fault.is_none()) {
            let text: Text =
                fault.extract().map_err(|_| wrong_type(&fault, "a fault as str, such as \"429\", or None"))?;
            plan.faults.push(text.into());
        }
        self.call(py, |sandbox| sandbox.set_faults(&plan))
    }

    /// What was sent, what came back, what will be retried and when: a dict for each event on its way to each endpoint.
    fn deliveries<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let deliveries = self.call(py, |sandbox| Ok(sandbox.deliveries()))?;
        Ok(to_dict(py, &deliveries)?.cast_into()?)
    }

    /// Moves its clock ahead, by ``"90s"``, ``"5m"``, ``"6h"`` or ``"1d"``, by seconds or a ``timedelta``: tokens end, and retries fall due.
    fn advance(&self, py: Python<'_>, by: &Bound<'_, PyAny>) -> PyResult<()> {
        let by: Duration = if PyString::is_type_of(by) {
            let text: Text = by.extract()?;
            parse_duration(&text)
                .ok_or_else(|| invalid_argument(py, "the text is not a span of time: expected 90s, 5m, 6h or 1d"))?
        } else {
            by.extract::<Span>()?.0
        };
        self.call(py, |sandbox| {
            sandbox.advance(by);
            Ok(())
        })
    }

    /// How many calls came, by method and route.
    fn requests(&self, py: Python<'_>) -> PyResult<BTreeMap<String, u64>> {
        self.call(py, |sandbox| Ok(sandbox.requests()))
    }

    /// Ends it, once calls that are under way have come back. Closing twice does no harm.
    fn close(&self, py: Python<'_>) {
        if self.running.process != std::process::id() {
            return;
        }
        py.detach(|| {
            // Its thread is waited for with the lock free: other calls are told meanwhile that it is closed.
            let ended = self.running.sandbox.write().unwrap_or_else(PoisonError::into_inner).take();
            drop(ended);
        });
    }

    fn __enter__(slf: Py<Sandbox>) -> Py<Sandbox> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self) -> String {
        let closed = if self.running.open().is_ok() { "" } else { ", closed" };
        format!("<headcount.Sandbox {}{closed}>", self.environment_url)
    }
}

fn texts(given: Option<Vec<Text>>) -> Option<Vec<String>> {
    given.map(|texts| texts.into_iter().map(String::from).collect())
}

/// The body of an event, as the vendor would send it: ``headcount.testing.event`` says what it takes.
#[pyfunction]
#[pyo3(signature = (r#type, *, data = None, organization_id = None, environment_id = None, id = None, occurred_at = None))]
pub(crate) fn event_body<'py>(
    py: Python<'py>,
    r#type: Text,
    data: Option<&Bound<'py, PyAny>>,
    organization_id: Option<Text>,
    environment_id: Option<Text>,
    id: Option<Text>,
    occurred_at: Option<Moment>,
) -> PyResult<Bound<'py, PyBytes>> {
    let wanted = EventOverrides {
        id: id.map(String::from),
        occurred_at: occurred_at.map(|moment| moment.0),
        organization_id: organization_id.map(String::from),
        environment_id: environment_id.map(String::from),
        data: data.map(fields).transpose()?,
    };
    let body =
        headcount_sandbox::event_body(&r#type, &wanted).map_err(|error| exception(py, &error.into_headcount()))?;
    Ok(PyBytes::new(py, body.as_bytes()))
}

fn fields(data: &Bound<'_, PyAny>) -> PyResult<serde_json::Map<String, serde_json::Value>> {
    let py = data.py();
    if !data.is_instance_of::<PyMapping>() {
        return Err(wrong_type(data, "the event's data as a dict"));
    }
    let printed: Text = compact_json(py.get_type::<PyDict>().call1((data,))?.as_any())?.extract()?;
    serde_json::from_str(&printed)
        .map_err(|_| invalid_argument(py, "the event's data holds what JSON has no way to say, such as NaN"))
}
