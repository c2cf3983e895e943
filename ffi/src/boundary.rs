//! What every exported function does before and after it calls the core: converts arguments, catches panics, and writes the result and the error.
//!
//! [`call!`] is for calls that can fail, [`read!`] for accessors, [`free!`] frees an object, and [`value_or_absent`] is for
//! functions without an object. Each catches panics, and the macros check pointers for NULL. The functions from [`object`] to [`array`]
//! convert arguments, and name the parameter in errors. This module uses `error`, `options` and `generated/status`; these must not use this
//! module.

use crate::error::{hc_error, report};
use crate::generated::status::hc_status;
use headcount_core::internal::catch_panic;
use headcount_core::{Error, Result};
use std::ffi::{CStr, c_char};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Implements a function that can fail: `call!(error, out, (argument: conversion, …) => Result)`, or without `out`.
///
/// `conversion` is the name of the function that converts the argument, such as [`object`], [`text`] or [`options`]. The value of the result
/// is written to `*out`, an error to `*error`.
macro_rules! call {
    ($error:ident, $out:ident, ($($arguments:tt)*) => $body:expr) => {
        $crate::boundary::call!(@ $error, ($out, stringify!($out)), ($($arguments)*) => $body)
    };
    ($error:ident, ($($arguments:tt)*) => $body:expr) => {
        $crate::boundary::call!(@ $error, ((), ""), ($($arguments)*) => $body)
    };
    (@ $error:ident, ($out:expr, $name:expr), ($($argument:ident: $conversion:ident),*) => $body:expr) => {{
        let work = move || -> headcount_core::Result<_> {
            $(
                // SAFETY: by the header's conventions, the argument is NULL, or valid for its type during this
                // call.
                let $argument = unsafe { $crate::boundary::$conversion($argument, stringify!($argument)) }?;
            )*
            $body
        };
        // SAFETY: by the header's conventions, both out-parameters are NULL or may be written to.
        unsafe { $crate::boundary::run($out, $name, $error, work) }
    }};
}

/// Implements an accessor: `read!(object => value)`. Returns NULL, 0 or false if the object is NULL.
macro_rules! read {
    ($object:ident => $value:expr) => {{
        // SAFETY: by the header's conventions, the object is NULL or alive during this call.
        let object = unsafe { $object.as_ref() };
        $crate::boundary::value_or_absent(move || object.map(|$object| $value))
    }};
}

/// Frees an object that the caller owns. Does nothing if it is NULL.
macro_rules! free {
    ($object:ident) => {{
        // SAFETY: by the header's conventions, the object is NULL, or came from this library and was not freed.
        unsafe { $crate::boundary::drop_object($object) }
    }};
}

pub(crate) use crate::error::is_null;
pub(crate) use crate::options::{options, required_options};
pub(crate) use {call, free, read};

/// An out-parameter.
pub(crate) trait Out<T>: Copy {
    /// Returns whether the out-parameter is NULL.
    fn is_null(self) -> bool;
    /// Writes the value for "no result", such as NULL or `false`.
    ///
    /// # Safety
    ///
    /// The out-parameter is not NULL and may be written to.
    unsafe fn clear(self);
    /// Writes the value.
    ///
    /// # Safety
    ///
    /// The out-parameter is not NULL and may be written to.
    unsafe fn put(self, value: T);
}

/// An object that the caller will own.
impl<T> Out<T> for *mut *mut T {
    fn is_null(self) -> bool {
        self.is_null()
    }

    unsafe fn clear(self) {
        // SAFETY: the trait's contract.
        unsafe { self.write(ptr::null_mut()) };
    }

    unsafe fn put(self, value: T) {
        // SAFETY: the trait's contract.
        unsafe { self.write(Box::into_raw(Box::new(value))) };
    }
}

/// An object that the caller will own, or NULL for `None`.
impl<T> Out<Option<T>> for *mut *mut T {
    fn is_null(self) -> bool {
        self.is_null()
    }

    unsafe fn clear(self) {
        // SAFETY: the trait's contract.
        unsafe { self.write(ptr::null_mut()) };
    }

    unsafe fn put(self, value: Option<T>) {
        let object = value.map_or(ptr::null_mut(), |value| Box::into_raw(Box::new(value)));
        // SAFETY: the trait's contract.
        unsafe { self.write(object) };
    }
}

/// An object that the caller borrows, or NULL.
impl<T> Out<*const T> for *mut *const T {
    fn is_null(self) -> bool {
        self.is_null()
    }

    unsafe fn clear(self) {
        // SAFETY: the trait's contract.
        unsafe { self.write(ptr::null()) };
    }

    unsafe fn put(self, value: *const T) {
        // SAFETY: the trait's contract.
        unsafe { self.write(value) };
    }
}

macro_rules! plain_out {
    ($($type:ty = $none:expr;)*) => {
        $(impl Out<$type> for *mut $type {
            fn is_null(self) -> bool {
                self.is_null()
            }

            unsafe fn clear(self) {
                // SAFETY: the trait's contract.
                unsafe { self.write($none) };
            }

            unsafe fn put(self, value: $type) {
                // SAFETY: the trait's contract.
                unsafe { self.write(value) };
            }
        })*
    };
}

// The types, each with the value that is written if the call fails.
plain_out! { bool = false; u64 = 0; }

/// No out-parameter: the call has no value.
impl Out<()> for () {
    fn is_null(self) -> bool {
        false
    }

    unsafe fn clear(self) {}

    unsafe fn put(self, (): ()) {}
}

/// Runs `work`, writes its value or error to the out-parameters, and turns a panic into an error. Used by [`call!`].
///
/// # Safety
///
/// `out` and `error` are NULL or may be written to.
pub(crate) unsafe fn run<T, O: Out<T>>(
    out: O,
    out_name: &str,
    error: *mut *mut hc_error,
    work: impl FnOnce() -> Result<T>,
) -> hc_status {
    if !error.is_null() {
        // SAFETY: `error` is not NULL, so it may be written to.
        unsafe { error.write(ptr::null_mut()) };
    }
    let result = if out.is_null() {
        Err(is_null(out_name))
    } else {
        // SAFETY: `out` is not NULL, so it may be written to.
        unsafe { out.clear() };
        catch_panic(work)
    };
    match result {
        Ok(value) => {
            // SAFETY: `out` is not NULL: otherwise the result would be an error.
            unsafe { out.put(value) };
            hc_status::HC_OK
        }
        // SAFETY: this function's contract.
        Err(reason) => unsafe { report(reason, error) },
    }
}

/// A type that accessors return, with the value that they return if their object is NULL.
pub(crate) trait Absent {
    const ABSENT: Self;
}

impl<T> Absent for *const T {
    const ABSENT: Self = ptr::null();
}

macro_rules! absent {
    ($($type:ty = $value:expr;)*) => { $(impl Absent for $type { const ABSENT: Self = $value; })* };
}

impl Absent for hc_status {
    const ABSENT: Self = hc_status::HC_OK;
}

absent! { bool = false; f64 = 0.0; i64 = 0; i32 = 0; u32 = 0; u64 = 0; usize = 0; }

/// Returns the value, or NULL, 0 or false for `None` and after a panic. Used by [`read!`], and for functions without an object.
pub(crate) fn value_or_absent<T: Absent>(value: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(value)).ok().flatten().unwrap_or(T::ABSENT)
}

/// Drops an object that [`Out::put`] created. Used by [`free!`].
///
/// # Safety
///
/// `object` is NULL, or was made by [`Out::put`] and is freed for the first time.
pub(crate) unsafe fn drop_object<T>(object: *mut T) {
    if !object.is_null() {
        // SAFETY: `Out::put` made the pointer with `Box::into_raw`.
        let object = unsafe { Box::from_raw(object) };
        // There is no way to report a panic of `drop`.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(object)));
    }
}

/// Converts a pointer to an object of the caller to a reference. NULL is an error.
///
/// # Safety
///
/// `object` is NULL or alive for `'a`.
pub(crate) unsafe fn object<'a, T>(object: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: this function's contract.
    unsafe { object.as_ref() }.ok_or_else(|| is_null(name))
}

/// Converts a pointer to an object of the caller to a reference, and NULL to `None`.
///
/// # Safety
///
/// As for [`object`].
pub(crate) unsafe fn optional_object<'a, T>(object: *const T, _: &str) -> Result<Option<&'a T>> {
    // SAFETY: this function's contract.
    Ok(unsafe { object.as_ref() })
}

/// Converts a pointer to an object of the caller to a mutable reference. NULL is an error.
///
/// # Safety
///
/// `object` is NULL, or alive for `'a` and not used by any other code or thread during `'a`.
pub(crate) unsafe fn exclusive<'a, T>(object: *mut T, name: &str) -> Result<&'a mut T> {
    // SAFETY: this function's contract.
    unsafe { object.as_mut() }.ok_or_else(|| is_null(name))
}

/// Converts a C string to a text. NULL, and bytes that are not UTF-8, are errors.
///
/// # Safety
///
/// `text` is NULL, or NUL-terminated and alive for `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char, name: impl Display) -> Result<&'a str> {
    // SAFETY: this function's contract.
    unsafe { optional_text(text, &name) }?.ok_or_else(|| is_null(name))
}

/// Converts a C string to a text, and NULL to `None`. Bytes that are not UTF-8 are an error.
///
/// # Safety
///
/// As for [`text`].
pub(crate) unsafe fn optional_text<'a>(text: *const c_char, name: impl Display) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: this function's contract, and `text` is not NULL.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| Error::invalid_argument(format!("{name} is not valid UTF-8")))
}

/// Copies the value that a pointer points to; `None` for NULL.
///
/// # Safety
///
/// `value` is NULL or alive during the call.
pub(crate) unsafe fn optional_value<T: Copy>(value: *const T, _: &str) -> Result<Option<T>> {
    // SAFETY: this function's contract.
    Ok(unsafe { value.as_ref() }.copied())
}

/// Converts a pointer and a length to a slice. The pointer may be NULL if the length is 0.
///
/// # Safety
///
/// `first` is NULL or the first of `length` items that are alive for `'a`.
pub(crate) unsafe fn array<'a, T>(first: *const T, length: usize, name: impl Display) -> Result<&'a [T]> {
    if length == 0 {
        return Ok(&[]);
    }
    if first.is_null() {
        return Err(Error::invalid_argument(format!("{name} is NULL, and its length is {length}")));
    }
    if length > isize::MAX as usize / size_of::<T>().max(1) {
        return Err(Error::invalid_argument(format!("{name} has the length {length}: more than memory can hold")));
    }
    // SAFETY: this function's contract; `first` is not NULL, and the array is at most `isize::MAX` bytes long.
    Ok(unsafe { std::slice::from_raw_parts(first, length) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_accessors::{hc_error_free, hc_error_message, hc_error_status};

    #[test]
    fn a_panic_makes_a_call_return_hc_internal_and_an_accessor_return_0() {
        let mut error = ptr::null_mut();
        // SAFETY: `error` may be written to.
        let status = unsafe { run((), "", &raw mut error, || -> Result<()> { panic!("two\nlines") }) };
        assert_eq!(status, hc_status::HC_INTERNAL);
        // SAFETY: the call failed, so it wrote an error, which is freed once.
        unsafe {
            assert_eq!(hc_error_status(error), hc_status::HC_INTERNAL);
            assert!(CStr::from_ptr(hc_error_message(error)).to_str().unwrap().ends_with("two lines"));
            hc_error_free(error);
        }
        assert_eq!(value_or_absent(|| -> Option<usize> { panic!("in an accessor") }), 0);
    }

    #[test]
    fn a_panic_while_an_object_is_dropped_does_not_unwind_into_c() {
        struct PanicsOnDrop;
        impl Drop for PanicsOnDrop {
            fn drop(&mut self) {
                panic!("boom");
            }
        }
        // SAFETY: the pointer was made with `Box::into_raw` on this line.
        unsafe { drop_object(Box::into_raw(Box::new(PanicsOnDrop))) };
    }
}
