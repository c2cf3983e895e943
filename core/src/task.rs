//! Tasks and threads that a call starts, such as the task that reads the next page ahead. They run with the data that a language binding has stored
//! for the call, such as Python's context variables.
//!
//! A binding stores these data in task-locals of tokio, which a new task or thread does not inherit. The binding sets a function with
//! [`carry_locals`] that makes them available there, so that this crate does not need to know their types.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;

/// Calls the function that it is given, with the task-locals that were current when the scope was made.
pub type Scope = Box<dyn FnMut(&mut dyn FnMut()) + Send>;

static CAPTURE: OnceLock<fn() -> Option<Scope>> = OnceLock::new();

/// Sets the function that captures the task-locals of the running task as a [`Scope`], or returns `None` outside of a call. It is set once for the
/// process; later calls have no effect. For language bindings.
pub fn carry_locals(capture: fn() -> Option<Scope>) {
    let _ = CAPTURE.set(capture);
}

fn capture() -> Option<Scope> {
    CAPTURE.get().and_then(|capture| capture())
}

/// Wraps `work` so that another task runs it with the data of the task that calls this.
pub(crate) fn carried<F: Future + Send>(work: F) -> impl Future<Output = F::Output> + Send
where
    F::Output: Send,
{
    let mut scope = capture();
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

/// Wraps `work` so that another thread runs it with the data of the task that calls this, and with the `tracing` subscriber and span of this thread.
#[cfg(all(feature = "mirror", feature = "sqlite"))]
pub(crate) fn carried_to_thread(work: impl FnOnce() + Send) -> impl FnOnce() + Send {
    let (scope, subscriber, span) =
        (capture(), tracing::dispatcher::get_default(Clone::clone), tracing::Span::current());
    move || {
        tracing::dispatcher::with_default(&subscriber, || {
            span.in_scope(|| match scope {
                None => work(),
                Some(mut scope) => {
                    let mut work = Some(work);
                    scope(&mut || {
                        if let Some(work) = work.take() {
                            work();
                        }
                    });
                }
            });
        });
    }
}
