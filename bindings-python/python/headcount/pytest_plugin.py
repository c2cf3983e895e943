"""pytest fixtures for tests of an application that uses headcount. pytest finds them if headcount is installed.

    def test_creates_an_account_for_a_new_user(headcount_deliver):
        assert headcount_deliver.wsgi(app, "organization.directory.user_created", path="/webhooks/scalekit") == 201

    @pytest.mark.headcount_sandbox(users=3)
    def test_imports_all_users(headcount_sandbox):
        assert import_users(headcount.Client.from_env()) == 3
"""

from __future__ import annotations

from typing import Any, Iterator, Type, Union

import pytest

from ._headcount import Event, Sandbox

# Every run of pytest loads this file, so modules that are not always used are imported where they are used.


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "headcount_sandbox(organizations=1, directories=1, users=50, groups=5, seed=1, ...): settings of the fixture's sandbox"
    )


@pytest.fixture
def headcount_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A new sandbox. During the test the SCALEKIT_* variables are set for it, so that ``Client.from_env()`` and ``Webhook()``
    use it. ``@pytest.mark.headcount_sandbox(users=3)`` passes arguments to ``headcount.Sandbox``.
    """
    marker = request.node.get_closest_marker("headcount_sandbox")
    with Sandbox(**(marker.kwargs if marker else {})) as sandbox:
        monkeypatch.setenv("SCALEKIT_ENVIRONMENT_URL", sandbox.environment_url)
        monkeypatch.setenv("SCALEKIT_CLIENT_ID", sandbox.client_id)
        monkeypatch.setenv("SCALEKIT_CLIENT_SECRET", sandbox.client_secret)
        monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield sandbox


class Deliver:
    """Delivers events to the application under test, signed with the sandbox's secret. Each call returns the status of the answer.

    Other arguments are those of ``headcount.testing.deliver``: ``data``, ``organization_id``, ``message_id``, ...
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, url: str, event: Union[str, Type[Event], bytes], **options: Any) -> int:
        """Delivers an event to a running application, over HTTP."""
        from . import testing

        return testing.deliver(url, event, **{"secret": self._secret, **options})

    def wsgi(self, app: Any, event: Union[str, Type[Event], bytes], *, path: str = "/", **options: Any) -> int:
        """Delivers an event to a WSGI application (Flask, Django) without a server."""
        from . import testing

        return testing.deliver_wsgi(app, event, path=path, **{"secret": self._secret, **options})

    def asgi(self, app: Any, event: Union[str, Type[Event], bytes], *, path: str = "/", **options: Any) -> int:
        """Delivers an event to an ASGI application (FastAPI, Starlette, Django) without a server."""
        from . import testing

        return testing.deliver_asgi(app, event, path=path, **{"secret": self._secret, **options})


@pytest.fixture
def headcount_deliver(headcount_sandbox: Sandbox) -> Deliver:
    """A function that delivers an event to the application under test: ``headcount_deliver(url, type)``, or ``.wsgi(app, type)`` or ``.asgi(app, type)``."""
    return Deliver(headcount_sandbox.webhook_secret)
