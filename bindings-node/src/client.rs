//! The REST client. Calls return a promise of JSON in the shape that the vendor's SDK returns.

use crate::calls::{Cancel, call_options, promise};
use crate::errors::thrown;
use crate::json::{self, Json};
use crate::observe::JsonCallback;
use crate::options::{
    ClientOptions, GroupOptions, OrganizationFields, OrganizationOptions, OrganizationSettings, PortalLinkOptions,
    UserOptions, Variables, read,
};
use headcount::client::{CallOptions, List, Pages};
use headcount::internal::catch_panic;
use headcount::model::{Group, Organization, User};
use headcount::{Client, ClientBuilder, Error, Result};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Function, PromiseRaw};
use napi::tokio::sync::Mutex;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

/// A client of one environment; `None` after `close`.
#[napi_derive::napi]
pub struct NativeClient(RwLock<Option<Client>>);

type Promise<'env> = napi::Result<PromiseRaw<'env, Json>>;
type OptionalCancel<'a> = Option<ClassInstance<'a, Cancel>>;

impl NativeClient {
    fn build(
        settings: ClientBuilder,
        variables: &Variables,
        options: &str,
        observer: Option<JsonCallback<true>>,
    ) -> Result<NativeClient> {
        let options: ClientOptions = read(options)?;
        // Node's own `fetch` trusts the authorities in this file as well.
        let settings = settings.extra_ca_variable(EXTRA_CA_CERTS, variables.get(EXTRA_CA_CERTS));
        let mut settings = options.apply(settings)?;
        if let Some(observer) = observer {
            settings = settings.observer(observer);
        }
        Ok(NativeClient(RwLock::new(Some(settings.build()?))))
    }

    /// Returns the client with options for its calls. Fails if it was closed.
    pub(crate) fn client(&self, options: Result<CallOptions>) -> Result<Client> {
        let client = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let client = client.as_ref().ok_or_else(|| Error::invalid_argument("the client is closed: make a new one"))?;
        Ok(client.with(options?))
    }

    /// Returns a promise of the result of `call`, which gets the client.
    fn call<'env, F>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
        call: impl FnOnce(Client) -> F + Send + 'static,
    ) -> Promise<'env>
    where
        F: Future<Output = Result<Json>> + Send,
    {
        let options = cancel.as_ref().map_or_else(|| Ok(CallOptions::new()), |cancel| cancel.options());
        let client = self.client(options);
        promise(env, cancel, async move { call(client?).await })
    }
}

/// Name of the environment variable with a file of certificate authorities that Node trusts in addition to its own.
const EXTRA_CA_CERTS: &str = "NODE_EXTRA_CA_CERTS";

/// Returns the names of the environment variables that the package reads.
#[napi_derive::napi]
pub fn environment_variables() -> Vec<&'static str> {
    vec![
        headcount::env::ENVIRONMENT_URL,
        headcount::env::CLIENT_ID,
        headcount::env::CLIENT_SECRET,
        headcount::env::WEBHOOK_SECRET,
        EXTRA_CA_CERTS,
    ]
}

fn organizations(client: &Client, options: &str) -> Result<List<Organization>> {
    let options: OrganizationOptions = read(options)?;
    Ok(client
        .organizations()
        .list()
        .page_size(options.page_size)
        .page_token(options.page_token.as_deref())
        .read_ahead(options.read_ahead)
        .external_id(options.external_id.as_deref()))
}

fn users(client: &Client, organization_id: &str, directory_id: &str, options: &str) -> Result<List<User>> {
    let options: UserOptions = read(options)?;
    Ok(client
        .directories()
        .users(organization_id, directory_id)
        .page_size(options.page_size)
        .page_token(options.page_token.as_deref())
        .read_ahead(options.read_ahead)
        .include_detail(options.include_detail)
        .directory_group_id(options.directory_group_id.as_deref())
        .updated_after(options.updated_after))
}

fn groups(client: &Client, organization_id: &str, directory_id: &str, options: &str) -> Result<List<Group>> {
    let options: GroupOptions = read(options)?;
    Ok(client
        .directories()
        .groups(organization_id, directory_id)
        .page_size(options.page_size)
        .page_token(options.page_token.as_deref())
        .read_ahead(options.read_ahead)
        .include_detail(options.include_detail)
        .include_external_groups(options.include_external_groups)
        .updated_after(options.updated_after))
}

#[napi_derive::napi]
impl NativeClient {
    /// Makes a client. `variables` has environment variables as JSON, of which only `NODE_EXTRA_CA_CERTS` is read.
    #[napi(constructor)]
    pub fn new(
        environment_url: String,
        client_id: String,
        client_secret: String,
        variables: String,
        options: String,
        observer: Option<Function<'_, String, ()>>,
    ) -> napi::Result<NativeClient> {
        let observer = observer.map(|function| JsonCallback::new(&function)).transpose()?;
        catch_panic(|| {
            let settings = Client::builder(environment_url, client_id, client_secret);
            NativeClient::build(settings, &Variables::read(&variables)?, &options, observer)
        })
        .map_err(thrown)
    }

    /// Makes a client from environment variables, which are passed as JSON.
    #[napi(factory)]
    pub fn from_env(
        variables: String,
        options: String,
        observer: Option<Function<'_, String, ()>>,
    ) -> napi::Result<NativeClient> {
        let observer = observer.map(|function| JsonCallback::new(&function)).transpose()?;
        catch_panic(|| {
            let variables = Variables::read(&variables)?;
            let settings = ClientBuilder::from_variables(|name| variables.get(name))?;
            NativeClient::build(settings, &variables, &options, observer)
        })
        .map_err(thrown)
    }

    /// Closes the client. Running calls and iterators continue; later calls fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Resolves to one page of organizations.
    #[napi]
    pub fn list_organizations<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("organizations", &organizations(&client, &options)?.send().await?)
        })
    }

    /// Resolves to one organization.
    #[napi]
    pub fn get_organization<'env>(&self, env: &'env Env, id: String, cancel: OptionalCancel<'_>) -> Promise<'env> {
        self.call(
            env,
            cancel,
            |client| async move { json::under("organization", &client.organizations().get(&id).await?) },
        )
    }

    /// Resolves to the organization with this external id.
    #[napi]
    pub fn get_organization_by_external_id<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("organization", &client.organizations().get_by_external_id(&id).await?)
        })
    }

    /// Creates an organization. Resolves to it.
    #[napi]
    pub fn create_organization<'env>(
        &self,
        env: &'env Env,
        display_name: String,
        fields: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let fields = read::<OrganizationFields>(&fields)?.into();
            json::under("organization", &client.organizations().create(&display_name, &fields).await?)
        })
    }

    /// Updates fields of an organization. Resolves to it.
    #[napi]
    pub fn update_organization<'env>(
        &self,
        env: &'env Env,
        id: String,
        fields: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let fields = read::<OrganizationFields>(&fields)?.into();
            json::under("organization", &client.organizations().update(&id, &fields).await?)
        })
    }

    /// Updates fields of the organization with this external id. Resolves to it.
    #[napi]
    pub fn update_organization_by_external_id<'env>(
        &self,
        env: &'env Env,
        id: String,
        fields: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let fields = read::<OrganizationFields>(&fields)?.into();
            json::under("organization", &client.organizations().update_by_external_id(&id, &fields).await?)
        })
    }

    /// Enables and disables features of an organization. Resolves to it.
    #[napi]
    pub fn update_organization_settings<'env>(
        &self,
        env: &'env Env,
        id: String,
        settings: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let settings = read::<OrganizationSettings>(&settings)?.into();
            json::under("organization", &client.organizations().update_settings(&id, &settings).await?)
        })
    }

    /// Creates a link to the admin portal. Resolves to it.
    #[napi]
    pub fn generate_portal_link<'env>(
        &self,
        env: &'env Env,
        id: String,
        options: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let features = read::<PortalLinkOptions>(&options)?.features.unwrap_or_default();
            let features: Vec<&str> = features.iter().map(String::as_str).collect();
            json::text(&client.organizations().generate_portal_link(&id, &features).await?)
        })
    }

    /// Deletes an organization.
    #[napi]
    pub fn delete_organization<'env>(&self, env: &'env Env, id: String, cancel: OptionalCancel<'_>) -> Promise<'env> {
        self.call(env, cancel, |client| async move { json::text(&client.organizations().delete(&id).await?) })
    }

    /// Returns the client's counters.
    #[napi]
    pub fn stats(&self) -> napi::Result<Json> {
        self.client(Ok(CallOptions::new())).and_then(|client| json::text(&client.stats())).map_err(thrown)
    }

    /// Resolves to the directories of an organization.
    #[napi]
    pub fn list_directories<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("directories", &client.directories().list(&organization_id).await?)
        })
    }

    /// Resolves to one directory.
    #[napi]
    pub fn get_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("directory", &client.directories().get(&organization_id, &directory_id).await?)
        })
    }

    /// Resolves to the first directory of an organization.
    #[napi]
    pub fn primary_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(
            env,
            cancel,
            |client| async move { json::text(&client.directories().primary(&organization_id).await?) },
        )
    }

    /// Enables a directory.
    #[napi]
    pub fn enable_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::text(&client.directories().enable(&organization_id, &directory_id).await?)
        })
    }

    /// Disables a directory.
    #[napi]
    pub fn disable_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::text(&client.directories().disable(&organization_id, &directory_id).await?)
        })
    }

    /// Resolves to one page of a directory's users.
    #[napi]
    pub fn list_users<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        options: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("users", &users(&client, &organization_id, &directory_id, &options)?.send().await?)
        })
    }

    /// Resolves to one page of a directory's groups.
    #[napi]
    pub fn list_groups<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        options: String,
        cancel: OptionalCancel<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("groups", &groups(&client, &organization_id, &directory_id, &options)?.send().await?)
        })
    }

    /// Returns an iterator over the pages of organizations.
    #[napi]
    pub fn organization_pages(&self, options: String, timeout_ms: Option<f64>) -> napi::Result<NativePages> {
        let list = self
            .client(call_options(timeout_ms))
            .and_then(|client| organizations(&client, &options))
            .map_err(thrown)?;
        Ok(NativePages::from(Listing::Organizations(list.pages())))
    }

    /// Returns an iterator over the pages of a directory's users.
    #[napi]
    pub fn user_pages(
        &self,
        organization_id: String,
        directory_id: String,
        options: String,
        timeout_ms: Option<f64>,
    ) -> napi::Result<NativePages> {
        let list = self
            .client(call_options(timeout_ms))
            .and_then(|client| users(&client, &organization_id, &directory_id, &options))
            .map_err(thrown)?;
        Ok(NativePages::from(Listing::Users(list.pages())))
    }

    /// Returns an iterator over the pages of a directory's groups.
    #[napi]
    pub fn group_pages(
        &self,
        organization_id: String,
        directory_id: String,
        options: String,
        timeout_ms: Option<f64>,
    ) -> napi::Result<NativePages> {
        let list = self
            .client(call_options(timeout_ms))
            .and_then(|client| groups(&client, &organization_id, &directory_id, &options))
            .map_err(thrown)?;
        Ok(NativePages::from(Listing::Groups(list.pages())))
    }
}

enum Listing {
    Organizations(Pages<Organization>),
    Users(Pages<User>),
    Groups(Pages<Group>),
}

/// An iterator over the pages of a listing.
#[napi_derive::napi]
pub struct NativePages(Arc<Mutex<Listing>>);

impl From<Listing> for NativePages {
    fn from(listing: Listing) -> NativePages {
        NativePages(Arc::new(Mutex::new(listing)))
    }
}

#[napi_derive::napi]
impl NativePages {
    /// Resolves to the next page's items, or null after the last page. After an error the next call requests the same page again, unless the server had
    /// repeated a page token.
    #[napi]
    pub fn next<'env>(
        &self,
        env: &'env Env,
        cancel: OptionalCancel<'_>,
    ) -> napi::Result<PromiseRaw<'env, Option<Json>>> {
        let listing = self.0.clone();
        promise(env, cancel, async move {
            match &mut *listing.lock().await {
                Listing::Organizations(pages) => pages.next().await?.map(|page| json::text(&page.items)),
                Listing::Users(pages) => pages.next().await?.map(|page| json::text(&page.items)),
                Listing::Groups(pages) => pages.next().await?.map(|page| json::text(&page.items)),
            }
            .transpose()
        })
    }
}
