//! Types of the REST client: the endpoints by resource as in the vendor's SDKs, listings, options of calls, and observers.
//!
//! [`Client`](crate::Client) and [`ClientBuilder`](crate::ClientBuilder) are at the root of the crate.

// `handle` has the client itself; it is public at the root only.
mod directories;
pub(crate) mod handle;
mod list;
mod organizations;
mod paging;
mod path;

pub use crate::http::{Activity, ActivityKind, CallOptions, Cancel, Level, Observer, RetryPolicy, Stats};
pub use directories::Directories;
pub use list::{List, Listed};
pub use organizations::Organizations;
pub use paging::{Items, Pages};

pub(crate) use handle::Client;
#[cfg(feature = "blocking")]
pub(crate) use handle::ClientBuilder;
