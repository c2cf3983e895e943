//! `ConsumerHandle`: the consumer for which a change was read.

use super::state::State;
use std::sync::Arc;

/// A consumer of a mirror's feed, which can acknowledge and park changes.
#[derive(Clone)]
pub(crate) struct ConsumerHandle {
    pub(super) state: Arc<State>,
    /// The consumer's name.
    pub(super) name: Arc<str>,
}
