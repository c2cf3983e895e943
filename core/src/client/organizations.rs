//! Calls about organizations.

use super::path::Path;
use super::{Client, List};
use crate::http::Call;
use crate::model::{Organization, OrganizationFields, OrganizationSettings, PortalLink};
use crate::{Error, Result};
use http::Method;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Calls about organizations; made by [`Client::organizations`].
#[derive(Clone, Debug)]
pub struct Organizations(Client);

#[derive(Deserialize)]
struct Answer {
    organization: Organization,
}

#[derive(Deserialize)]
struct LinkAnswer {
    link: PortalLink,
}

impl Client {
    /// Returns the calls about organizations: the customers of the application.
    pub fn organizations(&self) -> Organizations {
        Organizations(self.clone())
    }
}

impl Organizations {
    /// Lists the environment's organizations: `.send()` for one page, `.stream()` or `.pages()` for all of them.
    pub fn list(&self) -> List<Organization> {
        List::new(self.0.clone(), Path::new("organizations"))
    }

    /// Returns the organization with this id (`org_…`).
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none.
    pub async fn get(&self, id: &str) -> Result<Organization> {
        let call = Path::new("organizations").id("organization", id).get("get organization");
        Ok(self.0.fetch::<Answer>(call).await?.organization)
    }

    /// Returns the organization to which the application assigned this id.
    ///
    /// The future may be dropped: the request, which only reads, is then cancelled.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none.
    pub async fn get_by_external_id(&self, external_id: &str) -> Result<Organization> {
        let call =
            Path::new("organizations:external").id("external", external_id).get("get organization by external id");
        Ok(self.0.fetch::<Answer>(call).await?.organization)
    }

    /// Creates an organization with this display name, 1 to 200 characters.
    ///
    /// The call is repeated only if the previous attempt certainly created nothing: if no connection could be established, or the answer was 429.
    /// After another error, find out by the external id whether the organization exists.
    ///
    /// The future may be dropped: the request is then cancelled, and the organization may have been created or not. Before you repeat the call, find
    /// out by the external id whether it exists.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the server refuses a field.
    pub async fn create(&self, display_name: &str, fields: &OrganizationFields) -> Result<Organization> {
        let fields = OrganizationFields { display_name: Some(display_name.to_owned()), ..fields.clone() };
        let call = Path::new("organizations").call(Method::POST, "create organization");
        Ok(self.0.fetch::<Answer>(with_body(call, &fields)).await?.organization)
    }

    /// Changes the fields that are given and leaves the others as they are.
    ///
    /// The future may be dropped: the request is then cancelled, and the organization may have been changed or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such organization,
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the server refuses a field.
    pub async fn update(&self, id: &str, fields: &OrganizationFields) -> Result<Organization> {
        let call = Path::new("organizations").id("organization", id).call(Method::PATCH, "update organization");
        Ok(self.0.fetch::<Answer>(with_body(call, fields)).await?.organization)
    }

    /// Changes the organization to which the application assigned this id: looks it up, then updates it as [`update`](Organizations::update)
    /// does. These are two calls, each with the deadline of a call.
    ///
    /// The future may be dropped: the request is then cancelled, and the organization may have been changed or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// As [`update`](Organizations::update).
    pub async fn update_by_external_id(&self, external_id: &str, fields: &OrganizationFields) -> Result<Organization> {
        let organization = self.get_by_external_id(external_id).await?;
        self.update(&organization.id, fields).await
    }

    /// Enables and disables features of an organization; features that are not named stay as they are. Returns the changed organization.
    ///
    /// Features: `sso`, `dir_sync`, `domain_verification`, `session_policy`.
    ///
    /// The future may be dropped: the request is then cancelled, and the organization may have been changed or not. The call may be repeated.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such organization,
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the server does not know a feature.
    pub async fn update_settings(&self, id: &str, settings: &OrganizationSettings) -> Result<Organization> {
        let path = Path::new("organizations").id("organization", id).then("settings");
        let call = path.call(Method::PATCH, "update organization settings");
        Ok(self.0.fetch::<Answer>(with_body(call, settings)).await?.organization)
    }

    /// Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories. It can be opened once,
    /// within a minute, so create it when the administrator asks for it, not in advance.
    ///
    /// `features` (`sso`, `dir_sync`) selects what can be set up; empty: what the organization's settings enable.
    ///
    /// Each call creates another link. The call is retried after temporary failures nevertheless: a link whose answer was lost cannot be used,
    /// because its URL is not known, and it expires after a minute.
    ///
    /// The future may be dropped: the request is then cancelled, and a link whose URL is not known may have been created.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is no such organization,
    /// [`ErrorKind::BadRequest`](crate::ErrorKind::BadRequest) if the server does not know a feature.
    pub async fn generate_portal_link(&self, id: &str, features: &[&str]) -> Result<PortalLink> {
        let path = Path::new("organizations").id("organization", id).then("portal_links");
        let mut call = path.call(Method::PUT, "generate portal link")?;
        call.query = features.iter().map(|feature| ("features", (*feature).to_owned())).collect();
        Ok(self.0.fetch::<LinkAnswer>(Ok(call)).await?.link)
    }

    /// Deletes an organization with all its data. This cannot be undone.
    ///
    /// The future may be dropped: the request is then cancelled, and the organization may have been deleted or not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if there is none.
    pub async fn delete(&self, id: &str) -> Result<()> {
        let call = Path::new("organizations").id("organization", id).call(Method::DELETE, "delete organization");
        self.0.fetch::<IgnoredAny>(call).await.map(|_| ())
    }
}

fn with_body(call: Result<Call>, body: &impl Serialize) -> Result<Call> {
    let body = serde_json::to_string(body).map_err(|error| Error::internal(format!("unwritable body: {error}")))?;
    call.map(|call| Call { body: Some(body), ..call })
}
