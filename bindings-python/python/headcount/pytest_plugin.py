"""Fixtures for the tests of an application that follows its customers' directories. pytest finds them once headcount is installed.

    def test_somebody_is_hired(headcount_deliver):
        assert headcount_deliver.wsgi(app, "organization.directory.user_created", path="/webhooks/scalekit") == 201

    @pytest.mark.headcount_sandbox(users=3)
    def test_everybody_is_imported(headcount_sandbox):
        assert import_everybody(headcount.Client.from_env()) == 3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Type, Union

import pytest

if TYPE_CHECKING:
    from ._headcount import Event, Sandbox

# Every run of pytest loads this file: what only some of them use is imported where it is used.


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "headcount_sandbox(organizations=1, directories=1, users=50, groups=5, seed=1, ...): settings of the fixture's sandbox"
    )


@pytest.fixture
def headcount_sandbox(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A fresh sandbox. For the time of the test the SCALEKIT_* variables are its own, so that ``Client.from_env()`` and
    ``Webhook()`` are made for it. ``@pytest.mark.headcount_sandbox(users=3)`` sets what ``headcount.Sandbox`` takes.
    """
    from ._headcount import Sandbox

    marker = request.node.get_closest_marker("headcount_sandbox")
    with Sandbox(**(marker.kwargs if marker else {})) as sandbox:
        monkeypatch.setenv("SCALEKIT_ENVIRONMENT_URL", sandbox.environment_url)
        monkeypatch.setenv("SCALEKIT_CLIENT_ID", sandbox.client_id)
        monkeypatch.setenv("SCALEKIT_CLIENT_SECRET", sandbox.client_secret)
        monkeypatch.setenv("SCALEKIT_WEBHOOK_SECRET", sandbox.webhook_secret)
        yield sandbox


class Deliver:
    """Delivers events to the application under test, signed with the sandbox's secret. Each call gives the status it answers.

    Arguments beside these are those of ``headcount.testing.deliver``: ``data``, ``organization_id``, ``message_id``, ...
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, url: str, event: Union[str, Type[Event], bytes], **options: Any) -> int:
        """To a running application, over HTTP."""
        from . import testing

        return testing.deliver(url, event, **{"secret": self._secret, **options})

    def wsgi(self, app: Any, event: Union[str, Type[Event], bytes], *, path: str = "/", **options: Any) -> int:
        """To a WSGI application (Flask, Django) without a server."""
        from . import testing

        return testing.deliver_wsgi(app, event, path=path, **{"secret": self._secret, **options})

    def asgi(self, app: Any, event: Union[str, Type[Event], bytes], *, path: str = "/", **options: Any) -> int:
        """To an ASGI application (FastAPI, Starlette, Django) without a server."""
        from . import testing

        return testing.deliver_asgi(app, event, path=path, **{"secret": self._secret, **options})


@pytest.fixture
def headcount_deliver(headcount_sandbox: Sandbox) -> Deliver:
    """Delivers an event to the application under test: ``headcount_deliver(url, type)``, or ``.wsgi(app, type)`` or ``.asgi(app, type)``."""
    return Deliver(headcount_sandbox.webhook_secret)
