//! Organizations.

use super::path::Path;
use super::{Client, List};
use crate::{Organization, Result};
use serde::Deserialize;

/// Calls about organizations; made by [`Client::organizations`].
#[derive(Clone, Debug)]
pub struct Organizations(pub(super) Client);

#[derive(Deserialize)]
struct Answer {
    organization: Organization,
}

impl Organizations {
    /// Lists the environment's organizations: `.send()` for one page, `.stream()` or `.pages()` for all of them.
    pub fn list(&self) -> List<Organization> {
        List::new(self.0.clone(), Path::new("organizations"))
    }

    /// The organization with this id (`org_…`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none.
    pub async fn get(&self, id: &str) -> Result<Organization> {
        let call = Path::new("organizations").id("organization", id).get("get organization");
        Ok(self.0.fetch::<Answer>(call).await?.organization)
    }

    /// The organization to which the application gave this id of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is none.
    pub async fn get_by_external_id(&self, external_id: &str) -> Result<Organization> {
        let call =
            Path::new("organizations:external").id("external", external_id).get("get organization by external id");
        Ok(self.0.fetch::<Answer>(call).await?.organization)
    }
}
