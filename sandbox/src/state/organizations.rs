//! Changes of organizations.

use super::event::Event;
use super::rows::{Organization, PortalLink};
use super::tables::State;
use crate::error::Error;
use headcount::Timestamp;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The body of a request that creates or updates an organization. `None` leaves a field as it is.
///
/// Unknown fields are ignored, because the vendor's API ignores them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct OrganizationFields {
    display_name: Option<String>,
    external_id: Option<String>,
    slug: Option<String>,
    logo_url: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

/// The body of a request that enables or disables features.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct OrganizationSettings {
    features: Vec<Feature>,
}

/// A feature of an organization, and whether it is to be enabled.
#[derive(Deserialize)]
struct Feature {
    name: String,
    enabled: bool,
}

/// The features that the contract names, in the order in which they are listed.
const FEATURES: [&str; 4] = ["sso", "dir_sync", "domain_verification", "session_policy"];

/// The features that an admin portal can set up.
const PORTAL_FEATURES: [&str; 2] = ["dir_sync", "sso"];

/// How long an admin portal link can be opened, in seconds.
const PORTAL_LINK_SECONDS: i64 = 60;

impl State {
    /// Enables and disables features of an organization. Returns its JSON as in REST listings, and the event.
    pub(crate) fn update_settings(
        &mut self,
        id: &str,
        settings: OrganizationSettings,
        now: Timestamp,
    ) -> Result<(Value, Event), Error> {
        let organization = self.organization_mut(id)?;
        if let Some(unknown) = settings.features.iter().find(|feature| !FEATURES.contains(&feature.name.as_str())) {
            return Err(Error::invalid(format!("features: unknown feature {:?}", unknown.name)));
        }
        organization.features.extend(settings.features.into_iter().map(|feature| (feature.name, feature.enabled)));
        organization.update_time = now;
        let event = organization.event("organization.updated", "Organization Updated");
        Ok((event.data.clone(), event))
    }

    /// Creates an admin portal link, which can be opened once within a minute. Returns its id and the time of its expiry.
    pub(crate) fn create_portal_link(
        &mut self,
        id: &str,
        features: &[String],
        now: Timestamp,
    ) -> Result<(String, Timestamp), Error> {
        self.organization(id)?;
        if let Some(unknown) = features.iter().find(|feature| !PORTAL_FEATURES.contains(&feature.as_str())) {
            return Err(Error::invalid(format!("features: unknown feature {unknown:?}")));
        }
        let expiry = now + SignedDuration::from_secs(PORTAL_LINK_SECONDS);
        self.portal_links.retain(|_, link| now < link.expiry);
        let link = self.next_id("lnk");
        self.portal_links.insert(link.clone(), PortalLink { organization_id: id.to_owned(), expiry });
        Ok((link, expiry))
    }

    /// Opens an admin portal link, which can be opened once. Returns the name of its organization.
    ///
    /// # Errors
    ///
    /// 404 if there is no such link, or if it was opened before or has expired.
    pub(crate) fn open_portal_link(&mut self, link: &str, now: Timestamp) -> Result<String, Error> {
        let found = self.portal_links.remove(link).filter(|link| now < link.expiry);
        let found = found.ok_or_else(|| Error::not_found("portal link"))?;
        Ok(self.organization(&found.organization_id)?.display_name.clone())
    }

    /// Adds an organization without directories. Returns its JSON as in REST listings, and the event.
    pub(crate) fn create_organization(
        &mut self,
        fields: OrganizationFields,
        now: Timestamp,
    ) -> Result<(Value, Event), Error> {
        if fields.display_name.is_none() {
            return Err(Error::invalid("display_name: is required"));
        }
        self.check_organization(None, &fields)?;
        let mut organization = Organization {
            id: self.next_id("org"),
            display_name: String::new(),
            external_id: String::new(),
            slug: String::new(),
            logo_url: String::new(),
            metadata: BTreeMap::new(),
            features: BTreeMap::new(),
            create_time: now,
            update_time: now,
            directories: Vec::new(),
        };
        organization.set(fields, now);
        let event = organization.event("organization.created", "Organization Created");
        self.add_organization(organization);
        Ok((event.data.clone(), event))
    }

    /// Changes the fields of an organization that are not `None`. Returns its JSON as in REST listings, and the event.
    pub(crate) fn update_organization(
        &mut self,
        id: &str,
        fields: OrganizationFields,
        now: Timestamp,
    ) -> Result<(Value, Event), Error> {
        self.check_organization(Some(id), &fields)?;
        let organization = self.organization_mut(id)?;
        organization.set(fields, now);
        let event = organization.event("organization.updated", "Organization Updated");
        Ok((event.data.clone(), event))
    }

    /// Removes an organization and its directories, and returns the event.
    pub(crate) fn delete_organization(&mut self, id: &str, now: Timestamp) -> Result<Event, Error> {
        let mut event = self.organization(id)?.event("organization.deleted", "Organization Deleted");
        event.data["deleted_at"] = json!(now);
        self.remove_organization(id);
        Ok(event)
    }

    /// Refuses a name of the wrong length, and an external id that another organization than `id` has.
    fn check_organization(&self, id: Option<&str>, fields: &OrganizationFields) -> Result<(), Error> {
        if let Some(name) = &fields.display_name
            && !(1..=200).contains(&name.chars().count())
        {
            return Err(Error::invalid("display_name: must be between 1 and 200 characters"));
        }
        let is_taken = |external_id: &String| {
            let mut others = self.organizations.values().filter(|other| Some(other.id.as_str()) != id);
            !external_id.is_empty() && others.any(|other| &other.external_id == external_id)
        };
        if fields.external_id.as_ref().is_some_and(is_taken) {
            return Err(Error::conflict("an organization with this external_id exists"));
        }
        Ok(())
    }
}

impl Organization {
    /// Returns the settings as the contract's `organizationsOrganizationSettings`.
    pub(super) fn settings_json(&self) -> Value {
        let enabled_by_default = |name: &str| match name {
            "sso" => Some(true),
            "dir_sync" => Some(!self.directories.is_empty()),
            _ => None,
        };
        let features = FEATURES.iter().filter_map(|name| {
            let enabled = self.features.get(*name).copied().or_else(|| enabled_by_default(name))?;
            Some(json!({ "name": name, "enabled": enabled }))
        });
        json!({ "features": features.collect::<Vec<_>>() })
    }

    /// Replaces the fields that are not `None`.
    fn set(&mut self, fields: OrganizationFields, now: Timestamp) {
        let OrganizationFields { display_name, external_id, slug, logo_url, metadata, .. } = fields;
        for (field, value) in [
            (&mut self.display_name, display_name),
            (&mut self.external_id, external_id),
            (&mut self.slug, slug),
            (&mut self.logo_url, logo_url),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        if let Some(metadata) = metadata {
            self.metadata = metadata;
        }
        self.update_time = now;
    }

    fn event(&self, type_: &'static str, display_name: &'static str) -> Event {
        Event { type_, object: "Organization", display_name, organization_id: self.id.clone(), data: self.json() }
    }
}
