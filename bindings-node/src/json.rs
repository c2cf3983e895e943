//! The core's values as JSON with camelCase names.

use headcount::{Error, Page, Result};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use std::io::{self, Write};

/// A value as camelCase JSON.
pub(crate) fn text(value: &impl Serialize) -> Result<String> {
    let mut out = Vec::with_capacity(1024);
    value
        .serialize(&mut Serializer::with_formatter(&mut out, CamelCase::default()))
        .map_err(|error| Error::internal(error.to_string()))?;
    String::from_utf8(out).map_err(|error| Error::internal(error.to_string()))
}

/// A page as camelCase JSON: its items stand under `field`.
pub(crate) fn page<T: Serialize>(field: &'static str, page: &Page<T>) -> Result<String> {
    struct Fields<'a, T>(&'static str, &'a Page<T>);
    impl<T: Serialize> Serialize for Fields<'_, T> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct;
            let Fields(field, page) = self;
            let mut fields = serializer.serialize_struct("Page", 4)?;
            fields.serialize_field(field, &page.items)?;
            fields.serialize_field("total_size", &page.total_size)?;
            fields.serialize_field("next_page_token", &page.next_page_token)?;
            fields.serialize_field("prev_page_token", &page.prev_page_token)?;
            fields.end()
        }
    }
    text(&Fields(field, page))
}

/// One value under a name, as the vendor's answers have it.
pub(crate) fn under(field: &'static str, value: &impl Serialize) -> Result<String> {
    Ok(format!("{{\"{field}\":{}}}", text(value)?))
}

/// A text of JSON in ASCII.
pub(crate) fn ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    // Nothing is there that could fail.
    let _ = write_ascii(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// Writes what stands within a text of JSON in ASCII. V8 keeps a text of ASCII in bytes and reads it in half the time that it needs for
/// one in which a single character stands outside of Latin-1.
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

/// Writes the names of fields in camelCase. The names inside `metadata` are the application's own and stay; raw JSON
/// (`user_detail`, an event's data) is the directory's and stays, because raw JSON is written as it is.
#[derive(Default)]
struct CamelCase {
    in_name: bool,
    name: Vec<u8>,
    depth: usize,
    /// How deep the object that stays as it is begins.
    kept: Option<usize>,
}

impl Formatter for CamelCase {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.kept.is_none() && self.name == b"metadata" {
            self.kept = Some(self.depth);
        }
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.kept == Some(self.depth) {
            self.kept = None;
        }
        self.depth -= 1;
        self.name.clear();
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.in_name = true;
        self.name.clear();
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Outside of its texts JSON is ASCII anyway.
        write_ascii(writer, fragment)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.in_name = false;
        Ok(())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if !self.in_name || self.kept.is_some() {
            return write_ascii(writer, fragment);
        }
        self.name.extend_from_slice(fragment.as_bytes());
        if !fragment.contains('_') {
            return writer.write_all(fragment.as_bytes());
        }
        writer.write_all(camel(fragment).as_bytes())
    }
}

/// A field's name in camelCase.
pub(crate) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        out.push_str(&first.to_ascii_uppercase());
        out.push_str(rest);
    }
    out
}
