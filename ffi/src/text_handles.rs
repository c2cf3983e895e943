//! Texts and lists of texts, which the caller owns and frees.

use crate::boundary::{free, read};
use crate::text::c_string;
use std::ffi::{CString, c_char};
use std::ptr;

/// A text. The caller owns it.
pub struct hc_text(CString);

impl From<&str> for hc_text {
    fn from(text: &str) -> hc_text {
        hc_text(c_string(text))
    }
}

/// Returns the text.
///
/// - `text`: may be NULL, which gives NULL.
/// - Returns text owned by `text`.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_value(text: *const hc_text) -> *const c_char {
    read!(text => text.0.as_ptr())
}

/// Length of the text in bytes, without the NUL at the end.
///
/// - `text`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_len(text: *const hc_text) -> usize {
    read!(text => text.0.as_bytes().len())
}

/// Frees a text.
///
/// - `text`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_free(text: *mut hc_text) {
    free!(text);
}

/// A list of texts. The caller owns the list and the texts in it.
pub struct hc_text_list(Vec<CString>);

impl From<Vec<String>> for hc_text_list {
    fn from(texts: Vec<String>) -> hc_text_list {
        hc_text_list(texts.iter().map(|text| c_string(text)).collect())
    }
}

/// Number of texts.
///
/// - `texts`: may be NULL, which gives 0.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_list_len(texts: *const hc_text_list) -> usize {
    read!(texts => texts.0.len())
}

/// Returns the text at an index.
///
/// - `texts`: may be NULL, which gives NULL.
/// - `index`: from 0.
/// - Returns text owned by `texts`, or NULL if `index` is out of range.
/// - Threads: any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_list_at(texts: *const hc_text_list, index: usize) -> *const c_char {
    read!(texts => texts.0.get(index).map_or(ptr::null(), |text| text.as_ptr()))
}

/// Frees a list and the texts in it.
///
/// - `texts`: may be NULL.
/// - Threads: exclusive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hc_text_list_free(texts: *mut hc_text_list) {
    free!(texts);
}
