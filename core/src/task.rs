//! Tasks that a call starts, such as the one that reads the next page ahead. They run with what a language binding keeps for the running call.
//!
//! A task of tokio has task-locals of its own. This module lets a binding carry its task-locals over, without knowing what they are.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;

/// Calls a function with the task-locals of the task for which it was made.
pub type Scope = Box<dyn FnMut(&mut dyn FnMut()) + Send>;

static CAPTURE: OnceLock<fn() -> Option<Scope>> = OnceLock::new();

/// Sets the function that returns the scope of the running task, or `None` outside of a call. It is set once for the process; later calls have no
/// effect. For language bindings.
pub fn carry_locals(capture: fn() -> Option<Scope>) {
    let _ = CAPTURE.set(capture);
}

/// Returns `work` for a task of its own, in the scope of the task that calls this.
pub(crate) fn carried<F: Future + Send>(work: F) -> impl Future<Output = F::Output> + Send
where
    F::Output: Send,
{
    let mut scope = CAPTURE.get().and_then(|capture| capture());
    async move {
        let mut work = pin!(work);
        poll_fn(|context| match &mut scope {
            None => work.as_mut().poll(context),
            Some(scope) => {
                let mut polled = Poll::Pending;
                scope(&mut || polled = work.as_mut().poll(context));
                polled
            }
        })
        .await
    }
}
