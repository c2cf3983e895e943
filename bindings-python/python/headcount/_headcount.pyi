"""The native module of ``headcount``. Applications import ``headcount`` instead. mypy's stubtest compares this file with the binary."""

from collections.abc import Awaitable, Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Callable, Literal, NoReturn, Optional, SupportsIndex, Union, final, overload

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
    "Approval",
    "AsyncChange",
    "AsyncChangeIterator",
    "AsyncMirror",
    "AsyncMirrorUserIterator",
    "Change",
    "ChangeIterator",
    "Consumer",
    "DirectoryStatus",
    "GuardSettings",
    "Hold",
    "IgnoredSetting",
    "Mirror",
    "MirrorDirectory",
    "MirrorGroup",
    "MirrorSettings",
    "MirrorUser",
    "MirrorUserIterator",
    "ParkedChange",
    "PendingEvent",
    "PortalLink",
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
    "Retirement",
    "RoleMapEntry",
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

_object: TypeAlias = object  # `Event` has a property of that name

__version__: str
_error_classes: dict[str, str]

@final
class Client:
    """REST client of one environment. May be used from any number of threads at once, and after a fork. Making a client sends
    nothing. Durations are seconds or a ``timedelta``.

    - ``environment_url`` (or ``env_url``), ``client_id``, ``client_secret``: API credentials from the vendor's dashboard.
    - ``keepalive_time_ms``, ``keepalive_timeout_ms``, ``tool_call_timeout_s``: options of the vendor's SDK; ignored with a warning.
    - ``call_timeout_s``: the vendor's name of ``attempt_timeout``.
    - ``timeout``: deadline of each call with all its attempts (default 60).
    - ``attempt_timeout``: deadline of one attempt (default 20).
    - ``connect_timeout``: deadline of making a connection (default 10).
    - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
    - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
    - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
    - ``retry_budget``: number of retries that all calls share; each call that succeeds returns half a retry (default 100).
    - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
    - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
    - ``proxy``: URL of the proxy, instead of the environment's; empty for none (default: the environment's).
    - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
      those in the file or folder ``REQUESTS_CA_BUNDLE`` replace the system's, for https.
    - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).

    Raises ``ConfigError`` if a setting is missing or cannot be used; the message names it.
    """

    def __new__(
        cls,
        environment_url: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        keepalive_time_ms: Optional[float] = None,
        keepalive_timeout_ms: Optional[float] = None,
        call_timeout_s: _Span = None,
        tool_call_timeout_s: Optional[float] = None,
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
        """Makes a client with the credentials in ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and
        ``SCALEKIT_CLIENT_SECRET``. Sends nothing. Durations are seconds or a ``timedelta``.

        - ``timeout``: deadline of each call with all its attempts (default 60).
        - ``attempt_timeout``: deadline of one attempt (default 20).
        - ``connect_timeout``: deadline of making a connection (default 10).
        - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
        - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
        - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
        - ``retry_budget``: number of retries that all calls share; each call that succeeds returns half a retry (default 100).
        - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
        - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
        - ``proxy``: URL of the proxy, instead of the environment's; empty for none (default: the environment's).
        - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
          those in the file or folder ``REQUESTS_CA_BUNDLE`` replace the system's, for https.
        - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).

        Raises ``ConfigError`` if a variable is missing or a setting cannot be used; the message names it.
        """

    @property
    def organization(self) -> OrganizationClient:
        """Calls about organizations."""

    @property
    def directory(self) -> DirectoryClient:
        """Calls about directories, their users and their groups."""

    def stats(self) -> Stats:
        """Returns the client's counters since it was made, in this process. A forked child starts at zero.
        Raises ``InvalidArgumentError`` if the client is closed.
        """

    def verify_webhook_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies a webhook's signature and timestamp. Returns True.

        - ``secret``: one secret, or several separated by spaces.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``payload``: body of the request, as in ``Webhook.verify``.

        Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
        """

    def verify_interceptor_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature and timestamp of an interceptor's request. Returns True.

        - ``secret``: one secret, or several separated by spaces.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``payload``: body of the request, as in ``Webhook.verify``.

        Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
        """

    def close(self) -> None:
        """Closes the client. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect."""

    def __enter__(self) -> Self: ...
    @overload
    def __exit__(self, exc_type: None, exc: None, traceback: None, /) -> None: ...
    @overload
    def __exit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> None: ...

@final
class AsyncClient:
    """REST client of one environment for asyncio: the calls are coroutines. May be used by any number of tasks, event loops and
    threads at once, and after a fork. Making a client sends nothing. Durations are seconds or a ``timedelta``.

    - ``environment_url`` (or ``env_url``), ``client_id``, ``client_secret``: API credentials from the vendor's dashboard.
    - ``keepalive_time_ms``, ``keepalive_timeout_ms``, ``tool_call_timeout_s``: options of the vendor's SDK; ignored with a warning.
    - ``call_timeout_s``: the vendor's name of ``attempt_timeout``.
    - ``timeout``: deadline of each call with all its attempts (default 60).
    - ``attempt_timeout``: deadline of one attempt (default 20).
    - ``connect_timeout``: deadline of making a connection (default 10).
    - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
    - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
    - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
    - ``retry_budget``: number of retries that all calls share; each call that succeeds returns half a retry (default 100).
    - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
    - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
    - ``proxy``: URL of the proxy, instead of the environment's; empty for none (default: the environment's).
    - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
      those in the file or folder ``REQUESTS_CA_BUNDLE`` replace the system's, for https.
    - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).

    Raises ``ConfigError`` if a setting is missing or cannot be used; the message names it.
    """

    def __new__(
        cls,
        environment_url: Optional[str] = None,
        client_id: Optional[str] = None,
        client_secret: Optional[str] = None,
        keepalive_time_ms: Optional[float] = None,
        keepalive_timeout_ms: Optional[float] = None,
        call_timeout_s: _Span = None,
        tool_call_timeout_s: Optional[float] = None,
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
        """Makes a client with the credentials in ``SCALEKIT_ENVIRONMENT_URL``, ``SCALEKIT_CLIENT_ID`` and
        ``SCALEKIT_CLIENT_SECRET``. Sends nothing. Durations are seconds or a ``timedelta``.

        - ``timeout``: deadline of each call with all its attempts (default 60).
        - ``attempt_timeout``: deadline of one attempt (default 20).
        - ``connect_timeout``: deadline of making a connection (default 10).
        - ``max_attempts``: number of attempts of a call, 1 or more; 1 turns retries off (default 5).
        - ``retry_base``: longest wait before the first retry; it doubles with each retry (default 0.25).
        - ``retry_cap``: longest wait before any retry, unless the server asks for a longer one (default 8).
        - ``retry_budget``: number of retries that all calls share; each call that succeeds returns half a retry (default 100).
        - ``max_concurrency``: maximum number of requests that run at once; further ones wait (default 32).
        - ``max_response_bytes``: longest answer that is read, in bytes (default 8 MiB).
        - ``proxy``: URL of the proxy, instead of the environment's; empty for none (default: the environment's).
        - ``ca_file``: PEM file with certificate authorities that are trusted in addition to the system's (default none). Without it,
          those in the file or folder ``REQUESTS_CA_BUNDLE`` replace the system's, for https.
        - ``user_agent_suffix``: name of the application, appended to the ``User-Agent`` (default none).

        Raises ``ConfigError`` if a variable is missing or a setting cannot be used; the message names it.
        """

    @property
    def organization(self) -> AsyncOrganizationClient:
        """Calls about organizations."""

    @property
    def directory(self) -> AsyncDirectoryClient:
        """Calls about directories, their users and their groups."""

    def stats(self) -> Stats:
        """Returns the client's counters since it was made, in this process. A forked child starts at zero.
        Raises ``InvalidArgumentError`` if the client is closed.
        """

    def verify_webhook_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies a webhook's signature and timestamp. Returns True.

        - ``secret``: one secret, or several separated by spaces.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``payload``: body of the request, as in ``Webhook.verify``.

        Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
        """

    def verify_interceptor_payload(self, secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
        """Verifies the signature and timestamp of an interceptor's request. Returns True.

        - ``secret``: one secret, or several separated by spaces.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``payload``: body of the request, as in ``Webhook.verify``.

        Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
        """

    def close(self) -> Awaitable[None]:
        """Closes the client at once. Running calls finish; later calls raise ``InvalidArgumentError``. Closing it again has no effect."""

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
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        *,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> OrganizationPage:
        """Returns one page of organizations. ``all`` iterates over every page.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0 or the client is closed, an ``ApiError`` if the
        server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives
        no usable answer.
        """

    def list_organization(
        self,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        *,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> OrganizationPage:
        """As ``list_organizations``. The vendor's other SDKs use this name.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).
        """

    def all(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> OrganizationIterator:
        """Returns an iterator over every organization. Pages are requested during the iteration.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default 100).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_organizations``
        raises.
        """

    def get_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Organization:
        """Returns an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_organization_by_external_id(
        self,
        external_id: str,
        *,
        timeout: _Span = None,
    ) -> Organization:
        """Returns the organization with this external id.

        - ``external_id``: the application's own id of the organization.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

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
        """Creates an organization and returns it.

        - ``display_name``: name of the organization, 1 to 200 characters.
        - ``external_id``: the application's own id of the organization.
        - ``metadata``: the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most 10.
        - ``slug``: short name in URLs, a DNS label or host name.
        - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        The call is retried only if it is certain that the last attempt created nothing. If an error leaves open whether the
        organization was created, look for it by its ``external_id``.

        Raises ``InvalidArgumentError`` if the client is closed, and ``BadRequestError`` if the server refuses a field. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def update_organization(
        self,
        organization_id: str,
        organization: Union[Mapping[str, Any], Organization, None] = None,
        *,
        display_name: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Organization:
        """Changes the given fields of an organization and returns it. Fields that are None keep their value.

        - ``organization_id``: id of the organization (``org_...``).
        - ``organization``: fields in one argument, as a mapping or an ``Organization``; keywords replace them. What cannot be changed
          is ignored in it (``id``, ``create_time``, ``update_time``, ``region_code``, ``settings``), so that an organization can be
          read, changed and sent back.
        - ``display_name``: name of the organization, 1 to 200 characters.
        - ``external_id``: the application's own id of the organization.
        - ``metadata``: replaces all of the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most
          10.
        - ``slug``: short name in URLs, a DNS label or host name. An empty text removes it.
        - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty, ``organization`` has an unknown field or the client is closed,
        ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server refuses a field. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def update_organization_by_external_id(
        self,
        external_id: str,
        organization: Union[Mapping[str, Any], Organization, None] = None,
        *,
        display_name: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Organization:
        """Changes the organization with this external id and returns it: looks it up, then updates it as
        ``update_organization`` does. These are two calls, each with its own deadline.

        - ``external_id``: the application's own id of the organization.
        - ``organization``, ``display_name``, ``metadata``, ``slug``, ``logo_url``: as in ``update_organization``.
        - ``timeout``: deadline of each call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises what ``update_organization`` raises.
        """

    def update_organization_settings(
        self,
        organization_id: str,
        settings: Union[Mapping[str, Any], Iterable[Mapping[str, Any]]],
        *,
        timeout: _Span = None,
    ) -> Organization:
        """Enables and disables features of an organization and returns it. Features that are not named stay as they are.

        - ``organization_id``: id of the organization (``org_...``).
        - ``settings``: a list of mappings such as ``{"name": "sso", "enabled": True}``, or a mapping with that list as ``features``.
          Features: ``sso``, ``dir_sync``, ``domain_verification``, ``session_policy``.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty, ``settings`` cannot be read or the client is closed,
        ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server has no such feature. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def generate_portal_link(
        self,
        organization_id: str,
        features: Optional[Sequence[str]] = None,
        *,
        timeout: _Span = None,
    ) -> PortalLink:
        """Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories, and returns it. It
        can be opened once, within a minute: create it when the administrator asks for it, not in advance, and do not log it.

        - ``organization_id``: id of the organization (``org_...``).
        - ``features``: names of what can be set up, ``sso`` and ``dir_sync`` (default: what the organization's settings enable).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Each call creates another link. It is retried after temporary failures nevertheless: a link whose response was lost is not used,
        and expires after a minute.

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, ``NotFoundError`` if there is no such
        organization, and ``BadRequestError`` if the server has no such feature. Raises another ``ApiError`` if the server
        refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def delete_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> None:
        """Deletes an organization with everything in it. This cannot be undone.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

@final
class AsyncOrganizationClient:
    """Calls about organizations, as coroutines: ``client.organization`` of an ``AsyncClient``."""

    def list_organizations(
        self,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        *,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, OrganizationPage]:
        """Returns one page of organizations. ``all`` iterates over every page.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0 or the client is closed, an ``ApiError`` if the
        server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives
        no usable answer.
        """

    def list_organization(
        self,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        *,
        external_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, OrganizationPage]:
        """As ``list_organizations``. The vendor's other SDKs use this name.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).
        """

    def all(
        self,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        external_id: Optional[str] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncOrganizationIterator:
        """Returns an iterator over every organization. Pages are requested during the iteration.

        - ``page_size``: maximum number of items on a page, 10 to 100 (default 100).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``external_id``: lists only the organization with this external id (default: all organizations).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_organizations``
        raises.
        """

    def get_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Returns an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_organization_by_external_id(
        self,
        external_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Returns the organization with this external id.

        - ``external_id``: the application's own id of the organization.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

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
        """Creates an organization and returns it.

        - ``display_name``: name of the organization, 1 to 200 characters.
        - ``external_id``: the application's own id of the organization.
        - ``metadata``: the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most 10.
        - ``slug``: short name in URLs, a DNS label or host name.
        - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        The call is retried only if it is certain that the last attempt created nothing. If an error leaves open whether the
        organization was created, look for it by its ``external_id``.

        Raises ``InvalidArgumentError`` if the client is closed, and ``BadRequestError`` if the server refuses a field. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def update_organization(
        self,
        organization_id: str,
        organization: Union[Mapping[str, Any], Organization, None] = None,
        *,
        display_name: Optional[str] = None,
        external_id: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Changes the given fields of an organization and returns it. Fields that are None keep their value.

        - ``organization_id``: id of the organization (``org_...``).
        - ``organization``: fields in one argument, as a mapping or an ``Organization``; keywords replace them. What cannot be changed
          is ignored in it (``id``, ``create_time``, ``update_time``, ``region_code``, ``settings``), so that an organization can be
          read, changed and sent back.
        - ``display_name``: name of the organization, 1 to 200 characters.
        - ``external_id``: the application's own id of the organization.
        - ``metadata``: replaces all of the application's own keys (3 to 25 characters) and values (1 to 256 characters), at most
          10.
        - ``slug``: short name in URLs, a DNS label or host name. An empty text removes it.
        - ``logo_url``: URL of the logo, ``https``, at most 1,024 characters.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty, ``organization`` has an unknown field or the client is closed,
        ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server refuses a field. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def update_organization_by_external_id(
        self,
        external_id: str,
        organization: Union[Mapping[str, Any], Organization, None] = None,
        *,
        display_name: Optional[str] = None,
        metadata: Optional[Mapping[str, str]] = None,
        slug: Optional[str] = None,
        logo_url: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Changes the organization with this external id and returns it: looks it up, then updates it as
        ``update_organization`` does. These are two calls, each with its own deadline.

        - ``external_id``: the application's own id of the organization.
        - ``organization``, ``display_name``, ``metadata``, ``slug``, ``logo_url``: as in ``update_organization``.
        - ``timeout``: deadline of each call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises what ``update_organization`` raises.
        """

    def update_organization_settings(
        self,
        organization_id: str,
        settings: Union[Mapping[str, Any], Iterable[Mapping[str, Any]]],
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Organization]:
        """Enables and disables features of an organization and returns it. Features that are not named stay as they are.

        - ``organization_id``: id of the organization (``org_...``).
        - ``settings``: a list of mappings such as ``{"name": "sso", "enabled": True}``, or a mapping with that list as ``features``.
          Features: ``sso``, ``dir_sync``, ``domain_verification``, ``session_policy``.
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty, ``settings`` cannot be read or the client is closed,
        ``NotFoundError`` if there is no such organization, and ``BadRequestError`` if the server has no such feature. Raises
        another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the
        server gives no usable answer.
        """

    def generate_portal_link(
        self,
        organization_id: str,
        features: Optional[Sequence[str]] = None,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, PortalLink]:
        """Creates a link to the admin portal, in which the organization's administrator sets up SSO and directories, and returns it. It
        can be opened once, within a minute: create it when the administrator asks for it, not in advance, and do not log it.

        - ``organization_id``: id of the organization (``org_...``).
        - ``features``: names of what can be set up, ``sso`` and ``dir_sync`` (default: what the organization's settings enable).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Each call creates another link. It is retried after temporary failures nevertheless: a link whose response was lost is not used,
        and expires after a minute.

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, ``NotFoundError`` if there is no such
        organization, and ``BadRequestError`` if the server has no such feature. Raises another ``ApiError`` if the server
        refuses the call, and ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def delete_organization(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, None]:
        """Deletes an organization with everything in it. This cannot be undone.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

@final
class DirectoryClient:
    """Calls about directories, their users and their groups: ``client.directory``."""

    def list_directories(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> list[Directory]:
        """Returns the directories of an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Directory:
        """Returns a directory of an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_primary_directory_by_organization_id(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Directory:
        """Returns the first directory that is listed for an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if the organization has
        no directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def enable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> DirectoryToggle:
        """Enables a directory.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def disable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> DirectoryToggle:
        """Disables a directory.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def list_directory_users(
        self,
        organization_id: str,
        directory_id: str,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        *,
        directory_group_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> UserPage:
        """Returns one page of a directory's users. ``users`` iterates over every page.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
        - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
        - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all users).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.

        Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
        ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def list_directory_groups(
        self,
        organization_id: str,
        directory_id: str,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        *,
        include_external_groups: Optional[bool] = None,
        timeout: _Span = None,
    ) -> GroupPage:
        """Returns one page of a directory's groups. ``groups`` iterates over every page.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
        - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
          (default False).
        - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all groups).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.

        Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
        ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[date, datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> UserIterator:
        """Returns an iterator over every user of a directory. Pages are requested during the iteration.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
        - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
        - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all users).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_users`` raises.
        """

    def groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> GroupIterator:
        """Returns an iterator over every group of a directory. Pages are requested during the iteration.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
        - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
          (default False).
        - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all groups).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_groups`` raises.
        """

@final
class AsyncDirectoryClient:
    """Calls about directories, their users and their groups, as coroutines: ``client.directory`` of an ``AsyncClient``."""

    def list_directories(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, list[Directory]]:
        """Returns the directories of an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if there is no such
        organization. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Directory]:
        """Returns a directory of an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def get_primary_directory_by_organization_id(
        self,
        organization_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, Directory]:
        """Returns the first directory that is listed for an organization.

        - ``organization_id``: id of the organization (``org_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if the id is empty or the client is closed, and ``NotFoundError`` if the organization has
        no directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def enable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, DirectoryToggle]:
        """Enables a directory.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def disable_directory(
        self,
        organization_id: str,
        directory_id: str,
        *,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, DirectoryToggle]:
        """Disables a directory.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if an id is empty or the client is closed, and ``NotFoundError`` if there is no such
        directory. Raises another ``ApiError`` if the server refuses the call, and ``ConnectionError``, ``TimeoutError`` or
        ``DecodeError`` if the server gives no usable answer.
        """

    def list_directory_users(
        self,
        organization_id: str,
        directory_id: str,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        *,
        directory_group_id: Optional[str] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, UserPage]:
        """Returns one page of a directory's users. ``users`` iterates over every page.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
        - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
        - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all users).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.

        Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
        ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def list_directory_groups(
        self,
        organization_id: str,
        directory_id: str,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        *,
        include_external_groups: Optional[bool] = None,
        timeout: _Span = None,
    ) -> Coroutine[Any, Any, GroupPage]:
        """Returns one page of a directory's groups. ``groups`` iterates over every page.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default: the server's).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
        - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
          (default False).
        - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all groups).
        - ``timeout``: deadline of the call with all its attempts, in seconds or as a ``timedelta`` (default: the client's
          ``timeout``).

        Raises ``InvalidArgumentError`` if ``page_size`` is 0, an id is empty or the client is closed.

        Raises ``NotFoundError`` if there is no such directory. Raises another ``ApiError`` if the server refuses the call, and
        ``ConnectionError``, ``TimeoutError`` or ``DecodeError`` if the server gives no usable answer.
        """

    def users(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        directory_group_id: Optional[str] = None,
        updated_after: Union[date, datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncUserIterator:
        """Returns an iterator over every user of a directory. Pages are requested during the iteration.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether users have ``user_detail`` (default: the server's, which is False).
        - ``directory_group_id``: lists only members of this group (``dirgroup_...``; default: all users).
        - ``updated_after``: lists only users that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all users).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_users`` raises.
        """

    def groups(
        self,
        organization_id: str,
        directory_id: str,
        *,
        page_size: Optional[int] = None,
        page_token: Optional[str] = None,
        include_detail: Optional[bool] = None,
        include_external_groups: Optional[bool] = None,
        updated_after: Union[date, datetime, str, None] = None,
        read_ahead: Optional[bool] = None,
        timeout: _Span = None,
    ) -> AsyncGroupIterator:
        """Returns an iterator over every group of a directory. Pages are requested during the iteration.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: id of the directory (``dir_...``).
        - ``page_size``: maximum number of items on a page, 1 to 30 (default 30).
        - ``page_token``: ``next_page_token`` or ``prev_page_token`` of another page (default: the first page).
        - ``include_detail``: whether groups have ``group_detail`` (default: the server's, which is False).
        - ``include_external_groups``: whether groups of the provider that Scalekit does not synchronize are listed as well
          (default False).
        - ``updated_after``: lists only groups that changed after this time, an aware ``datetime``, a ``date`` (its start in
          UTC), or RFC 3339 text (default: all groups).
        - ``read_ahead``: whether the next page is requested while a page is read (default True).
        - ``timeout``: deadline of the call for each page with all its attempts, in seconds or as a ``timedelta`` (default: the
          client's ``timeout``).

        Raises ``InvalidArgumentError`` if the client is closed. Iterating raises what ``list_directory_groups`` raises.
        """

@final
class OrganizationPage:
    """One page of a listing. Iterate over its ``organizations``: the page itself cannot be iterated."""

    def __new__(
        cls, organizations: Iterable[Organization], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def organizations(self) -> list[Organization]:
        """The organizations, in the server's order."""

    @property
    def total_size(self) -> int:
        """Number of items in the whole listing, as counted by the server."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last page."""

    @property
    def prev_page_token(self) -> str:
        """Token of the previous page; empty on the first page."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values, as in the API's JSON."""

    def __len__(self) -> int: ...
    def __iter__(self) -> NoReturn: ...
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

    The next page is requested while a page is read. After an error ``next()`` requests the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Organization: ...

@final
class UserPage:
    """One page of a listing. Iterate over its ``users``: the page itself cannot be iterated."""

    def __new__(
        cls, users: Iterable[User], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def users(self) -> list[User]:
        """The users, in the server's order."""

    @property
    def total_size(self) -> int:
        """Number of items in the whole listing, as counted by the server."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last page."""

    @property
    def prev_page_token(self) -> str:
        """Token of the previous page; empty on the first page."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values, as in the API's JSON."""

    def __len__(self) -> int: ...
    def __iter__(self) -> NoReturn: ...
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

    The next page is requested while a page is read. After an error ``next()`` requests the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> User: ...

@final
class GroupPage:
    """One page of a listing. Iterate over its ``groups``: the page itself cannot be iterated."""

    def __new__(
        cls, groups: Iterable[Group], total_size: int, next_page_token: str = ..., prev_page_token: str = ...
    ) -> Self: ...
    @property
    def groups(self) -> list[Group]:
        """The groups, in the server's order."""

    @property
    def total_size(self) -> int:
        """Number of items in the whole listing, as counted by the server."""

    @property
    def next_page_token(self) -> str:
        """Token of the next page; empty on the last page."""

    @property
    def prev_page_token(self) -> str:
        """Token of the previous page; empty on the first page."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values, as in the API's JSON."""

    def __len__(self) -> int: ...
    def __iter__(self) -> NoReturn: ...
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

    The next page is requested while a page is read. After an error ``next()`` requests the same page again.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Group: ...

@disjoint_base
class Event:
    """A webhook event. An event of an unknown type is an object of this class itself.

    ``headcount.events`` has a subclass for each known type, for ``match`` and for type checkers.
    """

    def __new__(cls, event: Event) -> Self:
        """Copies an event."""

    @property
    def message_id(self) -> str:
        """Value of the ``webhook-id`` header: the same for every attempt to deliver the event."""

    @property
    def id(self) -> str:
        """Id of the event (``evt_...``)."""

    @property
    def type(self) -> str:
        """Type of the event, such as ``organization.directory.user_created``."""

    @property
    def occurred_at(self) -> datetime:
        """Time at which the event occurred, cut off after the microsecond. ``to_dict()`` has all digits."""

    @property
    def environment_id(self) -> str:
        """Id of the environment (``env_...``)."""

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_...``), or empty if the event does not concern an organization."""

    @property
    def object(self) -> str:
        """Kind of object that ``data`` is, such as ``DirectoryUser``."""

    @property
    def display_name(self) -> str:
        """The type as a title, such as ``Directory User Created``."""

    @property
    def spec_version(self) -> str:
        """Version of the vendor's event format, such as ``1``."""

    @property
    def data(self) -> Any:
        """The object that the event is about, as decoded JSON. Decoded when it is first read."""

    @property
    def body(self) -> bytes:
        """The verified body, byte for byte."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the whole event as decoded JSON."""

    def __eq__(self, other: _object, /) -> bool: ...
    def __ne__(self, other: _object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_body(
        cls, body: bytes, message_id: Optional[str] = None, sent_at: Union[datetime, str, None] = None
    ) -> Self: ...
    def __reduce__(self) -> tuple[Any, tuple[bytes, str]]: ...

@final
class AsyncOrganizationIterator:
    """Iterates over the organizations of every page, with ``async for``.

    The next page is requested while a page is read. After an error ``anext()`` requests the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Organization]: ...

@final
class AsyncUserIterator:
    """Iterates over the users of every page, with ``async for``.

    The next page is requested while a page is read. After an error ``anext()`` requests the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[User]: ...

@final
class AsyncGroupIterator:
    """Iterates over the groups of every page, with ``async for``.

    The next page is requested while a page is read. After an error ``anext()`` requests the same page again.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Awaitable[Group]: ...

@final
class Webhook:
    """Verifies webhooks, and signs them for tests. May be used from any number of threads at once.

    - ``secret_or_secrets``: the signing secret, which is ``whsec_`` followed by base64; or several while a secret is
      rotated, in a list or separated by spaces (default: ``SCALEKIT_WEBHOOK_SECRET``).
    - ``tolerance``: how far a timestamp may differ from now, in seconds or as a ``timedelta`` (default 300).
    - ``max_body``: size limit of a body, in bytes (default 1 MiB).

    Raises ``ConfigError`` if a secret is missing, shorter than 16 bytes, not base64, or an asymmetric key
    (``whpk_``, ``whsk_``).
    """

    def __new__(
        cls,
        secret_or_secrets: Union[str, Iterable[str], None] = None,
        tolerance: Union[float, timedelta, None] = None,
        *,
        max_body: Optional[int] = None,
    ) -> Self: ...
    @property
    def tolerance(self) -> float:
        """How far a timestamp may differ from now, in seconds."""

    @property
    def max_body(self) -> int:
        """Size limit of a body, in bytes. A server can stop reading a longer body."""

    def verify(self, body: _Body, headers: _Headers, *, now: Union[datetime, float, None] = None) -> Event:
        """Verifies a request's signature and timestamp and returns its event.

        - ``body``: the raw body: ``bytes``, ``bytearray``, ``memoryview`` or ``str``. A parsed body (``dict``, ``list``) is
          accepted if its compact form is what was signed.
        - ``headers``: a mapping, a list of pairs, ASGI's raw headers or a WSGI environ.
        - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds (default: the current time).

        Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause. Answer 400, without details.
        """

    def verify_signature(self, body: _Body, headers: _Headers, *, now: Union[datetime, float, None] = None) -> Literal[True]:
        """Verifies a request's signature and timestamp without reading its body. Returns True.

        - ``body``, ``headers``, ``now``: as in ``verify``.

        Raises ``WebhookVerificationError`` as ``verify`` does.
        """

    def sign(
        self, body: _Body, id: Optional[str] = None, timestamp: Union[datetime, float, None] = None
    ) -> dict[str, str]:
        """Returns the signed headers of a request with this body, for tests of code that verifies webhooks.

        - ``body``: as in ``verify``.
        - ``id``: message id (default: a new ``msg_...``).
        - ``timestamp``: Unix seconds or an aware ``datetime`` (default: the current time).

        Raises ``InvalidArgumentError`` if the id is empty, longer than 256 bytes, contains a dot or cannot be
        a header's value, or if the timestamp is negative.
        """

@final
class AsyncChange(Change):
    """A change of an ``AsyncMirror``: ``ack()`` and ``park()`` are coroutines."""

    def ack(self) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        """Acknowledges this change: the consumer does not get it again.

        Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once all changes that the iterator
        returned earlier are acknowledged as well: if they are already, it is durable after the await. Acknowledging a change from ``poll`` or ``wait``
        acknowledges all earlier changes as well. Several tasks may call it at once.

        Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, if the mirror is closed, and in a
        forked child for a change from its parent's ``changes``; ``StoreError`` if the acknowledgement cannot be stored: call it again.
        """

    def park(self, reason: str) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        """Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
        parked as well.

        Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
        ``InvalidArgumentError`` if it is of a snapshot and its user or group no longer exists.
        """

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
    """Iterates over a consumer's unacknowledged changes and waits for the next one: without limit, until no change has come for the given
    timeout, or until the mirror is closed. Threads may share it: each change goes to one of them, which acknowledges only that change.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> Change: ...

@final
class AsyncChangeIterator:
    """Iterates over a consumer's unacknowledged changes with ``async for`` and waits for the next one: without limit, until no change has come
    for the given timeout, or until the mirror is closed. Tasks may share it: each change goes to one of them, which acknowledges only
    that change. If that task is cancelled before it has the change, the change goes to another task.
    """

    def __aiter__(self) -> Self: ...
    def __anext__(self) -> Coroutine[Any, Any, AsyncChange]: ...

@final
class Mirror:
    """Durable copy of every directory, with a feed of changes. May be used from any number of threads at once, and after a fork.

    - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``; or the URL of a PostgreSQL database,
      ``"postgresql://user@host/database"``. Any number of processes on one machine may use a file at once, and any number of machines a
      database. A mirror in memory cannot be used after a fork.
    - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
      arrives).
    - ``schema``: name of the database's schema that has the mirror's tables, created if there is none (default ``headcount``). For
      PostgreSQL only.
    - ``guard_users``: number of users of a directory that may lose access within ``guard_window`` without approval (default 20). It is
      smaller in a small directory: half of the users if there are at most ten, otherwise a quarter of them, but at least five.
    - ``guard_share``: share of a directory's users that may lose access within ``guard_window``, 0 to 1 (default 0.1). The larger of
      this limit and ``guard_users`` applies; further losses are held (see ``holds``). 1 permits every loss,
      except removals because of a listing without users.
    - ``guard_events``: whether losses of access by events are limited as well (default True).
    - ``guard_window``: the time within which losses of access are counted together, in seconds or as a ``timedelta`` (default 24 hours).
    - ``full_every``: age of the last full sync after which a sync in the mode ``auto`` is full, in seconds or as a
      ``timedelta`` (default 24 hours).
    - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
      days).
    - ``consumer_expiry``: after how long without a poll or an acknowledgement a consumer expires, so that it no longer keeps changes, in
      seconds or as a ``timedelta``; at least two hours, 0 for never (default 30 days).
    - ``pending_events``: maximum number of pending events of an organization (default 10,000). ``receive``
      raises ``StoreError`` for further ones.
    - ``pending_bytes``: maximum size of an organization's pending events in bytes (default 64 MiB).
      ``receive`` raises ``StoreError`` for further ones.
    - ``groups_per_user``: maximum number of groups that an event may name for a user; an event with more groups changes nothing (default
      10,000).

    The settings from ``guard_users`` on are kept in the store, for all processes that use it. If the store already has another value of a
    setting, the argument is ignored: a warning is logged, and ``settings()`` lists it. ``configure()`` changes the stored value.

    Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written, and if the database
    cannot be reached or refuses the user; ``ConfigError`` if the URL, the schema, the webhook secret, ``guard_share`` or
    ``guard_window`` cannot be used; and ``InvalidArgumentError`` if the client is closed.
    """

    def __new__(
        cls,
        path: Union[str, PathLike[str]],
        *,
        client: Union[Client, AsyncClient, None] = None,
        webhook_secret: Union[str, Iterable[str], Webhook, None] = None,
        schema: Optional[str] = None,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        guard_window: _Span = None,
        full_every: _Span = None,
        retention: _Span = None,
        consumer_expiry: _Span = None,
        pending_events: Optional[int] = None,
        pending_bytes: Optional[int] = None,
        groups_per_user: Optional[int] = None,
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
        """Synchronizes an organization's directories. Returns a report for each, or only the report of ``directory_id`` if that is
        given.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: synchronizes only this directory (``dir_...``; default: all of the organization's directories).
        - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since
          the last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
        - ``approve_removals``: approves the open holds of the synchronized directories before the directories are listed,
          and makes the sync a full one. The guard still limits the losses of access that this sync finds (default False).
        - ``wait``: whether to wait while another sync of a directory runs; with False the report's outcome is ``already_running``
          (default True).
        - ``on_progress``: function that is called with a ``Progress`` after each page: by the calling thread, or by the event
          loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed stays.

        If a directory fails, the other ones are synchronized before its error is raised. Raises ``MassRemovalError`` if the guard
        holds removals back; ``NotFoundError`` if the organization does not exist and has no mirrored directory, or does not have
        the given directory; ``ConfigError`` if the mirror has no client or a client of another environment;
        ``InvalidArgumentError`` if ``mode`` is unknown or the mirror is closed; ``CancelledError`` if the mirror is closed during
        the sync; ``StoreError`` if the store fails; and what ``client.directory`` raises.
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
        """Synchronizes every directory of every organization. Returns a report for each.

        - ``concurrency``: number of organizations that are synchronized at once (default 16).
        - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since
          the last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
        - ``on_progress``: function that is called with a ``Progress`` after each page: by a thread that headcount starts, or by
          the event loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed
          stays.

        An error in one directory is the ``error`` of its report and does not stop the other ones. If the organizations cannot
        be listed to the end, those that were listed are synchronized, and a report with an empty ``organization_id`` has the
        error. If there is no other report, that error is raised: ``ConfigError`` if the mirror has no client or a client of
        another environment, ``StoreError``, and what ``client.organization.all`` raises. Raises ``InvalidArgumentError`` if
        ``concurrency`` is 0, ``mode`` is unknown or the mirror is closed, and ``CancelledError`` if the mirror is closed during
        the sync.
        """

    def receive(
        self, body: Union[_Bytes, str], headers: _Headers, *, now: Union[datetime, float, None] = None
    ) -> _Outcome:
        """Verifies a webhook, stores it and applies it. Durable when this returns, or has been awaited.

        - ``body``: the raw body of the request: ``bytes``, ``bytearray``, ``memoryview`` or ``str``.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds: the time at which the request
          arrived, if a queue kept it (default: the current time).

        Returns the outcome: ``applied``, ``duplicate``, ``stale`` (the mirror has newer information), ``pending`` (stored until a sync
        shows which directory it is about), ``held`` (the guard holds the loss of access that it would cause, until it is approved),
        ``foreign`` (it is about another organization or environment than the one it was signed for, or names no organization) or
        ``ignored``. Answer 201 to all of them.

        Raises ``WebhookVerificationError`` if the request is refused: answer 400. Raises ``ConfigError`` if there is no secret,
        ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails or has no room for another
        pending event: answer 500, so that the webhook is sent again.
        """

    def apply(self, event: Event) -> _Outcome:
        """Stores and applies an event that has been verified already. Durable when this returns, or has been
        awaited. Returns the outcome as ``receive`` does.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``WebhookVerificationError`` if the event's data does not have the fields of its type: answer
        400. Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` as ``receive`` does.
        """

    def users(self, organization_id: str, directory_id: Optional[str] = None, group_id: Optional[str] = None) -> MirrorUserIterator:
        """Returns an iterator over an organization's users, in the order in which the mirror first stored them.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only users of this directory (default: all directories).
        - ``group_id``: only members of this group (default: all users).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def groups(self, organization_id: str, directory_id: Optional[str] = None) -> list[MirrorGroup]:
        """Returns an organization's groups: by the id of their directory, and then in the order in which the mirror first stored them.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only groups of this directory (default: all directories).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def directories(self, organization_id: Optional[str] = None) -> list[MirrorDirectory]:
        """Returns the mirrored directories, sorted by id.

        - ``organization_id``: only directories of this organization (default: all organizations).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def user(self, user_id: str) -> Optional[MirrorUser]:
        """Returns a user, or None if the mirror has no such user.

        - ``user_id``: id of the user (``diruser_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def group(self, group_id: str) -> Optional[MirrorGroup]:
        """Returns a group, or None if the mirror has no such group.

        - ``group_id``: id of the group (``dirgroup_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def find_users(self, email: str) -> list[MirrorUser]:
        """Returns the users of all organizations with this primary e-mail address, compared without regard to case and Unicode
        normalization, in the order in which the mirror first stored them. Several users may have the same address.

        - ``email``: the address.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def status(self) -> list[DirectoryStatus]:
        """Returns how up to date the mirror is with each directory, sorted by directory id.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def pending_events(self, organization_id: str) -> list[PendingEvent]:
        """Returns the pending events of an organization, oldest first: those that wait for a sync to show which directory they are about. They
        contain no personal data.

        - ``organization_id``: id of the organization (``org_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def held_removals(self, directory_id: str) -> list[str]:
        """Returns the ids of all users whose removal from a directory the guard holds back.

        - ``directory_id``: id of the directory (``dir_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def holds(self, organization_id: str, directory_id: Optional[str] = None) -> list[Hold]:
        """Returns the open holds of an organization, in the order in which they were made.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only holds of this directory (default: all directories).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def hold_users(self, hold_id: str) -> MirrorUserIterator:
        """Returns an iterator over the users that a hold names, as they are mirrored now. A hold that has been settled names none,
        and neither does a hold about a directory as a whole.

        - ``hold_id``: id of the hold, from ``holds`` or a report.

        Raises ``InvalidArgumentError`` if ``hold_id`` is not the id of a hold or the mirror is closed, and ``StoreError`` if the
        store fails.
        """

    def approve(self, hold_id: str, *, by: str, note: Optional[str] = None) -> int:
        """Approves a hold: applies the loss of access of the users that the hold named when its id was read, if they are still held. Users who were
        added to the hold since then stay held. Returns the number of users who lost access.

        - ``hold_id``: id of the hold, from ``holds`` or a report.
        - ``by``: who approves, 1 to 200 bytes; stored with the decision.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises ``NotFoundError`` if no user of the hold is held any more; ``InvalidArgumentError`` if ``hold_id`` is not the id of a hold,
        if the hold is about a directory as a whole, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and
        ``StoreError`` if the store fails.
        """

    def dismiss(self, hold_id: str, *, by: str, note: Optional[str] = None) -> int:
        """Drops a hold: the users that it named when its id was read stay as they are mirrored, until a later listing or event changes or
        removes them. Returns the number of those users.

        - ``hold_id``: id of the hold, from ``holds`` or a report.
        - ``by``: who decides, 1 to 200 bytes; stored with the decision.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises the errors of ``approve``.
        """

    def approvals(self, organization_id: Optional[str] = None) -> list[Approval]:
        """Returns the decisions about holds, approved and dismissed, in the order in which they were made. They
        are kept as long as the changes that they made.

        - ``organization_id``: only decisions of this organization (``org_...``; default: all organizations).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def retire(self, directory_id: str, *, by: str, note: Optional[str] = None) -> int:
        """Removes the users and groups of a directory that is no longer used. Returns the number of users that were removed. The guard does
        not limit these removals.

        - ``directory_id``: id of the directory (``dir_...``), which has to be missing or disabled.
        - ``by``: who requested it, 1 to 200 bytes; stored with the time.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises ``NotFoundError`` if no directory of this id is mirrored; ``InvalidArgumentError`` if the directory is neither missing nor
        disabled, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and ``StoreError`` if the store fails. If a call
        fails partway, another call, or the next sync of the organization, removes the rest.
        """

    def retirements(self) -> list[Retirement]:
        """Returns the retirements of directories, oldest first. They are kept as long as changes are.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def link(self, user_id: str, account_id: Optional[str]) -> None:
        """Stores the application's own account id with a user. Later changes of the user have it as ``user.linked_id``.

        - ``user_id``: id of the user (``diruser_...``).
        - ``account_id``: the application's id, or None to remove it.

        Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` if the mirror is closed, and
        ``StoreError`` if the store fails.
        """

    def set_role_map(self, pairs: Union[Mapping[str, str], Iterable[Union[RoleMapEntry, tuple[str, str]]]]) -> None:
        """Replaces the role map, which gives roles to the members of groups. The resulting changes are in the feed as ``roles.changed`` when
        this returns, or has been awaited.

        - ``pairs``: a mapping of group to role, or an iterable of (group, role) pairs and ``RoleMapEntry`` objects, at most 10,000. The group of a
          pair is an id if it begins with ``dirgroup_``, else a name, or a pattern of names with ``*`` and ``?``. ``RoleMapEntry.by_id`` and
          ``RoleMapEntry.by_name`` make an entry for one of them, and may limit the entry to an organization. A user gets the roles of all matching entries.

        Raises ``TypeError``, which names the entry, if an entry is of another type; ``InvalidArgumentError`` for more than 10,000 entries, for
        a group, role or organization that is empty or longer than 1,000 bytes, and if the mirror is closed; and ``StoreError`` if the store
        fails.
        """

    def role_map(self) -> list[tuple[str, str]]:
        """Returns the role map as pairs of group and role, in the order in which they were set.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def role_map_entries(self) -> list[RoleMapEntry]:
        """Returns the entries of the role map, in the order in which they were set.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def unmatched_roles(self) -> list[RoleMapEntry]:
        """Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def settings(self) -> MirrorSettings:
        """Returns the settings in effect, which the store keeps for all processes, and those that this mirror was opened with and that are not in
        effect.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def configure(
        self,
        *,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        guard_window: _Span = None,
        full_every: _Span = None,
        retention: _Span = None,
        consumer_expiry: _Span = None,
        pending_events: Optional[int] = None,
        pending_bytes: Optional[int] = None,
        groups_per_user: Optional[int] = None,
    ) -> None:
        """Changes settings, for all processes that use the store: each reads them with its next write. Settings that are not given stay
        as they are.

        The arguments are those of the constructor from ``guard_users`` on.

        Raises ``InvalidArgumentError`` for a ``guard_share`` that is not from 0 to 1, for a ``guard_window`` of 0, and if the mirror is closed; and
        ``StoreError`` if the store fails.
        """

    def unbind_environment(self) -> None:
        """Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL
        has changed; a mirror must not be synced with two environments.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def poll(self, consumer: str, limit: Optional[int] = None) -> list[Change]:
        """Returns the oldest changes that a consumer has not acknowledged. They are returned again until they are acknowledged.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).

        Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
        ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of range or the mirror is closed, and
        ``StoreError`` if the store fails.
        """

    def wait(self, consumer: str, limit: Optional[int] = None, timeout: _Span = None) -> list[Change]:
        """As ``poll``, but waits for the first change if there is none. A change that another process commits is seen within half a
        second.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
        - ``timeout``: longest wait, in seconds or as a ``timedelta``; an empty list is returned after it (default: no limit).

        Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
        ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of range or the mirror
        is closed, ``CancelledError`` if the mirror is closed during the wait, and ``StoreError`` if the store fails.
        """

    def ack(self, consumer: str, seq: int) -> None:
        """Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this returns, or
        has been awaited.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the last change that was handled.

        Raises ``InvalidArgumentError`` if the consumer is unknown, if ``seq`` is greater than the numbers
        that polls have returned to it, or if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def changes(self, consumer: str, *, timeout: _Span = None) -> ChangeIterator:
        """Returns an iterator over a consumer's changes that waits for the next change. It returns each change once; changes that were not acknowledged
        are returned again by the next iterator, here or in another process. It ends when the mirror is closed.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``timeout``: longest wait for the next change, in seconds or as a ``timedelta``; the iteration ends after it (default: no limit).

        Acknowledge each change after it was handled: ``change.ack()``. That acknowledges only this change: the consumer's cursor moves to it once all
        changes that the iterator returned before it are acknowledged as well, so that workers can share an iterator. Iterating raises what ``wait``
        raises, and ``InvalidArgumentError`` in a child that was forked after this call.
        """

    def park(self, consumer: str, seq: int, reason: str) -> None:
        """Parks a change that a consumer cannot handle, and acknowledges it and all earlier ones. It is kept until
        ``drop_parked`` removes it.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the change.
        - ``reason``: why it cannot be handled.

        Raises what ``ack`` raises; ``InvalidArgumentError`` also for a change of a snapshot whose user or group no longer exists; and
        ``HistoryTrimmedError`` if the retention has removed the change.
        """

    def parked_changes(self, consumer: str) -> list[ParkedChange]:
        """Returns the changes that a consumer parked, oldest first.

        - ``consumer``: name of the consumer.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def drop_parked(self, consumer: str, seq: int) -> bool:
        """Removes a parked change. Returns whether there was one.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the change.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def start_from_snapshot(self, consumer: str) -> None:
        """Resets a consumer's cursor to a snapshot of the current rows. Its next changes are a ``group.created`` and a
        ``user.created`` for each group and user, with negative numbers and the cause ``snapshot``; after them come all changes
        since this call.

        - ``consumer``: name of the consumer, which may be new.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def consumers(self) -> list[Consumer]:
        """Returns every consumer and its position, sorted by name.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def drop_consumer(self, consumer: str) -> bool:
        """Removes a consumer and its parked changes. Returns whether there was one.

        - ``consumer``: name of the consumer.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def trim(self) -> None:
        """Removes changes that are older than ``retention`` and that every consumer has acknowledged, and other expired rows. A sync
        does this when it ends.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def close(self) -> None:
        """Closes the mirror. Loops over ``changes`` end; running calls of ``wait`` and ``sync`` raise ``CancelledError`` and keep what they have
        written; other running calls finish. Later calls raise ``InvalidArgumentError``. Closing it again has no effect. A signal handler may
        close a mirror. Waits until the file is closed, unless a running call or an iterator still uses it, or a callback of a sync closes the
        mirror.
        """

    def __enter__(self) -> Self: ...
    @overload
    def __exit__(self, exc_type: None, exc: None, traceback: None, /) -> None: ...
    @overload
    def __exit__(self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /) -> None: ...

@final
class AsyncMirror:
    """Durable copy of every directory, with a feed of changes, for asyncio. May be used by any number of tasks, event loops and threads
    at once, and after a fork. The constructor blocks while it opens the file or connects to the database: call it before the event
    loop runs other tasks.

    - ``path``: the SQLite file, created if it does not exist, or ``":memory:"``; or the URL of a PostgreSQL database,
      ``"postgresql://user@host/database"``. Any number of processes on one machine may use a file at once, and any number of machines a
      database. A mirror in memory cannot be used after a fork.
    - ``client``: a ``Client`` or ``AsyncClient`` for syncs (default none: a sync raises ``ConfigError``).
    - ``webhook_secret``: one secret, several, or a ``Webhook`` (default: ``SCALEKIT_WEBHOOK_SECRET``, read when the first webhook
      arrives).
    - ``schema``: name of the database's schema that has the mirror's tables, created if there is none (default ``headcount``). For
      PostgreSQL only.
    - ``guard_users``: number of users of a directory that may lose access within ``guard_window`` without approval (default 20). It is
      smaller in a small directory: half of the users if there are at most ten, otherwise a quarter of them, but at least five.
    - ``guard_share``: share of a directory's users that may lose access within ``guard_window``, 0 to 1 (default 0.1). The larger of
      this limit and ``guard_users`` applies; further losses are held (see ``holds``). 1 permits every loss,
      except removals because of a listing without users.
    - ``guard_events``: whether losses of access by events are limited as well (default True).
    - ``guard_window``: the time within which losses of access are counted together, in seconds or as a ``timedelta`` (default 24 hours).
    - ``full_every``: age of the last full sync after which a sync in the mode ``auto`` is full, in seconds or as a
      ``timedelta`` (default 24 hours).
    - ``retention``: how long changes are kept that every consumer has acknowledged, in seconds or as a ``timedelta`` (default 30
      days).
    - ``consumer_expiry``: after how long without a poll or an acknowledgement a consumer expires, so that it no longer keeps changes, in
      seconds or as a ``timedelta``; at least two hours, 0 for never (default 30 days).
    - ``pending_events``: maximum number of pending events of an organization (default 10,000). ``receive``
      raises ``StoreError`` for further ones.
    - ``pending_bytes``: maximum size of an organization's pending events in bytes (default 64 MiB).
      ``receive`` raises ``StoreError`` for further ones.
    - ``groups_per_user``: maximum number of groups that an event may name for a user; an event with more groups changes nothing (default
      10,000).

    The settings from ``guard_users`` on are kept in the store, for all processes that use it. If the store already has another value of a
    setting, the argument is ignored: a warning is logged, and ``settings()`` lists it. ``configure()`` changes the stored value.

    Raises ``StoreError`` if the file is not a mirror, was written by a newer version, or cannot be read and written, and if the database
    cannot be reached or refuses the user; ``ConfigError`` if the URL, the schema, the webhook secret, ``guard_share`` or
    ``guard_window`` cannot be used; and ``InvalidArgumentError`` if the client is closed.
    """

    def __new__(
        cls,
        path: Union[str, PathLike[str]],
        *,
        client: Union[Client, AsyncClient, None] = None,
        webhook_secret: Union[str, Iterable[str], Webhook, None] = None,
        schema: Optional[str] = None,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        guard_window: _Span = None,
        full_every: _Span = None,
        retention: _Span = None,
        consumer_expiry: _Span = None,
        pending_events: Optional[int] = None,
        pending_bytes: Optional[int] = None,
        groups_per_user: Optional[int] = None,
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
        """Synchronizes an organization's directories. Returns a report for each, or only the report of ``directory_id`` if that is
        given.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: synchronizes only this directory (``dir_...``; default: all of the organization's directories).
        - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since
          the last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
        - ``approve_removals``: approves the open holds of the synchronized directories before the directories are listed,
          and makes the sync a full one. The guard still limits the losses of access that this sync finds (default False).
        - ``wait``: whether to wait while another sync of a directory runs; with False the report's outcome is ``already_running``
          (default True).
        - ``on_progress``: function that is called with a ``Progress`` after each page: by the calling thread, or by the event
          loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed stays.

        If a directory fails, the other ones are synchronized before its error is raised. Raises ``MassRemovalError`` if the guard
        holds removals back; ``NotFoundError`` if the organization does not exist and has no mirrored directory, or does not have
        the given directory; ``ConfigError`` if the mirror has no client or a client of another environment;
        ``InvalidArgumentError`` if ``mode`` is unknown or the mirror is closed; ``CancelledError`` if the mirror is closed during
        the sync; ``StoreError`` if the store fails; and what ``client.directory`` raises.
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
        """Synchronizes every directory of every organization. Returns a report for each.

        - ``concurrency``: number of organizations that are synchronized at once (default 16).
        - ``mode``: ``full`` lists everything and is the only mode that removes users; ``incremental`` lists what changed since
          the last sync; ``auto`` is incremental, or full if the last full sync is older than ``full_every`` (default ``auto``).
        - ``on_progress``: function that is called with a ``Progress`` after each page: by a thread that headcount starts, or by
          the event loop of an ``AsyncMirror``. An exception that it raises ends the sync and is raised here; what was committed
          stays.

        An error in one directory is the ``error`` of its report and does not stop the other ones. If the organizations cannot
        be listed to the end, those that were listed are synchronized, and a report with an empty ``organization_id`` has the
        error. If there is no other report, that error is raised: ``ConfigError`` if the mirror has no client or a client of
        another environment, ``StoreError``, and what ``client.organization.all`` raises. Raises ``InvalidArgumentError`` if
        ``concurrency`` is 0, ``mode`` is unknown or the mirror is closed, and ``CancelledError`` if the mirror is closed during
        the sync.
        """

    def receive(
        self, body: Union[_Bytes, str], headers: _Headers, *, now: Union[datetime, float, None] = None
    ) -> Coroutine[Any, Any, _Outcome]:
        """Verifies a webhook, stores it and applies it. Durable when this returns, or has been awaited.

        - ``body``: the raw body of the request: ``bytes``, ``bytearray``, ``memoryview`` or ``str``.
        - ``headers``: headers of the request, as in ``Webhook.verify``.
        - ``now``: time that the timestamp is compared with, an aware ``datetime`` or Unix seconds: the time at which the request
          arrived, if a queue kept it (default: the current time).

        Returns the outcome: ``applied``, ``duplicate``, ``stale`` (the mirror has newer information), ``pending`` (stored until a sync
        shows which directory it is about), ``held`` (the guard holds the loss of access that it would cause, until it is approved),
        ``foreign`` (it is about another organization or environment than the one it was signed for, or names no organization) or
        ``ignored``. Answer 201 to all of them.

        Raises ``WebhookVerificationError`` if the request is refused: answer 400. Raises ``ConfigError`` if there is no secret,
        ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails or has no room for another
        pending event: answer 500, so that the webhook is sent again.
        """

    def apply(self, event: Event) -> Coroutine[Any, Any, _Outcome]:
        """Stores and applies an event that has been verified already. Durable when this returns, or has been
        awaited. Returns the outcome as ``receive`` does.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``WebhookVerificationError`` if the event's data does not have the fields of its type: answer
        400. Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` as ``receive`` does.
        """

    def users(self, organization_id: str, directory_id: Optional[str] = None, group_id: Optional[str] = None) -> AsyncMirrorUserIterator:
        """Returns an iterator over an organization's users, in the order in which the mirror first stored them.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only users of this directory (default: all directories).
        - ``group_id``: only members of this group (default: all users).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def groups(self, organization_id: str, directory_id: Optional[str] = None) -> AsyncRows[MirrorGroup]:
        """Returns an organization's groups: by the id of their directory, and then in the order in which the mirror first stored them.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only groups of this directory (default: all directories).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def directories(self, organization_id: Optional[str] = None) -> AsyncRows[MirrorDirectory]:
        """Returns the mirrored directories, sorted by id.

        - ``organization_id``: only directories of this organization (default: all organizations).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def user(self, user_id: str) -> Coroutine[Any, Any, Optional[MirrorUser]]:
        """Returns a user, or None if the mirror has no such user.

        - ``user_id``: id of the user (``diruser_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def group(self, group_id: str) -> Coroutine[Any, Any, Optional[MirrorGroup]]:
        """Returns a group, or None if the mirror has no such group.

        - ``group_id``: id of the group (``dirgroup_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def find_users(self, email: str) -> Coroutine[Any, Any, list[MirrorUser]]:
        """Returns the users of all organizations with this primary e-mail address, compared without regard to case and Unicode
        normalization, in the order in which the mirror first stored them. Several users may have the same address.

        - ``email``: the address.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def status(self) -> Coroutine[Any, Any, list[DirectoryStatus]]:
        """Returns how up to date the mirror is with each directory, sorted by directory id.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def pending_events(self, organization_id: str) -> AsyncRows[PendingEvent]:
        """Returns the pending events of an organization, oldest first: those that wait for a sync to show which directory they are about. They
        contain no personal data.

        - ``organization_id``: id of the organization (``org_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def held_removals(self, directory_id: str) -> Coroutine[Any, Any, list[str]]:
        """Returns the ids of all users whose removal from a directory the guard holds back.

        - ``directory_id``: id of the directory (``dir_...``).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def holds(self, organization_id: str, directory_id: Optional[str] = None) -> AsyncRows[Hold]:
        """Returns the open holds of an organization, in the order in which they were made.

        - ``organization_id``: id of the organization (``org_...``).
        - ``directory_id``: only holds of this directory (default: all directories).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def hold_users(self, hold_id: str) -> AsyncMirrorUserIterator:
        """Returns an iterator over the users that a hold names, as they are mirrored now. A hold that has been settled names none,
        and neither does a hold about a directory as a whole.

        - ``hold_id``: id of the hold, from ``holds`` or a report.

        Raises ``InvalidArgumentError`` if ``hold_id`` is not the id of a hold or the mirror is closed, and ``StoreError`` if the
        store fails.
        """

    def approve(self, hold_id: str, *, by: str, note: Optional[str] = None) -> Coroutine[Any, Any, int]:
        """Approves a hold: applies the loss of access of the users that the hold named when its id was read, if they are still held. Users who were
        added to the hold since then stay held. Returns the number of users who lost access.

        - ``hold_id``: id of the hold, from ``holds`` or a report.
        - ``by``: who approves, 1 to 200 bytes; stored with the decision.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises ``NotFoundError`` if no user of the hold is held any more; ``InvalidArgumentError`` if ``hold_id`` is not the id of a hold,
        if the hold is about a directory as a whole, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and
        ``StoreError`` if the store fails.
        """

    def dismiss(self, hold_id: str, *, by: str, note: Optional[str] = None) -> Coroutine[Any, Any, int]:
        """Drops a hold: the users that it named when its id was read stay as they are mirrored, until a later listing or event changes or
        removes them. Returns the number of those users.

        - ``hold_id``: id of the hold, from ``holds`` or a report.
        - ``by``: who decides, 1 to 200 bytes; stored with the decision.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises the errors of ``approve``.
        """

    def approvals(self, organization_id: Optional[str] = None) -> AsyncRows[Approval]:
        """Returns the decisions about holds, approved and dismissed, in the order in which they were made. They
        are kept as long as the changes that they made.

        - ``organization_id``: only decisions of this organization (``org_...``; default: all organizations).

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def retire(self, directory_id: str, *, by: str, note: Optional[str] = None) -> Coroutine[Any, Any, int]:
        """Removes the users and groups of a directory that is no longer used. Returns the number of users that were removed. The guard does
        not limit these removals.

        - ``directory_id``: id of the directory (``dir_...``), which has to be missing or disabled.
        - ``by``: who requested it, 1 to 200 bytes; stored with the time.
        - ``note``: why, at most 2,000 bytes; stored as well.

        Raises ``NotFoundError`` if no directory of this id is mirrored; ``InvalidArgumentError`` if the directory is neither missing nor
        disabled, for a ``by`` or ``note`` of the wrong length, or if the mirror is closed; and ``StoreError`` if the store fails. If a call
        fails partway, another call, or the next sync of the organization, removes the rest.
        """

    def retirements(self) -> AsyncRows[Retirement]:
        """Returns the retirements of directories, oldest first. They are kept as long as changes are.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def link(self, user_id: str, account_id: Optional[str]) -> Coroutine[Any, Any, None]:
        """Stores the application's own account id with a user. Later changes of the user have it as ``user.linked_id``.

        - ``user_id``: id of the user (``diruser_...``).
        - ``account_id``: the application's id, or None to remove it.

        Raises ``NotFoundError`` if the mirror has no such user. Raises ``InvalidArgumentError`` if the mirror is closed, and
        ``StoreError`` if the store fails.
        """

    def set_role_map(self, pairs: Union[Mapping[str, str], Iterable[Union[RoleMapEntry, tuple[str, str]]]]) -> Coroutine[Any, Any, None]:
        """Replaces the role map, which gives roles to the members of groups. The resulting changes are in the feed as ``roles.changed`` when
        this returns, or has been awaited.

        - ``pairs``: a mapping of group to role, or an iterable of (group, role) pairs and ``RoleMapEntry`` objects, at most 10,000. The group of a
          pair is an id if it begins with ``dirgroup_``, else a name, or a pattern of names with ``*`` and ``?``. ``RoleMapEntry.by_id`` and
          ``RoleMapEntry.by_name`` make an entry for one of them, and may limit the entry to an organization. A user gets the roles of all matching entries.

        Raises ``TypeError``, which names the entry, if an entry is of another type; ``InvalidArgumentError`` for more than 10,000 entries, for
        a group, role or organization that is empty or longer than 1,000 bytes, and if the mirror is closed; and ``StoreError`` if the store
        fails.
        """

    def role_map(self) -> Coroutine[Any, Any, list[tuple[str, str]]]:
        """Returns the role map as pairs of group and role, in the order in which they were set.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def role_map_entries(self) -> Coroutine[Any, Any, list[RoleMapEntry]]:
        """Returns the entries of the role map, in the order in which they were set.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def unmatched_roles(self) -> Coroutine[Any, Any, list[RoleMapEntry]]:
        """Returns the entries of the role map that match no mirrored group: the group was renamed or deleted, or the name is misspelt.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def settings(self) -> Coroutine[Any, Any, MirrorSettings]:
        """Returns the settings in effect, which the store keeps for all processes, and those that this mirror was opened with and that are not in
        effect.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def configure(
        self,
        *,
        guard_users: Optional[int] = None,
        guard_share: Optional[float] = None,
        guard_events: Optional[bool] = None,
        guard_window: _Span = None,
        full_every: _Span = None,
        retention: _Span = None,
        consumer_expiry: _Span = None,
        pending_events: Optional[int] = None,
        pending_bytes: Optional[int] = None,
        groups_per_user: Optional[int] = None,
    ) -> Coroutine[Any, Any, None]:
        """Changes settings, for all processes that use the store: each reads them with its next write. Settings that are not given stay
        as they are.

        The arguments are those of the constructor from ``guard_users`` on.

        Raises ``InvalidArgumentError`` for a ``guard_share`` that is not from 0 to 1, for a ``guard_window`` of 0, and if the mirror is closed; and
        ``StoreError`` if the store fails.
        """

    def unbind_environment(self) -> Coroutine[Any, Any, None]:
        """Removes the mirror's binding to its environment: the next sync and the next event bind it again. Use it only if the environment's URL
        has changed; a mirror must not be synced with two environments.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def poll(self, consumer: str, limit: Optional[int] = None) -> Coroutine[Any, Any, list[AsyncChange]]:
        """Returns the oldest changes that a consumer has not acknowledged. They are returned again until they are acknowledged.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).

        Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
        ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of range or the mirror is closed, and
        ``StoreError`` if the store fails.
        """

    def wait(self, consumer: str, limit: Optional[int] = None, timeout: _Span = None) -> Coroutine[Any, Any, list[AsyncChange]]:
        """As ``poll``, but waits for the first change if there is none. A change that another process commits is seen within half a
        second.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``limit``: maximum number of changes returned, 1 to 10,000 (default 100).
        - ``timeout``: longest wait, in seconds or as a ``timedelta``; an empty list is returned after it (default: no limit).

        Raises ``HistoryTrimmedError`` if the retention has removed the consumer's next change, also for a new name: call
        ``start_from_snapshot``. Raises ``InvalidArgumentError`` if the name or the limit is out of range or the mirror
        is closed, ``CancelledError`` if the mirror is closed during the wait, and ``StoreError`` if the store fails.
        """

    def ack(self, consumer: str, seq: int) -> Coroutine[Any, Any, None]:
        """Acknowledges every change up to and including ``seq``: the consumer does not get them again. Durable when this returns, or
        has been awaited.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the last change that was handled.

        Raises ``InvalidArgumentError`` if the consumer is unknown, if ``seq`` is greater than the numbers
        that polls have returned to it, or if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def changes(self, consumer: str, *, timeout: _Span = None) -> AsyncChangeIterator:
        """Returns an iterator over a consumer's changes that waits for the next change. It returns each change once; changes that were not acknowledged
        are returned again by the next iterator, here or in another process. It ends when the mirror is closed.

        - ``consumer``: name of the consumer, 1 to 200 bytes. A new name starts with the first change of the
          feed.
        - ``timeout``: longest wait for the next change, in seconds or as a ``timedelta``; the iteration ends after it (default: no limit).

        Acknowledge each change after it was handled: ``change.ack()``. That acknowledges only this change: the consumer's cursor moves to it once all
        changes that the iterator returned before it are acknowledged as well, so that workers can share an iterator. Iterating raises what ``wait``
        raises, and ``InvalidArgumentError`` in a child that was forked after this call.
        """

    def park(self, consumer: str, seq: int, reason: str) -> Coroutine[Any, Any, None]:
        """Parks a change that a consumer cannot handle, and acknowledges it and all earlier ones. It is kept until
        ``drop_parked`` removes it.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the change.
        - ``reason``: why it cannot be handled.

        Raises what ``ack`` raises; ``InvalidArgumentError`` also for a change of a snapshot whose user or group no longer exists; and
        ``HistoryTrimmedError`` if the retention has removed the change.
        """

    def parked_changes(self, consumer: str) -> Coroutine[Any, Any, list[ParkedChange]]:
        """Returns the changes that a consumer parked, oldest first.

        - ``consumer``: name of the consumer.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def drop_parked(self, consumer: str, seq: int) -> Coroutine[Any, Any, bool]:
        """Removes a parked change. Returns whether there was one.

        - ``consumer``: name of the consumer.
        - ``seq``: number of the change.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def start_from_snapshot(self, consumer: str) -> Coroutine[Any, Any, None]:
        """Resets a consumer's cursor to a snapshot of the current rows. Its next changes are a ``group.created`` and a
        ``user.created`` for each group and user, with negative numbers and the cause ``snapshot``; after them come all changes
        since this call.

        - ``consumer``: name of the consumer, which may be new.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def consumers(self) -> Coroutine[Any, Any, list[Consumer]]:
        """Returns every consumer and its position, sorted by name.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def drop_consumer(self, consumer: str) -> Coroutine[Any, Any, bool]:
        """Removes a consumer and its parked changes. Returns whether there was one.

        - ``consumer``: name of the consumer.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def trim(self) -> Coroutine[Any, Any, None]:
        """Removes changes that are older than ``retention`` and that every consumer has acknowledged, and other expired rows. A sync
        does this when it ends.

        Raises ``InvalidArgumentError`` if the mirror is closed, and ``StoreError`` if the store fails.
        """

    def close(self) -> Coroutine[Any, Any, None]:
        """Closes the mirror. Loops over ``changes`` end; running calls of ``wait`` and ``sync`` raise ``CancelledError`` and keep what they have
        written; other running calls finish. Later calls raise ``InvalidArgumentError``. Closing it again has no effect. Waits until the file
        is closed, unless a running call or an iterator still uses it.
        """

    def __aenter__(self) -> Awaitable[Self]: ...
    @overload
    def __aexit__(self, exc_type: None, exc: None, traceback: None, /) -> Coroutine[Any, Any, None]: ...
    @overload
    def __aexit__(
        self, exc_type: type[BaseException], exc: BaseException, traceback: TracebackType, /
    ) -> Coroutine[Any, Any, None]: ...

@final
class ReplayGuard:
    """Records which messages were handled, so that a message that is sent twice is handled once. May be used from any number of threads at
    once.

    Call ``check`` before an event is handled and ``commit`` afterwards. If handling it failed, do not call ``commit``: ``check`` then returns
    True again when the message is repeated. The endpoints (``headcount.fastapi`` and others) do both. No lock is held between the two calls:
    if a message arrives twice at the same moment, ``check`` may return True for both. ``claim`` does both in one step, before the event is
    handled. The vendor repeats a message for up to 28 hours.

    ``ReplayGuard()`` keeps ids in this process's memory; ``sqlite`` and ``custom`` make guards that keep ids after the process ends.

    - ``capacity``: maximum number of ids that are kept (default 100,000, which take at most about 20 MB). In
      a full guard, expired ids are removed first, then the oldest.
    - ``retention``: how long an id is stored, in seconds or as a ``timedelta``: at least 10 minutes, which is twice the
      default tolerance of timestamps (default 3 days).

    Raises ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
    """

    def __new__(cls, *, capacity: Optional[int] = None, retention: _Span = None) -> Self: ...
    @staticmethod
    def sqlite(path: Union[str, PathLike[str]], *, retention: _Span = None) -> ReplayGuard:
        """Makes a guard that keeps message ids in a SQLite file. Any number of processes on one machine may use the file at once, and ids
        stay in it after the processes end.

        - ``path``: the file; created if it does not exist.
        - ``retention``: how long an id is stored, in seconds or as a ``timedelta``, at least 10 minutes (default 3 days).

        Raises ``StoreError`` if the file cannot be opened or is another kind of file, ``ConfigError`` if the path begins like a URL, and
        ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
        """

    @staticmethod
    def custom(
        *,
        contains: Callable[[str], Union[bool, int]],
        record: Callable[[str, datetime], object],
        retention: _Span = None,
        claim: Optional[Callable[[str, datetime], Union[bool, int]]] = None,
        release: Optional[Callable[[str], object]] = None,
    ) -> ReplayGuard:
        """Makes a guard that keeps message ids in the application's own store. The functions are plain functions, called from any
        thread; exceptions that they raise reach the caller of the guard.

        - ``contains``: called with a message id; returns whether it was recorded and has not expired.
        - ``record``: called with a message id and an aware ``datetime``; records the id, which expires at that time.
        - ``retention``: how long an id is stored, in seconds or as a ``timedelta``, at least 10 minutes (default 3 days).
        - ``claim``: called as ``record``; records the id unless it is recorded already, in one step, and returns whether it did. In
          Redis: ``SET`` with ``NX``. The method ``claim`` needs it (default none).
        - ``release``: called with a message id; removes it. The method ``release`` needs it (default none).

        Raises ``TypeError`` if an argument is not callable, and ``InvalidArgumentError`` if the retention is shorter than 10 minutes.
        """

    def check(self, event: Event) -> bool:
        """Returns whether the message of ``event`` has not been handled yet. Records nothing. If it is False, answer 201 and do
        nothing else.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``StoreError`` if the store fails: answer 5xx, so that the message is sent again.
        """

    def commit(self, event: Event) -> None:
        """Records that the message of ``event`` was handled: ``check`` returns False for it from now on.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``StoreError`` if the store fails.
        """

    def claim(self, event: Event) -> bool:
        """Records that the message of ``event`` is handled, unless that is recorded already, in one step. Returns whether this call recorded it:
        of several deliveries at the same moment, one gets True. Call it before the event is handled, instead of ``check`` and ``commit``, and
        ``release`` if handling it fails. If the process ends before the event was handled, a repeated delivery is not handled either.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``StoreError`` if the store fails, and ``InvalidArgumentError`` if a store of the application has no ``claim``.
        """

    def release(self, event: Event) -> None:
        """Deletes the record of the message of ``event``, so that it is handled when it is sent again: for a claimed event whose handling failed.

        - ``event``: the event that ``Webhook.verify`` returned.

        Raises ``StoreError`` if the store fails, and ``InvalidArgumentError`` if a store of the application has no ``release``.
        """

    def claim_id(self, message_id: str, *, now: Union[datetime, float, None] = None) -> bool:
        """As ``claim``, for a message id.

        - ``message_id``: value of the ``webhook-id`` header.
        - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).

        Raises what ``claim`` raises, and ``InvalidArgumentError`` if the id is empty.
        """

    def release_id(self, message_id: str) -> None:
        """As ``release``, for a message id.

        - ``message_id``: value of the ``webhook-id`` header.

        Raises what ``release`` raises, and ``InvalidArgumentError`` if the id is empty.
        """

    def check_tolerance(self, webhook: Webhook) -> None:
        """Checks that the guard keeps ids for at least twice the tolerance of ``webhook``, which verifies the messages. The endpoints
        call this method.

        - ``webhook``: the verifier.

        Raises ``InvalidArgumentError`` if the retention is shorter than that.
        """

    def check_id(self, message_id: str, *, now: Union[datetime, float, None] = None) -> bool:
        """As ``check``, for a message id.

        - ``message_id``: value of the ``webhook-id`` header.
        - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).

        Raises ``InvalidArgumentError`` if the id is empty, ``StoreError`` if the store fails.
        """

    def commit_id(self, message_id: str, *, now: Union[datetime, float, None] = None) -> None:
        """As ``commit``, for a message id.

        - ``message_id``: value of the ``webhook-id`` header.
        - ``now``: an aware ``datetime`` or Unix seconds (default: the current time).

        Raises ``InvalidArgumentError`` if the id is empty, ``StoreError`` if the store fails.
        """

    @property
    def blocking(self) -> bool:
        """Whether calls may wait for a disk or a network. If so, do not make them on an event loop's thread."""

@final
class Sandbox:
    """Local Scalekit environment over real HTTP, for demos and tests. May be used from any number of threads at once. It has a
    thread of its own and listens on loopback until it is closed.

    - ``organizations``: number of organizations (default 1).
    - ``directories``: number of directories of each organization (default 1).
    - ``users``, ``groups``: number of users and groups of each directory (default 50 and 5).
    - ``seed``: the same seed gives the same names and ids (default 1).
    - ``port``: the port to listen on (default: any free port).
    - ``token_ttl``: lifetime of tokens, in seconds or as a ``timedelta`` (default 1 hour).
    - ``speed``: number of seconds by which the sandbox's clock advances in a real second, above 0 (default
      1).
    - ``remote_endpoints``: whether webhooks may be sent to other machines (default False).

    Raises ``ServerError`` if the port cannot be used, ``BadRequestError`` if the speed is not above 0.
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
        remote_endpoints: Optional[bool] = None,
    ) -> Self: ...
    @property
    def environment_url(self) -> str:
        """Base URL of the environment: ``http://127.0.0.1:...``."""

    @property
    def client_id(self) -> str:
        """Client id for the environment."""

    @property
    def client_secret(self) -> str:
        """Client secret for the environment."""

    @property
    def webhook_secret(self) -> str:
        """Secret that the environment's webhooks are signed with."""

    @property
    def control_url(self) -> str:
        """Base URL of the control API, which offers the same calls to programs in other languages."""

    @property
    def organization_id(self) -> str:
        """Id of the first organization."""

    @property
    def directory_id(self) -> str:
        """Id of the first organization's first directory."""

    def client(self, **settings: Any) -> Client:
        """Makes a ``Client`` for this environment. ``settings`` are the keyword arguments of ``headcount.Client``."""

    def async_client(self, **settings: Any) -> AsyncClient:
        """Makes an ``AsyncClient`` for this environment. ``settings`` are the keyword arguments of ``headcount.AsyncClient``."""

    def register_endpoint(self, url: str) -> None:
        """Sends later events to ``url`` as signed webhooks. A URL that is registered already is not added again.

        - ``url``: URL of the application's endpoint, on this machine (``127.0.0.1`` or ``localhost``) unless ``remote_endpoints`` is set.

        Raises ``BadRequestError`` if the URL is not ``http`` or ``https``, or is on another machine and
        ``remote_endpoints`` is not set.
        """

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
        """Creates a user and returns it.

        - ``email``: primary e-mail address.
        - ``given_name``, ``family_name``: first and last name (default empty).
        - ``preferred_username``: name that the user signs in with (default: the part of the address before the ``@``).
        - ``groups``: names or ids of existing groups (default none).
        - ``organization_id``: the organization (default: the first).
        - ``directory_id``: the directory (default: the organization's first).

        Raises ``BadRequestError`` if the address has no ``@`` or a group is unknown, ``NotFoundError`` if the organization or
        directory is unknown.
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
        """Changes a user and returns it. Fields that are None keep their value.

        - ``user_id``: id of the user.
        - ``email``, ``given_name``, ``family_name``, ``preferred_username``: new values.
        - ``active``: whether the user may sign in.
        - ``groups``: names or ids of all groups that the user is in.

        Raises ``NotFoundError`` if the user is unknown, ``BadRequestError`` if a group is unknown.
        """

    def delete_user(self, user_id: str) -> None:
        """Deletes a user.

        - ``user_id``: id of the user.

        Raises ``NotFoundError`` if the user is unknown.
        """

    def create_group(
        self, display_name: str, *, organization_id: Optional[str] = None, directory_id: Optional[str] = None
    ) -> Group:
        """Creates a group and returns it.

        - ``display_name``: name of the group.
        - ``organization_id``: the organization (default: the first).
        - ``directory_id``: the directory (default: the organization's first).

        Raises ``BadRequestError`` if the name is empty, ``NotFoundError`` if the organization or directory is unknown.
        """

    def update_group(self, group_id: str, display_name: str) -> Group:
        """Renames a group and returns it.

        - ``group_id``: id of the group.
        - ``display_name``: the new name.

        Raises ``NotFoundError`` if the group is unknown.
        """

    def delete_group(self, group_id: str) -> None:
        """Deletes a group. Its members are not deleted.

        - ``group_id``: id of the group.

        Raises ``NotFoundError`` if the group is unknown.
        """

    def add_member(self, group_id: str, user_id: str) -> None:
        """Adds a user to a group.

        - ``group_id``: id of the group.
        - ``user_id``: id of the user.

        Raises ``NotFoundError`` if the user or group is unknown.
        """

    def remove_member(self, group_id: str, user_id: str) -> None:
        """Removes a user from a group.

        - ``group_id``: id of the group.
        - ``user_id``: id of the user.

        Raises ``NotFoundError`` if the user or group is unknown.
        """

    def fault(self, *faults: Optional[str], every: int = 1) -> None:
        """Makes later REST calls fail, except token requests.

        - ``faults``: the faults, used in turn. Each is a status from 400 to 599, such as ``"503"`` (``"429:5"`` has a
          ``Retry-After`` of 5 seconds), ``"reset"`` (no response), ``"truncate"`` (half of the body), ``"garbage"`` (a body
          that is not JSON), ``"html"`` (a web page), ``"wrong-types"`` (JSON with values of other types), ``"junk"`` (a body
          of 10 MB), ``"drip"`` (an endless body of one byte a second), ``"redirect"`` (to another host), ``"latency:2s"``
          (the normal response after this time) or ``"expire-token"`` (all access tokens become invalid). None, or a call
          without faults, ends the faults.
        - ``every``: one of this many calls fails (default 1: every call).

        Raises ``BadRequestError`` if a fault is unknown.
        """

    def deliveries(self) -> list[dict[str, Any]]:
        """Returns a dict for each event and each endpoint that it is sent to.

        The keys are ``message_id``, ``event_id``, ``event_type``, ``url``, ``body``, ``state`` (``pending``, ``sending``,
        ``delivered`` or ``failed``), ``attempts`` (each with ``at``, ``status`` and ``error``) and ``next_attempt_at``. Times are
        RFC 3339 text by the sandbox's clock.
        """

    def advance(self, by: Union[str, float, timedelta]) -> None:
        """Moves the sandbox's clock forward: tokens expire and retries become due.

        - ``by``: ``"90s"``, ``"5m"``, ``"6h"`` or ``"1d"``, seconds, or a ``timedelta``.

        Raises ``InvalidArgumentError`` if it is not a duration.
        """

    def requests(self) -> dict[str, int]:
        """Returns the number of calls that the sandbox received, by method and route, and under ``tokens`` the number of access tokens that it issued."""

    def close(self) -> None:
        """Stops the sandbox after its running calls have finished. Has no effect in a forked child, or if the
        sandbox is closed already.
        """

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
    occurred_at: Union[date, datetime, str, None] = None,
    directory_id: Optional[str] = None,
    groups: Optional[Iterable[Union[str, tuple[str, str], Group, MirrorGroup]]] = None,
) -> bytes:
    """Returns the body of an event as the vendor sends it. ``headcount.testing.event`` documents the arguments."""

def verify_webhook_payload(secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
    """Verifies a webhook's signature and timestamp. Returns True.

    - ``secret``: one secret, or several separated by spaces.
    - ``headers``: headers of the request, as in ``Webhook.verify``.
    - ``payload``: body of the request, as in ``Webhook.verify``.

    Raises ``WebhookVerificationError`` if the request is refused; its ``reason`` is the cause.
    """

def verify_interceptor_payload(secret: str, headers: _Headers, payload: _Body) -> Literal[True]:
    """Verifies an interceptor's request, as ``verify_webhook_payload`` verifies a webhook. If the request has both
    headers ``interceptor-*`` and headers ``webhook-*``, those named ``interceptor-*`` are used."""

# ---- records: generated by codegen from core/src, run `make generate` ----

@final
class Organization:
    """A customer of the application: the schema ``organizationsOrganization`` of the vendor's API."""

    @property
    def id(self) -> str:
        """Id, ``org_…``."""

    @property
    def create_time(self) -> Optional[datetime]:
        """Time of creation, or ``None`` if not sent."""

    @property
    def update_time(self) -> Optional[datetime]:
        """Time of the last change, or ``None`` if not sent."""

    @property
    def display_name(self) -> str:
        """Display name."""

    @property
    def external_id(self) -> str:
        """Id that the application gave the organization."""

    @property
    def region_code(self) -> str:
        """Region in which the organization's data is stored."""

    @property
    def slug(self) -> str:
        """Short name, for URLs."""

    @property
    def logo_url(self) -> str:
        """URL of the logo."""

    @property
    def metadata(self) -> dict[str, str]:
        """Keys and values that the application stores with the organization."""

    @property
    def settings(self) -> Optional[dict[str, Any]]:
        """Features that are enabled or disabled, or ``None`` if not sent."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Organization: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class PortalLink:
    """A link to the admin portal, in which an organization's administrator sets up SSO and directories: the schema
    ``organizationsLink`` of the vendor's API.
    """

    @property
    def id(self) -> str:
        """Id, ``lnk_…``."""

    @property
    def location(self) -> str:
        """URL of the portal. Whoever opens it first becomes the organization's administrator for six hours, so it must not be
        logged.
        """

    @property
    def expire_time(self) -> Optional[datetime]:
        """Time after which the link cannot be opened any more, one minute after it was created; ``None`` if not sent."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> PortalLink: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Directory:
    """A directory of an organization: the schema ``directoriesDirectory`` of the vendor's API."""

    @property
    def id(self) -> str:
        """Id, ``dir_…``."""

    @property
    def name(self) -> str:
        """Display name."""

    @property
    def organization_id(self) -> str:
        """Id of the organization that the directory belongs to."""

    @property
    def directory_type(self) -> str:
        """How Scalekit receives the directory's data."""

    @property
    def directory_provider(self) -> str:
        """Product that the organization uses."""

    @property
    def enabled(self) -> bool:
        """Whether Scalekit synchronizes the directory."""

    @property
    def status(self) -> str:
        """State of the directory as the vendor names it, such as ``IN_PROGRESS``."""

    @property
    def email(self) -> str:
        """Email address of the account whose access is used to poll the provider's API."""

    @property
    def directory_endpoint(self) -> str:
        """URL to which the directory sends its changes (SCIM)."""

    @property
    def groups_tracked(self) -> str:
        """Which groups are synchronized: ``ALL``, or another text for selected groups."""

    @property
    def total_users(self) -> int:
        """Number of users."""

    @property
    def total_groups(self) -> int:
        """Number of groups."""

    @property
    def last_synced_at(self) -> Optional[datetime]:
        """Time of the last successful synchronization, or ``None`` if there was none."""

    @property
    def stats(self) -> Optional[dict[str, Any]]:
        """Numbers of users and groups and times of their last changes, or ``None`` if not sent."""

    @property
    def attribute_mappings(self) -> Optional[dict[str, Any]]:
        """Mapping of the directory's attributes to Scalekit's, or ``None`` if not sent."""

    @property
    def role_assignments(self) -> Optional[dict[str, Any]]:
        """Roles of groups, or ``None`` if not sent."""

    @property
    def secrets(self) -> list[dict[str, Any]]:
        """Secrets with which the directory authenticates. Only their last characters are known."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Directory: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class DirectoryToggle:
    """The result of enabling or disabling a directory: the schema ``directoriesToggleDirectoryResponse`` of the vendor's API."""

    @property
    def enabled(self) -> bool:
        """Whether the directory is enabled now."""

    @property
    def error_message(self) -> str:
        """Why the directory could not be enabled or disabled, or empty on success."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> DirectoryToggle: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class User:
    """A user of a directory: the schema ``directoriesDirectoryUser`` of the vendor's API. Users are identified by ``id``;
    email addresses can change.
    """

    @property
    def id(self) -> str:
        """Id, ``diruser_…``."""

    @property
    def email(self) -> str:
        """Primary email address."""

    @property
    def given_name(self) -> str:
        """Given name."""

    @property
    def family_name(self) -> str:
        """Family name."""

    @property
    def preferred_username(self) -> str:
        """Name with which the user signs in to the directory."""

    @property
    def emails(self) -> list[str]:
        """All email addresses."""

    @property
    def groups(self) -> list[Group]:
        """Groups of which the user is a member; empty if not sent."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """Time of the last change, or ``None`` if not sent."""

    @property
    def user_detail(self) -> Optional[dict[str, Any]]:
        """The user as the directory describes it, or ``None`` unless ``include_detail`` was requested."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> User: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Group:
    """A group of a directory: the schema ``directoriesDirectoryGroup`` of the vendor's API."""

    @property
    def id(self) -> str:
        """Id, ``dirgroup_…``."""

    @property
    def display_name(self) -> str:
        """Display name."""

    @property
    def total_users(self) -> int:
        """Number of members."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """Time of the last change, or ``None`` if not sent."""

    @property
    def group_detail(self) -> Optional[dict[str, Any]]:
        """The group as its directory describes it, or ``None`` unless ``include_detail`` was requested."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Group: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class MirrorUser:
    """A directory user as mirrored."""

    @property
    def id(self) -> str:
        """Directory user id (``diruser_…``). It identifies the user: everything else can change."""

    @property
    def organization_id(self) -> str:
        """Id of the organization that the user belongs to (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory that lists the user (``dir_…``)."""

    @property
    def email(self) -> str:
        """Primary e-mail address. Several users may share one, so it does not identify a user."""

    @property
    def given_name(self) -> str:
        """First name."""

    @property
    def family_name(self) -> str:
        """Last name."""

    @property
    def preferred_username(self) -> str:
        """Name that the user signs in with at the directory."""

    @property
    def emails(self) -> list[str]:
        """All e-mail addresses, in the order of the last listing; empty before the first one."""

    @property
    def active(self) -> bool:
        """Whether the user may sign in, by the latest event with ``active`` or listing with ``user_detail.active``; true if none
        had it. While the guard holds the user's deactivation, it is true.
        """

    @property
    def group_ids(self) -> list[str]:
        """Ids of the groups that the user is in, sorted. Groups that the mirror does not have, such as removed ones, are left out."""

    @property
    def roles(self) -> list[str]:
        """Roles that the role map gives for the groups of the user, sorted. While the guard holds the loss of all roles: the roles
        before the loss.
        """

    @property
    def vendor_roles(self) -> list[str]:
        """Roles assigned by the vendor, from the latest event, sorted."""

    @property
    def linked_id(self) -> Optional[str]:
        """The application's own account id, or ``None`` if the user has not been linked."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """The vendor's time of the user's last change, or ``None`` if the vendor sent none."""

    @property
    def detail(self) -> Optional[dict[str, Any]]:
        """The directory's own description of the user (``user_detail``) as JSON, from the last listing, or ``None`` if it had
        none.
        """

    @property
    def attributes(self) -> Optional[dict[str, Any]]:
        """Fields of events that have no field of their own here, such as ``title`` and ``department``, as a JSON object; or
        ``None`` if there are none. Each has the value of the latest event with that field. An empty value removes it.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> MirrorUser: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class MirrorGroup:
    """A directory group as mirrored."""

    @property
    def id(self) -> str:
        """Directory group id (``dirgroup_…``)."""

    @property
    def organization_id(self) -> str:
        """Id of the organization that the group belongs to (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory that lists the group (``dir_…``)."""

    @property
    def display_name(self) -> str:
        """The group's name."""

    @property
    def updated_at(self) -> Optional[datetime]:
        """The vendor's time of the group's last change, or ``None`` if the vendor sent none."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> MirrorGroup: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class MirrorDirectory:
    """A directory as mirrored."""

    @property
    def id(self) -> str:
        """Directory id (``dir_…``)."""

    @property
    def organization_id(self) -> str:
        """Id of the organization that the directory belongs to (``org_…``)."""

    @property
    def name(self) -> str:
        """The directory's name."""

    @property
    def directory_type(self) -> str:
        """How Scalekit reads the directory: ``SCIM``, ``LDAP``, ``POLL`` or a value that is newer than this library."""

    @property
    def directory_provider(self) -> str:
        """The product that runs the directory, such as ``OKTA`` or ``GOOGLE``."""

    @property
    def enabled(self) -> bool:
        """Whether Scalekit synchronizes the directory at present."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> MirrorDirectory: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Hold:
    """Users of one directory who would lose access for one reason. They keep it until the hold is approved. A hold on a
    directory that is disabled or not found names no users.
    """

    @property
    def id(self) -> str:
        """Id of the hold with the users that it names now (``hold_…``). When users are added, the id changes. An approval with an
        earlier id covers only the users whom the hold named then and still names.
        """

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory (``dir_…``)."""

    @property
    def reason(self) -> Literal["mass_removal", "empty_listing", "directory_disabled", "directory_not_found", "deletion_burst", "mass_deactivation", "role_loss"]:
        """Why the users are held."""

    @property
    def count(self) -> int:
        """Number of users that the hold names. If the directory is disabled or not found: number of all users of the directory."""

    @property
    def limit(self) -> int:
        """Number of users that could lose access within the guard's window without approval when the hold was made. 0 if the
        listing is empty, and if the directory is disabled or not found.
        """

    @property
    def since(self) -> datetime:
        """Time at which the hold was made, in UTC, by the clock of the machine that made it. It stays the same when users are
        added.
        """

    @property
    def causes(self) -> list[str]:
        """The first ten causes that made the hold or added users to it, oldest first: ``sync:`` and the run's id, ``event:`` and
        the event's id, or ``retire:`` and the id of the retirement of another directory, to whose groups the users belonged.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Hold: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Approval:
    """A decision about a hold."""

    @property
    def id(self) -> str:
        """Id of the approval. The changes that it made have the cause ``approval:`` and this id."""

    @property
    def hold_id(self) -> str:
        """Id of the hold, as the application passed it."""

    @property
    def organization_id(self) -> str:
        """Id of the organization."""

    @property
    def directory_id(self) -> str:
        """Id of the directory."""

    @property
    def reason(self) -> Literal["mass_removal", "empty_listing", "directory_disabled", "directory_not_found", "deletion_burst", "mass_deactivation", "role_loss"]:
        """Why the users were held."""

    @property
    def is_approved(self) -> bool:
        """True if the losses were applied, false if they were dismissed."""

    @property
    def by(self) -> str:
        """Who decided, as given by the application; ``approve_removals`` if a sync with this option approved the hold."""

    @property
    def note(self) -> str:
        """The application's note; may be empty."""

    @property
    def at(self) -> datetime:
        """Time of the decision, in UTC, by the clock of the machine that recorded it."""

    @property
    def count(self) -> int:
        """Number of users that the hold named at the time of the decision."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Approval: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Retirement:
    """The removal of all users and groups of a directory that is gone for good."""

    @property
    def id(self) -> str:
        """The retirement's id. The changes that it made have the cause ``retire:`` and this id."""

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory (``dir_…``)."""

    @property
    def by(self) -> str:
        """Who requested it, as given by the application."""

    @property
    def note(self) -> str:
        """Why it was requested, as given by the application; may be empty."""

    @property
    def at(self) -> datetime:
        """Time at which it was requested, in UTC, by the clock of the machine that recorded it."""

    @property
    def ended_at(self) -> Optional[datetime]:
        """Time at which it ended, in UTC, by the clock of the machine that ended it; ``None`` while users or groups may be left.
        It also ends if the directory is listed and enabled again.
        """

    @property
    def users(self) -> int:
        """Number of users that it has removed."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Retirement: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class PendingEvent:
    """A received event that waits for a sync. It has no personal data."""

    @property
    def id(self) -> str:
        """Event id (``evt_…``)."""

    @property
    def event_type(self) -> str:
        """The event's type, such as ``organization.directory.user_created``."""

    @property
    def received_at(self) -> datetime:
        """Time at which the event arrived, in UTC, by the clock of the machine that received it."""

    @property
    def why(self) -> str:
        """Why it waits, in one English sentence."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> PendingEvent: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class RoleMapEntry:
    """One entry of the role map: members of the groups that it matches have its role.

    A pair of a group and a role is an entry for all organizations. The group is an id if it begins with ``dirgroup_``, else
    a name or a pattern.
    """

    @property
    def key(self) -> Literal["id", "name"]:
        """Whether ``group`` is an id, or a name."""

    @property
    def group(self) -> str:
        """Id of the group (``dirgroup_…``), its name, or a pattern of names. Names are case-sensitive, and are compared after
        Unicode normalization (NFC).
        """

    @property
    def role(self) -> str:
        """The role."""

    @property
    def organization_id(self) -> Optional[str]:
        """Id of the organization whose groups the entry matches (``org_…``), or ``None`` for the groups of all organizations."""

    @staticmethod
    def by_id(group_id: str, role: str, *, organization_id: Optional[str] = None) -> RoleMapEntry:
        """Makes an entry for the group with this id. It never matches a name.

        - ``group_id``: id of the group (``dirgroup_...``).
        - ``role``: the role that members of the group get.
        - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
        """

    @staticmethod
    def by_name(pattern: str, role: str, *, organization_id: Optional[str] = None) -> RoleMapEntry:
        """Makes an entry for the groups with this name, or whose names match this pattern. It never matches an id.

        - ``pattern``: the name, or a pattern of names in which ``*`` stands for any number of characters and ``?`` for one.
        - ``role``: the role that members of the groups get.
        - ``organization_id``: limits the entry to the groups of this organization (``org_...``; default: all organizations).
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> RoleMapEntry: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class GuardSettings:
    """How many users of a directory may lose access without approval."""

    @property
    def users(self) -> int:
        """Number of users of a directory that may lose access within the window without approval. The number is smaller in a small
        directory: half of the users if there are at most ten, otherwise a quarter of them, but at least five.
        """

    @property
    def share(self) -> float:
        """Share of the directory's users that may lose access within the window, from 0 to 1. The larger of this limit and
        ``users`` applies. 1 permits every loss, except removals because of a listing without users.
        """

    @property
    def events(self) -> bool:
        """Whether losses of access by events are limited as well. Those by listings always are."""

    @property
    def window(self) -> float:
        """The time within which losses of access are counted together. In seconds."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> GuardSettings: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class IgnoredSetting:
    """A setting that a handle was opened with and that is not in effect."""

    @property
    def name(self) -> str:
        """The setting's name, such as ``guard_users``."""

    @property
    def stored(self) -> str:
        """The value in effect, which the store has, as text: a duration such as ``86400s``, a number, or ``True`` or ``False``."""

    @property
    def asked(self) -> str:
        """The value that the handle was opened with, as text of the same form."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> IgnoredSetting: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class MirrorSettings:
    """The settings of a mirror that are in effect."""

    @property
    def guard(self) -> GuardSettings:
        """How many users of a directory may lose access without approval."""

    @property
    def full_every(self) -> float:
        """Age of the last full sync at which a sync in the mode ``auto`` makes another. In seconds."""

    @property
    def retention(self) -> float:
        """How long changes are kept that every consumer has acknowledged. In seconds."""

    @property
    def pending_events(self) -> int:
        """Number of pending events that are kept for an organization. Receiving another one is an error until a sync has applied
        some of them.
        """

    @property
    def pending_bytes(self) -> int:
        """Total size in bytes of the pending events that are kept for an organization. Receiving an event that would exceed it is
        an error, as for ``pending_events``.
        """

    @property
    def groups_per_user(self) -> int:
        """Number of groups that an event may name for a user. An event with more groups changes nothing: the next sync lists the
        user.
        """

    @property
    def consumer_expiry(self) -> Optional[float]:
        """After how long without a poll or an acknowledgement a consumer expires, so that changes that it has not acknowledged are
        trimmed; ``None`` for never. At least two hours, because a poll that returns no new change is recorded once an hour. In
        seconds.
        """

    @property
    def ignored(self) -> list[IgnoredSetting]:
        """Settings that this handle was opened with and that are not in effect, because the store has other values."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> MirrorSettings: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class DirectoryStatus:
    """How up to date the mirror is with one directory."""

    @property
    def directory(self) -> MirrorDirectory:
        """The directory."""

    @property
    def last_full_sync(self) -> Optional[datetime]:
        """Start of the last completed full sync, in UTC, by the clock of the machine that synced, or ``None`` if there was none."""

    @property
    def last_incremental_sync(self) -> Optional[datetime]:
        """Start of the last completed incremental sync, in UTC, by the clock of the machine that synced, or ``None`` if there was
        none.
        """

    @property
    def users(self) -> int:
        """Number of mirrored users."""

    @property
    def groups(self) -> int:
        """Number of mirrored groups."""

    @property
    def watermark(self) -> Optional[datetime]:
        """Watermark: the latest ``updated_at`` of a listed user, by the vendor's clock; ``None`` if no listing had one yet. The
        next incremental sync lists what changed since five minutes before this time.
        """

    @property
    def held(self) -> Optional[Hold]:
        """The first of ``holds``, or ``None`` if there is none."""

    @property
    def holds(self) -> list[Hold]:
        """The directory's open holds, in the order in which they were made."""

    @property
    def incomplete_since(self) -> Optional[datetime]:
        """Start of the first incomplete sync since the last complete one, in UTC, by the clock of the machine that synced;
        ``None`` if there was none. After an incomplete full sync, only a full sync counts as complete. Until then no user is
        removed because of a listing.
        """

    @property
    def missing_since(self) -> Optional[datetime]:
        """Time at which a sync first found that the API does not list the directory, in UTC, by the clock of the machine that
        synced; ``None`` if the directory is listed. The users of a missing directory are kept until it is retired.
        """

    @property
    def pending_events(self) -> int:
        """Number of events of the organization that wait for a sync."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> DirectoryStatus: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@disjoint_base
class Change:
    """One change of the feed."""

    @property
    def seq(self) -> int:
        """The change's number: greater than the numbers of all earlier changes. Negative for the rows of a snapshot."""

    @property
    def kind(self) -> Literal["user.created", "user.updated", "user.deactivated", "user.reactivated", "user.deleted", "group.created", "group.updated", "group.deleted", "membership.added", "membership.removed", "roles.changed", "directory.enabled", "directory.disabled", "directory.missing", "directory.found", "organization.missing", "organization.found"]:
        """The kind of the change."""

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory (``dir_…``); empty for changes of organizations."""

    @property
    def user(self) -> Optional[MirrorUser]:
        """The user that the change is about: after the change, or before it for ``user.deleted``. ``None`` for changes of groups,
        directories and organizations. In changes of memberships and roles, ``detail`` and ``attributes`` are ``None``.
        """

    @property
    def group(self) -> Optional[MirrorGroup]:
        """The group that the change is about, or the group of a membership; ``None`` for changes of users, roles, directories and
        organizations.
        """

    @property
    def before(self) -> Optional[Union[MirrorUser, MirrorGroup]]:
        """The user or group before the change; ``None`` if it is new, and for changes of memberships, directories and
        organizations.
        """

    @property
    def after(self) -> Optional[Union[MirrorUser, MirrorGroup]]:
        """The user or group after the change; ``None`` if it was deleted, and for changes of memberships, directories and
        organizations.
        """

    @property
    def fields(self) -> list[str]:
        """Names of the fields that changed, in the order of the record: of the user or group for ``user.updated`` and
        ``group.updated``, else ``active``, ``group_ids`` or ``roles``. Empty for changes of directories and organizations, and
        if the user or group is new or was deleted.
        """

    @property
    def cause(self) -> str:
        """What caused the change: ``sync:`` and the run's id, ``event:`` and the event's id, ``approval:`` and the id of an
        approval, ``retire:`` and the id of a retirement, ``roles`` for a new role map, or ``snapshot``.
        """

    @property
    def at(self) -> datetime:
        """Time at which the change was written, in UTC, by the clock of the machine that wrote it. For the rows of a snapshot:
        time at which the snapshot was started.
        """

    def ack(self) -> None:
        """Acknowledges this change: the consumer does not get it again.

        Acknowledging a change from ``changes`` does not acknowledge earlier ones. The acknowledgement is durable once all changes that the iterator
        returned earlier are acknowledged as well: if they are already, it is durable when this returns. Acknowledging a change from ``poll`` or ``wait``
        acknowledges all earlier changes as well. Several threads may call it at once.

        Raises ``InvalidArgumentError`` if the change was not returned by ``poll``, ``wait`` or ``changes``, if the mirror is closed, and in a
        forked child for a change from its parent's ``changes``; ``StoreError`` if the acknowledgement cannot be stored: call it again.
        """

    def park(self, reason: str) -> None:
        """Parks this change, with a ``reason``, and acknowledges it as ``ack`` does. ``mirror.parked_changes`` lists it. A change of a snapshot can be
        parked as well.

        Raises what ``ack`` raises; and for a change from ``poll`` or ``wait`` also ``HistoryTrimmedError`` if the retention has removed it, and
        ``InvalidArgumentError`` if it is of a snapshot and its user or group no longer exists.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Change: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class ParkedChange:
    """A change that a consumer parked because it could not handle it."""

    @property
    def change(self) -> Change:
        """The change."""

    @property
    def reason(self) -> str:
        """The reason that the application gave."""

    @property
    def at(self) -> datetime:
        """Time at which the change was parked, in UTC, by the clock of the machine that parked it."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> ParkedChange: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Consumer:
    """A consumer of the change feed and its position."""

    @property
    def name(self) -> str:
        """The consumer's name."""

    @property
    def cursor(self) -> int:
        """Number of the last change that it acknowledged; 0 if it has acknowledged none, and negative while it reads a snapshot."""

    @property
    def lag(self) -> int:
        """Number of changes that it has not acknowledged. The rows of a snapshot are not counted."""

    @property
    def parked(self) -> int:
        """Number of changes that it has parked."""

    @property
    def seen_at(self) -> datetime:
        """Time of its last poll or acknowledgement, in UTC, by the clock of the machine that made it. A poll that returns no new
        change updates it only if the stored time is at least an hour old.
        """

    @property
    def expires_at(self) -> Optional[datetime]:
        """Time, in UTC, at which it expires unless it polls or acknowledges before: from then on, changes are trimmed even if it
        has not acknowledged them. ``None`` if consumers do not expire.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Consumer: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class Progress:
    """The progress of a running sync."""

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory (``dir_…``)."""

    @property
    def phase(self) -> Literal["groups", "users", "removals"]:
        """What the sync is doing."""

    @property
    def pages(self) -> int:
        """Number of pages of this phase that have been read; 0 in the phase ``removals``."""

    @property
    def items(self) -> int:
        """Number of users or groups in those pages; in the phase ``removals``, number of users removed or held so far."""

    @property
    def total(self) -> Optional[int]:
        """Number of users or groups to read, as the server counts them; in the phase ``removals``, number of users to remove in
        its first report, then ``None``.
        """

    @property
    def rate(self) -> float:
        """``items`` per second since the sync of the directory started; 0 if no time has passed."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str) -> Progress: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

@final
class SyncReport:
    """What a sync of one directory did."""

    @property
    def organization_id(self) -> str:
        """Id of the organization (``org_…``)."""

    @property
    def directory_id(self) -> str:
        """Id of the directory (``dir_…``); empty if the organization's directories could not be listed."""

    @property
    def mode(self) -> Literal["full", "incremental"]:
        """Which listing was read: ``full`` or ``incremental``. If none was read, it may also be ``auto``."""

    @property
    def outcome(self) -> Literal["done", "incomplete", "held", "already_running", "failed"]:
        """How the sync ended."""

    @property
    def run(self) -> str:
        """Id of the sync of the organization: the same in the reports of its directories. The changes that it made have the cause
        ``sync:`` and this id.
        """

    @property
    def started_at(self) -> datetime:
        """Time at which the sync started, in UTC, by this machine's clock."""

    @property
    def ended_at(self) -> datetime:
        """Time at which the sync ended, in UTC, by this machine's clock."""

    @property
    def pages(self) -> int:
        """Number of pages of users and groups that were read. If the listing was read more than once, pages, users and groups are
        counted each time.
        """

    @property
    def users(self) -> int:
        """Number of users that were listed, counted as ``pages``."""

    @property
    def groups(self) -> int:
        """Number of groups that were listed, counted as ``pages``."""

    @property
    def created(self) -> int:
        """Number of users that were created."""

    @property
    def updated(self) -> int:
        """Number of users whose fields changed. Changes of ``active``, groups and roles are not counted."""

    @property
    def deactivated(self) -> int:
        """Number of users that were deactivated: they may no longer sign in."""

    @property
    def reactivated(self) -> int:
        """Number of users that were reactivated: they may sign in again."""

    @property
    def deleted(self) -> int:
        """Number of users that were removed."""

    @property
    def changes(self) -> int:
        """Number of changes of all kinds that the sync appended to the feed, without those of pending events."""

    @property
    def events(self) -> int:
        """Number of the organization's pending events that the sync settled."""

    @property
    def held(self) -> Optional[Hold]:
        """The first of ``holds``, or ``None`` if there is none."""

    @property
    def holds(self) -> list[Hold]:
        """The directory's open holds at the end of the sync, in the order in which they were made."""

    @property
    def incomplete(self) -> Optional[str]:
        """Why the listing was not applied as a whole, in one English sentence: why it could not be used to remove users, or which
        of its rows were not applied. ``None`` otherwise.
        """

    @property
    def error(self) -> Optional[Error]:
        """The error that ended the sync, or ``None`` if none did. It has the kind ``mass_removal`` if users were absent from a
        full listing and the guard holds their removal.
        """

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain values: times are RFC 3339 text, an error is its message."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    @classmethod
    def _from_json(cls, json: str, error: Optional[Error]) -> SyncReport: ...
    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]: ...

# ---- end of records ----
