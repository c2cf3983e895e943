//! The asynchronous calls: each is the call without `_async` in its name, with a callback that receives the result.

use crate::boundary::call;
use crate::callback::{
    begin, hc_directory_callback, hc_directory_list_callback, hc_directory_toggle_callback, hc_done_callback,
    hc_group_page_callback, hc_organization_callback, hc_organization_page_callback, hc_portal_link_callback,
    hc_user_page_callback, start,
};
use crate::client::hc_client;
use crate::error::hc_error;
use crate::generated::{
    hc_directory, hc_directory_list, hc_directory_toggle, hc_group_page, hc_organization, hc_organization_page,
    hc_portal_link, hc_status, hc_user_page,
};
use crate::group::hc_group_options;
use crate::organization::{hc_feature, hc_organization_fields, hc_organization_options};
use crate::user::hc_user_options;
use crate::{group, organization, user};
use std::ffi::{c_char, c_void};

/// Starts listing one page of organizations, as hc_organizations does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organizations_async(
    client: *const hc_client,
    options: *const hc_organization_options,
    callback: hc_organization_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { organization::listing(client, &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_organization_page::from) })
    })
}

/// Starts fetching an organization, as hc_organization_get does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.organizations().get(&organization_id).await.map(hc_organization::from)
    })
}

/// Starts fetching an organization, as hc_organization_get_by_external_id does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `external_id`: the application's id of the organization.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_get_by_external_id_async(
    client: *const hc_client,
    external_id: *const c_char,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (external_id: text) => async move {
        client.organizations().get_by_external_id(&external_id).await.map(hc_organization::from)
    })
}

/// Starts creating an organization, as hc_organization_create does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `fields`: required, with its display_name. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_create_async(
    client: *const hc_client,
    fields: *const hc_organization_fields,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, fields: required_options) => {
        let client = client.0.current()?;
        // SAFETY: texts in fields are NULL or alive during this call.
        let (display_name, fields) = unsafe { organization::read_new(&fields) }?;
        begin(callback, user_data, async move {
            client.organizations().create(&display_name, &fields).await.map(hc_organization::from)
        })
    })
}

/// Starts changing an organization, as hc_organization_update does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `fields`: required. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_async(
    client: *const hc_client,
    organization_id: *const c_char,
    fields: *const hc_organization_fields,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, fields: required_options) => {
        let (client, organization_id) = (client.0.current()?, organization_id.to_owned());
        // SAFETY: texts in fields are NULL or alive during this call.
        let fields = unsafe { organization::read_fields(&fields) }?;
        begin(callback, user_data, async move {
            client.organizations().update(&organization_id, &fields).await.map(hc_organization::from)
        })
    })
}

/// Starts changing an organization, as hc_organization_update_by_external_id does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `external_id`: the application's id of the organization.
/// - `fields`: required. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_by_external_id_async(
    client: *const hc_client,
    external_id: *const c_char,
    fields: *const hc_organization_fields,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, external_id: text, fields: required_options) => {
        let (client, external_id) = (client.0.current()?, external_id.to_owned());
        // SAFETY: texts in fields are NULL or alive during this call.
        let fields = unsafe { organization::read_fields(&fields) }?;
        begin(callback, user_data, async move {
            client.organizations().update_by_external_id(&external_id, &fields).await.map(hc_organization::from)
        })
    })
}

/// Starts enabling and disabling features, as hc_organization_update_settings does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `features`: array of `features_len` features, which are copied; may be NULL if `features_len` is 0.
/// - `features_len`: number of features.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_update_settings_async(
    client: *const hc_client,
    organization_id: *const c_char,
    features: *const hc_feature,
    features_len: usize,
    callback: hc_organization_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text) => {
        let (client, organization_id) = (client.0.current()?, organization_id.to_owned());
        // SAFETY: by the header's conventions, `features` holds `features_len` features whose names are alive during this call.
        let settings = unsafe { organization::read_settings(features, features_len) }?;
        begin(callback, user_data, async move {
            client.organizations().update_settings(&organization_id, &settings).await.map(hc_organization::from)
        })
    })
}

/// Starts creating a link to the admin portal, as hc_organization_generate_portal_link does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `features`: array of `features_len` names, which are copied; may be NULL if `features_len` is 0.
/// - `features_len`: number of names.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_generate_portal_link_async(
    client: *const hc_client,
    organization_id: *const c_char,
    features: *const *const c_char,
    features_len: usize,
    callback: hc_portal_link_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text) => {
        let (client, organization_id) = (client.0.current()?, organization_id.to_owned());
        // SAFETY: by the header's conventions, `features` holds `features_len` texts that are alive during this call.
        let features = unsafe { organization::read_names(features, features_len) }?;
        let features: Vec<String> = features.into_iter().map(str::to_owned).collect();
        begin(callback, user_data, async move {
            let features: Vec<&str> = features.iter().map(String::as_str).collect();
            client.organizations().generate_portal_link(&organization_id, &features).await.map(hc_portal_link::from)
        })
    })
}

/// Starts deleting an organization, as hc_organization_delete does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_organization_delete_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_done_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.organizations().delete(&organization_id).await
    })
}

/// Starts fetching the directories of an organization, as hc_directories does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directories_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_directory_list_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.directories().list(&organization_id).await.map(hc_directory_list::from)
    })
}

/// Starts fetching a directory, as hc_directory_get does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_get_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().get(&organization_id, &directory_id).await.map(hc_directory::from)
    })
}

/// Starts fetching the first directory of an organization, as hc_directory_primary does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_primary_async(
    client: *const hc_client,
    organization_id: *const c_char,
    callback: hc_directory_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text) => async move {
        client.directories().primary(&organization_id).await.map(hc_directory::from)
    })
}

/// Starts enabling a directory, as hc_directory_enable does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_enable_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_toggle_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().enable(&organization_id, &directory_id).await.map(hc_directory_toggle::from)
    })
}

/// Starts disabling a directory, as hc_directory_disable does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_disable_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    callback: hc_directory_toggle_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    start!(error, callback, user_data, client, (organization_id: text, directory_id: text) => async move {
        client.directories().disable(&organization_id, &directory_id).await.map(hc_directory_toggle::from)
    })
}

/// Starts listing one page of a directory's users, as hc_directory_users does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_users_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_user_options,
    callback: hc_user_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { user::listing(client.0.directories().users(organization_id, directory_id), &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_user_page::from) })
    })
}

/// Starts listing one page of a directory's groups, as hc_directory_groups does, and returns immediately.
///
/// - `client`: required. It may be freed before the callback is called.
/// - `organization_id`: "org_...".
/// - `directory_id`: "dir_...".
/// - `options`: filters; may be NULL, which means the server's defaults. Texts are copied.
/// - `callback`: required; called once if this returns HC_OK, and not otherwise.
/// - `user_data`: passed to the callback; may be NULL.
/// - `error`: may be NULL. Errors that occur after this function returns are passed to the callback.
/// - Fails with HC_INVALID_ARGUMENT.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_directory_groups_async(
    client: *const hc_client,
    organization_id: *const c_char,
    directory_id: *const c_char,
    options: *const hc_group_options,
    callback: hc_group_page_callback,
    user_data: *mut c_void,
    error: *mut *mut hc_error,
) -> hc_status {
    call!(error, (client: object, organization_id: text, directory_id: text, options: options) => {
        // SAFETY: texts in options are NULL or alive during this call.
        let list = unsafe { group::listing(client.0.directories().groups(organization_id, directory_id), &options) }?.current()?;
        begin(callback, user_data, async move { list.send().await.map(hc_group_page::from) })
    })
}
