//! The objects that events carry as their `data`.
//!
//! A text, list, map or struct that the vendor did not send is empty; other absent values are `None`. Unknown fields are ignored. The crate
//! `codegen` makes the types of the bindings from these definitions; `event_type` maps each type of event to its object.

use crate::Timestamp;
use crate::model::{RawJson, null_is_default};
use crate::secret::debug_without_personal_data;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A group of which a user is a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GroupReference {
    /// Id, `dirgroup_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
}

/// A role that Scalekit gives a user because of the user's groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleReference {
    /// Name of the role.
    #[serde(default, deserialize_with = "null_is_default")]
    pub role_name: String,
}

/// A user of a directory.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryUserData {
    /// Id, `diruser_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// Id of the user in the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub dp_id: String,
    /// Primary email address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// Whether the user may sign in, if the directory reports it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub active: Option<bool>,
    /// Name with which the user signs in to the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub preferred_username: String,
    /// Full name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Given name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub given_name: String,
    /// Family name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub family_name: String,
    /// Nickname.
    #[serde(default, deserialize_with = "null_is_default")]
    pub nickname: String,
    /// Job title.
    #[serde(default, deserialize_with = "null_is_default")]
    pub title: String,
    /// Department.
    #[serde(default, deserialize_with = "null_is_default")]
    pub department: String,
    /// Division.
    #[serde(default, deserialize_with = "null_is_default")]
    pub division: String,
    /// Cost center.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cost_center: String,
    /// Employee number.
    #[serde(default, deserialize_with = "null_is_default")]
    pub employee_id: String,
    /// Kind of user, in the directory's terms, such as `Employee`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_type: String,
    /// Name of the user's organization, as the directory has it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization: String,
    /// Telephone number.
    #[serde(default, deserialize_with = "null_is_default")]
    pub phone_number: String,
    /// Preferred language.
    #[serde(default, deserialize_with = "null_is_default")]
    pub language: String,
    /// Locale: a language and a country, such as `en-US`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub locale: String,
    /// Time zone, such as `Europe/Berlin`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub zoneinfo: String,
    /// URL of the user's profile page.
    #[serde(default, deserialize_with = "null_is_default")]
    pub profile: String,
    /// URL of the user's picture.
    #[serde(default, deserialize_with = "null_is_default")]
    pub picture: String,
    /// Groups of which the user is a member.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Vec<GroupReference>,
    /// Roles that Scalekit gives the user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub roles: Vec<RoleReference>,
    /// Postal address, in the directory's format.
    #[serde(default, deserialize_with = "null_is_default")]
    pub address: Option<RawJson>,
    /// Attributes that the customer has defined.
    #[serde(default, deserialize_with = "null_is_default")]
    pub custom_attributes: Option<RawJson>,
    /// All attributes, as the directory sent them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub raw_attributes: Option<RawJson>,
}

debug_without_personal_data!(DirectoryUserData { id, organization_id, active, groups, roles });

/// A group of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryGroupData {
    /// Id, `dirgroup_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the directory, `dir_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Id of the group in the directory.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Id of the group in the directory, in older events.
    #[serde(default, deserialize_with = "null_is_default")]
    pub dp_id: String,
    /// All attributes, as the directory sent them.
    #[serde(default, deserialize_with = "null_is_default")]
    pub raw_attributes: Option<RawJson>,
}

/// A directory that was enabled or disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DirectoryData {
    /// Id, `dir_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// How Scalekit receives the directory's data, such as `SCIM`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub directory_type: String,
    /// Product that runs the directory, such as `OKTA`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub provider: String,
    /// Whether Scalekit synchronizes the directory now.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: Option<bool>,
    /// Time of the last change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub updated_at: Option<Timestamp>,
}

/// An organization: a customer of the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OrganizationData {
    /// Id, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Id that the application gave the organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Region in which the organization's data is stored.
    #[serde(default, deserialize_with = "null_is_default")]
    pub region_code: String,
    /// Keys and values that the application stores with the organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: BTreeMap<String, String>,
    /// Features that are enabled or disabled.
    #[serde(default, deserialize_with = "null_is_default")]
    pub settings: Option<RawJson>,
    /// Time of creation.
    #[serde(default, deserialize_with = "null_is_default")]
    pub create_time: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub update_time: Option<Timestamp>,
    /// Time of deletion.
    #[serde(default, deserialize_with = "null_is_default")]
    pub deleted_at: Option<Timestamp>,
}

/// A domain of an organization.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DomainData {
    /// Id, `dom_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// Id of the environment, `env_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub environment_id: String,
    /// Name of the domain.
    #[serde(default, deserialize_with = "null_is_default")]
    pub domain: String,
    /// Purpose of the domain, such as `ORGANIZATION_DOMAIN`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub domain_type: String,
    /// Name of the DNS TXT record that proves ownership of the domain.
    #[serde(default, deserialize_with = "null_is_default")]
    pub txt_record_key: String,
    /// Content of that TXT record.
    #[serde(default, deserialize_with = "null_is_default")]
    pub txt_record_secret: String,
    /// State of the verification, such as `PENDING`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub verification_status: String,
    /// How ownership is verified, such as `DNS`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub verification_method: String,
    /// Time of the last change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub updated_at: Option<Timestamp>,
}

debug_without_personal_data!(DomainData { id, organization_id, domain, verification_status });

/// The profile of a user of the application.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserProfile {
    /// Id, `usp_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Full name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Given name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub given_name: String,
    /// Family name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub family_name: String,
    /// Name with which the user signs in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub preferred_username: String,
    /// Whether the user has proved ownership of the email address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email_verified: Option<bool>,
    /// Telephone number.
    #[serde(default, deserialize_with = "null_is_default")]
    pub phone_number: String,
    /// Whether the user has proved ownership of the telephone number.
    #[serde(default, deserialize_with = "null_is_default")]
    pub phone_number_verified: Option<bool>,
    /// Gender, as the user gave it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub gender: String,
    /// Locale: a language and a country, such as `en-US`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub locale: String,
    /// URL of the user's picture.
    #[serde(default, deserialize_with = "null_is_default")]
    pub picture: String,
    /// Groups of which the user is a member.
    #[serde(default, deserialize_with = "null_is_default")]
    pub groups: Option<RawJson>,
    /// Keys and values that the application stores with the profile.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: Option<RawJson>,
    /// Attributes that the customer has defined.
    #[serde(default, deserialize_with = "null_is_default")]
    pub custom_attributes: Option<RawJson>,
    /// Accounts of the user at identity providers.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_identities: Option<RawJson>,
}

debug_without_personal_data!(UserProfile { id });

/// A user who signs in to the application.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserData {
    /// Id, `usr_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Email address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub email: String,
    /// Id that the application gave the user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub external_id: String,
    /// Keys and values that the application stores with the user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: BTreeMap<String, String>,
    /// Profile of the user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_profile: UserProfile,
    /// Time of creation.
    #[serde(default, deserialize_with = "null_is_default")]
    pub create_time: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub update_time: Option<Timestamp>,
    /// Time of the last sign-in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_login_time: Option<Timestamp>,
}

debug_without_personal_data!(UserData { id, create_time, update_time });

/// A session of a user.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserSession {
    /// Id, `ses_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub session_id: String,
    /// Id of the user, `usr_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// State, in Scalekit's terms, such as `ACTIVE`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: String,
    /// Ids of the organizations to which the user is signed in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub authenticated_organizations: Vec<String>,
    /// Browser, operating system and place of the device.
    #[serde(default, deserialize_with = "null_is_default")]
    pub device: Option<RawJson>,
    /// Time of the sign-in.
    #[serde(default, deserialize_with = "null_is_default")]
    pub created_at: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub updated_at: Option<Timestamp>,
    /// Time of the last use.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_active_at: Option<Timestamp>,
    /// Time at which the session ends if it is not used before.
    #[serde(default, deserialize_with = "null_is_default")]
    pub idle_expires_at: Option<Timestamp>,
    /// Time at which the session ends in any case.
    #[serde(default, deserialize_with = "null_is_default")]
    pub absolute_expires_at: Option<Timestamp>,
    /// Time at which the session expired, if it did.
    #[serde(default, deserialize_with = "null_is_default")]
    pub expired_at: Option<Timestamp>,
    /// Time of the sign-out, if there was one.
    #[serde(default, deserialize_with = "null_is_default")]
    pub logout_at: Option<Timestamp>,
}

debug_without_personal_data!(UserSession { session_id, user_id, organization_id, status, created_at, updated_at });

/// A user's membership in an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MembershipData {
    /// The organization.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization: OrganizationData,
    /// The user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user: UserData,
}

/// A user who signed in or out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionData {
    /// The user.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user: UserData,
    /// The session.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_session: UserSession,
}

/// A single sign-on connection of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionData {
    /// Id, `conn_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the organization, `org_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub organization_id: String,
    /// Protocol of the connection, such as `OIDC`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub connection_type: String,
    /// Product of the identity provider, such as `OKTA`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub provider: String,
    /// Whether the connection is enabled.
    #[serde(default, deserialize_with = "null_is_default")]
    pub enabled: Option<bool>,
    /// State, in Scalekit's terms.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: String,
}

/// A role that users can have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RoleData {
    /// Id, `role_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Name used in code, such as `viewer`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Display name.
    #[serde(default, deserialize_with = "null_is_default")]
    pub display_name: String,
    /// Description.
    #[serde(default, deserialize_with = "null_is_default")]
    pub description: String,
    /// Name of the role whose permissions this role includes.
    #[serde(default, deserialize_with = "null_is_default")]
    pub extends: String,
}

/// A permission that roles can have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PermissionData {
    /// Id, `perm_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Name used in code, such as `data:manage`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub name: String,
    /// Description.
    #[serde(default, deserialize_with = "null_is_default")]
    pub description: String,
}

/// A user's account at another service, connected to the application.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectedAccountData {
    /// Id, `ca_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub id: String,
    /// Id of the connection, `conn_…`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub connection_id: String,
    /// Name of the connection, such as `gmail`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub connection_name: String,
    /// Name of the account at the service, such as an email address.
    #[serde(default, deserialize_with = "null_is_default")]
    pub identifier: String,
    /// The service, such as `GMAIL`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub provider: String,
    /// How the application is authorized, such as `OAUTH`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub authorization_type: String,
    /// State, in Scalekit's terms, such as `EXPIRED`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub status: String,
    /// State before the change.
    #[serde(default, deserialize_with = "null_is_default")]
    pub old_status: String,
    /// Time of the last use.
    #[serde(default, deserialize_with = "null_is_default")]
    pub last_used_at: Option<Timestamp>,
    /// Time at which the access token expires.
    #[serde(default, deserialize_with = "null_is_default")]
    pub token_expires_at: Option<Timestamp>,
}

debug_without_personal_data!(ConnectedAccountData { id, connection_id, provider, status });
