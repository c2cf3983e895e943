//! Serializes the core's values to JSON with camelCase names. Names of results are converted only here.
//!
//! Strings are written in ASCII, with escapes: V8 stores an ASCII string in one byte a character, and parses it in half the time that it
//! needs for a string with a single character outside Latin-1.

use headcount::model::Page;
use headcount::{Error, Result};
use napi::bindgen_prelude::Latin1String;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};

/// JSON that is passed to JavaScript. It is ASCII, which is valid Latin-1: V8 copies it without decoding.
pub(crate) type Json = Latin1String;

/// Returns a value as JSON with camelCase names.
pub(crate) fn text(value: &impl Serialize) -> Result<Json> {
    string(value).map(Json::from)
}

/// Returns a value as JSON with camelCase names, as a Rust string.
pub(crate) fn string(value: &impl Serialize) -> Result<String> {
    let mut out = Vec::with_capacity(1024);
    value
        .serialize(&mut Serializer::with_formatter(&mut out, CamelCase::default()))
        .map_err(|error| Error::internal(error.to_string()))?;
    String::from_utf8(out).map_err(|error| Error::internal(error.to_string()))
}

/// Returns a page as JSON with camelCase names. Its items are in the field `field`.
pub(crate) fn page<T: Serialize>(field: &'static str, page: &Page<T>) -> Result<Json> {
    struct PageFields<'a, T>(&'static str, &'a Page<T>);
    impl<T: Serialize> Serialize for PageFields<'_, T> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct;
            let PageFields(field, page) = self;
            let mut fields = serializer.serialize_struct("Page", 4)?;
            fields.serialize_field(field, &page.items)?;
            fields.serialize_field("total_size", &page.total_size)?;
            fields.serialize_field("next_page_token", &page.next_page_token)?;
            fields.serialize_field("prev_page_token", &page.prev_page_token)?;
            fields.end()
        }
    }
    text(&PageFields(field, page))
}

/// Returns an object whose only field, `field`, is the value: the form in which the vendor's SDK returns single resources.
pub(crate) fn under(field: &'static str, value: &impl Serialize) -> Result<Json> {
    Ok(format!("{{\"{field}\":{}}}", string(value)?).into())
}

/// Returns the JSON `text` with escapes for everything outside ASCII.
pub(crate) fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    // Writing to a `Vec` cannot fail.
    let _ = write_ascii(&mut out, text);
    Cow::Owned(String::from_utf8(out).unwrap_or_default())
}

/// Writes JSON with escapes for everything outside ASCII.
fn write_ascii<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    if text.is_ascii() {
        return writer.write_all(text.as_bytes());
    }
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
        let (plain, other) = rest.split_at(at);
        writer.write_all(plain.as_bytes())?;
        let end = other.bytes().position(|byte| byte.is_ascii()).unwrap_or(other.len());
        let (other, after) = other.split_at(end);
        for unit in other.encode_utf16() {
            write!(writer, "\\u{unit:04x}")?;
        }
        rest = after;
    }
    writer.write_all(rest.as_bytes())
}

/// Returns a name of the core as JavaScript spells it.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut spelled = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or(("", word));
        spelled.push_str(&first.to_ascii_uppercase());
        spelled.push_str(rest);
    }
    spelled
}

/// Writes names in camelCase: object keys, and the strings in a list called `fields` (the names of the fields that a change changed).
///
/// Does not convert the keys inside `metadata`, which are the application's own, nor those of raw JSON (`user_detail`, an event's data), which
/// are the directory's own: serde_json passes raw JSON to `write_raw_fragment` in one piece.
#[derive(Default)]
struct CamelCase {
    in_key: bool,
    /// The latest key of the object that is being written; empty after a nested object.
    key: Vec<u8>,
    /// Whether the list that is being written is called `fields`.
    in_fields: bool,
    depth: usize,
    /// Depth of the object `metadata`, whose keys stay as they are, or `None` outside of one.
    kept: Option<usize>,
}

impl Formatter for CamelCase {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.kept.is_none() && self.key == b"metadata" {
            self.kept = Some(self.depth);
        }
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.kept == Some(self.depth) {
            self.kept = None;
        }
        self.depth -= 1;
        self.key.clear();
        writer.write_all(b"}")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.in_fields = self.kept.is_none() && self.key == b"fields";
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.in_fields = false;
        writer.write_all(b"]")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.in_key = true;
        self.key.clear();
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_key = false;
        Ok(())
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // JSON outside of strings is ASCII, so every other character is inside a string, where escapes are valid.
        write_ascii(writer, fragment)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if self.in_key && self.kept.is_none() {
            self.key.extend_from_slice(fragment.as_bytes());
        } else if !self.in_fields {
            return write_ascii(writer, fragment);
        }
        let mut words = fragment.split('_');
        write_ascii(writer, words.next().unwrap_or_default())?;
        for word in words {
            let (first, rest) = word.split_at_checked(1).unwrap_or(("", word));
            for byte in first.bytes() {
                writer.write_all(&[byte.to_ascii_uppercase()])?;
            }
            write_ascii(writer, rest)?;
        }
        Ok(())
    }
}
