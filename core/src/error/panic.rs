//! Turns panics into errors. Bindings call the core through [`catch_panic`], so that no panic unwinds into code of another language.

use super::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `call` and turns a panic into an error.
///
/// # Errors
///
/// The error of `call`, or [`ErrorKind::Internal`](crate::ErrorKind::Internal) with the panic's message where `call` panicked.
///
/// # Examples
///
/// ```
/// let error = headcount::internal::catch_panic(|| -> headcount::Result<()> { panic!("out of cheese") }).unwrap_err();
/// assert_eq!(error.kind(), headcount::ErrorKind::Internal);
/// assert!(error.message().contains("out of cheese"));
/// ```
pub fn catch_panic<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    // Unwind safety: only the core's own state can be incomplete after a panic, and the locks that protect it are poisoned then.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let error = Error::internal(format!(
            "a defect in headcount, please report it: {}",
            message.unwrap_or("a panic without a message").replace(['\r', '\n'], " ")
        ));
        // Dropping a panic's payload can panic again.
        std::mem::forget(panic);
        Err(error)
    })
}
