//! The Python package's native half: a thin translation of the crate `headcount`, with no logic of its own.
//!
//! `client` hands out `organization` and `directory`, whose calls give `models` and iterators (`listing`), and `logging` tells of them;
//! `webhook` verifies and gives an `event`, with `headers` to read what frameworks call headers, and `replay` remembers which were
//! handled; `mirror` keeps a copy of every directory, by both; `sandbox` is the other side of both. `convert` and `errors` are the two ways across the border, `border` the guard on it and the two ways to wait there. Whatever is a
//! class twice, for threads and for asyncio, is written once, as a macro.

mod attach;
mod call;
mod client;
mod connection;
mod convert;
mod coroutine;
mod directory;
mod errors;
mod event;
mod headers;
mod iterator;
mod json;
mod listing;
mod logging;
mod mirror;
mod models;
mod organization;
mod replay;
mod sandbox;
mod webhook;

use pyo3::prelude::*;

/// The native half of `headcount`: import that instead.
#[pymodule(gil_used = false)]
mod _headcount {
    #[pymodule_export]
    use crate::client::{AsyncClient, Client};
    #[pymodule_export]
    use crate::directory::{AsyncDirectoryClient, DirectoryClient};
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::listing::{
        AsyncGroupIterator, AsyncOrganizationIterator, AsyncUserIterator, GroupIterator, GroupPage,
        OrganizationIterator, OrganizationPage, UserIterator, UserPage,
    };
    #[pymodule_export]
    use crate::mirror::{
        AsyncChange, AsyncChangeIterator, AsyncMirror, AsyncMirrorUserIterator, Change, ChangeIterator, Consumer,
        DirectoryStatus, Held, Mirror, MirrorDirectory, MirrorGroup, MirrorUser, MirrorUserIterator, ParkedChange,
        Progress, SyncReport,
    };
    #[pymodule_export]
    use crate::models::{Directory, DirectoryToggle, Group, Organization, User};
    #[pymodule_export]
    use crate::organization::{AsyncOrganizationClient, OrganizationClient};
    #[pymodule_export]
    use crate::replay::ReplayGuard;
    #[pymodule_export]
    use crate::sandbox::{Sandbox, event_body};
    #[pymodule_export]
    use crate::webhook::{Webhook, verify_interceptor_payload, verify_webhook_payload};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::attach::register_exit(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // For the tests, which prove the table complete from Python's side.
        module.add("_error_classes", crate::errors::table(module.py())?)
    }
}
