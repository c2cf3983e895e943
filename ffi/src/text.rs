//! C strings made from Rust strings: created at the first access and kept as long as the object they belong to. Uses no other module.

use headcount_core::internal::SetOnce;
use std::ffi::{CString, c_char};
use std::fmt::Display;
use std::ptr;

/// The text that replaces each NUL character, which would end the C string.
const IN_PLACE_OF_NUL: &str = "\u{FFFD}";

/// The C string of one field, created once by the first thread that reads it.
#[derive(Default)]
pub(crate) struct Text(SetOnce<CString>);

impl Text {
    /// Returns the C string of `text`. Later calls return the same pointer, whatever their argument is.
    pub(crate) fn of(&self, text: &str) -> *const c_char {
        self.0.get_or_set(|| c_string(text)).as_ptr()
    }

    /// Returns the C string of `text`, or NULL for `None`.
    pub(crate) fn of_option(&self, text: Option<&str>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.of(text))
    }

    /// Returns the C string of the text form of `value`, or NULL for `None`.
    pub(crate) fn of_display(&self, value: Option<impl Display>) -> *const c_char {
        value.map_or(ptr::null(), |value| self.0.get_or_set(|| c_string(&value.to_string())).as_ptr())
    }

    /// Returns the C string of the JSON form of `value`, or NULL if it cannot be serialized.
    pub(crate) fn of_json(&self, value: &impl serde::Serialize) -> *const c_char {
        if let Some(text) = self.0.get() {
            return text.as_ptr();
        }
        serde_json::to_string(value).map_or(ptr::null(), |json| self.of(&json))
    }
}

/// The C strings of a field that is a list, created once by the first thread that reads it.
#[derive(Default)]
pub(crate) struct TextList(SetOnce<Vec<CString>>);

impl TextList {
    /// Returns the C string of the text at `index`, or NULL if `index` is out of range.
    pub(crate) fn at(&self, texts: &[String], index: usize) -> *const c_char {
        let made = self.0.get_or_set(|| texts.iter().map(|text| c_string(text)).collect());
        made.get(index).map_or(ptr::null(), |text| text.as_ptr())
    }
}

/// Returns `text` as a C string; NUL characters inside are replaced.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text).or_else(|_| CString::new(text.replace('\0', IN_PLACE_OF_NUL))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_inside_a_text_is_replaced() {
        assert_eq!(c_string("a\0b").to_str(), Ok("a\u{FFFD}b"));
        assert_eq!(c_string("ä").to_str(), Ok("ä"));
    }
}
