//! The sandbox as Node holds it: the server has a thread of its own, and a call takes its lock and nothing else. So calls are
//! synchronous; what they are given and give is JSON in camelCase, as everywhere at this border.

use crate::errors::thrown;
use crate::json;
use crate::options::{read, seconds};
use headcount::{Error, Result, catch_panic};
use headcount_sandbox::{Fault, NewGroup, NewUser, Sandbox, SandboxBuilder, UserChange, parse_duration};
use serde::Deserialize;
use std::sync::{PoisonError, RwLock, mpsc};
use std::time::Duration;

/// How long closing may hold up Node's loop. It takes well under a millisecond, unless a webhook is just then looking for its host.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running sandbox, until it is closed.
#[napi_derive::napi]
pub struct NativeSandbox(RwLock<Option<Sandbox>>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    organizations: Option<usize>,
    directories: Option<usize>,
    users: Option<usize>,
    groups: Option<usize>,
    seed: Option<u64>,
    port: Option<u16>,
    token_ttl_seconds: Option<f64>,
    speed: Option<f64>,
}

impl Options {
    fn settings(self) -> Result<SandboxBuilder> {
        let mut settings = Sandbox::builder();
        macro_rules! apply {
            ($($field:ident),*) => {
                $(if let Some(value) = self.$field {
                    settings = settings.$field(value);
                })*
            };
        }
        apply!(organizations, directories, users, groups, seed, port, speed);
        if let Some(ttl) = self.token_ttl_seconds {
            settings = settings.token_ttl(seconds("tokenTtlSeconds", ttl)?);
        }
        Ok(settings)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserFields {
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    preferred_username: Option<String>,
    groups: Option<Vec<String>>,
    organization_id: Option<String>,
    directory_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UserChanges {
    email: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    preferred_username: Option<String>,
    active: Option<bool>,
    groups: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupFields {
    display_name: Option<String>,
    organization_id: Option<String>,
    directory_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GroupChange {
    display_name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    every: Option<u32>,
}

impl NativeSandbox {
    /// What `call` makes of the sandbox.
    fn call<T>(
        &self,
        call: impl FnOnce(&Sandbox) -> Result<std::result::Result<T, headcount_sandbox::Error>>,
    ) -> napi::Result<T> {
        let sandbox = self.0.read().unwrap_or_else(PoisonError::into_inner);
        catch_panic(|| match sandbox.as_ref() {
            Some(sandbox) => call(sandbox),
            None => Err(Error::invalid_argument("the sandbox is closed: make another one")),
        })
        .map_err(thrown)?
        .map_err(|error| thrown(error.into_headcount()))
    }

    /// The same for what cannot be refused.
    fn ask<T>(&self, call: impl FnOnce(&Sandbox) -> Result<T>) -> napi::Result<T> {
        self.call(|sandbox| call(sandbox).map(Ok))
    }
}

#[napi_derive::napi]
impl NativeSandbox {
    /// Makes the data and starts to serve it.
    #[napi(constructor)]
    pub fn new(options: String) -> napi::Result<NativeSandbox> {
        let sandbox = catch_panic(|| Ok(read::<Options>(&options)?.settings()?.start())).map_err(thrown)?;
        Ok(NativeSandbox(RwLock::new(Some(sandbox.map_err(|error| thrown(error.into_headcount()))?))))
    }

    /// Stops it; later calls fail.
    #[napi]
    pub fn close(&self) {
        let Some(sandbox) = self.0.write().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let (ended, end) = mpsc::channel();
        let stop = move || {
            drop(sandbox);
            // Nobody may be waiting any more.
            let _ = ended.send(());
        };
        // Where no thread is to be had, what was to run is dropped, and the sandbox with it.
        if std::thread::Builder::new().name("headcount-sandbox-end".to_owned()).spawn(stop).is_ok() {
            let _ = end.recv_timeout(PATIENCE);
        }
    }

    /// Where it is, and what to sign in with.
    #[napi]
    pub fn settings(&self) -> napi::Result<String> {
        self.ask(|sandbox| json::text(&sandbox.settings()))
    }

    /// From now on, what happens is told to this address as well.
    #[napi]
    pub fn register_endpoint(&self, url: String) -> napi::Result<()> {
        self.ask(|sandbox| {
            sandbox.register_endpoint(&url);
            Ok(())
        })
    }

    /// Hires somebody.
    #[napi]
    pub fn create_user(&self, fields: String) -> napi::Result<String> {
        let user = self.call(|sandbox| {
            let fields: UserFields = read(&fields)?;
            Ok(sandbox.create_user(NewUser {
                email: fields.email.unwrap_or_default(),
                given_name: fields.given_name.unwrap_or_default(),
                family_name: fields.family_name.unwrap_or_default(),
                preferred_username: fields.preferred_username,
                groups: fields.groups.unwrap_or_default(),
                organization_id: fields.organization_id,
                directory_id: fields.directory_id,
            }))
        })?;
        json::text(&user).map_err(thrown)
    }

    /// Changes somebody.
    #[napi]
    pub fn update_user(&self, id: String, fields: String) -> napi::Result<String> {
        let user = self.call(|sandbox| {
            let UserChanges { email, given_name, family_name, preferred_username, active, groups } = read(&fields)?;
            let change = UserChange { email, given_name, family_name, preferred_username, active, groups };
            Ok(sandbox.update_user(&id, change))
        })?;
        json::text(&user).map_err(thrown)
    }

    /// Lets somebody go.
    #[napi]
    pub fn delete_user(&self, id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.delete_user(&id)))
    }

    /// Makes a group.
    #[napi]
    pub fn create_group(&self, fields: String) -> napi::Result<String> {
        let group = self.call(|sandbox| {
            let GroupFields { display_name, organization_id, directory_id } = read(&fields)?;
            let display_name = display_name.unwrap_or_default();
            Ok(sandbox.create_group(NewGroup { display_name, organization_id, directory_id }))
        })?;
        json::text(&group).map_err(thrown)
    }

    /// Renames a group.
    #[napi]
    pub fn update_group(&self, id: String, fields: String) -> napi::Result<String> {
        let group = self.call(|sandbox| {
            let GroupChange { display_name } = read(&fields)?;
            Ok(sandbox.update_group(&id, &display_name))
        })?;
        json::text(&group).map_err(thrown)
    }

    /// Ends a group.
    #[napi]
    pub fn delete_group(&self, id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.delete_group(&id)))
    }

    /// Puts somebody into a group.
    #[napi]
    pub fn add_member(&self, group_id: String, user_id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.add_member(&group_id, &user_id)))
    }

    /// Takes somebody out of a group.
    #[napi]
    pub fn remove_member(&self, group_id: String, user_id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.remove_member(&group_id, &user_id)))
    }

    /// Breaks answers to REST calls from now on; no faults end that.
    #[napi]
    pub fn fault(&self, faults: Vec<String>, options: String) -> napi::Result<()> {
        self.call(|sandbox| {
            let every = read::<Plan>(&options)?.every.unwrap_or(1);
            let faults: std::result::Result<Vec<Fault>, _> = faults.iter().map(|text| text.parse()).collect();
            Ok(faults.map(|faults| sandbox.fault(faults, every)))
        })
    }

    /// What was sent, what came back, what will be retried and when.
    #[napi]
    pub fn deliveries(&self) -> napi::Result<String> {
        self.ask(|sandbox| json::text(&sandbox.deliveries()))
    }

    /// Moves its clock ahead.
    #[napi]
    pub fn advance(&self, by: String) -> napi::Result<()> {
        self.ask(|sandbox| {
            let by = parse_duration(&by).ok_or_else(|| {
                Error::invalid_argument("the time to advance by cannot be read: expected one such as 90s, 5m, 6h or 1d")
            })?;
            sandbox.advance(by);
            Ok(())
        })
    }

    /// How many calls came, by method and route.
    #[napi]
    pub fn requests(&self) -> napi::Result<String> {
        // Routes are no names of fields: they stay as they are.
        self.ask(|sandbox| {
            serde_json::to_string(&sandbox.requests()).map_err(|error| Error::internal(error.to_string()))
        })
    }
}

impl Drop for NativeSandbox {
    fn drop(&mut self) {
        self.close();
    }
}
