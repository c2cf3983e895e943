//! The Node package's native half: a thin translation of the crate `headcount`, with no logic of its own.
//!
//! What crosses the border is text: options come and pages go as JSON in camelCase (`json`), which V8 reads faster than an
//! object that is built property by property. `index.js` makes of it what `index.d.ts` promises.

pub mod calls;
pub mod client;
pub mod errors;
mod json;
mod observe;
mod options;
pub mod webhook;
