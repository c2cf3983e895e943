import pytest
from programs import Running


@pytest.fixture(scope="session")
def programs():
    running = Running()
    yield running
    running.close()
