//! Organizations: the companies that the application is sold to.

use crate::boundary::{array, call, is_null, optional_text};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::{hc_organization, hc_organization_iter, hc_organization_page, hc_status};
use crate::iter::IterOf;
use crate::options::{growing, reserved, unless_zero};
use headcount_core::blocking::List;
use headcount_core::{Organization, OrganizationFields, Result};
use std::ffi::c_char;

/// Which organizations to list. Zero all of it, set struct_size and what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_organization_options {
    /// sizeof(hc_organization_options).
    pub struct_size: usize,
    /// The page to start with: another page's next or previous token. NULL or "": the first.
    pub page_token: *const c_char,
    /// Only the organization to which the application gave this id of its own. NULL: all.
    pub external_id: *const c_char,
    /// The most organizations a page may have, 10 to 100. 0: the server's default for a page, the largest for an iterator.
    pub page_size: u32,
    /// 0.
    pub reserved: u32,
}

growing!(hc_organization_options { page_token, external_id, page_size, reserved });

/// What an organization is made with or changed to. Zero all of it, set struct_size and what you need: what is NULL stays as it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hc_organization_fields {
    /// sizeof(hc_organization_fields).
    pub struct_size: usize,
    /// What people call it: 1 to 200 characters.
    pub display_name: *const c_char,
    /// The application's own id for it.
    pub external_id: *const c_char,
    /// Where its logo is: https.
    pub logo_url: *const c_char,
    /// Its short name in addresses: a DNS label or host name. "" removes it.
    pub slug: *const c_char,
    /// The application's own keys and values, in the place of those before: a key, its value, the next key, and so on.
    pub metadata: *const *const c_char,
    /// How many keys `metadata` has. 0 with `metadata` set: all are removed.
    pub metadata_len: usize,
}

growing!(hc_organization_fields { display_name, external_id, logo_url, slug, metadata, metadata_len });

/// The listing that `options` describe.
///
/// # Safety
///
/// Their texts are NULL, or NUL-terminated and alive during the call.
pub(crate) unsafe fn listing(client: &hc_client, options: &hc_organization_options) -> Result<List<Organization>> {
    reserved(options.reserved, "options.reserved")?;
    // SAFETY: the contract.
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
/// - `options`: which; may be NULL, which means the server's defaults.
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

/// Begins to list every organization of the environment. Nothing is asked of the server yet.
///
/// - `client`: required. The iterator does not need it to live on.
/// - `options`: which; may be NULL, which means all.
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
/// - `organization`: receives it; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is none, or any status that a request can have.
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

/// Fetches the organization to which the application gave this id of its own.
///
/// - `client`: required.
/// - `external_id`: the application's id.
/// - `organization`: receives it; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is none, or any status that a request can have.
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

/// Makes an organization.
///
/// It is tried again only where it is certain that the attempt before made none. After an error that leaves this open, look for it by
/// its external id.
///
/// - `client`: required.
/// - `fields`: required, with its display_name. Its texts are copied.
/// - `organization`: receives it; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_BAD_REQUEST where the server does not like a field, or any status that a request can have.
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

/// Changes the fields of an organization that are given and leaves the others.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `fields`: required. Its texts are copied.
/// - `organization`: receives it as it is then; free it with hc_organization_free.
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is none, HC_BAD_REQUEST where the server does not like a field, or any status that a
///   request can have.
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

/// Removes an organization with everything in it, for good.
///
/// - `client`: required.
/// - `organization_id`: "org_...".
/// - `error`: may be NULL.
/// - Fails with HC_NOT_FOUND where there is none, or any status that a request can have.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_delete(
    client: *const hc_client,
    organization_id: *const c_char,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text) => client.0.organizations().delete(organization_id))
}

/// The name, which a new one must have, and the other fields.
///
/// # Safety
///
/// As for [`read_fields`].
pub(crate) unsafe fn read_new(fields: &hc_organization_fields) -> Result<(String, OrganizationFields)> {
    // SAFETY: the contract.
    let mut fields = unsafe { read_fields(fields) }?;
    let display_name = fields.display_name.take().ok_or_else(|| is_null("fields.display_name"))?;
    Ok((display_name, fields))
}

/// # Safety
///
/// Texts in `fields` are NULL, or NUL-terminated and alive during the call; `metadata` is NULL or holds twice `metadata_len` of them.
pub(crate) unsafe fn read_fields(fields: &hc_organization_fields) -> Result<OrganizationFields> {
    // SAFETY: the contract.
    let text = |text, name: &str| unsafe { optional_text(text, name) }.map(|text| text.map(str::to_owned));
    let metadata = if fields.metadata.is_null() && fields.metadata_len == 0 {
        None
    } else {
        // SAFETY: the contract; `array` refuses NULL and what no memory can hold.
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
    Ok(OrganizationFields {
        display_name: text(fields.display_name, "fields.display_name")?,
        external_id: text(fields.external_id, "fields.external_id")?,
        logo_url: text(fields.logo_url, "fields.logo_url")?,
        slug: text(fields.slug, "fields.slug")?,
        metadata,
    })
}
