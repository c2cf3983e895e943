//! Records inside other records: converted to their C type at the first access and kept as long as the object they belong to.

use headcount_core::internal::SetOnce;
use std::ptr;

/// A field that is a record itself, such as the user of a change.
pub(crate) struct Child<W>(SetOnce<Option<Box<W>>>);

impl<W> Default for Child<W> {
    fn default() -> Child<W> {
        Child(SetOnce::new())
    }
}

impl<W> Child<W> {
    /// Returns the converted record, the same pointer at every call, or NULL for `None`.
    pub(crate) fn of<T: Clone + Into<W>>(&self, record: Option<&T>) -> *const W {
        let made = self.0.get_or_set(|| record.map(|record| Box::new(record.clone().into())));
        made.as_deref().map_or(ptr::null(), ptr::from_ref)
    }
}

/// A field that is a list of records, such as the holds in a sync's report.
pub(crate) struct Children<W>(SetOnce<Vec<W>>);

impl<W> Default for Children<W> {
    fn default() -> Children<W> {
        Children(SetOnce::new())
    }
}

impl<W> Children<W> {
    /// Returns the converted record at `index`, or NULL if `index` is out of range.
    pub(crate) fn at<T: Clone + Into<W>>(&self, records: &[T], index: usize) -> *const W {
        let made = self.0.get_or_set(|| records.iter().cloned().map(Into::into).collect());
        made.get(index).map_or(ptr::null(), ptr::from_ref)
    }
}
