//! Options structs that later versions can extend: the first field is the size, and no byte beyond that size is read.

use crate::error::is_null;
use headcount_core::internal::parse_moment;
use headcount_core::{Error, Result, Timestamp};
use std::mem::MaybeUninit;

/// Largest `struct_size` that is accepted, in bytes. A larger value means that the caller did not initialize the field.
pub(crate) const LARGEST: usize = 1024;

/// An options struct.
///
/// # Safety
///
/// The type is `repr(C)`, begins with `struct_size: usize`, and all zeros are one of its values.
pub(crate) unsafe trait Options: Copy {
    /// Offsets of the fields after `struct_size`: a struct of an older version ends at one of them.
    const FIELDS: &'static [usize];
}

/// Implements [`Options`] for a `repr(C)` struct of numbers and pointers, given its fields in order.
macro_rules! impl_options {
    ($type:ident { $($field:ident),* $(,)? }) => {
        // SAFETY: the struct is `repr(C)` and has only numbers, pointers and optional functions as fields; the tests check that `struct_size` comes first.
        unsafe impl $crate::options::Options for $type {
            const FIELDS: &'static [usize] = &[$(std::mem::offset_of!($type, $field)),*];
        }
    };
}

pub(crate) use impl_options;

/// Reads the options that a caller passes: a struct of this or another version of the header. All fields are 0 if the pointer is NULL.
///
/// # Safety
///
/// `options` is NULL, or points to a struct that begins with its size, of which as many bytes can be read.
pub(crate) unsafe fn options<T: Options>(options: *const T, name: &str) -> Result<T> {
    let mut copy = MaybeUninit::<T>::zeroed();
    if options.is_null() {
        // SAFETY: by the contract of `Options`, all zeros are a value of the type.
        return Ok(unsafe { copy.assume_init() });
    }
    // SAFETY: by the contract, the size can be read.
    let given = unsafe { options.cast::<usize>().read_unaligned() };
    let known = size_of::<T>();
    if given > LARGEST || (given < known && !T::FIELDS.contains(&given)) {
        return Err(Error::invalid_argument(format!(
            "{name}.struct_size is {given}: expected sizeof the struct, which is {known}"
        )));
    }
    let bytes = options.cast::<u8>();
    for position in known..given {
        // SAFETY: the struct holds `given` readable bytes, and `position` is less than `given`.
        if unsafe { bytes.add(position).read() } != 0 {
            return Err(Error::invalid_argument(format!(
                "{name} sets a field that this version of the library does not have: its struct has {known} bytes"
            )));
        }
    }
    // SAFETY: both hold that many bytes. `given` is the offset of a field, or not less than the size of the struct, so no field is
    // copied in part. Fields that are not copied are zero, which is a value of every field.
    unsafe {
        bytes.copy_to_nonoverlapping(copy.as_mut_ptr().cast::<u8>(), given.min(known));
        Ok(copy.assume_init())
    }
}

/// Reads options as [`options`] does. NULL is an error.
///
/// # Safety
///
/// As for [`options`].
pub(crate) unsafe fn required_options<T: Options>(given: *const T, name: &str) -> Result<T> {
    if given.is_null() {
        return Err(is_null(name));
    }
    // SAFETY: this function's contract.
    unsafe { options(given, name) }
}

/// Returns the value of a field, or `None` for 0, which means that the field was not set.
pub(crate) fn unless_zero<T: Default + PartialEq>(value: T) -> Option<T> {
    Some(value).filter(|value| *value != T::default())
}

/// Reads a field that is yes (1), no (-1) or not set (0).
pub(crate) fn tri_state(value: i32, name: &str) -> Result<Option<bool>> {
    match value {
        0 => Ok(None),
        1 => Ok(Some(true)),
        -1 => Ok(Some(false)),
        other => Err(Error::invalid_argument(format!("{name} is {other}: expected 1 (yes), -1 (no) or 0 (not set)"))),
    }
}

/// Parses an optional time: RFC 3339 text, or a date such as 2025-01-06, which means 00:00 UTC on that day. `name` is the field's name in the error.
pub(crate) fn moment(text: Option<&str>, name: &str) -> Result<Option<Timestamp>> {
    let parse = |text: &str| {
        parse_moment(text).map_err(|_| {
            Error::invalid_argument(format!(
                "{name} is not an RFC 3339 time: expected one like 2025-01-06T18:44:25Z, or a date like 2025-01-06"
            ))
        })
    };
    text.map(parse).transpose()
}

/// Checks that a reserved field is 0, so that a later version can give it a meaning. Reserved fields replace padding, which callers may leave
/// uninitialized.
pub(crate) fn reserved(value: u32, name: &str) -> Result<()> {
    if value == 0 { Ok(()) } else { Err(Error::invalid_argument(format!("{name} is {value}: expected 0"))) }
}
