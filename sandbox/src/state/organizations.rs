//! Changes of organizations.

use super::event::Event;
use super::rows::Organization;
use super::tables::State;
use crate::error::Error;
use headcount::Timestamp;
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

impl State {
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
    /// Replaces the fields that are not `None`.
    fn set(&mut self, fields: OrganizationFields, now: Timestamp) {
        let OrganizationFields { display_name, external_id, slug, logo_url, metadata } = fields;
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
