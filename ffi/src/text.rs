//! Rust's strings as C's: made when they are first asked for, kept as long as the object they belong to.

use std::ffi::{CString, c_char};
use std::fmt::Display;
use std::ptr;
use std::sync::OnceLock;

/// What stands in the place of a NUL, at which C would end the string: U+FFFD, the replacement character.
const IN_PLACE_OF_NUL: &str = "\u{FFFD}";

/// The C string of one field, made once by whichever thread asks first.
#[derive(Default)]
pub(crate) struct Text(OnceLock<CString>);

impl Text {
    /// The C string of `text`, which is the same at every call.
    pub(crate) fn of(&self, text: &str) -> *const c_char {
        self.0.get_or_init(|| c_string(text)).as_ptr()
    }

    /// The C string of `text`, or NULL where there is none.
    pub(crate) fn of_option(&self, text: Option<&str>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.of(text))
    }

    /// The C string of what `value` prints, or NULL where there is none.
    pub(crate) fn of_display(&self, value: Option<impl Display>) -> *const c_char {
        value.map_or(ptr::null(), |value| self.0.get_or_init(|| c_string(&value.to_string())).as_ptr())
    }

    /// The C string of `value` as JSON on the wire, or NULL where it cannot be printed.
    pub(crate) fn of_json(&self, value: &impl serde::Serialize) -> *const c_char {
        if let Some(text) = self.0.get() {
            return text.as_ptr();
        }
        serde_json::to_string(value).map_or(ptr::null(), |json| self.of(&json))
    }
}

/// The C strings of a field that is a list, made once by whichever thread asks first.
#[derive(Default)]
pub(crate) struct TextList(OnceLock<Vec<CString>>);

impl TextList {
    /// The C string of the text at `index`, or NULL behind the last one.
    pub(crate) fn at(&self, texts: &[String], index: usize) -> *const c_char {
        let made = self.0.get_or_init(|| texts.iter().map(|text| c_string(text)).collect());
        made.get(index).map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// `text` with a NUL behind it and none inside.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).or_else(|_| CString::new(text.replace('\0', IN_PLACE_OF_NUL))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_inside_is_shown() {
        assert_eq!(c_string("a\0b").to_str(), Ok("a\u{FFFD}b"));
        assert_eq!(c_string("ä").to_str(), Ok("ä"));
    }
}
