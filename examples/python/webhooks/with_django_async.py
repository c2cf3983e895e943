"""A webhook endpoint in Django, served by ASGI. Reads SCALEKIT_WEBHOOK_SECRET and PORT."""

import os

import django
import serving
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

import headcount
import headcount.django


def parse(get_response):
    """A middleware that reads the body before the endpoint does."""

    def middleware(request):
        request.body
        return get_response(request)

    return middleware


settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    SECRET_KEY="an example's",
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"] + ([f"{__name__}.parse"] if os.environ.get("AFTER_A_PARSER") else []),
)
django.setup()


async def receive(event: headcount.Event) -> None:
    # Simulates a failed handler: the request is answered with 500.
    if event.data.get("id") == "fail":
        raise RuntimeError("the database is down")
    print(event.type, event.id, flush=True)


urlpatterns = [path("webhooks/scalekit", headcount.django.endpoint(receive))]
application = get_asgi_application()

if __name__ == "__main__":
    serving.asgi(application)
