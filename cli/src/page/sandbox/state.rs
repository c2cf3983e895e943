//! What the views of the sandbox's page share.

use crate::page::failure::Failure;
use crate::page::watcher::{Source, Watcher};
use crate::secrets::are_equal;
use headcount::system::{OsRandom, Random};
use headcount_sandbox::internal::Environment;
use std::sync::Arc;

/// What the views share.
#[derive(Clone)]
pub(super) struct State {
    pub(super) environment: Arc<Environment>,
    pub(super) watcher: Arc<Watcher<Arc<Environment>>>,
    /// What each form has in its field `csrf`, so that other sites cannot make a browser send one. Random for each process.
    pub(super) csrf: Arc<str>,
}

impl State {
    pub(super) fn new(environment: Arc<Environment>) -> State {
        let csrf = format!("{:016x}{:016x}", OsRandom.bits(), OsRandom.bits());
        State { watcher: Watcher::new(Arc::clone(&environment)), environment, csrf: csrf.into() }
    }

    /// Checks that a page of this process made a form.
    ///
    /// # Errors
    ///
    /// 403.
    pub(super) fn check(&self, csrf: &str) -> Result<(), Failure> {
        if !are_equal(self.csrf.as_bytes(), csrf.as_bytes()) {
            return Err(Failure::forbidden(
                "The form is not from this sandbox. Go back, reload the page, and send the form again.",
            ));
        }
        Ok(())
    }
}

impl Source for Arc<Environment> {
    async fn fingerprint(&self) -> Option<u64> {
        Some(Environment::fingerprint(self))
    }

    fn is_closed(&self) -> bool {
        false
    }
}
