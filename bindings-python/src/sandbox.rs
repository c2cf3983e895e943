//! `Sandbox`: a local Scalekit environment in this process, for demos and tests.

use crate::client::{AsyncClient, Client};
use crate::convert::{Count, Flag, Moment, Number, Size, Span, Text, Texts, Whole, wrong_type};
use crate::errors::{Named, OrRaise, exception, invalid_argument, invalid_argument_with_cause};
use crate::generated::{Group, User};
use crate::json::{compact_json, to_dict};
use headcount::internal::{ProcessId, catch_panic};
use headcount_sandbox::{
    Error, EventGroup, EventOverrides, FaultPlan, NewGroup, NewUser, SandboxBuilder, SandboxOptions, UserChange,
    parse_duration,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};
use pyo3::{PyTypeInfo, intern};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Local Scalekit environment over real HTTP, for demos and tests. May be used from any number of threads at once. It has a thread of its
/// own and listens on loopback until it is closed.
///
/// - ``organizations``: number of organizations (default 1).
/// - ``directories``: number of directories of each organization (default 1).
/// - ``users``, ``groups``: number of users and groups of each directory (default 50 and 5).
/// - ``seed``: the same seed and the same four numbers above give the same names and ids (default 1).
/// - ``port``: the port to listen on (default: any free port).
/// - ``token_ttl``: lifetime of tokens, in seconds or as a ``timedelta`` (default 1 hour).
/// - ``speed``: number of seconds by which the sandbox's clock advances in a real second, above 0 (default 1).
/// - ``remote_endpoints``: whether webhooks may be sent to other machines (default False).
///
/// Raises ``ServerError`` if the port cannot be used, ``BadRequestError`` if the speed is not above 0.
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

/// The native sandbox, until it is closed, and the process that started it.
struct Running {
    process: ProcessId,
    sandbox: RwLock<Option<Arc<headcount_sandbox::Sandbox>>>,
}

impl Running {
    /// Returns the sandbox, or an error if it is closed or this is a forked child.
    fn opened(&self) -> headcount::Result<Arc<headcount_sandbox::Sandbox>> {
        // A lock that another thread of the parent held during the fork is never released in the child.
        if !self.process.is_current() {
            return Err(headcount::Error::invalid_argument(
                "the sandbox was started before a fork: use it in the parent process, or through its control_url",
            ));
        }
        let sandbox = self.sandbox.read().unwrap_or_else(PoisonError::into_inner);
        sandbox.clone().ok_or_else(|| headcount::Error::invalid_argument("the sandbox is closed: start another one"))
    }

    /// Stops the sandbox after its running calls have finished. In a forked child, leaks the handle instead, because
    /// the sandbox's thread is in the parent.
    fn close(&mut self) {
        let sandbox = self.sandbox.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if !self.process.is_current() {
            std::mem::forget(sandbox);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // While the interpreter exits, this thread cannot detach from it. That is not necessary, because no other
        // thread waits to attach.
        if Python::try_attach(|py| py.detach(|| self.close())).is_none() {
            self.close();
        }
    }
}

impl Sandbox {
    /// Runs `call` with the interpreter released, since it may wait for a lock that the sandbox's thread holds.
    fn call<T: Send>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&headcount_sandbox::Sandbox) -> Result<T, Error> + Send,
    ) -> PyResult<T> {
        py.detach(|| {
            catch_panic(|| {
                let sandbox = self.running.opened()?;
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
        speed = None, remote_endpoints = None
    ))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        organizations: Option<Size>,
        directories: Option<Size>,
        users: Option<Size>,
        groups: Option<Size>,
        seed: Option<Whole>,
        port: Option<Size>,
        token_ttl: Option<Span>,
        speed: Option<Number>,
        remote_endpoints: Option<Flag>,
    ) -> PyResult<Sandbox> {
        let port = port.map(|port| u16::try_from(u32::from(port))).transpose();
        let port = port
            .map_err(|_| invalid_argument(py, "the number is out of range: expected 0 to 65535"))
            .named(py, "port")?;
        let options = SandboxOptions {
            organizations: organizations.map(Into::into),
            directories: directories.map(Into::into),
            users: users.map(Into::into),
            groups: groups.map(Into::into),
            seed: seed.map(Into::into),
            port,
            token_ttl: token_ttl.map(Into::into),
            speed: speed.map(Into::into),
            remote_endpoints: remote_endpoints.map(Into::into),
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
            running: Running { process: ProcessId::current(), sandbox: RwLock::new(Some(Arc::new(sandbox))) },
        })
    }

    /// Base URL of the environment: ``http://127.0.0.1:...``.
    #[getter]
    fn environment_url(&self) -> &str {
        &self.environment_url
    }

    /// Client id for the environment.
    #[getter]
    fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Client secret for the environment.
    #[getter]
    fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// Secret that the environment's webhooks are signed with.
    #[getter]
    fn webhook_secret(&self) -> &str {
        &self.webhook_secret
    }

    /// Base URL of the control API, which offers the same calls to programs in other languages.
    #[getter]
    fn control_url(&self) -> &str {
        &self.control_url
    }

    /// Id of the first organization; empty if there is none.
    #[getter]
    fn organization_id(&self) -> &str {
        &self.organization_id
    }

    /// Id of the first organization's first directory; empty if there is none.
    #[getter]
    fn directory_id(&self) -> &str {
        &self.directory_id
    }

    /// Makes a ``Client`` for this environment. ``settings`` are the keyword arguments of ``headcount.Client``.
    #[pyo3(signature = (**settings))]
    fn client<'py>(&self, py: Python<'py>, settings: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let credentials = (&self.environment_url, &self.client_id, &self.client_secret);
        py.get_type::<Client>().call(credentials, settings)
    }

    /// Makes an ``AsyncClient`` for this environment. ``settings`` are the keyword arguments of ``headcount.AsyncClient``.
    #[pyo3(signature = (**settings))]
    fn async_client<'py>(&self, py: Python<'py>, settings: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let credentials = (&self.environment_url, &self.client_id, &self.client_secret);
        py.get_type::<AsyncClient>().call(credentials, settings)
    }

    /// Sends later events to ``url`` as signed webhooks. A URL that is registered already is not added again.
    ///
    /// - ``url``: URL of the application's endpoint, on this machine (``127.0.0.1`` or ``localhost``) unless ``remote_endpoints`` is set.
    ///
    /// Raises ``BadRequestError`` if the URL is not ``http`` or ``https``, or is on another machine and
    /// ``remote_endpoints`` is not set.
    fn register_endpoint(&self, py: Python<'_>, url: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.register_endpoint(&url))
    }

    /// Creates a user and returns it.
    ///
    /// - ``email``: primary e-mail address.
    /// - ``given_name``, ``family_name``: first and last name (default empty).
    /// - ``preferred_username``: name that the user signs in with (default: the part of the address before the ``@``).
    /// - ``groups``: names or ids of existing groups (default none).
    /// - ``organization_id``: the organization (default: the first).
    /// - ``directory_id``: the directory (default: the organization's first).
    ///
    /// Raises ``BadRequestError`` if the address has no ``@`` or a group is unknown, ``NotFoundError`` if the organization or directory is
    /// unknown.
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
        groups: Option<Texts>,
        organization_id: Option<Text>,
        directory_id: Option<Text>,
    ) -> PyResult<User> {
        let new = NewUser {
            email: email.into(),
            given_name: given_name.map(String::from).unwrap_or_default(),
            family_name: family_name.map(String::from).unwrap_or_default(),
            preferred_username: preferred_username.map(String::from),
            groups: groups.map(Into::into).unwrap_or_default(),
            organization_id: organization_id.map(String::from),
            directory_id: directory_id.map(String::from),
            ..NewUser::default()
        };
        self.call(py, |sandbox| sandbox.create_user(new)).map(User::from)
    }

    /// Changes a user and returns it. Fields that are None keep their value.
    ///
    /// - ``user_id``: id of the user.
    /// - ``email``, ``given_name``, ``family_name``, ``preferred_username``: new values.
    /// - ``active``: whether the user may sign in.
    /// - ``groups``: names or ids of all groups that the user is in.
    ///
    /// Raises ``NotFoundError`` if the user is unknown, ``BadRequestError`` if the address has no ``@`` or a group is unknown.
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
        active: Option<Flag>,
        groups: Option<Texts>,
    ) -> PyResult<User> {
        let change = UserChange {
            email: email.map(String::from),
            given_name: given_name.map(String::from),
            family_name: family_name.map(String::from),
            preferred_username: preferred_username.map(String::from),
            active: active.map(Into::into),
            groups: groups.map(Into::into),
            ..UserChange::default()
        };
        self.call(py, |sandbox| sandbox.update_user(&user_id, change)).map(User::from)
    }

    /// Deletes a user.
    ///
    /// - ``user_id``: id of the user.
    ///
    /// Raises ``NotFoundError`` if the user is unknown.
    fn delete_user(&self, py: Python<'_>, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.delete_user(&user_id))
    }

    /// Creates a group and returns it.
    ///
    /// - ``display_name``: name of the group.
    /// - ``organization_id``: the organization (default: the first).
    /// - ``directory_id``: the directory (default: the organization's first).
    ///
    /// Raises ``BadRequestError`` if the name is empty, ``NotFoundError`` if the organization or directory is unknown.
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

    /// Renames a group and returns it.
    ///
    /// - ``group_id``: id of the group.
    /// - ``display_name``: the new name.
    ///
    /// Raises ``BadRequestError`` if the name is empty, ``NotFoundError`` if the group is unknown.
    fn update_group(&self, py: Python<'_>, group_id: Text, display_name: Text) -> PyResult<Group> {
        self.call(py, |sandbox| sandbox.update_group(&group_id, &display_name)).map(Group::from)
    }

    /// Deletes a group. Its members are not deleted.
    ///
    /// - ``group_id``: id of the group.
    ///
    /// Raises ``NotFoundError`` if the group is unknown.
    fn delete_group(&self, py: Python<'_>, group_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.delete_group(&group_id))
    }

    /// Adds a user to a group.
    ///
    /// - ``group_id``: id of the group.
    /// - ``user_id``: id of the user.
    ///
    /// Raises ``NotFoundError`` if the user or group is unknown.
    fn add_member(&self, py: Python<'_>, group_id: Text, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.add_member(&group_id, &user_id))
    }

    /// Removes a user from a group.
    ///
    /// - ``group_id``: id of the group.
    /// - ``user_id``: id of the user.
    ///
    /// Raises ``NotFoundError`` if the user or group is unknown.
    fn remove_member(&self, py: Python<'_>, group_id: Text, user_id: Text) -> PyResult<()> {
        self.call(py, |sandbox| sandbox.remove_member(&group_id, &user_id))
    }

    /// Makes later REST calls fail, except token requests.
    ///
    /// - ``faults``: the faults, used in turn. Each is a status from 400 to 599, such as ``"503"`` (``"429:5"`` has a ``Retry-After`` of
    ///   5 seconds), ``"reset"`` (no response), ``"truncate"`` (half of the body), ``"garbage"`` (a body that is not JSON), ``"html"`` (a
    ///   web page), ``"wrong-types"`` (JSON with values of other types), ``"junk"`` (a body of 10 MB), ``"drip"`` (an endless body of one
    ///   byte a second), ``"redirect"`` (to another host), ``"latency:2s"`` (the normal response after this time) or ``"expire-token"``
    ///   (all access tokens become invalid). None, or a call without faults, ends the faults.
    /// - ``every``: with 3, every third call fails (default 1: every call).
    ///
    /// Raises ``BadRequestError`` if a fault is unknown.
    #[pyo3(signature = (*faults, every = Count(1)), text_signature = "($self, *faults, every=1)")]
    fn fault(&self, py: Python<'_>, faults: &Bound<'_, PyTuple>, every: Count) -> PyResult<()> {
        let mut plan = FaultPlan { every: every.0, ..FaultPlan::default() };
        for fault in faults.iter().filter(|fault| !fault.is_none()) {
            let text: Text = fault
                .extract()
                .map_err(|_| wrong_type(&fault, "a fault as str, such as \"429\", or None"))
                .named(py, "faults")?;
            plan.faults.push(text.into());
        }
        self.call(py, |sandbox| sandbox.set_faults(&plan))
    }

    /// Returns a list with a dict for each event and each endpoint that it is sent to.
    ///
    /// The keys are ``message_id``, ``event_id``, ``event_type``, ``url``, ``created_at``, ``body``, ``state`` (``pending``, ``sending``, ``delivered`` or
    /// ``failed``), ``attempts`` (each with ``at``, ``status``, ``error``, ``request_headers`` and ``response_headers``, both lists of a name and a value,
    /// ``response_body``, at most 4,096 bytes of it, and ``is_body_cut``) and ``next_attempt_at``. Times are RFC 3339 text by the sandbox's clock.
    fn deliveries<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let deliveries = self.call(py, |sandbox| Ok(sandbox.deliveries()))?;
        Ok(to_dict(py, &deliveries)?.cast_into()?)
    }

    /// Moves the sandbox's clock forward: tokens expire and retries become due.
    ///
    /// - ``by``: ``"90s"``, ``"5m"``, ``"6h"`` or ``"1d"``, seconds, or a ``timedelta``.
    ///
    /// Raises ``InvalidArgumentError`` if ``by`` is not a duration.
    fn advance(&self, py: Python<'_>, by: &Bound<'_, PyAny>) -> PyResult<()> {
        let by: Duration = if PyString::is_type_of(by) {
            let text: Text = by.extract().named(py, "by")?;
            parse_duration(&text)
                .ok_or_else(|| invalid_argument(py, "the text is not a duration: expected 90s, 5m, 6h or 1d"))
                .named(py, "by")?
        } else {
            by.extract::<Span>().named(py, "by")?.0
        };
        self.call(py, |sandbox| {
            sandbox.advance(by);
            Ok(())
        })
    }

    /// Returns the number of calls that the sandbox received, by method and route, and under ``tokens`` the number of access tokens that it issued.
    fn requests(&self, py: Python<'_>) -> PyResult<BTreeMap<String, u64>> {
        self.call(py, |sandbox| Ok(sandbox.requests()))
    }

    /// Stops the sandbox after its running calls have finished. Has no effect in a forked child, or if the sandbox is closed already.
    fn close(&self, py: Python<'_>) {
        if !self.running.process.is_current() {
            return;
        }
        py.detach(|| {
            // Dropped after the lock is released, so that other calls fail at once instead of waiting for the thread.
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
        let closed = if self.running.opened().is_ok() { "" } else { ", closed" };
        format!("<headcount.Sandbox {}{closed}>", self.environment_url)
    }
}

/// Returns the body of an event as the vendor sends it. ``headcount.testing.event`` documents the arguments.
#[pyfunction]
#[pyo3(signature = (
    r#type, *, data = None, organization_id = None, environment_id = None, id = None, occurred_at = None, directory_id = None,
    groups = None
))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub(crate) fn event_body<'py>(
    py: Python<'py>,
    r#type: Text,
    data: Option<&Bound<'py, PyAny>>,
    organization_id: Option<Text>,
    environment_id: Option<Text>,
    id: Option<Text>,
    occurred_at: Option<Moment>,
    directory_id: Option<Text>,
    groups: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let overrides = EventOverrides {
        id: id.map(String::from),
        occurred_at: occurred_at.map(|moment| moment.0),
        organization_id: organization_id.map(String::from),
        environment_id: environment_id.map(String::from),
        directory_id: directory_id.map(String::from),
        groups: groups.map(event_groups).transpose().named(py, "groups")?,
        data: data.map(fields).transpose().named(py, "data")?,
    };
    let body =
        headcount_sandbox::event_body(&r#type, &overrides).map_err(|error| exception(py, &error.into_headcount()))?;
    Ok(PyBytes::new(py, body.as_bytes()))
}

/// Reads groups given as ids, as (id, name) pairs, or as objects with `id` and with `display_name` or `name`, such as a
/// `Group`.
fn event_groups(groups: &Bound<'_, PyAny>) -> PyResult<Vec<EventGroup>> {
    let expected = "a list of group ids, (id, name) pairs or groups";
    if PyString::is_type_of(groups) {
        return Err(wrong_type(groups, expected));
    }
    let read = |group: Bound<'_, PyAny>| {
        if PyString::is_type_of(&group) {
            return Ok(EventGroup::Id(group.extract::<Text>()?.into()));
        }
        if let Ok((id, name)) = group.extract::<(Text, Text)>() {
            return Ok(EventGroup::Named { id: id.into(), name: name.into() });
        }
        let id = group.getattr_opt(intern!(group.py(), "id"))?;
        let name = match group.getattr_opt(intern!(group.py(), "display_name"))? {
            Some(name) => Some(name),
            None => group.getattr_opt(intern!(group.py(), "name"))?,
        };
        match (id, name) {
            (Some(id), Some(name)) => {
                Ok(EventGroup::Named { id: id.extract::<Text>()?.into(), name: name.extract::<Text>()?.into() })
            }
            _ => Err(wrong_type(&group, expected)),
        }
    };
    groups.try_iter().map_err(|_| wrong_type(groups, expected))?.map(|group| read(group?)).collect()
}

/// Converts the data of an event from a mapping.
fn fields(data: &Bound<'_, PyAny>) -> PyResult<serde_json::Map<String, serde_json::Value>> {
    let py = data.py();
    if !data.is_instance_of::<PyMapping>() {
        return Err(wrong_type(data, "the event's data as a dict"));
    }
    let fields = py.get_type::<PyDict>().call1((data,))?;
    let too_deep = |py, error| invalid_argument_with_cause(py, "the event's data is nested too deep", error);
    let printed: Text = compact_json(fields.as_any(), too_deep)?.extract()?;
    serde_json::from_str(&printed).map_err(|error| {
        invalid_argument(
            py,
            match error.to_string().starts_with("recursion limit") {
                true => "the event's data is nested too deep",
                false => "the event's data cannot be written as JSON, for example because of NaN",
            },
        )
    })
}
