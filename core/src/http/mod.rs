//! Makes calls of the REST API over HTTP. The code is the same for all resources of the API.
//!
//! `session` makes calls with an access token from `token`. Both send through `transport`, which repeats failed attempts (`retry`), keeps
//! to the server's rate limits (`limit`), opens connections (`connect`), interprets answers (`answer`) and errors (`failure`), and reports to
//! observers (`observe`). `call` and `settings` are the input; `cancel` ends a call early.

mod answer;
mod call;
mod cancel;
mod connect;
mod failure;
mod limit;
mod observe;
mod retry;
mod session;
mod settings;
mod tls;
mod token;
mod transport;

pub(crate) use answer::Dated;
pub(crate) use call::Call;
pub use cancel::Cancel;
pub use observe::{Activity, ActivityKind, Level, Observer, Stats};
pub use retry::{RetryPolicy, longest_wait};
pub(crate) use session::Http;
pub use settings::CallOptions;
pub(crate) use settings::{Account, CaFile, CaVariable, Settings};
