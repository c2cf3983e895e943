#!/usr/bin/env python3
"""Writes the types of webhook events for Rust and Python. Those for TypeScript are written by codegen.

    python3 scripts/events.py            write the files
    python3 scripts/events.py --check    exit 1 if the committed files are stale

What an event of a type carries is said once, below. The vendor's published examples (tests/contract/webhook-events.json) must fit it:
an event or a field that is not here stops the program.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = json.loads((ROOT / "tests" / "contract" / "webhook-events.json").read_text(encoding="utf-8"))

TEXT, TIME, FLAG, TEXTS, MAP, RAW = "text", "time", "flag", "texts", "map", "raw"

# Name -> (what it is, {field: (type, what it is)}). A type in brackets is a list of another one's.
OBJECTS = {
    "GroupReference": ("A group that a user is in.", {
        "id": (TEXT, "`dirgroup_…`."),
        "name": (TEXT, "What the directory calls it."),
    }),
    "RoleReference": ("A role that the vendor gives a user by their groups.", {
        "role_name": (TEXT, "The role's name."),
    }),
    "DirectoryUserData": ("A user of a directory: somebody who works at the organization.", {
        "id": (TEXT, "`diruser_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "dp_id": (TEXT, "The directory's own id for the user."),
        "email": (TEXT, "The primary address."),
        "active": (FLAG, "Whether they may sign in, where the directory said so."),
        "preferred_username": (TEXT, "What they sign in with at their directory."),
        "name": (TEXT, "The whole name."),
        "given_name": (TEXT, "First name."),
        "family_name": (TEXT, "Last name."),
        "nickname": (TEXT, "What people call them."),
        "title": (TEXT, "What they do."),
        "department": (TEXT, "Where they do it."),
        "division": (TEXT, "What that belongs to."),
        "cost_center": (TEXT, "Who pays for it."),
        "employee_id": (TEXT, "The employer's number for them."),
        "user_type": (TEXT, "The directory's word for the kind of user."),
        "organization": (TEXT, "The directory's word for the employer."),
        "phone_number": (TEXT, "A telephone number."),
        "language": (TEXT, "A language."),
        "locale": (TEXT, "A language and a country."),
        "zoneinfo": (TEXT, "A time zone."),
        "profile": (TEXT, "Where more is said of them."),
        "picture": (TEXT, "Where a picture of them is."),
        "groups": (["GroupReference"], "The groups they are in."),
        "roles": (["RoleReference"], "The roles that the vendor gives them."),
        "address": (RAW, "Where they are, as the directory says it."),
        "custom_attributes": (RAW, "What the customer added."),
        "raw_attributes": (RAW, "What the directory sent."),
    }),
    "DirectoryGroupData": ("A group of a directory.", {
        "id": (TEXT, "`dirgroup_…`."),
        "directory_id": (TEXT, "`dir_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "display_name": (TEXT, "What the directory calls it."),
        "external_id": (TEXT, "The directory's own id for it."),
        "dp_id": (TEXT, "The same, as older events call it."),
        "raw_attributes": (RAW, "What the directory sent."),
    }),
    "DirectoryData": ("A directory that was switched on or off.", {
        "id": (TEXT, "`dir_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "directory_type": (TEXT, "How it is followed, such as `SCIM`."),
        "provider": (TEXT, "Whose product it is, such as `OKTA`."),
        "enabled": (FLAG, "Whether it is followed now."),
        "updated_at": (TIME, "When that changed."),
    }),
    "OrganizationData": ("An organization: one of the companies that the application is sold to.", {
        "id": (TEXT, "`org_…`."),
        "display_name": (TEXT, "What people call it."),
        "external_id": (TEXT, "The application's own id for it."),
        "region_code": (TEXT, "Where its data lives."),
        "metadata": (MAP, "The application's own keys and values."),
        "settings": (RAW, "Which features are on."),
        "create_time": (TIME, "When it was created."),
        "update_time": (TIME, "When it was last changed."),
        "deleted_at": (TIME, "When it was removed."),
    }),
    "DomainData": ("A domain of an organization.", {
        "id": (TEXT, "`dom_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "environment_id": (TEXT, "`env_…`."),
        "domain": (TEXT, "The domain."),
        "domain_type": (TEXT, "What it is for."),
        "txt_record_key": (TEXT, "Where the proof of it stands in the DNS."),
        "txt_record_secret": (TEXT, "The proof."),
        "verification_status": (TEXT, "Whether it was found."),
        "verification_method": (TEXT, "How it is looked for."),
        "updated_at": (TIME, "When that changed."),
    }),
    "UserProfile": ("What is known of a person who signs in.", {
        "id": (TEXT, "`usp_…`."),
        "name": (TEXT, "The whole name."),
        "given_name": (TEXT, "First name."),
        "family_name": (TEXT, "Last name."),
        "preferred_username": (TEXT, "What they sign in with."),
        "email_verified": (FLAG, "Whether the address is theirs."),
        "phone_number": (TEXT, "A telephone number."),
        "phone_number_verified": (FLAG, "Whether that is theirs."),
        "gender": (TEXT, "What they said of it."),
        "locale": (TEXT, "A language and a country."),
        "picture": (TEXT, "Where a picture of them is."),
        "groups": (RAW, "The groups they are in."),
        "metadata": (RAW, "The application's own keys and values."),
        "custom_attributes": (RAW, "What the customer added."),
        "external_identities": (RAW, "Who they are elsewhere."),
    }),
    "UserData": ("A person who signs in to the application.", {
        "id": (TEXT, "`usr_…`."),
        "email": (TEXT, "The address."),
        "external_id": (TEXT, "The application's own id for them."),
        "metadata": (MAP, "The application's own keys and values."),
        "user_profile": ("UserProfile", "What is known of them."),
        "create_time": (TIME, "When they were created."),
        "update_time": (TIME, "When they were last changed."),
        "last_login_time": (TIME, "When they last signed in."),
    }),
    "UserSession": ("A session of a person who signed in.", {
        "session_id": (TEXT, "`ses_…`."),
        "user_id": (TEXT, "`usr_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "status": (TEXT, "The vendor's word for its state."),
        "authenticated_organizations": (TEXTS, "The organizations they are signed in to."),
        "device": (RAW, "Where they signed in from."),
        "created_at": (TIME, "When it began."),
        "updated_at": (TIME, "When it last changed."),
        "last_active_at": (TIME, "When it was last used."),
        "idle_expires_at": (TIME, "When it ends unless it is used."),
        "absolute_expires_at": (TIME, "When it ends however it is used."),
        "expired_at": (TIME, "When it ended of itself."),
        "logout_at": (TIME, "When they signed out."),
    }),
    "MembershipData": ("A person's place in an organization.", {
        "organization": ("OrganizationData", "The organization."),
        "user": ("UserData", "The person."),
    }),
    "SessionData": ("A person who signed in or out.", {
        "user": ("UserData", "The person."),
        "user_session": ("UserSession", "The session."),
    }),
    "ConnectionData": ("A single sign-on connection of an organization.", {
        "id": (TEXT, "`conn_…`."),
        "organization_id": (TEXT, "`org_…`."),
        "connection_type": (TEXT, "How it works, such as `OIDC`."),
        "provider": (TEXT, "Whose product it is, such as `OKTA`."),
        "enabled": (FLAG, "Whether it is on."),
        "status": (TEXT, "The vendor's word for its state."),
    }),
    "RoleData": ("A role.", {
        "id": (TEXT, "`role_…`."),
        "name": (TEXT, "Its name in code."),
        "display_name": (TEXT, "What people call it."),
        "description": (TEXT, "What it is for."),
        "extends": (TEXT, "The role whose permissions it has as well."),
    }),
    "PermissionData": ("A permission.", {
        "id": (TEXT, "`perm_…`."),
        "name": (TEXT, "Its name in code."),
        "description": (TEXT, "What it allows."),
    }),
    "ConnectedAccountData": ("A person's account elsewhere.", {
        "id": (TEXT, "`ca_…`."),
        "connection_id": (TEXT, "`conn_…`."),
        "connection_name": (TEXT, "What that is called."),
        "identifier": (TEXT, "Whose it is."),
        "provider": (TEXT, "Where it is."),
        "authorization_type": (TEXT, "How it is used, such as `OAUTH`."),
        "status": (TEXT, "The vendor's word for its state."),
        "old_status": (TEXT, "The same before it changed."),
        "last_used_at": (TIME, "When it was last used."),
        "token_expires_at": (TIME, "When the token ends."),
    }),
}

# Beginning of a type -> what its events carry; the longest one counts.
CARRIES = {
    "organization.": "OrganizationData",
    "organization.domain_": "DomainData",
    "organization.directory_": "DirectoryData",
    "organization.directory.user_": "DirectoryUserData",
    "organization.directory.group_": "DirectoryGroupData",
    "organization.sso_": "ConnectionData",
    "user.signup": "MembershipData",
    "user.organization_": "MembershipData",
    "user.login": "SessionData",
    "user.logout": "SessionData",
    "role.": "RoleData",
    "permission.": "PermissionData",
    "connected_account.": "ConnectedAccountData",
}

# What the vendor called some of them before.
OLDER = {
    "scalekit.dir.sync.enable": "organization.directory_enabled",
    "scalekit.dir.sync.disable": "organization.directory_disabled",
    **{
        f"scalekit.dir.{of}.{verb}": f"organization.directory.{of}_{verb.rstrip('e')}ed"
        for of in ("user", "group")
        for verb in ("create", "update", "delete")
    },
}


def carried(name):
    return CARRIES[max((start for start in CARRIES if name.startswith(start)), key=len)]


TYPES = {name: carried(name) for name in EXAMPLES}


def camel(name):
    return "".join(word.capitalize() for word in re.split(r"[._]", name))


def fits(name, value, place):
    """Whether an example says nothing that the object lacks, and nothing of another type."""
    kinds = {TEXT: str, TIME: str, FLAG: bool, TEXTS: list, MAP: dict}
    fields = OBJECTS[name][1]
    for key, one in value.items():
        if key not in fields:
            sys.exit(f"{place}: {name} has no field {key}")
        kind = fields[key][0]
        if one is None or kind == RAW:
            continue
        if isinstance(kind, list):
            for item in one:
                fits(kind[0], item, place)
        elif kind in OBJECTS:
            fits(kind, one, place)
        elif not isinstance(one, kinds[kind]):
            sys.exit(f"{place}: {name}.{key} is a {type(one).__name__}, not a {kind}")


GENERATED = "Generated by scripts/events.py: what events carry is said there."


def rust():
    types = {TEXT: "String", TIME: "Option<Timestamp>", FLAG: "Option<bool>", TEXTS: "Vec<String>",
             MAP: "BTreeMap<String, String>", RAW: "Option<RawJson>"}
    lines = [
        "//! What events carry, a type for each object, and the names of all events.",
        "//!",
        f"//! {GENERATED}",
        "",
        "use super::Event;",
        "use crate::model::{RawJson, null_is_default, open_enum};",
        "use crate::{Error, Reason, Result, Timestamp};",
        "use serde::{Deserialize, Serialize};",
        "use std::collections::BTreeMap;",
        "",
        "open_enum! {",
        "    /// What happened.",
        "    EventType {",
    ]
    for name in TYPES:
        lines += [f"        /// `{name}`.", f'        {camel(name)} = "{name}",']
    lines += ["    }", "}", "", "/// The name that the vendor has for it today.", "pub(super) fn today(name: &str) -> &str {", "    match name {"]
    lines += [f'        "{old}" => "{new}",' for old, new in OLDER.items()]
    lines += ["        name => name,", "    }", "}"]
    for name, (about, fields) in OBJECTS.items():
        lines += ["", f"/// {about}", "#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]", "#[non_exhaustive]",
                  f"pub struct {name} {{"]
        for field, (kind, what) in fields.items():
            kind = f"Vec<{kind[0]}>" if isinstance(kind, list) else types.get(kind, kind)
            lines += [f"    /// {what}", '    #[serde(default, deserialize_with = "null_is_default")]', f"    pub {field}: {kind},"]
        lines += ["}"]
    carried_objects = list(dict.fromkeys(TYPES.values()))
    lines += ["", "/// What an event carries, by its type; made by [`Event::decode`].", "#[derive(Clone, Debug, PartialEq, Eq)]",
              "#[non_exhaustive]", "pub enum EventData {"]
    for name in carried_objects:
        lines += [f"    /// {OBJECTS[name][0]}", f"    {name[:-4]}({name}),"]
    lines += ["    /// An event of a type that this version does not know.", "    Unknown(RawJson),", "}", "", "impl Event {",
              "    /// What it carries, decoded.", "    ///", "    /// # Errors", "    ///",
              "    /// [`ErrorKind::WebhookVerification`](crate::ErrorKind::WebhookVerification) with [`Reason::MalformedEvent`] where that is of another",
              "    /// shape than events of its type have; [`data`](Event::data) is there all the same.",
              "    pub fn decode(&self) -> Result<EventData> {", "        let decoded = match self.event_type() {"]
    for name in carried_objects:
        names = " | ".join(f"EventType::{camel(one)}" for one, of in TYPES.items() if of == name)
        lines += [f"            {names} => self.data().decode().map(EventData::{name[:-4]}),"]
    lines += ["            EventType::Other(_) => return Ok(EventData::Unknown(self.data().to_raw()?)),", "        };",
              "        decoded.map_err(|error| {",
              '            Error::refused(Reason::MalformedEvent, format!("the event\'s data is not what its type has: {}", error.message()))',
              "        })", "    }", "}", ""]
    return "\n".join(lines)


def python():
    types = {TEXT: "str", TIME: "Optional[str]", FLAG: "Optional[bool]", TEXTS: "List[str]", MAP: "Optional[Dict[str, str]]", RAW: "Any"}
    lines = [
        '"""The types of events: a class for each, and what it carries.',
        "",
        "    from headcount import events",
        "",
        "    match webhook.verify(body, headers):",
        "        case events.OrganizationDirectoryUserDeleted(data=user):",
        '            deactivate(user["id"])',
        "",
        f"{GENERATED}",
        '"""',
        "",
        "# Times are RFC 3339 text. A key that the vendor did not send is missing; `data` is the dict that the JSON decodes to.",
        "",
        "from typing import Any, Dict, List, Literal, Optional, Type, TypedDict",
        "",
        "from ._headcount import Event",
    ]
    for name, (about, fields) in OBJECTS.items():
        lines += ["", "", f"class {name}(TypedDict, total=False):", f'    """{about}"""', ""]
        for field, (kind, what) in fields.items():
            kind = f"List[{kind[0]}]" if isinstance(kind, list) else types.get(kind, kind)
            lines += [f"    {field}: {kind}", f'    """{what.replace("`", "``")}"""']
    for name, of in TYPES.items():
        lines += ["", "", f"class {camel(name)}(Event):", f'    """``{name}``"""', "", "    __slots__ = ()"]
        lines += [f'    type: Literal["{name}"]', f"    data: {of}"]
    lines += ["", "", "TYPES: Dict[str, Type[Event]] = {"]
    lines += [f'    "{name}": {camel(name)},' for name in TYPES]
    lines += ["}", '"""The class of each type."""', ""]
    return "\n".join(lines)


def first_of(name):
    """A field to read: the first one."""
    return next(iter(OBJECTS[name][1]))


def python_sample():
    lines = [
        f'"""Checked by mypy, never run: a match over every event, and what the checker must refuse. {GENERATED}"""',
        "",
        "from typing import Any",
        "",
        "from headcount import Event, events",
        "",
        "",
        "def receive(event: Event) -> Any:",
        "    match event:",
    ]
    for name, of in TYPES.items():
        field = first_of(of)
        lines += [f"        case events.{camel(name)}(data={of.lower()}):",
                  f'            {of.lower()}["{field}_"]  # type: ignore[typeddict-item]', f'            return {of.lower()}["{field}"]']
    lines += ["        case _:", "            return event.data", ""]
    return "\n".join(lines)


def examples():
    """The contract's examples, inside the package that builds bodies from them."""
    return json.dumps(EXAMPLES, ensure_ascii=False, separators=(",", ":")) + "\n"


FILES = {
    "core/src/webhook/data.rs": rust,
    "bindings-python/python/headcount/events.py": python,
    "bindings-python/tests/typing_events.py": python_sample,
    "sandbox/src/webhook-events.json": examples,
}


def formatted(path, text):
    """As rustfmt leaves it, where it is Rust."""
    if not path.endswith(".rs"):
        return text
    import subprocess

    return subprocess.run(
        ["rustfmt", "--edition", "2024", "--config-path", ROOT], input=text, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def main():
    for name, example in EXAMPLES.items():
        fits(TYPES[name], example["data"], name)
    stale = []
    for path, make in FILES.items():
        text, file = formatted(path, make()), ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(path)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}: run `python3 scripts/events.py` and commit it")


main()
