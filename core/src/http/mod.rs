//! One request from end to end: `token` signs it, `limit` holds it back, `connect` and `transport` send it, `answer` judges what
//! came, `retry` says whether to try again, `cancel` ends it early and `observe` tells of it. Nothing here knows what is fetched.

mod answer;
mod cancel;
mod connect;
mod limit;
mod observe;
mod retry;
mod settings;
mod token;
mod transport;

pub use cancel::Cancel;
pub use observe::{Activity, ActivityKind, Level, Observer, Stats};
pub use retry::RetryPolicy;
pub use settings::CallOptions;
pub(crate) use settings::{Account, Settings};
pub(crate) use transport::{Call, Http};
