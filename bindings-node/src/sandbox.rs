//! The sandbox. Its server runs on a thread of its own. Calls wait only for the lock of its data, so they are synchronous. Arguments and results are
//! JSON with camelCase names.

use crate::errors::thrown;
use crate::json;
use headcount::internal::catch_panic;
use headcount::{Error, Result};
use headcount_sandbox::{
    FaultPlan, FieldNames, GroupChange, Sandbox, SandboxBuilder, SandboxOptions, from_json, parse_duration,
};
use serde::de::DeserializeOwned;
use std::sync::{PoisonError, RwLock, mpsc};
use std::time::Duration;

/// The longest time for which `close` blocks Node's event loop. The server stops within a millisecond, unless the host name of an endpoint is being
/// resolved.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A running sandbox; `None` after `close`.
#[napi_derive::napi]
pub struct NativeSandbox(RwLock<Option<Sandbox>>);

/// Reads the arguments of a call.
fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    from_json(json, FieldNames::CamelCase)
}

impl NativeSandbox {
    /// Runs a call that the sandbox may refuse.
    fn call<T>(
        &self,
        call: impl FnOnce(&Sandbox) -> Result<std::result::Result<T, headcount_sandbox::Error>>,
    ) -> napi::Result<T> {
        let sandbox = self.0.read().unwrap_or_else(PoisonError::into_inner);
        catch_panic(|| match sandbox.as_ref() {
            Some(sandbox) => call(sandbox),
            None => Err(Error::invalid_argument("the sandbox is closed: make a new one")),
        })
        .map_err(thrown)?
        .map_err(|error| thrown(error.into_headcount()))
    }

    /// Runs a call that the sandbox cannot refuse.
    fn call_infallible<T>(&self, call: impl FnOnce(&Sandbox) -> Result<T>) -> napi::Result<T> {
        self.call(|sandbox| call(sandbox).map(Ok))
    }
}

#[napi_derive::napi]
impl NativeSandbox {
    /// Generates the data and starts the server.
    #[napi(constructor)]
    pub fn new(options: String) -> napi::Result<NativeSandbox> {
        let sandbox =
            catch_panic(|| Ok(SandboxBuilder::from(read::<SandboxOptions>(&options)?).start())).map_err(thrown)?;
        Ok(NativeSandbox(RwLock::new(Some(sandbox.map_err(|error| thrown(error.into_headcount()))?))))
    }

    /// Stops the server; later calls fail.
    #[napi]
    pub fn close(&self) {
        let Some(sandbox) = self.0.write().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let (stopped, wait_for_stop) = mpsc::channel();
        let stop = move || {
            drop(sandbox);
            // Fails if `close` has stopped waiting.
            let _ = stopped.send(());
        };
        // If no thread can be started, the closure is dropped at once, and the sandbox with it.
        if std::thread::Builder::new().name("headcount-sandbox-end".to_owned()).spawn(stop).is_ok() {
            let _ = wait_for_stop.recv_timeout(CLOSE_TIMEOUT);
        }
    }

    /// Returns URLs, credentials and the ids of the first organization and directory.
    #[napi]
    pub fn settings(&self) -> napi::Result<String> {
        self.call_infallible(|sandbox| json::string(&sandbox.settings()))
    }

    /// Adds an endpoint that gets all later events.
    #[napi]
    pub fn register_endpoint(&self, url: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.register_endpoint(&url)))
    }

    /// Creates a user and returns it.
    #[napi]
    pub fn create_user(&self, fields: String) -> napi::Result<String> {
        let user = self.call(|sandbox| Ok(sandbox.create_user(read(&fields)?)))?;
        json::string(&user).map_err(thrown)
    }

    /// Changes a user and returns it.
    #[napi]
    pub fn update_user(&self, id: String, fields: String) -> napi::Result<String> {
        let user = self.call(|sandbox| Ok(sandbox.update_user(&id, read(&fields)?)))?;
        json::string(&user).map_err(thrown)
    }

    /// Deletes a user.
    #[napi]
    pub fn delete_user(&self, id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.delete_user(&id)))
    }

    /// Creates a group and returns it.
    #[napi]
    pub fn create_group(&self, fields: String) -> napi::Result<String> {
        let group = self.call(|sandbox| Ok(sandbox.create_group(read(&fields)?)))?;
        json::string(&group).map_err(thrown)
    }

    /// Renames a group and returns it.
    #[napi]
    pub fn update_group(&self, id: String, fields: String) -> napi::Result<String> {
        let group = self.call(|sandbox| {
            let GroupChange { display_name } = read(&fields)?;
            Ok(sandbox.update_group(&id, &display_name))
        })?;
        json::string(&group).map_err(thrown)
    }

    /// Deletes a group.
    #[napi]
    pub fn delete_group(&self, id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.delete_group(&id)))
    }

    /// Adds a user to a group.
    #[napi]
    pub fn add_member(&self, group_id: String, user_id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.add_member(&group_id, &user_id)))
    }

    /// Removes a user from a group.
    #[napi]
    pub fn remove_member(&self, group_id: String, user_id: String) -> napi::Result<()> {
        self.call(|sandbox| Ok(sandbox.remove_member(&group_id, &user_id)))
    }

    /// Makes REST calls fail from now on. With an empty list of faults, no call fails any more.
    #[napi]
    pub fn fault(&self, faults: Vec<String>, options: String) -> napi::Result<()> {
        self.call(|sandbox| {
            let mut plan: FaultPlan = read(&options)?;
            plan.faults.extend(faults);
            Ok(sandbox.set_faults(&plan))
        })
    }

    /// Returns all deliveries with their attempts.
    #[napi]
    pub fn deliveries(&self) -> napi::Result<String> {
        self.call_infallible(|sandbox| json::string(&sandbox.deliveries()))
    }

    /// Advances the sandbox's clock by a duration such as `6h`.
    #[napi]
    pub fn advance(&self, by: String) -> napi::Result<()> {
        self.call_infallible(|sandbox| {
            let by = parse_duration(&by).ok_or_else(|| {
                Error::invalid_argument("the duration cannot be read: expected one such as 90s, 5m, 6h or 1d")
            })?;
            sandbox.advance(by);
            Ok(())
        })
    }

    /// Returns the number of calls by method and route, and under `tokens` the number of access tokens that were issued.
    #[napi]
    pub fn requests(&self) -> napi::Result<String> {
        // The keys are routes, which are not converted to camelCase.
        self.call_infallible(|sandbox| {
            serde_json::to_string(&sandbox.requests()).map_err(|error| Error::internal(error.to_string()))
        })
    }
}

impl Drop for NativeSandbox {
    fn drop(&mut self) {
        self.close();
    }
}
