//! What all commands share: the global options, the outputs, and the mirror, which is opened when a command needs it.

use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::Output;
use headcount::{Client, Mirror, MirrorBuilder};
use std::path::Path;
use std::sync::OnceLock;

/// The store, unless one is given.
const STORE: &str = "headcount.db";

pub(crate) struct Context {
    pub(crate) output: Output,
    /// The given store, or `None` for [`STORE`].
    store: Option<String>,
    schema: Option<String>,
    /// The mirror that the command has opened, to close it at the end.
    mirror: OnceLock<Mirror>,
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Context {
        let Globals { store, schema, json, quiet, verbose } = globals;
        Context { output: Output::new(json, quiet, verbose), store, schema, mirror: OnceLock::new() }
    }

    /// Opens the mirror without a client: for commands that do not call the API.
    ///
    /// # Errors
    ///
    /// If there is no mirror in the file, because a file that is created by mistake would look like an empty mirror; and those of [`Mirror::open`].
    pub(crate) async fn mirror(&self) -> Result<Mirror, Failure> {
        if self.is_missing() {
            return Err(Failure::usage(format!(
                "there is no mirror at {}: run `headcount sync`, or name another one with --store or HEADCOUNT_STORE",
                self.store()
            )));
        }
        self.open(Mirror::builder(), self.store()).await
    }

    /// Opens the mirror with a client, or creates it.
    ///
    /// # Errors
    ///
    /// Those of [`Client::from_env`] and [`Mirror::open`].
    pub(crate) async fn syncing_mirror(&self) -> Result<Mirror, Failure> {
        self.open(Mirror::builder().client(self.client()?), self.store()).await
    }

    /// Opens the mirror with a client, for a plan: if there is no mirror in the file, an empty one in memory, so that no file is created.
    ///
    /// # Errors
    ///
    /// As [`syncing_mirror`](Context::syncing_mirror).
    pub(crate) async fn planning_mirror(&self) -> Result<Mirror, Failure> {
        let store = if self.is_missing() { ":memory:" } else { self.store() };
        self.open(Mirror::builder().client(self.client()?), store).await
    }

    /// Opens the mirror with a client for `listen`, or creates it; or, unless it `keeps` the mirror, one in memory without a guard, because nothing but
    /// events is made of it.
    ///
    /// # Errors
    ///
    /// As [`syncing_mirror`](Context::syncing_mirror).
    pub(crate) async fn listening_mirror(&self, keeps: bool) -> Result<Mirror, Failure> {
        if keeps {
            return self.syncing_mirror().await;
        }
        let builder = Mirror::builder().client(self.client()?).guard_share(1.0);
        self.open_at(builder, ":memory:", None).await
    }

    /// Makes a client with the settings in the environment.
    ///
    /// # Errors
    ///
    /// Those of [`Client::from_env`].
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        Ok(Client::from_env()?)
    }

    /// Returns the place of the mirror as it may be shown: a URL without its password and parameters.
    pub(crate) fn place(&self) -> String {
        shown_place(self.store())
    }

    /// Returns whether the mirror is to be in a file that does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        !is_url(self.store()) && !Path::new(self.store()).exists()
    }

    /// Returns the store and the schema that are given, without their defaults.
    pub(crate) fn given_place(&self) -> (Option<String>, Option<String>) {
        (self.store.clone(), self.schema.clone())
    }

    /// Opens the mirror of the service, or creates it.
    ///
    /// # Errors
    ///
    /// Those of [`Mirror::open`].
    pub(crate) async fn open_for_service(
        &self,
        builder: MirrorBuilder,
        store: Option<String>,
        schema: Option<String>,
    ) -> Result<Mirror, Failure> {
        self.open_at(builder, store.as_deref().unwrap_or(STORE), schema.as_deref()).await
    }

    fn store(&self) -> &str {
        self.store.as_deref().unwrap_or(STORE)
    }

    async fn open(&self, builder: MirrorBuilder, store: &str) -> Result<Mirror, Failure> {
        self.open_at(builder, store, self.schema.as_deref()).await
    }

    async fn open_at(&self, builder: MirrorBuilder, store: &str, schema: Option<&str>) -> Result<Mirror, Failure> {
        let builder = match schema {
            Some(schema) => builder.schema(schema),
            None => builder,
        };
        Ok(self.keep(builder.open(store).await?))
    }

    fn keep(&self, mirror: Mirror) -> Mirror {
        // A command opens one mirror.
        let _ = self.mirror.set(mirror.clone());
        mirror
    }

    /// Closes the mirror, if one was opened.
    pub(crate) async fn close(&self) -> headcount::Result<()> {
        match self.mirror.get() {
            Some(mirror) => mirror.close().await,
            None => Ok(()),
        }
    }
}

fn is_url(store: &str) -> bool {
    store.starts_with("postgresql://") || store.starts_with("postgres://")
}

/// Returns a place of a mirror as it may be shown.
pub(crate) fn shown_place(store: &str) -> String {
    let Some((scheme, rest)) = store.split_once("://").filter(|_| is_url(store)) else { return store.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user =
        login.split(':').next().filter(|user| !user.is_empty()).map(|user| format!("{user}@")).unwrap_or_default();
    format!("{scheme}://{user}{host}/{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_place_has_no_password() {
        assert_eq!(shown_place("postgresql://app:s3cret@db/app?password=x"), "postgresql://app@db/app");
        assert_eq!(shown_place("postgresql://app:s3c@ret@db:5432/app"), "postgresql://app@db:5432/app");
        assert_eq!(shown_place("postgres:///app?host=/tmp"), "postgres:///app");
        assert_eq!(shown_place("mirrors/a:b@c.db"), "mirrors/a:b@c.db");
    }
}
