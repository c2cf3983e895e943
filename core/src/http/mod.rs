//! One request from end to end: `token` signs it, `limit` holds it back, `transport` sends it, `answer` judges what came, and
//! `retry` says whether to try again. Nothing here knows what is fetched.

mod answer;
mod limit;
mod retry;
mod token;
mod transport;

pub use retry::RetryPolicy;
pub(crate) use transport::{Call, Http, Settings};
