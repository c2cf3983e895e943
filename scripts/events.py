#!/usr/bin/env python3
"""Writes the types of webhook events for Python. Those for Rust and TypeScript are written by codegen.

    python3 scripts/events.py            write the files
    python3 scripts/events.py --check    exit 1 if the committed files are stale

The records below define the `data` of each type. The vendor's published examples (tests/contract/webhook-events.json) must match them:
an event or a field that is not defined is an error.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = json.loads((ROOT / "tests" / "contract" / "webhook-events.json").read_text(encoding="utf-8"))

TEXT, TIME, FLAG, TEXTS, MAP, RAW = "text", "time", "flag", "texts", "map", "raw"

# Name -> (description, {field: (type, description)}). A type in brackets is a list of records.
OBJECTS = {
    "GroupReference": ("A group of which a user is a member.", {
        "id": (TEXT, "Id, `dirgroup_…`."),
        "name": (TEXT, "Display name."),
    }),
    "RoleReference": ("A role that Scalekit gives a user because of the user's groups.", {
        "role_name": (TEXT, "Name of the role."),
    }),
    "DirectoryUserData": ("A user of a directory.", {
        "id": (TEXT, "Id, `diruser_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "dp_id": (TEXT, "Id of the user in the directory."),
        "email": (TEXT, "Primary email address."),
        "active": (FLAG, "Whether the user may sign in, if the directory reports it."),
        "preferred_username": (TEXT, "Name with which the user signs in to the directory."),
        "name": (TEXT, "Full name."),
        "given_name": (TEXT, "Given name."),
        "family_name": (TEXT, "Family name."),
        "nickname": (TEXT, "Nickname."),
        "title": (TEXT, "Job title."),
        "department": (TEXT, "Department."),
        "division": (TEXT, "Division."),
        "cost_center": (TEXT, "Cost center."),
        "employee_id": (TEXT, "Employee number."),
        "user_type": (TEXT, "Kind of user, in the directory's terms, such as `Employee`."),
        "organization": (TEXT, "Name of the user's organization, as the directory has it."),
        "phone_number": (TEXT, "Telephone number."),
        "language": (TEXT, "Preferred language."),
        "locale": (TEXT, "Locale: a language and a country, such as `en-US`."),
        "zoneinfo": (TEXT, "Time zone, such as `Europe/Berlin`."),
        "profile": (TEXT, "URL of the user's profile page."),
        "picture": (TEXT, "URL of the user's picture."),
        "groups": (["GroupReference"], "Groups of which the user is a member."),
        "roles": (["RoleReference"], "Roles that Scalekit gives the user."),
        "address": (RAW, "Postal address, in the directory's format."),
        "custom_attributes": (RAW, "Attributes that the customer has defined."),
        "raw_attributes": (RAW, "All attributes, as the directory sent them."),
    }),
    "DirectoryGroupData": ("A group of a directory.", {
        "id": (TEXT, "Id, `dirgroup_…`."),
        "directory_id": (TEXT, "Id of the directory, `dir_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "display_name": (TEXT, "Display name."),
        "external_id": (TEXT, "Id of the group in the directory."),
        "dp_id": (TEXT, "Id of the group in the directory, in older events."),
        "raw_attributes": (RAW, "All attributes, as the directory sent them."),
    }),
    "DirectoryData": ("A directory that was enabled or disabled.", {
        "id": (TEXT, "Id, `dir_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "directory_type": (TEXT, "How Scalekit reads the directory, such as `SCIM`."),
        "provider": (TEXT, "Product that runs the directory, such as `OKTA`."),
        "enabled": (FLAG, "Whether Scalekit synchronizes the directory now."),
        "updated_at": (TIME, "Time of the last change."),
    }),
    "OrganizationData": ("An organization: a customer of the application.", {
        "id": (TEXT, "Id, `org_…`."),
        "display_name": (TEXT, "Display name."),
        "external_id": (TEXT, "The application's id of the organization."),
        "region_code": (TEXT, "Region in which its data is stored."),
        "metadata": (MAP, "Metadata of the application."),
        "settings": (RAW, "Features that are enabled or disabled."),
        "create_time": (TIME, "Time of creation."),
        "update_time": (TIME, "Time of the last change."),
        "deleted_at": (TIME, "Time of deletion."),
    }),
    "DomainData": ("A domain of an organization.", {
        "id": (TEXT, "Id, `dom_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "environment_id": (TEXT, "Id of the environment, `env_…`."),
        "domain": (TEXT, "Name of the domain."),
        "domain_type": (TEXT, "Purpose of the domain, such as `ORGANIZATION_DOMAIN`."),
        "txt_record_key": (TEXT, "Name of the DNS TXT record that proves ownership of the domain."),
        "txt_record_secret": (TEXT, "Content of that TXT record."),
        "verification_status": (TEXT, "State of the verification, such as `PENDING`."),
        "verification_method": (TEXT, "How ownership is verified, such as `DNS`."),
        "updated_at": (TIME, "Time of the last change."),
    }),
    "UserProfile": ("The profile of a user of the application.", {
        "id": (TEXT, "Id, `usp_…`."),
        "name": (TEXT, "Full name."),
        "given_name": (TEXT, "Given name."),
        "family_name": (TEXT, "Family name."),
        "preferred_username": (TEXT, "Name with which the user signs in."),
        "email_verified": (FLAG, "Whether the user has proved ownership of the email address."),
        "phone_number": (TEXT, "Telephone number."),
        "phone_number_verified": (FLAG, "Whether the user has proved ownership of the telephone number."),
        "gender": (TEXT, "Gender, as the user gave it."),
        "locale": (TEXT, "Locale: a language and a country, such as `en-US`."),
        "picture": (TEXT, "URL of the user's picture."),
        "groups": (RAW, "Groups of which the user is a member."),
        "metadata": (RAW, "Metadata of the application."),
        "custom_attributes": (RAW, "Attributes that the customer has defined."),
        "external_identities": (RAW, "Accounts of the user at identity providers."),
    }),
    "UserData": ("A user who signs in to the application.", {
        "id": (TEXT, "Id, `usr_…`."),
        "email": (TEXT, "Email address."),
        "external_id": (TEXT, "The application's id of the user."),
        "metadata": (MAP, "Metadata of the application."),
        "user_profile": ("UserProfile", "Profile of the user."),
        "create_time": (TIME, "Time of creation."),
        "update_time": (TIME, "Time of the last change."),
        "last_login_time": (TIME, "Time of the last sign-in."),
    }),
    "UserSession": ("A session of a user.", {
        "session_id": (TEXT, "Id, `ses_…`."),
        "user_id": (TEXT, "Id of the user, `usr_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "status": (TEXT, "State, in Scalekit's terms, such as `ACTIVE`."),
        "authenticated_organizations": (TEXTS, "Ids of the organizations to which the user is signed in."),
        "device": (RAW, "Browser, operating system and place of the device."),
        "created_at": (TIME, "Time of the sign-in."),
        "updated_at": (TIME, "Time of the last change."),
        "last_active_at": (TIME, "Time of the last use."),
        "idle_expires_at": (TIME, "Time at which the session ends if it is not used before."),
        "absolute_expires_at": (TIME, "Time at which the session ends in any case."),
        "expired_at": (TIME, "Time at which the session expired, or missing."),
        "logout_at": (TIME, "Time of the sign-out, or missing."),
    }),
    "MembershipData": ("A user's membership in an organization.", {
        "organization": ("OrganizationData", "The organization."),
        "user": ("UserData", "The user."),
    }),
    "SessionData": ("A user who signed in or out.", {
        "user": ("UserData", "The user."),
        "user_session": ("UserSession", "The session."),
    }),
    "ConnectionData": ("A single sign-on connection of an organization.", {
        "id": (TEXT, "Id, `conn_…`."),
        "organization_id": (TEXT, "Id of the organization, `org_…`."),
        "connection_type": (TEXT, "Protocol of the connection, such as `OIDC`."),
        "provider": (TEXT, "Product of the identity provider, such as `OKTA`."),
        "enabled": (FLAG, "Whether the connection is enabled."),
        "status": (TEXT, "State, in Scalekit's terms."),
    }),
    "RoleData": ("A role that users can have.", {
        "id": (TEXT, "Id, `role_…`."),
        "name": (TEXT, "Name in code, such as `viewer`."),
        "display_name": (TEXT, "Display name."),
        "description": (TEXT, "Description."),
        "extends": (TEXT, "Name of the role whose permissions this role includes."),
    }),
    "PermissionData": ("A permission that roles can have.", {
        "id": (TEXT, "Id, `perm_…`."),
        "name": (TEXT, "Name in code."),
        "description": (TEXT, "Description."),
    }),
    "ConnectedAccountData": ("A user's account at another service, connected to the application.", {
        "id": (TEXT, "Id, `ca_…`."),
        "connection_id": (TEXT, "Id of the connection, `conn_…`."),
        "connection_name": (TEXT, "Name of the connection, such as `gmail`."),
        "identifier": (TEXT, "Name of the account at the service, such as an email address."),
        "provider": (TEXT, "The service, such as `GMAIL`."),
        "authorization_type": (TEXT, "How the application is authorized, such as `OAUTH`."),
        "status": (TEXT, "State, in Scalekit's terms, such as `EXPIRED`."),
        "old_status": (TEXT, "State before the change."),
        "last_used_at": (TIME, "Time of the last use."),
        "token_expires_at": (TIME, "Time at which the access token expires."),
    }),
}

# Prefix of a type -> record of its events' data. The longest matching prefix applies.
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

# Older name of a type -> current name.
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
    """Exits with an error if an example has a field that the record lacks, or a value of another type."""
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


FILES = {
}


def main():
    for name, example in EXAMPLES.items():
        fits(TYPES[name], example["data"], name)
    stale = []
    for path, make in FILES.items():
        text, file = make(), ROOT / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(path)
            if "--check" not in sys.argv:
                file.write_text(text, encoding="utf-8")
    if stale and "--check" in sys.argv:
        sys.exit(f"stale: {', '.join(stale)}: run `python3 scripts/events.py` and commit it")


main()
