import asyncio
import os
import sys

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
)
django.setup()

import headcount.django  # noqa: E402
from handling import GUARD, handle  # noqa: E402


def answer(busy):
    return HttpResponse("busy", status=503) if busy else None


def handler(event):
    return answer(handle(event))


async def async_handler(event):
    return answer(await asyncio.to_thread(handle, event))


chosen = async_handler if os.environ.get("FIELD_ASYNC") else handler
urlpatterns = [path("webhooks/scalekit", headcount.django.endpoint(chosen, replay_guard=GUARD))]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
else:
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    wsgi, asgi = get_wsgi_application(), get_asgi_application()
