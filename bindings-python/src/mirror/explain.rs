//! Explanations of a user's access.

use super::class::{AsyncMirror, Mirror};
use crate::call::{Asyncio, Blocking, Mode};
use crate::convert::{Flag, Text};
use crate::generated::Explanation;
use pyo3::prelude::*;

#[pymethods]
impl Explanation {
    /// Returns the explanation as English text of several lines, for a ticket. ``str()`` returns it without personal data.
    ///
    /// - ``personal``: whether it may have personal data: names, addresses, accounts, the names of groups, and who decided about holds with
    ///   which note (default: people are named by their directory ids only).
    #[pyo3(signature = (*, personal = None))]
    fn text(&self, personal: Option<Flag>) -> String {
        self.value.text(personal.is_some_and(bool::from))
    }

    fn __str__(&self) -> String {
        self.value.to_string()
    }
}

/// Defines the calls of a mirror class that explain a user's access.
macro_rules! explain {
    ($mirror:ident, $mode:ty) => {
        #[pymethods]
        impl $mirror {
            /// Explains why a user has or lost access: the user as mirrored now or the removal, what gives each role, the changes with their
            /// causes, events that had no effect and why, the open holds, and what would take access away or bring the user back. ``str()`` of
            /// the result is a text for a ticket. A user of whom the mirror knows nothing has the state ``unknown``. The changes come from the
            /// history: if the mirror keeps none, there are none.
            ///
            /// - ``user_id``: id of the user (``diruser_...``).
            ///
            /// Raises ``InvalidArgumentError`` if the id is empty or longer than 255 bytes or the mirror is closed, and ``StoreError`` if the store
            /// fails.
            #[pyo3(signature = (user_id))]
            fn explain<'py>(&self, py: Python<'py>, user_id: Text) -> PyResult<Bound<'py, PyAny>> {
                let mirror = self.0.current(py)?;
                <$mode>::run(py, async move { mirror.explain(&user_id).await }, |_, why| Ok(Explanation::from(why)))
            }
        }
    };
}

explain!(Mirror, Blocking);
explain!(AsyncMirror, Asyncio);
