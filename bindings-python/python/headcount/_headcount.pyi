"""The native half of ``headcount``: import that instead. mypy's stubtest holds this file against the binary."""

from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Callable, Literal, Optional, SupportsIndex, Union, final, overload

from typing_extensions import Self, TypeAlias, disjoint_base

from .errors import Error
from .support import AsyncRows, Stats

__all__ = [
    "AsyncClient",
    "Client",
    "AsyncDirectoryClient",
    "DirectoryClient",
    "Event",
    "AsyncGroupIterator",
    "AsyncOrganizationIterator",
    "AsyncUserIterator",
    "GroupIterator",
    "GroupPage",
    "OrganizationIterator",
    "OrganizationPage",
    "UserIterator",
    "UserPage",
    "AsyncChange",
    "AsyncChangeIterator",
    "AsyncMirror",
    "AsyncMirrorUserIterator",
    "Change",
    "ChangeIterator",
    "Consumer",
    "DirectoryStatus",
    "Held",
    "Mirror",
    "MirrorDirectory",
    "MirrorGroup",
    "MirrorUser",
    "MirrorUserIterator",
    "ParkedChange",
    "Progress",
    "SyncReport",
    "Directory",
    "DirectoryToggle",
    "Group",
    "Organization",
    "User",
    "AsyncOrganizationClient",
    "OrganizationClient",
    "ReplayGuard",
    "Sandbox",
    "Webhook",
    "event_body",
    "verify_interceptor_payload",
    "verify_webhook_payload",
    "__version__",
    "_error_classes",
]

_Bytes: TypeAlias = Union[bytes, bytearray, memoryview]
_Body: TypeAlias = Union[_Bytes, str, dict[str, Any], list[Any], tuple[Any, ...]]
_Value: TypeAlias = Union[str, bytes, None, list[str], list[bytes], tuple[str, ...], tuple[bytes, ...]]
_Headers: TypeAlias = Union[Mapping[str, Any], Mapping[bytes, Any], Iterable[tuple[str, _Value]], Iterable[tuple[bytes, _Value]]]

_Span: TypeAlias = Union[float, timedelta, None]

_Mode: TypeAlias = Literal["auto", "full", "incremental"]
_Outcome: TypeAlias = Literal["applied", "duplicate", "stale", "pending", "held", "ignored"]
_Kind: TypeAlias = Literal[
    "user.created",
    "user.updated",
    "user.deactivated",
    "user.reactivated",
    "user.deleted",
    "group.created",
    "group.updated",
    "group.deleted",
    "membership.added",
    "membership.removed",
    "roles.changed",
    "directory.enabled",
    "directory.disabled",
]

_object: TypeAlias = object  # `Event` has a property of that name

__version__: str
_error_classes: dict[str, str]

@final
class Client:
    """The REST client of one environment. May be used from any number of threads at once, and after a fork.

    ``environment_url`` (or ``env_url``), ``client_id`` and ``client_secret`` are shown in the vendor's dashboard under API
    credentials. Making a client sends nothing. Spans of time are seconds or a ``timedelta``.

    ``timeout`` is the deadline of each call with all its attempts (60 unless set), ``attempt_timeout`` of one attempt (20),
    ``connect_timeout`` of making a connection (10). ``max_attempts`` is how often a call is tried in all (5; 1 turns retries off),
    ``retry_base`` and ``retry_cap`` the longest first and the longest wait between (0.25, 8), ``retry_budget`` how many retries all calls
    have between them (100; each that succeeds gives half of one back). ``max_concurrency`` is how many requests are under way at
    once (32), ``max_response_bytes`` the longest answer that is read (8 MiB). ``proxy`` is a URL, in the place of the environment's,
    or empty for none; ``ca_file`` holds authorities in PEM to trust beside the system's; ``user_agent_suffix`` names the application.
    """

    def __new__(
        cls,
        environment_url: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        *,
        timeout: _Span = None,
        attempt_timeout: _Span = None,
        connect_timeout: _Span = None,
        max_attempts: Optional[int] = None,
        retry_base: _Span = None,
        retry_cap: _Span = None,
        retry_budget: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        max_response_bytes: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Union[str, PathLike[str], None] = None,
        user_agent_suffix: Optional[str] = None,
        env_url: Optional[str] = None,
    ) -> Self: ...
    @staticmethod
    def from_env(
        *,
        timeout: _Span = None,
        attempt_timeout: _Span = None,
        connect_timeout: _Span = None,
        max_attempts: Optional[int] = None,
        retry_base: _Span = None,
        retry_cap: _Span = None,
        retry_budget: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        max_response_bytes: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Union[str, PathLike[str], None] = None,
        user_agent_suffix: Optional[str] = None,
    ) -> Client:
        """A client from ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and ``SCALEKIT_CLIENT_SECRET``."""

    @property
    def organization(self) -> OrganizationClient:
        """Calls about organizations."""

    @property
    def directory(self) -> DirectoryClient:
        """Calls about directories, their users and their groups."""

    def stats(self) -> Stats:
        """What the client has done since it was made, in this process."""

    def verify_webhook_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature of a webhook: True, or a ``WebhookVerificationError``."""

    def verify_interceptor_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature of an interceptor's request: True, or a ``WebhookVerificationError``."""

    def close(self) -> None:
        """Frees what the client holds. Calls that are under way finish; later ones fail. Closing twice does no harm."""

    def __enter__(self) -> Self: ...
    @overload
    def __exit__(self, exc_type: None, exc: None, traceback: None, /) -> None: ...
    @overload
    def __exit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> None: ...

@final
class AsyncClient:
    """The REST client of one environment, for asyncio: the same calls as coroutines. Any number of tasks, loops and threads may use it.

    ``environment_url`` (or ``env_url``), ``client_id`` and ``client_secret`` are shown in the vendor's dashboard under API
    credentials. Making a client sends nothing. Spans of time are seconds or a ``timedelta``.

    ``timeout`` is the deadline of each call with all its attempts (60 unless set), ``attempt_timeout`` of one attempt (20),
    ``connect_timeout`` of making a connection (10). ``max_attempts`` is how often a call is tried in all (5; 1 turns retries off),
    ``retry_base`` and ``retry_cap`` the longest first and the longest wait between (0.25, 8), ``retry_budget`` how many retries all calls
    have between them (100; each that succeeds gives half of one back). ``max_concurrency`` is how many requests are under way at
    once (32), ``max_response_bytes`` the longest answer that is read (8 MiB). ``proxy`` is a URL, in the place of the environment's,
    or empty for none; ``ca_file`` holds authorities in PEM to trust beside the system's; ``user_agent_suffix`` names the application.
    """

    def __new__(
        cls,
        environment_url: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        *,
        timeout: _Span = None,
        attempt_timeout: _Span = None,
        connect_timeout: _Span = None,
        max_attempts: Optional[int] = None,
        retry_base: _Span = None,
        retry_cap: _Span = None,
        retry_budget: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        max_response_bytes: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Union[str, PathLike[str], None] = None,
        user_agent_suffix: Optional[str] = None,
        env_url: Optional[str] = None,
    ) -> Self: ...
    @staticmethod
    def from_env(
        *,
        timeout: _Span = None,
        attempt_timeout: _Span = None,
        connect_timeout: _Span = None,
        max_attempts: Optional[int] = None,
        retry_base: _Span = None,
        retry_cap: _Span = None,
        retry_budget: Optional[int] = None,
        max_concurrency: Optional[int] = None,
        max_response_bytes: Optional[int] = None,
        proxy: Optional[str] = None,
        ca_file: Union[str, PathLike[str], None] = None,
        user_agent_suffix: Optional[str] = None,
    ) -> AsyncClient:
        """A client from ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and ``SCALEKIT_CLIENT_SECRET``."""

    @property
    def organization(self) -> AsyncOrganizationClient:
        """Calls about organizations."""

    @property
    def directory(self) -> AsyncDirectoryClient:
        """Calls about directories, their users and their groups."""

    def stats(self) -> Stats:
        """What the client has done since it was made, in this process."""

    def verify_webhook_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature of a webhook: True, or a ``WebhookVerificationError``."""

    def verify_interceptor_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature of an interceptor's request: True, or a ``WebhookVerificationError``."""

    def close(self) -> Awaitable[None]:
        """Frees what the client holds, at once. Calls that are under way finish; later ones fail. Closing twice does no harm."""

    def __aenter__(self) -> Awaitable[Self]: ...
    @overload
    def __aexit__(self, exc_type: None, exc: None, traceback: None, /) -> Awaitable[None]: ...
    @overload
    def __aexit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> Awaitable[None]: ...

@final
class OrganizationClient:
    """Calls about organizations: ``client.organization``."""

    def list_organizations(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> OrganizationPage:
        """One page of organizations; ``all`` gives every page."""

    def list_organization(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> OrganizationPage:
        """The name that the vendor's other SDKs have for ``list_organizations``."""

    def all(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> OrganizationIterator:
        """Every organization, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

    def get_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Organization:
        """The organization with this id (``org_...``)."""

    def get_organization_by_external_id(
        self,
        external_id: str,
        *,
        timeout: _Span = None,
    ) -> Organization:
        """The organization that the application knows by this id of its own."""

    def create_organization(
        self,
        display_name: str,
        *,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Organization:
        """Makes an organization that people know as ``display_name``.

        It is tried again only where it is certain that the attempt before made none. After an error that leaves this open,
        look for it by its external id.
        """

    def update_organization(
        self,
        organization_id: str,
        *,
        display_name: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Organization:
        """Changes the fields that are given and leaves the others. ``metadata`` replaces all of it; an empty ``slug`` removes it."""

    def delete_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> None:
        """Removes an organization with everything in it, for good."""

@final
class AsyncOrganizationClient:
    """Calls about organizations, as coroutines: ``client.organization`` of an ``AsyncClient``."""

    def list_organizations(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, OrganizationPage]:
        """One page of organizations; ``all`` gives every page."""

    def list_organization(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, OrganizationPage]:
        """The name that the vendor's other SDKs have for ``list_organizations``."""

    def all(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncOrganizationIterator:
        """Every organization, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

    def get_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """The organization with this id (``org_...``)."""

    def get_organization_by_external_id(
        self,
        external_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """The organization that the application knows by this id of its own."""

    def create_organization(
        self,
        display_name: str,
        *,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Makes an organization that people know as ``display_name``.

        It is tried again only where it is certain that the attempt before made none. After an error that leaves this open,
        look for it by its external id.
        """

    def update_organization(
        self,
        organization_id: str,
        *,
        display_name: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Changes the fields that are given and leaves the others. ``metadata`` replaces all of it; an empty ``slug`` removes it."""

    def delete_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, None]:
        """Removes an organization with everything in it, for good."""

@final
class DirectoryClient:
    """Calls about directories, their users and their groups: ``client.directory``."""

    def list_directories(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> list[Directory]:
        """The directories of an organization."""

    def get_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Directory:
        """One directory (``dir_...``) of an organization."""

    def get_primary_directory_by_organization_id(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Directory:
        """The first directory that is listed for an organization; ``NotFoundError`` where there is none."""

    def enable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> DirectoryToggle:
        """Switches a directory on."""

    def disable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> DirectoryToggle:
        """Switches a directory off."""

    def list_directory_users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[datetime, str, None] = None,
        timeout: _Span = None,
    ) -> UserPage:
        """One page of a directory's users; ``users`` gives every page."""

    def list_directory_groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[datetime, str, None] = None,
        timeout: _Span = None,
    ) -> GroupPage:
        """One page of a directory's groups; ``groups`` gives every page."""

    def users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> UserIterator:
        """Every user of a directory, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

    def groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> GroupIterator:
        """Every group of a directory, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

@final
class AsyncDirectoryClient:
    """Calls about directories, their users and their groups, as coroutines: ``client.directory`` of an ``AsyncClient``."""

    def list_directories(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, list[Directory]]:
        """The directories of an organization."""

    def get_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Directory]:
        """One directory (``dir_...``) of an organization."""

    def get_primary_directory_by_organization_id(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Directory]:
        """The first directory that is listed for an organization; ``NotFoundError`` where there is none."""

    def enable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, DirectoryToggle]:
        """Switches a directory on."""

    def disable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, DirectoryToggle]:
        """Switches a directory off."""

    def list_directory_users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[datetime, str, None] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, UserPage]:
        """One page of a directory's users; ``users`` gives every page."""

    def list_directory_groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[datetime, str, None] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, GroupPage]:
        """One page of a directory's groups; ``groups`` gives every page."""

    def users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncUserIterator:
        """Every user of a directory, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

    def groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncGroupIterator:
        """Every group of a directory, page after page: the next one is fetched while one is read, unless ``read_ahead`` is False."""

@final
class Organization:
    """An organization: one of the companies that the application is sold to."""

    @property
    def id(self) -> str:
        """``org_...``."""

    @property
    def display_name(self) -> str:
        """What people call it."""

    @property
    def external_id(self) -> str:
        """The application's own id for it."""

    @property
    def region_code(self) -> str:
        """Where its data lives: ``US``, ``EU``, ..."""

    @property
    def slug(self) -> str:
        """Its short name in addresses."""

    @property
    def logo_url(self) -> str:
        """Where its logo is."""

    @property
    def metadata(self) -> dict[str, str]:
        """The application's own keys and values."""

    @property
    def settings(self) -> Optional[dict[str, Any]]:
        """Which features are on: ``{"features": [{"name": ..., "enabled": ...}]}``."""

    @property
    def create_time(self) -> Optional[datetime]:
        """When it was created."""

    @property
    def update_time(self) -> Optional[datetime]:
        """When it was last changed."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class Directory:
    """A directory: an organization's Okta, Entra, Google, ..., as Scalekit follows it."""

    @property
    def id(self) -> str:
        """``dir_...``."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def organization_id(self) -> str:
        """The organization it belongs to."""

    @property
    def directory_type(self) -> str:
        """How Scalekit follows it: ``SCIM``, ``LDAP``, ``POLL``, ..."""

    @property
    def directory_provider(self) -> str:
        """Whose product it is: ``OKTA``, ``GOOGLE``, ``MICROSOFT_AD``, ..."""

    @property
    def enabled(self) -> bool:
        """Whether Scalekit follows it at present."""

    @property
    def status(self) -> str:
        """The vendor's word for its state."""

    @property
    def email(self) -> str:
        """The account whose access is used to poll it."""

    @property
    def directory_endpoint(self) -> str:
        """Where the directory sends its changes."""

    @property
    def groups_tracked(self) -> str:
        """Whether all groups are followed, or selected ones."""

    @property
    def total_users(self) -> int:
        """How many users it has."""

    @property
    def total_groups(self) -> int:
        """How many groups it has."""

    @property
    def last_synced_at(self) -> Optional[datetime]:
        """When it was last followed with success."""

    @property
    def stats(self) -> Optional[dict[str, Any]]:
        """Counts and last changes."""

    @property
    def attribute_mappings(self) -> Optional[dict[str, Any]]:
        """Which attribute of the directory becomes which of Scalekit's: ``{"attributes": [{"key": ..., "map_to": ...}]}``."""

    @property
    def role_assignments(self) -> Optional[dict[str, Any]]:
        """Which group gives which role: ``{"assignments": [{"group_id": ..., "role_name": ...}]}``."""

    @property
    def secrets(self) -> list[dict[str, Any]]:
        """The secrets that the directory signs in with: their last characters, never themselves."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class DirectoryToggle:
    """How switching a directory on or off went."""

    @property
    def enabled(self) -> bool:
        """Whether the directory is on now."""

    @property
    def error_message(self) -> str:
        """What stood in the way, or empty."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class User:
    """A user of a directory: somebody who works at the organization. Identified by ``id``, never by an address."""

    @property
    def id(self) -> str:
        """``diruser_...``."""

    @property
    def email(self) -> str:
        """The primary address."""

    @property
    def given_name(self) -> str:
        """First name."""

    @property
    def family_name(self) -> str:
        """Last name."""

    @property
    def preferred_username(self) -> str:
        """What they sign in with at their directory."""

    @property
    def emails(self) -> list[str]:
        """All addresses."""

    @property
    def groups(self) -> list[Group]:
        """The groups they are in."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """When the user was last changed."""

    @property
    def user_detail(self) -> Optional[dict[str, Any]]:
        """The user as their directory describes them, where details were asked for. Decoded when first read."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class Group:
    """A group of a directory."""

    @property
    def id(self) -> str:
        """``dirgroup_...``."""

    @property
    def display_name(self) -> str:
        """What people call it."""

    @property
    def total_users(self) -> int:
        """How many members it has."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """When it was last changed."""

    @property
    def group_detail(self) -> Optional[dict[str, Any]]:
        """The group as its directory describes it, where details were asked for. Decoded when first read."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class OrganizationPage:
    """One page of a listing: a sequence of its organizations."""

    def __new__(
        cls, organizations: Iterable[Organization], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def organizations(self) -> list[Organization]:
        """The organizations, in the server's order."""

    @property
    def total_size(self) -> int:
        """How many items the whole listing has, by the server's count."""

    @property
    def next_page_token(self) -> str:
        """What to ask the next page with, or empty on the last one."""

    @property
    def prev_page_token(self) -> str:
        """What to ask the page before with, or empty on the first one."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Organization]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Organization: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Organization, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class OrganizationIterator:
    """Iterates over the organizations of every page.

    A page is asked for while the one before it is read. After an error ``next()`` asks for the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Organization: ...

@final
class UserPage:
    """One page of a listing: a sequence of its users."""

    def __new__(
        cls, users: Iterable[User], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def users(self) -> list[User]:
        """The users, in the server's order."""

    @property
    def total_size(self) -> int:
        """How many items the whole listing has, by the server's count."""

    @property
    def next_page_token(self) -> str:
        """What to ask the next page with, or empty on the last one."""

    @property
    def prev_page_token(self) -> str:
        """What to ask the page before with, or empty on the first one."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[User]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> User: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[User, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class UserIterator:
    """Iterates over the users of every page.

    A page is asked for while the one before it is read. After an error ``next()`` asks for the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> User: ...

@final
class GroupPage:
    """One page of a listing: a sequence of its groups."""

    def __new__(
        cls, groups: Iterable[Group], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def groups(self) -> list[Group]:
        """The groups, in the server's order."""

    @property
    def total_size(self) -> int:
        """How many items the whole listing has, by the server's count."""

    @property
    def next_page_token(self) -> str:
        """What to ask the next page with, or empty on the last one."""

    @property
    def prev_page_token(self) -> str:
        """What to ask the page before with, or empty on the first one."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values, as the API's JSON has them."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Group]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Group: ...
    @overload
    def __getitem__(self, index: slice, /) -> tuple[Group, ...]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class GroupIterator:
    """Iterates over the groups of every page.

    A page is asked for while the one before it is read. After an error ``next()`` asks for the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Group: ...

@disjoint_base
class Event:
    """One thing that happened, as a verified webhook told it. Unknown types are kept like known ones.

    ``headcount.events`` has a class for each type that is known, for ``match`` and for type checkers.
    """

    def __new__(cls, event: Event) -> Self:
        """The same event as another one."""

    @property
    def message_id(self) -> str:
        """The ``webhook-id`` of the request that was verified: the same for every attempt to deliver it."""

    @property
    def id(self) -> str:
        """``evt_...``: the same however often it is delivered."""

    @property
    def type(self) -> str:
        """What happened, such as ``organization.directory.user_created``."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened; what lies beyond the microsecond is cut off (``to_dict()`` has all of it)."""

    @property
    def environment_id(self) -> str:
        """The environment it happened in (``env_...``)."""

    @property
    def organization_id(self) -> str:
        """The organization it happened to (``org_...``), or empty where it concerns none."""

    @property
    def object(self) -> str:
        """The kind of object in ``data``, such as ``DirectoryUser``."""

    @property
    def display_name(self) -> str:
        """The type for a person to read, such as ``Directory User Created``."""

    @property
    def spec_version(self) -> str:
        """The version of the vendor's envelope."""

    @property
    def data(self) -> Any:
        """The object it happened to. Decoded when first read."""

    @property
    def body(self) -> bytes:
        """The body that was verified, byte for byte."""

    def to_dict(self) -> dict[str, Any]:
        """The whole event as plain values, as its body has them."""

    def __eq__(self, other: _object, /) -> bool: ...
    def __ne__(self, other: _object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_body(cls, body: bytes, message_id: Optional[str] = None) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes, str]]: ...

@final
class AsyncOrganizationIterator:
    """Iterates over the organizations of every page, with ``async for``.

    A page is asked for while the one before it is read. After an error ``anext()`` asks for the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Organization]: ...

@final
class AsyncUserIterator:
    """Iterates over the users of every page, with ``async for``.

    A page is asked for while the one before it is read. After an error ``anext()`` asks for the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[User]: ...

@final
class AsyncGroupIterator:
    """Iterates over the groups of every page, with ``async for``.

    A page is asked for while the one before it is read. After an error ``anext()`` asks for the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Group]: ...

@final
class Webhook:
    """Verifies what Scalekit sends, and signs what a test sends in its place. May be used from any number of threads at once.

    ``secret_or_secrets`` is ``whsec_`` and base64 as the dashboard shows it, or several while one is being rotated, in a list
    or separated by spaces; without it ``SCALEKIT_WEBHOOK_SECRET`` is read. ``tolerance`` is how many seconds a timestamp may
    lie from now, either way (300 unless set); ``max_body`` is the largest body that is looked at, in bytes (1 MiB unless set).

    A secret that is missing, too short or not base64 is a ``ConfigError`` here, not a surprise later.
    """

    def __new__(
        cls,
        secret_or_secrets: Union[str, Iterable[str], None] = None,
        tolerance: Union[float, timedelta, None] = None,
        *,
        max_body: Optional[int] = None,
    ) -> Self: ...
    @property
    def max_body(self) -> int:
        """The largest body that is looked at, in bytes: what reads requests need read no more."""

    def verify(self, body: _Body, headers: _Headers, *, now: Union[datetime, float, None] = None) -> Event:
        """Verifies a request and gives the event in it.

        ``body`` is the request's body as it came (``bytes``, ``bytearray``, ``memoryview`` or ``str``); a parsed one is accepted
        where printing it again without white space gives what was signed. ``headers`` is a mapping, a list of pairs, ASGI's raw
        headers or a WSGI environ. ``now`` (an aware datetime, or Unix seconds) judges a request that was kept.

        Raises ``WebhookVerificationError``, with the ``reason``: answer 400 and tell the sender nothing more.
        """

    def verify_signature(self, body: _Body, headers: _Headers, *, now: Union[datetime, float, None] = None) -> Literal[True]:
        """Verifies the signature and the timestamp alone; nothing is asked of the body. True, or raises as ``verify``."""

    def sign(
        self, body: _Body, id: Optional[str] = None, timestamp: Union[datetime, float, None] = None
    ) -> dict[str, str]:
        """The headers that a request with ``body`` would carry: for tests of the code that verifies.

        ``id`` is a fresh ``msg_...`` and ``timestamp`` (Unix seconds, or an aware datetime) the present unless given.
        """

@final
class MirrorUser:
    """A user as mirrored. Identified by ``id``, never by an address."""

    @property
    def id(self) -> str:
        """``diruser_...``. It stays the same whatever else of the user changes."""

    @property
    def organization_id(self) -> str:
        """The organization they belong to."""

    @property
    def directory_id(self) -> str:
        """The directory that lists them."""

    @property
    def email(self) -> str:
        """The primary address."""

    @property
    def given_name(self) -> str:
        """First name."""

    @property
    def family_name(self) -> str:
        """Last name."""

    @property
    def preferred_username(self) -> str:
        """What they sign in with at their directory."""

    @property
    def emails(self) -> list[str]:
        """All addresses, as the last listing had them."""

    @property
    def active(self) -> bool:
        """Whether they may sign in: what the latest event or the listed details say, or else yes."""

    @property
    def group_ids(self) -> list[str]:
        """The groups they are in, in the order of their ids."""

    @property
    def roles(self) -> list[str]:
        """The roles that the role map gives them by their groups, in the order of their names."""

    @property
    def vendor_roles(self) -> list[str]:
        """The roles that the vendor gives them, as the latest event had them."""

    @property
    def linked_id(self) -> Optional[str]:
        """The application's own id for them, where it has linked one."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """When their directory last changed them."""

    @property
    def detail(self) -> Optional[dict[str, Any]]:
        """The user as their directory describes them, from the last listing. Decoded when first read."""

    @property
    def attributes(self) -> Optional[dict[str, Any]]:
        """What the latest event said beyond the fields above, such as ``title`` and ``department``. Decoded when first read."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class MirrorGroup:
    """A group as mirrored."""

    @property
    def id(self) -> str:
        """``dirgroup_...``."""

    @property
    def organization_id(self) -> str:
        """The organization it belongs to."""

    @property
    def directory_id(self) -> str:
        """The directory that lists it."""

    @property
    def display_name(self) -> str:
        """What people call it."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """When its directory last changed it."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class MirrorDirectory:
    """A directory as mirrored."""

    @property
    def id(self) -> str:
        """``dir_...``."""

    @property
    def organization_id(self) -> str:
        """The organization it belongs to."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def directory_type(self) -> str:
        """How Scalekit follows it: ``SCIM``, ``LDAP``, ``POLL``, ..."""

    @property
    def directory_provider(self) -> str:
        """Whose product it is: ``OKTA``, ``GOOGLE``, ``MICROSOFT_AD``, ..."""

    @property
    def enabled(self) -> bool:
        """Whether Scalekit follows it at present."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class Held:
    """Removals that the guard holds back until somebody has looked at them."""

    @property
    def reason(self) -> Literal["mass_removal", "empty_listing", "directory_disabled", "directory_not_found", "deletion_burst"]:
        """Why: ``mass_removal``, ``empty_listing``, ``directory_disabled``, ``directory_not_found`` or ``deletion_burst``."""

    @property
    def count(self) -> int:
        """How many users would be removed."""

    @property
    def limit(self) -> int:
        """How many may be without approval."""

    @property
    def at(self) -> datetime:
        """Since when, by this machine's clock."""

    @property
    def cause(self) -> str:
        """The sync or event that would have removed them."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class DirectoryStatus:
    """How the mirror stands with a directory."""

    @property
    def directory(self) -> MirrorDirectory:
        """The directory."""

    @property
    def last_full_sync(self) -> Optional[datetime]:
        """When the last full sync that came to its end began."""

    @property
    def last_incremental_sync(self) -> Optional[datetime]:
        """When the last incremental sync that came to its end began."""

    @property
    def users(self) -> int:
        """How many users are mirrored."""

    @property
    def groups(self) -> int:
        """How many groups."""

    @property
    def watermark(self) -> Optional[datetime]:
        """The latest change of a user that was listed, by the vendor's clock: the next incremental sync goes on a little before it."""

    @property
    def held(self) -> Optional[Held]:
        """The removals that the guard holds back, where it does."""

    @property
    def pending_events(self) -> int:
        """Number of events of the organization that wait for a sync."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@disjoint_base
class Change:
    """One change of the feed. Those of ``poll``, ``wait`` and ``changes`` know their consumer, and ``ack()`` tells it."""

    @property
    def seq(self) -> int:
        """Its number: greater than those of all changes before it. A snapshot's are negative."""

    @property
    def kind(self) -> _Kind:
        """What kind of change: ``user.created``, ``membership.removed``, ..."""

    @property
    def organization_id(self) -> str:
        """The organization it happened to."""

    @property
    def directory_id(self) -> str:
        """The directory it happened in."""

    @property
    def user(self) -> Optional[MirrorUser]:
        """The user it is about, as they are after it, or as they were where they left. Memberships and roles leave ``detail`` and
        ``attributes`` out.
        """

    @property
    def group(self) -> Optional[MirrorGroup]:
        """The group it is about."""

    @property
    def before(self) -> Union[MirrorUser, MirrorGroup, None]:
        """The user or group as it was, where it was there. None for memberships."""

    @property
    def after(self) -> Union[MirrorUser, MirrorGroup, None]:
        """The user or group as it is, where it is there. None for memberships."""

    @property
    def fields(self) -> list[str]:
        """The names of the fields that changed."""

    @property
    def cause(self) -> str:
        """What brought it about: ``sync:`` and the run's id, ``event:`` and the event's, ``roles`` for the role map, ``snapshot``."""

    @property
    def at(self) -> datetime:
        """When it was committed, by this machine's clock."""

    def ack(self) -> None:
        """Acknowledges it with all before it: its consumer does not get them again. Durable when this returns."""

    def park(self, reason: str) -> None:
        """Puts it aside, with what there is to say about it, and acknowledges it with all before it. Not for a snapshot's change
        (``InvalidArgumentError``), which the feed does not keep: ``ack()`` that, and note it elsewhere."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Change: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...

@final
class AsyncChange(Change):
    """A change that an ``AsyncMirror`` gave: ``ack()`` and ``park()`` are awaited."""

    def ack(self) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        """Acknowledges it with all before it: its consumer does not get them again. Durable when it has been awaited."""

    def park(self, reason: str) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        """Puts it aside, with what there is to say about it, and acknowledges it with all before it. Not for a snapshot's change
        (``InvalidArgumentError``), which the feed does not keep: ``ack()`` that, and note it elsewhere."""

@final
class ParkedChange:
    """A change that a consumer's handler could not handle, put aside so that the rest goes on."""

    @property
    def change(self) -> Change:
        """The change."""

    @property
    def reason(self) -> str:
        """What the application said about it."""

    @property
    def at(self) -> datetime:
        """When it was put aside."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Consumer:
    """How far a consumer is."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def cursor(self) -> int:
        """The last change it has acknowledged; negative inside a snapshot."""

    @property
    def lag(self) -> int:
        """Number of changes that it has not acknowledged. The rows of a snapshot are not counted."""

    @property
    def parked(self) -> int:
        """How many changes it has put aside."""

    @property
    def seen_at(self) -> datetime:
        """When it last acknowledged something."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Progress:
    """How far a sync is."""

    @property
    def organization_id(self) -> str:
        """The organization."""

    @property
    def directory_id(self) -> str:
        """The directory."""

    @property
    def phase(self) -> Literal["groups", "users", "removals"]:
        """What it is doing: ``groups``, ``users`` or ``removals``."""

    @property
    def pages(self) -> int:
        """Pages of this phase that have come."""

    @property
    def items(self) -> int:
        """Users or groups in them."""

    @property
    def total(self) -> Optional[int]:
        """How many there are in all, where the server said."""

    @property
    def rate(self) -> float:
        """How many come in a second."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class SyncReport:
    """What a sync of one directory did."""

    @property
    def organization_id(self) -> str:
        """The organization."""

    @property
    def directory_id(self) -> str:
        """The directory; empty where the organization's directories could not be listed."""

    @property
    def mode(self) -> Literal["full", "incremental"]:
        """What it listed: ``full`` or ``incremental``."""

    @property
    def outcome(self) -> Literal["done", "incomplete", "held", "already_running", "failed"]:
        """How it ended: ``done``, ``incomplete``, ``held``, ``already_running`` or ``failed``."""

    @property
    def run(self) -> str:
        """The run's id: the changes that it brought about have the cause ``sync:`` and this."""

    @property
    def started_at(self) -> datetime:
        """When it began."""

    @property
    def ended_at(self) -> datetime:
        """When it ended."""

    @property
    def pages(self) -> int:
        """Pages of users and groups that were listed."""

    @property
    def users(self) -> int:
        """Users that were listed."""

    @property
    def groups(self) -> int:
        """Groups that were listed."""

    @property
    def created(self) -> int:
        """Users that are new."""

    @property
    def updated(self) -> int:
        """Users of whom something changed."""

    @property
    def deactivated(self) -> int:
        """Users that may no longer sign in."""

    @property
    def reactivated(self) -> int:
        """Users that may again."""

    @property
    def deleted(self) -> int:
        """Users that have left."""

    @property
    def changes(self) -> int:
        """All changes that it put into the feed."""

    @property
    def events(self) -> int:
        """Events that had waited for a sync and are settled now."""

    @property
    def held(self) -> Optional[Held]:
        """What is held back, where something is."""

    @property
    def incomplete(self) -> Optional[str]:
        """Why nobody was removed, where the listing did not hold still."""

    @property
    def error(self) -> Optional[Error]:
        """What went wrong, where something did and others go on: the exception, not raised."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values: times are RFC 3339 text, an error its message."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class MirrorUserIterator:
    """Iterates over mirrored users. Threads may share it: each user goes to one of them."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> MirrorUser: ...

@final
class AsyncMirrorUserIterator:
    """Iterates over mirrored users with ``async for``. Tasks may share it: each user goes to one of them."""

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Coroutine[Any, Any, MirrorUser]: ...

@final
class ChangeIterator:
    """Follows a consumer's feed. Threads may share it: each change goes to one of them."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Change: ...

@final
class AsyncChangeIterator:
    """Follows a consumer's feed with ``async for``. Tasks may share it: each change goes to one of them, and one whose task was cancelled
    meanwhile to the next.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Coroutine[Any, Any, AsyncChange]: ...

@final
class Mirror:
    """A durable local copy of every directory, and a feed of what changed. May be used from any number of threads at once, and after a fork.

    ``path`` is a file, made where there is none, or ``":memory:"``, which ends with the mirror and goes through no fork. Any number of processes of one machine may
    share a file. ``client``, of either kind, is what syncs list with; without one the mirror reads, receives and feeds, and a sync is
    a ``ConfigError``. Webhooks are verified with ``webhook_secret``: one secret, several, or a ``Webhook``; without it
    ``SCALEKIT_WEBHOOK_SECRET`` is read when the first one comes. It is opened at once.

    The guard: a sync that would remove more than ``guard_users`` users (20 unless set) and more than ``guard_share`` of the directory (0.1)
    removes nobody and raises ``MassRemovalError``; where ``guard_events`` is left on, the same holds for deletion events within an hour.
    ``full_every`` is how old the last full sync may be before ``auto`` makes another (24 hours), ``retention`` how long changes are kept
    that every consumer has acknowledged (30 days): seconds or a ``timedelta``.

    ``StoreError`` where the file is something else, was written by a newer version, or cannot be read and written.
    """

    def __new__(
        cls,
        path: Union[str, PathLike[str]],
        *,
        client: Union[Client, AsyncClient, None] = None,
        webhook_secret: Union[str, Iterable[str], Webhook, None] = None,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        full_every: _Span = None,
        retention: _Span = None,
    ) -> Self: ...
    @overload
    def sync(
        self,
        organization_id: str,
        directory_id: None = None,
        *,
        mode: Optional[_Mode] = None,
        approve_removals: bool = False,
        wait: Optional[bool] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> list[SyncReport]:
        """Syncs the directories of an organization: a report for each, or for the one that is named, that one's.

        ``mode`` is ``full`` (everything: the only one that sees who has left), ``incremental`` (what changed since the last sync) or ``auto``, as
        unless set: incremental, and full where the last full one is older than ``full_every``. ``approve_removals`` says that the removals that
        the guard held back have been looked at, and are meant. Where another sync of a directory is under way this one waits, or, with
        ``wait=False``, reports ``already_running``.

        ``on_progress`` is told page after page how far it is, in a thread that waits for the sync. What it raises ends the sync and is raised here; what was
        committed until then stays, and the next sync goes on.

        All directories are synced; what went wrong with one is raised then. ``MassRemovalError`` where the guard held removals back.
        """

    @overload
    def sync(
        self,
        organization_id: str,
        directory_id: str,
        *,
        mode: Optional[_Mode] = None,
        approve_removals: bool = False,
        wait: Optional[bool] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> SyncReport: ...
    def sync_all(
        self,
        *,
        concurrency: Optional[int] = None,
        mode: Optional[_Mode] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> list[SyncReport]:
        """Syncs every directory of every organization, ``concurrency`` of them (16 unless set) at once. What goes wrong in one is in its
        report's ``error`` and stops no other. ``on_progress`` is called from any thread, and several at once.
        """

    def receive(self, body: Union[_Bytes, str], headers: _Headers) -> _Outcome:
        """Takes a webhook: verifies it, stores it and applies it, durably when this returns.

        ``body`` is the request's as it came, not parsed; ``headers`` as in ``Webhook.verify``. Answer 201 whatever it gives, 400 to a
        ``WebhookVerificationError``, and 500 to any other error, so that it is sent again. ``parked`` waits for a sync, which tells
        whom it is about, or for approval.
        """

    def apply(self, event: Event) -> _Outcome:
        """Takes an event that has been verified already, as ``receive`` does."""

    def users(self, organization_id: str, directory_id: Optional[str] = None, group_id: Optional[str] = None) -> MirrorUserIterator:
        """The users of an organization: all, or those of a directory or a group, in the order in which the mirror learnt of them."""

    def groups(self, organization_id: str, directory_id: Optional[str] = None) -> list[MirrorGroup]:
        """The groups of an organization, or of one of its directories, in the order in which the mirror learnt of them."""

    def directories(self, organization_id: Optional[str] = None) -> list[MirrorDirectory]:
        """The directories that the mirror knows: of one organization, or all."""

    def user(self, user_id: str) -> Optional[MirrorUser]:
        """One user, or None where the mirror has none of this id."""

    def group(self, group_id: str) -> Optional[MirrorGroup]:
        """One group, or None where the mirror has none of this id."""

    def find_users(self, email: str) -> list[MirrorUser]:
        """The users with this primary address, whatever the case of its letters, in all organizations: an address is no identity, and
        several may have it.
        """

    def status(self) -> list[DirectoryStatus]:
        """How the mirror stands with each directory, in the order of their ids."""

    def held_removals(self, directory_id: str) -> list[str]:
        """The ids of the users whose removal from a directory is held back, all of them."""

    def link(self, user_id: str, account_id: Optional[str]) -> None:
        """Remembers the application's own account id beside a user, or forgets it where that is None.

        It is in every change of theirs from now on as ``user.linked_id``, and stays whatever else of them changes. ``NotFoundError`` where the
        mirror has no such user.
        """

    def set_role_map(self, pairs: Union[Mapping[str, str], Iterable[tuple[str, str]]]) -> None:
        """Says which groups give which roles: a group (its id, its name, or a pattern of names with ``*`` and ``?``) and a role. All that fit
        count. What that changes for whom is in the feed as ``roles.changed`` when this returns.
        """

    def role_map(self) -> list[tuple[str, str]]:
        """The pairs of the role map, as they were set."""

    def poll(self, consumer: str, limit: Optional[int] = None) -> list[Change]:
        """The changes that a consumer has not acknowledged, oldest first, ``limit`` (100 unless set, 10,000 at most) of them at most. A
        name that is new begins with the oldest change that is kept. What is not acknowledged comes again.
        """

    def wait(self, consumer: str, limit: Optional[int] = None, timeout: _Span = None) -> list[Change]:
        """As ``poll``, but where there is nothing yet it waits for the first change until ``timeout`` has passed, and then gives none;
        without one for ever. A change of another process is seen within half a second.
        """

    def ack(self, consumer: str, seq: int) -> None:
        """Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this returns."""

    def changes(self, consumer: str, *, timeout: _Span = None) -> ChangeIterator:
        """Follows the feed, change after change, and waits for the next one: for ever, or until none has come for ``timeout``.

        Acknowledge each when it is handled: ``change.ack()``. It gives every change once; what was not acknowledged comes again in the next
        iterator, here or in another process.
        """

    def park(self, consumer: str, seq: int, reason: str) -> None:
        """Puts a change aside that a consumer cannot handle, with what there is to say about it, and acknowledges it with those before it.
        It is kept and listed until it is dropped.
        """

    def parked_changes(self, consumer: str) -> list[ParkedChange]:
        """What a consumer has put aside, oldest first."""

    def drop_parked(self, consumer: str, seq: int) -> bool:
        """Forgets a change that was put aside; whether there was one."""

    def start_from_snapshot(self, consumer: str) -> None:
        """Has a consumer, new or old, start with what is there: its next changes are a ``group.created`` and a ``user.created`` for each group
        and user, with negative numbers and the cause ``snapshot``, and then every change since this call.
        """

    def consumers(self) -> list[Consumer]:
        """Every consumer, and how far it is."""

    def drop_consumer(self, consumer: str) -> bool:
        """Forgets a consumer that is not coming back, with all it has put aside; whether there was one."""

    def trim(self) -> None:
        """Removes changes that are older than ``retention`` and that every consumer has acknowledged, and what else has had its time. Syncs do
        it when they end.
        """

    def close(self) -> None:
        """Closes the file. Calls that are under way finish; later ones fail. Closing twice does no harm."""

    def __enter__(self) -> Self: ...
    @overload
    def __exit__(self, exc_type: None, exc: None, traceback: None, /) -> None: ...
    @overload
    def __exit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> None: ...

@final
class AsyncMirror:
    """A durable local copy of every directory, and a feed of what changed, for asyncio. Any number of tasks, loops and threads may use it.

    ``path`` is a file, made where there is none, or ``":memory:"``, which ends with the mirror and goes through no fork. Any number of processes of one machine may
    share a file. ``client``, of either kind, is what syncs list with; without one the mirror reads, receives and feeds, and a sync is
    a ``ConfigError``. Webhooks are verified with ``webhook_secret``: one secret, several, or a ``Webhook``; without it
    ``SCALEKIT_WEBHOOK_SECRET`` is read when the first one comes. It is opened
    at once, so make it before the loop is busy.

    The guard: a sync that would remove more than ``guard_users`` users (20 unless set) and more than ``guard_share`` of the directory (0.1)
    removes nobody and raises ``MassRemovalError``; where ``guard_events`` is left on, the same holds for deletion events within an hour.
    ``full_every`` is how old the last full sync may be before ``auto`` makes another (24 hours), ``retention`` how long changes are kept
    that every consumer has acknowledged (30 days): seconds or a ``timedelta``.

    ``StoreError`` where the file is something else, was written by a newer version, or cannot be read and written.
    """

    def __new__(
        cls,
        path: Union[str, PathLike[str]],
        *,
        client: Union[Client, AsyncClient, None] = None,
        webhook_secret: Union[str, Iterable[str], Webhook, None] = None,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        full_every: _Span = None,
        retention: _Span = None,
    ) -> Self: ...
    @overload
    def sync(
        self,
        organization_id: str,
        directory_id: None = None,
        *,
        mode: Optional[_Mode] = None,
        approve_removals: bool = False,
        wait: Optional[bool] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> Coroutine[Any, Any, list[SyncReport]]:
        """Syncs the directories of an organization: a report for each, or for the one that is named, that one's.

        ``mode`` is ``full`` (everything: the only one that sees who has left), ``incremental`` (what changed since the last sync) or ``auto``, as
        unless set: incremental, and full where the last full one is older than ``full_every``. ``approve_removals`` says that the removals that
        the guard held back have been looked at, and are meant. Where another sync of a directory is under way this one waits, or, with
        ``wait=False``, reports ``already_running``.

        ``on_progress`` is told page after page how far it is, a plain function that the event loop calls. What it raises ends the sync and is raised here; what was
        committed until then stays, and the next sync goes on.

        All directories are synced; what went wrong with one is raised then. ``MassRemovalError`` where the guard held removals back.
        """

    @overload
    def sync(
        self,
        organization_id: str,
        directory_id: str,
        *,
        mode: Optional[_Mode] = None,
        approve_removals: bool = False,
        wait: Optional[bool] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> Coroutine[Any, Any, SyncReport]: ...
    def sync_all(
        self,
        *,
        concurrency: Optional[int] = None,
        mode: Optional[_Mode] = None,
        on_progress: Optional[Callable[[Progress], object]] = None,
    ) -> Coroutine[Any, Any, list[SyncReport]]:
        """Syncs every directory of every organization, ``concurrency`` of them (16 unless set) at once. What goes wrong in one is in its
        report's ``error`` and stops no other. ``on_progress`` is called by the event loop.
        """

    def receive(self, body: Union[_Bytes, str], headers: _Headers) -> Coroutine[Any, Any, _Outcome]:
        """Takes a webhook: verifies it, stores it and applies it, durably when this has been awaited.

        ``body`` is the request's as it came, not parsed; ``headers`` as in ``Webhook.verify``. Answer 201 whatever it gives, 400 to a
        ``WebhookVerificationError``, and 500 to any other error, so that it is sent again. ``parked`` waits for a sync, which tells
        whom it is about, or for approval.
        """

    def apply(self, event: Event) -> Coroutine[Any, Any, _Outcome]:
        """Takes an event that has been verified already, as ``receive`` does."""

    def users(self, organization_id: str, directory_id: Optional[str] = None, group_id: Optional[str] = None) -> AsyncMirrorUserIterator:
        """The users of an organization: all, or those of a directory or a group, in the order in which the mirror learnt of them."""

    def groups(self, organization_id: str, directory_id: Optional[str] = None) -> AsyncRows[MirrorGroup]:
        """The groups of an organization, or of one of its directories, in the order in which the mirror learnt of them."""

    def directories(self, organization_id: Optional[str] = None) -> AsyncRows[MirrorDirectory]:
        """The directories that the mirror knows: of one organization, or all."""

    def user(self, user_id: str) -> Coroutine[Any, Any, Optional[MirrorUser]]:
        """One user, or None where the mirror has none of this id."""

    def group(self, group_id: str) -> Coroutine[Any, Any, Optional[MirrorGroup]]:
        """One group, or None where the mirror has none of this id."""

    def find_users(self, email: str) -> Coroutine[Any, Any, list[MirrorUser]]:
        """The users with this primary address, whatever the case of its letters, in all organizations: an address is no identity, and
        several may have it.
        """

    def status(self) -> Coroutine[Any, Any, list[DirectoryStatus]]:
        """How the mirror stands with each directory, in the order of their ids."""

    def held_removals(self, directory_id: str) -> Coroutine[Any, Any, list[str]]:
        """The ids of the users whose removal from a directory is held back, all of them."""

    def link(self, user_id: str, account_id: Optional[str]) -> Coroutine[Any, Any, None]:
        """Remembers the application's own account id beside a user, or forgets it where that is None.

        It is in every change of theirs from now on as ``user.linked_id``, and stays whatever else of them changes. ``NotFoundError`` where the
        mirror has no such user.
        """

    def set_role_map(self, pairs: Union[Mapping[str, str], Iterable[tuple[str, str]]]) -> Coroutine[Any, Any, None]:
        """Says which groups give which roles: a group (its id, its name, or a pattern of names with ``*`` and ``?``) and a role. All that fit
        count. What that changes for whom is in the feed as ``roles.changed`` when this has been awaited.
        """

    def role_map(self) -> Coroutine[Any, Any, list[tuple[str, str]]]:
        """The pairs of the role map, as they were set."""

    def poll(self, consumer: str, limit: Optional[int] = None) -> Coroutine[Any, Any, list[AsyncChange]]:
        """The changes that a consumer has not acknowledged, oldest first, ``limit`` (100 unless set, 10,000 at most) of them at most. A
        name that is new begins with the oldest change that is kept. What is not acknowledged comes again.
        """

    def wait(self, consumer: str, limit: Optional[int] = None, timeout: _Span = None) -> Coroutine[Any, Any, list[AsyncChange]]:
        """As ``poll``, but where there is nothing yet it waits for the first change until ``timeout`` has passed, and then gives none;
        without one for ever. A change of another process is seen within half a second.
        """

    def ack(self, consumer: str, seq: int) -> Coroutine[Any, Any, None]:
        """Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this has been awaited."""

    def changes(self, consumer: str, *, timeout: _Span = None) -> AsyncChangeIterator:
        """Follows the feed, change after change, and waits for the next one: for ever, or until none has come for ``timeout``.

        Acknowledge each when it is handled: ``await change.ack()``. It gives every change once; what was not acknowledged comes again in the next
        iterator, here or in another process.
        """

    def park(self, consumer: str, seq: int, reason: str) -> Coroutine[Any, Any, None]:
        """Puts a change aside that a consumer cannot handle, with what there is to say about it, and acknowledges it with those before it.
        It is kept and listed until it is dropped.
        """

    def parked_changes(self, consumer: str) -> Coroutine[Any, Any, list[ParkedChange]]:
        """What a consumer has put aside, oldest first."""

    def drop_parked(self, consumer: str, seq: int) -> Coroutine[Any, Any, bool]:
        """Forgets a change that was put aside; whether there was one."""

    def start_from_snapshot(self, consumer: str) -> Coroutine[Any, Any, None]:
        """Has a consumer, new or old, start with what is there: its next changes are a ``group.created`` and a ``user.created`` for each group
        and user, with negative numbers and the cause ``snapshot``, and then every change since this call.
        """

    def consumers(self) -> Coroutine[Any, Any, list[Consumer]]:
        """Every consumer, and how far it is."""

    def drop_consumer(self, consumer: str) -> Coroutine[Any, Any, bool]:
        """Forgets a consumer that is not coming back, with all it has put aside; whether there was one."""

    def trim(self) -> Coroutine[Any, Any, None]:
        """Removes changes that are older than ``retention`` and that every consumer has acknowledged, and what else has had its time. Syncs do
        it when they end.
        """

    def close(self) -> Coroutine[Any, Any, None]:
        """Closes the file. Calls that are under way finish; later ones fail. Closing twice does no harm."""

    def __aenter__(self) -> Awaitable[Self]: ...
    @overload
    def __aexit__(self, exc_type: None, exc: None, traceback: None, /) -> Coroutine[Any, Any, None]: ...
    @overload
    def __aexit__(
        self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /
    ) -> Coroutine[Any, Any, None]: ...

@final
class ReplayGuard:
    """Remembers which messages were handled, so that one that is sent twice is not handled twice. May be used from any number of
    threads at once.

    ``check`` an event before it is handled, and ``commit`` it once it has been: what failed is let through when it comes again. The
    endpoints (``headcount.fastapi`` and the others) do both. ``ReplayGuard()`` keeps the last ``capacity`` ids (100,000 unless set) in this
    process's memory, ``ReplayGuard.sqlite(path)`` in a file that any number of processes share, ``ReplayGuard.custom(...)`` wherever you
    like. ``retention`` is how long an id is remembered: seconds or a ``timedelta``, three days unless set. The vendor goes on trying for
    28 hours.

    Nothing is held between the two: where one message arrives twice at the same moment, both may be let through.
    """

    def __new__(cls, *, capacity: Optional[int] = None, retention: _Span = None) -> Self: ...
    @staticmethod
    def sqlite(path: Union[str, PathLike[str]], *, retention: _Span = None) -> ReplayGuard:
        """A guard that keeps ids in the SQLite file at ``path``, which is made where there is none: any number of processes of one machine
        may use it at once, and what was committed survives them. ``StoreError`` where the file cannot be opened.
        """

    @staticmethod
    def custom(
        *, contains: Callable[[str], Union[bool, int]], record: Callable[[str, datetime], object], retention: _Span = None
    ) -> ReplayGuard:
        """A guard that keeps ids in a store of your own.

        ``contains(message_id)`` says whether an id was recorded and its time has not come yet; ``record(message_id, expires_at)`` records one
        until that moment (an aware ``datetime``). Both are plain functions, called from any thread; what they raise reaches whoever asked.
        """

    def check(self, event: Event) -> bool:
        """True where the message that ``event`` came in was not handled yet, as far as is remembered; False where it was: answer 201 then,
        and do nothing. Nothing is recorded. ``StoreError`` where the store cannot say: answer 5xx, so that the message comes again.
        """

    def commit(self, event: Event) -> None:
        """Records that the message that ``event`` came in was handled. Until then ``check`` says True however often it comes."""

    def check_id(self, message_id: str, *, now: Union[datetime, float, None] = None) -> bool:
        """``check`` by the message's id alone; ``now`` (an aware datetime, or Unix seconds) is the present unless given."""

    def commit_id(self, message_id: str, *, now: Union[datetime, float, None] = None) -> None:
        """``commit`` by the message's id alone; ``now`` (an aware datetime, or Unix seconds) is the present unless given."""

    @property
    def blocking(self) -> bool:
        """Whether a call may wait for a disk or a network: then it has no business in an event loop's own thread."""

@final
class Sandbox:
    """A local Scalekit environment over real HTTP, for demos and for tests. May be used from any number of threads at once.

    It has a thread of its own, and listens on loopback until it is closed. The same ``seed`` (1 unless given) gives the same
    organizations, people and ids every time; ``directories`` (1) is how many each of the ``organizations`` (1) has, ``users`` (50) and
    ``groups`` (5) how many each directory has. ``port`` is any free one unless given. ``token_ttl`` is how long tokens live (an hour),
    ``speed`` how many of its seconds pass in a real one (1).

    A port that cannot be served is a ``ServerError``, a speed that is not above zero a ``BadRequestError``.
    """

    def __new__(
        cls,
        *,
        organizations: Optional[int] = None,
        directories: Optional[int] = None,
        users: Optional[int] = None,
        groups: Optional[int] = None,
        seed: Optional[int] = None,
        port: Optional[int] = None,
        token_ttl: _Span = None,
        speed: Optional[float] = None,
    ) -> Self: ...
    @property
    def environment_url(self) -> str:
        """Where it is: ``http://127.0.0.1:...``."""

    @property
    def client_id(self) -> str:
        """The client id to sign in with."""

    @property
    def client_secret(self) -> str:
        """The client secret to sign in with."""

    @property
    def webhook_secret(self) -> str:
        """The secret that its webhooks are signed with."""

    @property
    def control_url(self) -> str:
        """Where the same calls are over HTTP, for programs in other languages."""

    @property
    def organization_id(self) -> str:
        """The first organization."""

    @property
    def directory_id(self) -> str:
        """The first organization's first directory."""

    def client(self, **settings: Any) -> Client:
        """A client of this environment; ``settings`` are those of ``headcount.Client``."""

    def async_client(self, **settings: Any) -> AsyncClient:
        """A client of this environment for asyncio; ``settings`` are those of ``headcount.AsyncClient``."""

    def register_endpoint(self, url: str) -> None:
        """From now on, what happens is told to ``url`` as well, signed."""

    def create_user(
        self,
        email: str,
        *,
        given_name: Optional[str] = None,
        family_name: Optional[str] = None,
        preferred_username: Optional[str] = None,
        groups: Optional[Sequence[str]] = None,
        organization_id: Optional[str] = None,
        directory_id: Optional[str] = None,
    ) -> User:
        """Hires somebody. ``groups`` are names or ids of groups that there are; the organization and the directory are the first unless
        given. ``BadRequestError`` for an address without ``@`` or an unknown group, ``NotFoundError`` for an unknown organization or
        directory.
        """

    def update_user(
        self,
        user_id: str,
        *,
        email: Optional[str] = None,
        given_name: Optional[str] = None,
        family_name: Optional[str] = None,
        preferred_username: Optional[str] = None,
        active: Optional[bool] = None,
        groups: Optional[Sequence[str]] = None,
    ) -> User:
        """Changes somebody; what is not given stays. ``groups`` are all of their groups, by names or ids. ``NotFoundError`` for an unknown
        user, ``BadRequestError`` for an unknown group.
        """

    def delete_user(self, user_id: str) -> None:
        """Lets somebody go. ``NotFoundError`` for an unknown user."""

    def create_group(
        self, display_name: str, *, organization_id: Optional[str] = None, directory_id: Optional[str] = None
    ) -> Group:
        """Makes a group. ``BadRequestError`` for an empty name, ``NotFoundError`` for an unknown organization or directory."""

    def update_group(self, group_id: str, display_name: str) -> Group:
        """Renames a group. ``NotFoundError`` for an unknown group."""

    def delete_group(self, group_id: str) -> None:
        """Ends a group; its members stay. ``NotFoundError`` for an unknown group."""

    def add_member(self, group_id: str, user_id: str) -> None:
        """Puts somebody into a group. ``NotFoundError`` for an unknown user or group."""

    def remove_member(self, group_id: str, user_id: str) -> None:
        """Takes somebody out of a group. ``NotFoundError`` for an unknown user or group."""

    def fault(self, *faults: Optional[str], every: int = 1) -> None:
        """Every ``every``-th REST call from now on meets the next of ``faults``; None, or no fault at all, ends it.

        A fault is a status (``"429"``, ``"429:5"`` with that ``Retry-After``, ``"500"``, ``"503"``), ``"reset"``, ``"truncate"``,
        ``"garbage"``, ``"html"``, ``"wrong-types"``, ``"junk"``, ``"drip"``, ``"redirect"``, ``"latency:2s"`` or ``"expire-token"``; others
        are a ``BadRequestError``. Token requests are spared.
        """

    def deliveries(self) -> list[dict[str, Any]]:
        """What was sent, what came back, what will be retried and when: a dict for each event on its way to each endpoint.

        ``message_id``, ``event_id``, ``event_type``, ``url``, ``body``, ``state`` (``pending``, ``sending``, ``delivered`` or ``failed``),
        ``attempts`` (each with ``at``, ``status`` and ``error``) and ``next_attempt_at``; times are RFC 3339 text by the sandbox's clock.
        """

    def advance(self, by: Union[str, float, timedelta]) -> None:
        """Moves its clock ahead, by ``"90s"``, ``"5m"``, ``"6h"`` or ``"1d"``, by seconds or a ``timedelta``: tokens end, and retries fall due."""

    def requests(self) -> dict[str, int]:
        """How many calls came, by method and route."""

    def close(self) -> None:
        """Ends it, once calls that are under way have come back. Closing twice does no harm."""

    def __enter__(self) -> Self: ...
    @overload
    def __exit__(self, exc_type: None, exc: None, traceback: None, /) -> None: ...
    @overload
    def __exit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> None: ...

def event_body(
    type: str,
    *,
    data: Optional[Mapping[str, Any]] = None,
    organization_id: Optional[str] = None,
    environment_id: Optional[str] = None,
    id: Optional[str] = None,
    occurred_at: Union[datetime, str, None] = None,
) -> bytes:
    """The body of an event, as the vendor would send it: ``headcount.testing.event`` says what it takes."""

def verify_webhook_payload(secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
    """Verifies the signature of a webhook in one call: True, or a ``WebhookVerificationError``.

    ``secret`` is one secret, or several separated by spaces; ``payload`` is the raw body (or a parsed one: see
    ``Webhook.verify``).
    """

def verify_interceptor_payload(secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
    """Verifies the signature of an interceptor's request in one call, as ``verify_webhook_payload`` does."""
