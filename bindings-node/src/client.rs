//! The REST client: every call promises the JSON of what the vendor's own SDK would give.

use crate::calls::{Cancel, call_options, promise};
use crate::errors::thrown;
use crate::json;
use crate::observe::Tell;
use crate::options::{ClientOptions, Fields, GroupOptions, OrganizationOptions, UserOptions, read};
use headcount::{
    CallOptions, Client, ClientBuilder, Error, Group, List, Organization, Pages, Result, User, catch_panic,
};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, Function, PromiseRaw};
use napi::tokio::sync::Mutex;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};

/// One environment's REST API, until it is closed.
#[napi_derive::napi]
pub struct NativeClient(RwLock<Option<Client>>);

type Promise<'env> = napi::Result<PromiseRaw<'env, String>>;
type Cancelled<'a> = Option<ClassInstance<'a, Cancel>>;

impl NativeClient {
    fn build(settings: ClientBuilder, options: &str, observer: Option<Tell>) -> Result<NativeClient> {
        let options: ClientOptions = read(options)?;
        let mut settings = options.apply(settings)?;
        if let Some(observer) = observer {
            settings = settings.observer(observer);
        }
        Ok(NativeClient(RwLock::new(Some(settings.build()?))))
    }

    /// The client itself, with these options for its calls.
    pub(crate) fn client(&self, options: Result<CallOptions>) -> Result<Client> {
        let client = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let client =
            client.as_ref().ok_or_else(|| Error::invalid_argument("the client is closed: make another one"))?;
        Ok(client.with(options?))
    }

    /// Promises what `call` makes of the client.
    fn call<'env, F>(
        &self,
        env: &'env Env,
        cancel: Cancelled<'_>,
        call: impl FnOnce(Client) -> F + Send + 'static,
    ) -> Promise<'env>
    where
        F: Future<Output = Result<String>> + Send,
    {
        let options = cancel.as_ref().map_or_else(|| Ok(CallOptions::new()), |cancel| cancel.options());
        let client = self.client(options);
        promise(env, cancel, async move { call(client?).await })
    }
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
    /// A client with these settings.
    #[napi(constructor)]
    pub fn new(
        environment_url: String,
        client_id: String,
        client_secret: String,
        options: String,
        observer: Option<Function<'_, String, ()>>,
    ) -> napi::Result<NativeClient> {
        let observer = observer.map(|function| Tell::new(&function)).transpose()?;
        catch_panic(|| {
            NativeClient::build(Client::builder(environment_url, client_id, client_secret), &options, observer)
        })
        .map_err(thrown)
    }

    /// A client from the environment.
    #[napi(factory)]
    pub fn from_env(options: String, observer: Option<Function<'_, String, ()>>) -> napi::Result<NativeClient> {
        let observer = observer.map(|function| Tell::new(&function)).transpose()?;
        catch_panic(|| NativeClient::build(ClientBuilder::from_env()?, &options, observer)).map_err(thrown)
    }

    /// Frees what it holds. Calls that are under way finish; later ones fail.
    #[napi]
    pub fn close(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// One page of organizations.
    #[napi]
    pub fn list_organizations<'env>(&self, env: &'env Env, options: String, cancel: Cancelled<'_>) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("organizations", &organizations(&client, &options)?.send().await?)
        })
    }

    /// One organization.
    #[napi]
    pub fn get_organization<'env>(&self, env: &'env Env, id: String, cancel: Cancelled<'_>) -> Promise<'env> {
        self.call(
            env,
            cancel,
            |client| async move { json::under("organization", &client.organizations().get(&id).await?) },
        )
    }

    /// One organization, by the application's own id for it.
    #[napi]
    pub fn get_organization_by_external_id<'env>(
        &self,
        env: &'env Env,
        id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("organization", &client.organizations().get_by_external_id(&id).await?)
        })
    }

    /// A new organization.
    #[napi]
    pub fn create_organization<'env>(
        &self,
        env: &'env Env,
        display_name: String,
        fields: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let fields = read::<Fields>(&fields)?.into();
            json::under("organization", &client.organizations().create(&display_name, &fields).await?)
        })
    }

    /// An organization with some of its fields changed.
    #[napi]
    pub fn update_organization<'env>(
        &self,
        env: &'env Env,
        id: String,
        fields: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            let fields = read::<Fields>(&fields)?.into();
            json::under("organization", &client.organizations().update(&id, &fields).await?)
        })
    }

    /// Removes an organization.
    #[napi]
    pub fn delete_organization<'env>(&self, env: &'env Env, id: String, cancel: Cancelled<'_>) -> Promise<'env> {
        self.call(env, cancel, |client| async move { json::text(&client.organizations().delete(&id).await?) })
    }

    /// What the client has done.
    #[napi]
    pub fn stats(&self) -> napi::Result<Stats> {
        let stats = self.client(Ok(CallOptions::new())).map_err(thrown)?.stats();
        // JavaScript's numbers hold whole ones up to 2^53 exactly.
        Ok(Stats {
            requests: stats.requests as f64,
            retries: stats.retries as f64,
            throttled: stats.throttled as f64,
            token_renewals: stats.token_renewals as f64,
            pages: stats.pages as f64,
            bytes: stats.bytes as f64,
        })
    }

    /// The directories of an organization.
    #[napi]
    pub fn list_directories<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("directories", &client.directories().list(&organization_id).await?)
        })
    }

    /// One directory.
    #[napi]
    pub fn get_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::under("directory", &client.directories().get(&organization_id, &directory_id).await?)
        })
    }

    /// The first directory of an organization.
    #[napi]
    pub fn primary_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(
            env,
            cancel,
            |client| async move { json::text(&client.directories().primary(&organization_id).await?) },
        )
    }

    /// Switches a directory on.
    #[napi]
    pub fn enable_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::text(&client.directories().enable(&organization_id, &directory_id).await?)
        })
    }

    /// Switches a directory off.
    #[napi]
    pub fn disable_directory<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::text(&client.directories().disable(&organization_id, &directory_id).await?)
        })
    }

    /// One page of a directory's users.
    #[napi]
    pub fn list_users<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        options: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("users", &users(&client, &organization_id, &directory_id, &options)?.send().await?)
        })
    }

    /// One page of a directory's groups.
    #[napi]
    pub fn list_groups<'env>(
        &self,
        env: &'env Env,
        organization_id: String,
        directory_id: String,
        options: String,
        cancel: Cancelled<'_>,
    ) -> Promise<'env> {
        self.call(env, cancel, |client| async move {
            json::page("groups", &groups(&client, &organization_id, &directory_id, &options)?.send().await?)
        })
    }

    /// Every page of organizations.
    #[napi]
    pub fn organization_pages(&self, options: String, timeout_ms: Option<f64>) -> napi::Result<NativePages> {
        let list = self
            .client(call_options(timeout_ms))
            .and_then(|client| organizations(&client, &options))
            .map_err(thrown)?;
        Ok(NativePages::from(Listing::Organizations(list.pages())))
    }

    /// Every page of a directory's users.
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

    /// Every page of a directory's groups.
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

/// The core's counters.
#[napi_derive::napi(object)]
pub struct Stats {
    /// Requests sent.
    pub requests: f64,
    /// Requests that repeated one before them.
    pub retries: f64,
    /// Answers that asked to be left alone.
    pub throttled: f64,
    /// Access tokens fetched.
    pub token_renewals: f64,
    /// Pages of listings.
    pub pages: f64,
    /// Bytes of answers.
    pub bytes: f64,
}

enum Listing {
    Organizations(Pages<Organization>),
    Users(Pages<User>),
    Groups(Pages<Group>),
}

/// A listing, page after page.
#[napi_derive::napi]
pub struct NativePages(Arc<Mutex<Listing>>);

impl From<Listing> for NativePages {
    fn from(listing: Listing) -> NativePages {
        NativePages(Arc::new(Mutex::new(listing)))
    }
}

#[napi_derive::napi]
impl NativePages {
    /// The next page's items, or null behind the last one. After an error it asks for the same page again.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, cancel: Cancelled<'_>) -> napi::Result<PromiseRaw<'env, Option<String>>> {
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
