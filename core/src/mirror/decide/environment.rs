//! Which environment a mirror belongs to: the first listing binds it to a host, and the first event after that to an environment id.

use super::step::Step;
use crate::record::EnvironmentRow;
use crate::{Error, Event, Result};

/// Returns the row that binds the mirror to `host`, or `None` if the mirror is bound to this host already.
///
/// # Errors
///
/// [`ErrorKind::Config`](crate::ErrorKind::Config) if the mirror is bound to another host.
pub(in crate::mirror) fn bind_host(known: &EnvironmentRow, host: &str) -> Result<Option<EnvironmentRow>> {
    match known.host.as_deref() {
        None => Ok(Some(EnvironmentRow { host: Some(host.to_owned()), ..known.clone() })),
        Some(bound) if bound == host => Ok(None),
        Some(bound) => Err(Error::config(format!(
            "the mirror belongs to the environment {bound}, and the client to {host}: sync each environment into a mirror of its own, or call \
             unbind_environment if the environment's URL has changed"
        ))),
    }
}

impl Step {
    /// Binds the mirror to the environment of a listing, if it has none yet.
    ///
    /// # Errors
    ///
    /// As [`bind_host`].
    pub(in crate::mirror) fn bind_host(&mut self, host: Option<&str>) -> Result<()> {
        if let Some(host) = host
            && let Some(bound) = bind_host(self.environment(), host)?
        {
            self.batch().environment = Some(bound);
        }
        Ok(())
    }
}

/// The host that stands for every environment on this machine, such as a sandbox.
const LOOPBACK: &str = "loopback";

/// Whether the environments of events are compared: only in a mirror that was synced from an environment on another machine. Tests on one machine use
/// events of several environments.
fn is_bound(known: &EnvironmentRow) -> bool {
    known.host.as_deref().is_some_and(|host| host != LOOPBACK)
}

/// Returns whether an event is from another environment than the mirror's. False for an event that names no environment, and if the mirror is not
/// bound to an environment id.
pub(super) fn is_other_environment(step: &Step, event: &Event) -> bool {
    let bound =
        Some(step.environment()).filter(|known| is_bound(known)).and_then(|known| known.environment_id.as_deref());
    !event.environment_id().is_empty() && bound.is_some_and(|bound| bound != event.environment_id())
}

/// Binds the mirror to the environment id of an event that it accepted, if it was synced and has no environment id yet.
pub(super) fn bind_event(step: &mut Step, event: &Event) {
    let known = step.environment();
    if is_bound(known) && known.environment_id.is_none() && !event.environment_id().is_empty() {
        let environment_id = Some(event.environment_id().to_owned());
        step.batch().environment = Some(EnvironmentRow { environment_id, ..known.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// The row of a mirror that has an environment id, and that is bound to `host` if there is one.
    fn row(host: Option<&str>) -> EnvironmentRow {
        EnvironmentRow {
            host: host.map(str::to_owned),
            environment_id: Some("env_1".to_owned()),
            ..EnvironmentRow::default()
        }
    }

    #[test]
    fn the_first_host_binds_the_mirror_and_keeps_the_environments_id() {
        assert_eq!(bind_host(&row(None), "acme.scalekit.com").unwrap(), Some(row(Some("acme.scalekit.com"))));
        assert_eq!(bind_host(&row(Some("acme.scalekit.com")), "acme.scalekit.com").unwrap(), None);
    }

    #[test]
    fn the_environments_of_events_are_compared_only_after_a_sync_with_another_machine() {
        assert!(is_bound(&row(Some("acme.scalekit.com"))));
        assert!(!is_bound(&row(None)));
        assert!(!is_bound(&row(Some(LOOPBACK))));
    }

    #[test]
    fn the_error_for_another_host_names_both_hosts() {
        let error = bind_host(&row(Some("acme.scalekit.com")), "acme.scalekit.dev").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.message().contains("acme.scalekit.com") && error.message().contains("acme.scalekit.dev"),
            "{error}"
        );
    }
}
