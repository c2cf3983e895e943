//! The native part of the Python package. It converts arguments, results and errors between Python and the crate
//! `headcount`, which implements all rules.
//!
//! Modules, from the bottom layer up: `errors`, `convert` and `json` translate values; `attach`, `context`,
//! `coroutine`, `call` and `iterator` make calls; `record` and `generated` are the classes of records; the other
//! modules have the classes that applications use. A module uses only modules of its own group and of groups named
//! before it. A class that exists for threads and for asyncio is written once, as a macro.

mod attach;
mod call;
mod client;
mod command;
mod connection;
mod context;
mod convert;
mod coroutine;
mod directory;
mod errors;
mod event;
mod generated;
mod headers;
mod iterator;
mod json;
mod listing;
mod logging;
mod mirror;
mod organization;
mod record;
mod replay;
mod sandbox;
mod webhook;

use pyo3::prelude::*;

/// The native module of `headcount`. Applications import `headcount` instead.
#[pymodule(gil_used = false)]
mod _headcount {
    #[pymodule_export]
    use crate::client::{AsyncClient, Client};
    #[pymodule_export]
    use crate::command::run_command;
    #[pymodule_export]
    use crate::directory::{AsyncDirectoryClient, DirectoryClient};
    #[pymodule_export]
    use crate::event::Event;
    #[pymodule_export]
    use crate::generated::{
        Approval, Change, Consumer, CopiedTable, CopyReport, Directory, DirectoryStatus, DirectoryToggle, Erasure,
        ExplainedChange, Explanation, Group, GuardSettings, HistoryEntry, Hold, IgnoredSetting, MirrorDirectory,
        MirrorGroup, MirrorSettings, MirrorUser, Organization, OrganizationErasure, ParkedChange, PendingEvent,
        PortalLink, Progress, ReceivedEvent, Retirement, RoleGrant, RoleMapEntry, Run, SyncReport, User,
    };
    #[pymodule_export]
    use crate::listing::{
        AsyncGroupIterator, AsyncOrganizationIterator, AsyncUserIterator, GroupIterator, GroupPage,
        OrganizationIterator, OrganizationPage, UserIterator, UserPage,
    };
    #[pymodule_export]
    use crate::mirror::{
        AsyncChange, AsyncChangeIterator, AsyncExportIterator, AsyncHistoryIterator, AsyncMirror,
        AsyncMirrorUserIterator, AsyncPlan, AsyncPlannedChangeIterator, AsyncWorker, ChangeIterator, ExportIterator,
        HistoryIterator, Mirror, MirrorUserIterator, Plan, PlannedChangeIterator, Worker,
    };
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
        headcount::internal::close_files_in_background();
        crate::attach::register_exit(module.py())?;
        crate::logging::forward_events();
        crate::context::carry();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("METRICS_CONTENT_TYPE", headcount::mirror::METRICS_CONTENT_TYPE)?;
        // For the tests, which check that `headcount.errors` has a class for each kind of error.
        module.add("_error_classes", crate::errors::table(module.py())?)
    }
}
