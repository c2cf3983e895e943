//! The sandbox as Node holds it: the server has a thread of its own, and a call takes its lock and nothing else. So calls are
//! synchronous; what they are given and give is JSON in camelCase, as everywhere at this border.

use crate::errors::thrown;
use crate::json;
use headcount::{Error, Result, catch_panic};
use headcount_sandbox::{
    FaultPlan, FieldNames, GroupChange, Sandbox, SandboxBuilder, SandboxOptions, from_json, parse_duration,
};
use serde::de::DeserializeOwned;
use std::sync::{PoisonError, RwLock, mpsc};
use std::time::Duration;

/// How long closing may hold up Node's loop. It takes well under a millisecond, unless a webhook is just then looking for its host.
const PATIENCE: Duration = Duration::from_secs(1);

/// A running sandbox, until it is closed.
#[napi_derive::napi]
pub struct NativeSandbox(RwLock<Option<Sandbox>>);

/// Reads what a call was given.
fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    from_json(json, FieldNames::CamelCase)
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
        let sandbox =
            catch_panic(|| Ok(SandboxBuilder::from(read::<SandboxOptions>(&options)?).start())).map_err(thrown)?;
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
        let user = self.call(|sandbox| Ok(sandbox.create_user(read(&fields)?)))?;
        json::text(&user).map_err(thrown)
    }

    /// Changes somebody.
    #[napi]
    pub fn update_user(&self, id: String, fields: String) -> napi::Result<String> {
        let user = self.call(|sandbox| Ok(sandbox.update_user(&id, read(&fields)?)))?;
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
        let group = self.call(|sandbox| Ok(sandbox.create_group(read(&fields)?)))?;
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
            let mut plan: FaultPlan = read(&options)?;
            plan.faults.extend(faults);
            Ok(sandbox.set_faults(&plan))
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
