//! `client.organization`: calls about organizations.

use crate::call::{Asyncio, Blocking, Mode};
use crate::connection::Connection;
use crate::convert::{Count, Flag, Span, Text, TextMap, Texts, wrong_type};
use crate::errors::{invalid_argument, invalid_argument_with_cause};
use crate::generated::{Organization, PortalLink};
use crate::json::compact_json;
use crate::listing::{self, AsyncOrganizationIterator, OrganizationIterator, OrganizationPage};
use headcount::model::{Feature, OrganizationFields, OrganizationSettings};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields of an organization in one argument: an `Organization`, or a mapping of its fields. Fields that cannot be
/// changed are ignored, so that an organization can be read, changed and sent back.
pub(crate) struct Fields(OrganizationFields);

impl<'a, 'py> FromPyObject<'a, 'py> for Fields {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Fields> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            display_name: Option<String>,
            external_id: Option<String>,
            logo_url: Option<String>,
            metadata: Option<BTreeMap<String, String>>,
            slug: Option<String>,
            id: Option<IgnoredAny>,
            #[serde(rename = "create_time")]
            _create_time: Option<IgnoredAny>,
            #[serde(rename = "update_time")]
            _update_time: Option<IgnoredAny>,
            #[serde(rename = "region_code")]
            _region_code: Option<IgnoredAny>,
            #[serde(rename = "settings")]
            _settings: Option<IgnoredAny>,
        }
        if let Ok(organization) = value.cast::<Organization>() {
            return Ok(Fields(OrganizationFields::from(&organization.get().value)));
        }
        let mapping =
            value.cast::<PyMapping>().map_err(|_| wrong_type(&value, "a mapping of fields or an Organization"))?;
        // `json.dumps` accepts no mapping but a `dict`, and it cannot write the times of an organization, which are
        // ignored anyway.
        let fields = value.py().get_type::<PyDict>().call1((mapping,))?.cast_into::<PyDict>()?;
        for time in ["create_time", "update_time"] {
            if fields.contains(time)? {
                fields.del_item(time)?;
            }
        }
        let Given { display_name, external_id, logo_url, metadata, slug, id, .. } =
            read("organization", fields.as_any())?;
        let mut fields = OrganizationFields::default();
        (fields.display_name, fields.external_id, fields.slug) = (display_name, external_id, slug);
        (fields.logo_url, fields.metadata) = (logo_url, metadata);
        // A mapping with an id was read from the server, where an empty text means that a field is not set.
        Ok(Fields(if id.is_some() { fields.without_unset() } else { fields }))
    }
}

/// Settings of an organization: a list of mappings with `name` and `enabled`, or a mapping with such a list as `features`.
pub(crate) struct Settings(OrganizationSettings);

impl<'a, 'py> FromPyObject<'a, 'py> for Settings {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Settings> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Toggle {
            name: String,
            enabled: bool,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Features {
            features: Vec<Toggle>,
        }
        let features: Vec<Toggle> = if value.cast::<PyMapping>().is_ok() {
            read::<Features>("settings", &value)?.features
        } else if value.is_instance_of::<PyString>() {
            return Err(wrong_type(&value, "a list of features"));
        } else {
            let items: Vec<Bound<'py, PyAny>> =
                value.try_iter().map_err(|_| wrong_type(&value, "a list of features"))?.collect::<PyResult<_>>()?;
            read("settings", items.into_pyobject(value.py())?.as_any())?
        };
        let features = features.into_iter().map(|toggle| Feature::new(toggle.name, toggle.enabled));
        Ok(Settings(OrganizationSettings::new(features)))
    }
}

/// Deserializes a value that consists of `dict`s and lists. `name` is the argument's name, for the error.
fn read<T: DeserializeOwned>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    let json = compact_json(value, |py, error| {
        invalid_argument_with_cause(py, &format!("{name} cannot be used: it is nested too deep"), error)
    })?;
    serde_json::from_str(&json.to_cow()?).map_err(|error| {
        let message = error.to_string();
        // Leaves out the line and the column: they are those of the JSON, which the caller does not see.
        let message = message.split(" at line ").next().unwrap_or_default();
        invalid_argument(value.py(), format!("{name} cannot be used: {message}"))
    })
}

/// Returns the fields of `organization`, each replaced by the keyword of its name if that was passed.
fn merged(organization: Option<Fields>, keywords: OrganizationFields) -> OrganizationFields {
    let mut merged = organization.map(|fields| fields.0).unwrap_or_default();
    merged.display_name = keywords.display_name.or(merged.display_name);
    merged.external_id = keywords.external_id.or(merged.external_id);
    merged.logo_url = keywords.logo_url.or(merged.logo_url);
    merged.metadata = keywords.metadata.or(merged.metadata);
    merged.slug = keywords.slug.or(merged.slug);
    merged
}

/// Returns fields from the keywords of a call.
fn fields(
    display_name: Option<Text>,
    external_id: Option<Text>,
    metadata: Option<BTreeMap<String, String>>,
    slug: Option<Text>,
    logo_url: Option<Text>,
) -> OrganizationFields {
    let text = |text: Option<Text>| text.map(|text| text.to_string());
    let mut fields = OrganizationFields::default();
    fields.display_name = text(display_name);
    fields.external_id = text(external_id);
    fields.metadata = metadata;
    fields.slug = text(slug);
    fields.logo_url = text(logo_url);
    fields
}

/// Returns the request for a listing of organizations.
fn list(
    client: &headcount::Client,
    page_size: Option<Count>,
    page_token: Option<Text>,
    external_id: Option<Text>,
) -> headcount::client::List<headcount::model::Organization> {
    let list = client.organizations().list().page_size(page_size.map(|size| size.0));
    list.page_token(page_token.as_deref()).external_id(external_id.as_deref())
}

/// Defines the class with the calls about organizations.
macro_rules! organization_client {
    ($class:ident, $mode:ty, $iterator:ident, $doc:literal) => {
        #[doc = $doc]
        #[pyclass(frozen, module = "headcount")]
        pub(crate) struct $class(Arc<Connection>);

        impl $class {
            pub(crate) fn new(connection: Arc<Connection>) -> $class {
                $class(connection)
            }
        }

        #[pymethods]
        impl $class {
            /// Returns one page of organizations. ``all`` iterates over every page.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this external id (default: all organizations).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if ``page_size`` is 0 or the client is closed, an ``ApiError`` if the server refuses
            /// the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (page_size = None, page_token = None, *, external_id = None, timeout = None))]
            fn list_organizations<'py>(
                &self,
                py: Python<'py>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let list = list(&self.0.client(py, timeout)?, page_size, page_token, external_id);
                <$mode>::run(py, async move { list.send().await }, OrganizationPage::make)
            }

            /// As ``list_organizations``. The vendor's other SDKs use this name.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this external id (default: all organizations).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            #[pyo3(signature = (page_size = None, page_token = None, *, external_id = None, timeout = None))]
            fn list_organization<'py>(
                &self,
                py: Python<'py>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                self.list_organizations(py, page_size, page_token, external_id, timeout)
            }

            /// Returns an iterator over every organization. Pages are requested during the iteration.
            ///
            /// - ``page_size``: maximum number of items on a page, 10 to 100 (default 100).
            /// - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
            /// - ``external_id``: lists only the organization with this external id (default: all organizations).
            /// - ``read_ahead``: whether the next page is requested while a page is read (default True).
            /// - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
            ///   client's ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_organizations`` raises.
            #[pyo3(signature = (
                *, page_size = None, page_token = None, external_id = None, read_ahead = None, timeout = None
            ))]
            fn all(
                &self,
                py: Python<'_>,
                page_size: Option<Count>,
                page_token: Option<Text>,
                external_id: Option<Text>,
                read_ahead: Option<Flag>,
                timeout: Option<Span>,
            ) -> PyResult<$iterator> {
                let list = list(&self.0.client(py, timeout)?, page_size, page_token, external_id);
                Ok($iterator::make(listing::items(&self.0, list.read_ahead(read_ahead.map(bool::from)))))
            }

            /// Returns an organization.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn get_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.get(&organization_id).await }, |_, found| {
                    Ok(Organization::from(found))
                })
            }

            /// Returns the organization with this external id.
            ///
            /// - ``external_id``: the application's own id of the organization.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (external_id, *, timeout = None))]
            fn get_organization_by_external_id<'py>(
                &self,
                py: Python<'py>,
                external_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.get_by_external_id(&external_id).await }, |_, found| {
                    Ok(Organization::from(found))
                })
            }

            /// Creates an organization and returns it.
            ///
            /// - ``display_name``: name of the organization, 1 to 200 characters.
            /// - ``external_id``: the application's own id of the organization.
            /// - ``metadata``: the application's own keys (3 to 25 characters) and values (1 to 256 characters), at
            ///   most 10 keys.
            /// - ``slug``: short name in URLs, a DNS label or host name.
            /// - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// The call is retried only if it is certain that the last attempt created nothing. If an error leaves open whether the
            /// organization was created, look for it by its ``external_id``.
            ///
            /// Raises ``InvalidArgumentError`` if the client is closed, and ``BadRequestError`` if the server refuses a field. Raises
            /// another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
            /// server gives no usable answer.
            #[pyo3(signature = (
                display_name, *, external_id = None, metadata = None, slug = None, logo_url = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn create_organization<'py>(
                &self,
                py: Python<'py>,
                display_name: Text,
                external_id: Option<Text>,
                metadata: Option<TextMap>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = fields(None, external_id, metadata.map(Into::into), slug, logo_url);
                <$mode>::run(py, async move { organizations.create(&display_name, &fields).await }, |_, made| {
                    Ok(Organization::from(made))
                })
            }

            /// Changes the given fields of an organization and returns it. Fields that are None keep their value.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``organization``: fields in one argument, as a mapping or an ``Organization``; keywords replace them. What cannot be changed
            ///   is ignored in it (``id``, ``create_time``, ``update_time``, ``region_code``, ``settings``), so that an organization can be
            ///   read, changed and sent back.
            /// - ``display_name``: name of the organization, 1 to 200 characters.
            /// - ``external_id``: the application's own id of the organization.
            /// - ``metadata``: replaces all of the application's own keys (3 to 25 characters) and values (1 to 256
            ///   characters), at most 10 keys.
            /// - ``slug``: short name in URLs, a DNS label or host name. An empty text removes it.
            /// - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty, ``organization`` has an unknown field or the client is closed,
            /// ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server refuses a field. Raises another
            /// ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server
            /// gives no usable answer.
            #[pyo3(signature = (
                organization_id, organization = None, *, display_name = None, external_id = None, metadata = None, slug = None,
                logo_url = None, timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn update_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                organization: Option<Fields>,
                display_name: Option<Text>,
                external_id: Option<Text>,
                metadata: Option<TextMap>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let keywords = fields(display_name, external_id, metadata.map(Into::into), slug, logo_url);
                let fields = merged(organization, keywords);
                <$mode>::run(py, async move { organizations.update(&organization_id, &fields).await }, |_, changed| {
                    Ok(Organization::from(changed))
                })
            }

            /// Changes the organization with this external id and returns it: looks it up, then updates it as
            /// ``update_organization`` does. These are two calls, each with its own deadline.
            ///
            /// - ``external_id``: the application's own id of the organization.
            /// - ``organization``, ``display_name``, ``metadata``, ``slug``, ``logo_url``: as in ``update_organization``.
            /// - ``timeout``: deadline of each call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises what ``update_organization`` raises.
            #[pyo3(signature = (
                external_id, organization = None, *, display_name = None, metadata = None, slug = None, logo_url = None,
                timeout = None
            ))]
            #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
            fn update_organization_by_external_id<'py>(
                &self,
                py: Python<'py>,
                external_id: Text,
                organization: Option<Fields>,
                display_name: Option<Text>,
                metadata: Option<TextMap>,
                slug: Option<Text>,
                logo_url: Option<Text>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                let fields = merged(organization, fields(display_name, None, metadata.map(Into::into), slug, logo_url));
                <$mode>::run(
                    py,
                    async move { organizations.update_by_external_id(&external_id, &fields).await },
                    |_, changed| Ok(Organization::from(changed)),
                )
            }

            /// Enables and disables features of an organization and returns it. Features that are not named stay as they are.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``settings``: a list of mappings such as ``{"name": "sso", "enabled": True}``, or a mapping with that list as ``features``.
            ///   Features: ``sso``, ``dir_sync``, ``domain_verification``, ``session_policy``.
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty, ``settings`` cannot be read or the client is closed,
            /// ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server has no such feature. Raises
            /// another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
            /// server gives no usable answer.
            #[pyo3(signature = (organization_id, settings, *, timeout = None))]
            fn update_organization_settings<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                settings: Settings,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(
                    py,
                    async move { organizations.update_settings(&organization_id, &settings.0).await },
                    |_, changed| Ok(Organization::from(changed)),
                )
            }

            /// Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories, and returns it. It
            /// can be opened once, within a minute: create it when the administrator asks for it, not in advance, and do not log it.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``features``: names of what can be set up, ``sso`` and ``dir_sync`` (default: what the organization's settings enable).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Each call creates another link. It is retried after temporary failures nevertheless: a link whose response was lost is not used,
            /// and expires after a minute.
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, ``NotFoundError`` if there is no such
            /// organization, and ``BadRequestError`` if the server has no such feature. Raises another ``ApiError`` if the server
            /// refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, features = None, *, timeout = None))]
            fn generate_portal_link<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                features: Option<Texts>,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(
                    py,
                    async move {
                        let features: Vec<String> = features.map(Into::into).unwrap_or_default();
                        let features: Vec<&str> = features.iter().map(String::as_str).collect();
                        organizations.generate_portal_link(&organization_id, &features).await
                    },
                    |_, link| Ok(PortalLink::from(link)),
                )
            }

            /// Deletes an organization with everything in it. This cannot be undone.
            ///
            /// - ``organization_id``: id of the organization (``org_...``).
            /// - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
            ///   ``timeout``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
            /// organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
            /// ``DecodeError`` if the server gives no usable answer.
            #[pyo3(signature = (organization_id, *, timeout = None))]
            fn delete_organization<'py>(
                &self,
                py: Python<'py>,
                organization_id: Text,
                timeout: Option<Span>,
            ) -> PyResult<Bound<'py, PyAny>> {
                let organizations = self.0.client(py, timeout)?.organizations();
                <$mode>::run(py, async move { organizations.delete(&organization_id).await }, |py, ()| Ok(py.None()))
            }
        }
    };
}

organization_client!(
    OrganizationClient,
    Blocking,
    OrganizationIterator,
    "Calls about organizations: ``client.organization``."
);
organization_client!(
    AsyncOrganizationClient,
    Asyncio,
    AsyncOrganizationIterator,
    "Calls about organizations, as coroutines: ``client.organization`` of an ``AsyncClient``."
);
