//! An organization: a customer of the application.

use super::null_is_default;
use super::open_enum::open_enum;
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A customer of the application: the schema `organizationsOrganization` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Organization {
    /// Id, `org_…`.
    pub id: String,
    /// Time of creation, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Time of the last change, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<Timestamp>,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Id that the application gave the organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Region in which the organization's data is stored.
    #[serde(default, deserialize_with = "null_is_default")]
    pub region_code: RegionCode,
    /// Short name, for URLs.
    #[serde(default, deserialize_with = "null_is_default")]
    pub slug: String,
    /// URL of the logo.
    #[serde(default, deserialize_with = "null_is_default")]
    pub logo_url: String,
    /// Keys and values that the application stores with the organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: BTreeMap<String, String>,
    /// Features that are enabled or disabled, or `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<OrganizationSettings>,
}

/// The fields with which an organization is created or updated: the schemas `v1organizationsCreateOrganization` and
/// `v1organizationsUpdateOrganization` of the vendor's API. A field that is `None` is not sent; an update leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OrganizationFields {
    /// Display name, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Id that the application gave the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// URL of the logo: `https`, at most 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// Keys and values that the application stores with the organization: at most 10 keys of 3 to 25 characters with values of 1 to 256 characters.
    /// An update replaces all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Short name, for URLs: a DNS label or host name. The empty text removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
}

impl OrganizationFields {
    /// Leaves out an empty external id and an empty logo URL. In an organization as the API returns it, both mean that there is none; in a
    /// request the API refuses them. For an organization that is read, changed and sent back.
    pub fn without_unset(mut self) -> OrganizationFields {
        for field in [&mut self.external_id, &mut self.logo_url] {
            field.take_if(|text| text.is_empty());
        }
        self
    }
}

impl From<&Organization> for OrganizationFields {
    /// Takes the fields that can be changed; see [`without_unset`](OrganizationFields::without_unset).
    fn from(organization: &Organization) -> OrganizationFields {
        OrganizationFields {
            display_name: Some(organization.display_name.clone()),
            external_id: Some(organization.external_id.clone()),
            logo_url: Some(organization.logo_url.clone()),
            metadata: Some(organization.metadata.clone()),
            slug: Some(organization.slug.clone()),
        }
        .without_unset()
    }
}

/// Which features of an organization are enabled: the schema `organizationsOrganizationSettings` of the vendor's API.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrganizationSettings {
    /// One entry per feature.
    #[serde(default, deserialize_with = "null_is_default")]
    pub features: Vec<Feature>,
}

impl OrganizationSettings {
    /// Makes settings that enable or disable these features.
    pub fn new(features: impl IntoIterator<Item = Feature>) -> OrganizationSettings {
        OrganizationSettings { features: features.into_iter().collect() }
    }
}

/// Whether one feature of an organization is enabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feature {
    /// Name: `sso`, `dir_sync`, `domain_verification`, …
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Whether the feature is enabled.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: bool,
}

impl Feature {
    /// Makes the setting that enables or disables a feature.
    pub fn new(name: impl Into<String>, enabled: bool) -> Feature {
        Feature { name: name.into(), enabled }
    }
}

/// A link to the admin portal, in which an organization's administrator sets up SSO and directories: the schema `organizationsLink` of the vendor's
/// API.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PortalLink {
    /// Id, `lnk_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// URL of the portal. Whoever opens it first becomes the organization's administrator for six hours, so it must not be logged.
    #[serde(default, deserialize_with = "null_is_default")]
    pub location: String,
    /// Time after which the link cannot be opened any more, one minute after it was created; `None` if not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<Timestamp>,
}

impl std::fmt::Debug for PortalLink {
    /// Leaves out the location, which gives access.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PortalLink")
            .field("id", &self.id)
            .field("expire_time", &self.expire_time)
            .finish_non_exhaustive()
    }
}

open_enum! {
    /// A region in which data is stored: the schema `commonsRegionCode` of the vendor's API.
    RegionCode {
        /// United States.
        Us = "US",
        /// European Union.
        Eu = "EU",
    }
}
