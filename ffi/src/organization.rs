//! The calls about organizations, which are the customers of the application: lists, fetches, creates, changes and deletes them, and creates links to
//! their admin portal.

use crate::boundary::{array, call, is_null, optional_text, text};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::{hc_organization, hc_organization_iter, hc_organization_page, hc_portal_link, hc_status};
use crate::iter::IterOf;
use crate::options::{impl_options, reserved, unless_zero};
use headcount_core::Result;
use headcount_core::blocking::List;
use headcount_core::model::{Feature, Organization, OrganizationFields, OrganizationSettings};
use std::ffi::c_char;

/// Which organizations a listing returns. Set all bytes to 0, then struct_size and the fields that you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_organization_options {
    /// sizeof(hc_organization_options).
    pub struct_size: usize,
    /// Token of the first page to read: the next_page_token or prev_page_token of another page. NULL or "": the first page.
    pub page_token: *const c_char,
    /// Only the organization with this external id. NULL: all.
    pub external_id: *const c_char,
    /// Largest number of organizations per page, 10 to 100. 0: the server's default for a page, 100 for an iterator.
    pub page_size: u32,
    /// Must be 0.
    pub reserved: u32,
}

impl_options!(hc_organization_options { page_token, external_id, page_size, reserved });

/// Fields of a new organization, or changes of one. Set all bytes to 0, then struct_size and the fields that you need: a field
/// that is NULL stays unchanged.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_organization_fields {
    /// sizeof(hc_organization_fields).
    pub struct_size: usize,
    /// Display name: 1 to 200 characters.
    pub display_name: *const c_char,
    /// The application's own id of the organization.
    pub external_id: *const c_char,
    /// URL of the logo, "https://...".
    pub logo_url: *const c_char,
    /// Short name in URLs: a DNS label or host name. "" removes it.
    pub slug: *const c_char,
    /// The application's own keys and values, which replace all current ones: a key, its value, the next key, and so on.
    pub metadata: *const *const c_char,
    /// Number of keys in `metadata`. 0 with a non-NULL `metadata` removes all.
    pub metadata_len: usize,
}

impl_options!(hc_organization_fields { display_name, external_id, logo_url, slug, metadata, metadata_len });

/// A feature of an organization that is to be enabled or disabled.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_feature {
    /// "sso", "dir_sync", "domain_verification" or "session_policy".
    pub name: *const c_char,
    /// true enables the feature, false disables it.
    pub enabled: bool,
}

/// Returns a listing with the filters of `options`.
///
/// # Safety
///
/// The texts are NULL, or NUL-terminated and valid during the call.
pub(crate) unsafe fn listing(client: &hc_client, options: &hc_organization_options) -> Result<List<Organization>> {
    reserved(options.reserved, "options.reserved")?;
    // SAFETY: this function's contract.
    let (token, external_id) = unsafe {
        (
            optional_text(options.page_token, "options.page_token")?,
            optional_text(options.external_id, "options.external_id")?,
        )
    };
    let list = client.0.organizations().list();
    Ok(list.page_size(unless_zero(options.page_size)).page_token(token).external_id(external_id))
}

/// Lists one page of the environment's organizations.
///
/// - `client`: required.
/// - `options`: filters; may be NULL, which means the server's defaults.
/// - `page`: receives the page; free it with hc_organization_page_free.
/// - `error`: may be NULL.
/// - Fails with any status that a request can have, or HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organizations(
    client: *const hc_client,
    options: *const hc_organization_options,
    page: *mut *mut hc_organization_page,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, page, (client: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client, &options) }?;
        list.send().map(hc_organization_page::from)
    })
}

/// Creates an iterator over every organization of the environment. Sends no request yet.
///
/// - `client`: required. It may be freed before the iterator.
/// - `options`: filters; may be NULL, which means all organizations.
/// - `iter`: receives the iterator; free it with hc_organization_iter_free.
/// - `error`: may be NULL.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organizations_iter(
    client: *const hc_client,
    options: *const hc_organization_options,
    iter: *mut *mut hc_organization_iter,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, iter, (client: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { listing(client, &options) }?;
        Ok(hc_organization_iter(IterOf::new(list)))
    })
}

/// Fetches the organization with this id.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `organization`: receives the result; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get(
    client: *const hc_client,
    organization_id: *const c_char,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, organization_id: text) => {
        client.0.organizations().get(organization_id).map(hc_organization::from)
    })
}

/// Fetches the organization with this external id, which the application chose.
///
/// - `client`: required.
/// - `external_id`: the application's id of the organization.
/// - `organization`: receives the result; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get_by_external_id(
    client: *const hc_client,
    external_id: *const c_char,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, external_id: text) => {
        client.0.organizations().get_by_external_id(external_id).map(hc_organization::from)
    })
}

/// Creates an organization.
///
/// The call is retried only if the previous attempt certainly created none. After other errors, such as HC_TIMEOUT, look the organization up
/// by its external id: it may have been created.
///
/// - `client`: required.
/// - `fields`: required, with its display_name. Texts are copied.
/// - `organization`: receives the result; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST if the server refuses a field, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_create(
    client: *const hc_client,
    fields: *const hc_organization_fields,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, fields: required_options) => {
        // SAFETY: texts in fields are NULL or alive during this call.
        let (display_name, fields) = unsafe { read_new(&fields) }?;
        client.0.organizations().create(&display_name, &fields).map(hc_organization::from)
    })
}

/// Changes the given fields of an organization; the others stay unchanged.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `fields`: required. Texts are copied.
/// - `organization`: receives the changed object; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is none, HC_BAD_REQUEST if the server refuses a field, or any status that a request can
///   have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update(
    client: *const hc_client,
    organization_id: *const c_char,
    fields: *const hc_organization_fields,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, organization_id: text, fields: required_options) => {
        // SAFETY: texts in fields are NULL or alive during this call.
        let fields = unsafe { read_fields(&fields) }?;
        client.0.organizations().update(organization_id, &fields).map(hc_organization::from)
    })
}

/// Changes the given fields of the organization with this external id: looks it up, then updates it as hc_organization_update does.
/// The lookup and the update each have the deadline of a call.
///
/// - `client`: required.
/// - `external_id`: the application's id of the organization.
/// - `fields`: required. Texts are copied.
/// - `organization`: receives the changed object; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails like hc_organization_update does.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_by_external_id(
    client: *const hc_client,
    external_id: *const c_char,
    fields: *const hc_organization_fields,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, external_id: text, fields: required_options) => {
        // SAFETY: texts in fields are NULL or alive during this call.
        let fields = unsafe { read_fields(&fields) }?;
        client.0.organizations().update_by_external_id(external_id, &fields).map(hc_organization::from)
    })
}

/// Enables and disables features of an organization; features that are not named stay as they are.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `features`: array of `features_len` features; may be NULL if `features_len` is 0.
/// - `features_len`: number of features.
/// - `organization`: receives the changed object; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is none, HC_BAD_REQUEST if the server has no such feature, or any status that a request
///   can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_settings(
    client: *const hc_client,
    organization_id: *const c_char,
    features: *const hc_feature,
    features_len: usize,
    organization: *mut *mut hc_organization,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, organization, (client: object, organization_id: text) => {
        // SAFETY: by the header's conventions, `features` holds `features_len` features whose names are alive during this call.
        let settings = unsafe { read_settings(features, features_len) }?;
        client.0.organizations().update_settings(organization_id, &settings).map(hc_organization::from)
    })
}

/// Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories. It can be opened
/// once, within a minute: create it when the administrator asks for it, and do not log it.
///
/// Each call creates another link. It is retried after temporary failures nevertheless: a link whose response was lost is not used, and
/// expires after a minute.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `features`: array of `features_len` features that the administrator can set up with the link: "sso" or "dir_sync". May be NULL
///   if `features_len` is 0: the link then offers what the organization's settings enable.
/// - `features_len`: number of names.
/// - `link`: receives the result; free it with hc_portal_link_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is no such organization, HC_BAD_REQUEST if the server has no such feature, or any status
///   that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_generate_portal_link(
    client: *const hc_client,
    organization_id: *const c_char,
    features: *const *const c_char,
    features_len: usize,
    link: *mut *mut hc_portal_link,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, link, (client: object, organization_id: text) => {
        // SAFETY: by the header's conventions, `features` holds `features_len` texts that are alive during this call.
        let features = unsafe { read_names(features, features_len) }?;
        client.0.organizations().generate_portal_link(organization_id, &features).map(hc_portal_link::from)
    })
}

/// Deletes an organization and everything in it permanently.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND if there is none, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_delete(
    client: *const hc_client,
    organization_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text) => client.0.organizations().delete(organization_id))
}

/// Reads the features to enable or disable.
///
/// # Safety
///
/// `features` is NULL or holds `length` features, whose names are NULL, or NUL-terminated and alive during the call.
pub(crate) unsafe fn read_settings(features: *const hc_feature, length: usize) -> Result<OrganizationSettings> {
    // SAFETY: this function's contract.
    let features: &[hc_feature] = unsafe { array(features, length, "features") }?;
    let feature = |(index, feature): (usize, &hc_feature)| {
        // SAFETY: this function's contract.
        let name = unsafe { text(feature.name, format_args!("features[{index}].name")) }?.to_owned();
        Ok(Feature::new(name, feature.enabled))
    };
    Ok(OrganizationSettings::new(features.iter().enumerate().map(feature).collect::<Result<Vec<_>>>()?))
}

/// Reads the names of features.
///
/// # Safety
///
/// `features` is NULL or holds `length` texts, which are NULL, or NUL-terminated and alive for `'a`.
pub(crate) unsafe fn read_names<'a>(features: *const *const c_char, length: usize) -> Result<Vec<&'a str>> {
    // SAFETY: this function's contract.
    let features: &[*const c_char] = unsafe { array(features, length, "features") }?;
    // SAFETY: this function's contract.
    let name = |(index, name): (usize, &*const c_char)| unsafe { text(*name, format_args!("features[{index}]")) };
    features.iter().enumerate().map(name).collect()
}

/// Reads the fields of a new organization: its display name, which is required, and the others.
///
/// # Safety
///
/// As for [`read_fields`].
pub(crate) unsafe fn read_new(fields: &hc_organization_fields) -> Result<(String, OrganizationFields)> {
    // SAFETY: this function's contract.
    let mut fields = unsafe { read_fields(fields) }?;
    let display_name = fields.display_name.take().ok_or_else(|| is_null("fields.display_name"))?;
    Ok((display_name, fields))
}

/// Reads the fields of an organization; `None` for those that are NULL.
///
/// # Safety
///
/// Texts in `fields` are NULL, or NUL-terminated and alive during the call; `metadata` is NULL or holds twice `metadata_len` of them.
pub(crate) unsafe fn read_fields(fields: &hc_organization_fields) -> Result<OrganizationFields> {
    // SAFETY: this function's contract.
    let text = |text, name: &str| unsafe { optional_text(text, name) }.map(|text| text.map(str::to_owned));
    let metadata = if fields.metadata.is_null() && fields.metadata_len == 0 {
        None
    } else {
        // SAFETY: this function's contract; `array` refuses NULL, and lengths that no memory can hold.
        let texts = unsafe { array(fields.metadata, fields.metadata_len.saturating_mul(2), "fields.metadata") }?;
        let pair = |at: usize| {
            let required = |at: usize| {
                let name = format!("fields.metadata[{at}]");
                text(texts[at], &name)?.ok_or_else(|| is_null(&name))
            };
            Ok((required(2 * at)?, required(2 * at + 1)?))
        };
        Some((0..fields.metadata_len).map(pair).collect::<Result<_>>()?)
    };
    let mut read = OrganizationFields::default();
    read.display_name = text(fields.display_name, "fields.display_name")?;
    read.external_id = text(fields.external_id, "fields.external_id")?;
    read.logo_url = text(fields.logo_url, "fields.logo_url")?;
    read.slug = text(fields.slug, "fields.slug")?;
    read.metadata = metadata;
    Ok(read)
}
