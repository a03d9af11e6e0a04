"""Django: one client for the project, and an event only when the transaction is committed."""

from functools import partial

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from durable_analytics import BufferingClient

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
            "ATOMIC_REQUESTS": True,
        }
    },
    ROOT_URLCONF=__name__,
)

# In a project, this line is in a module of its own, like shop/analytics.py.
analytics = BufferingClient.from_env()


@require_POST
def create_order(request: HttpRequest) -> HttpResponse:
    """Track an order, unless the transaction of the request is rolled back."""
    transaction.on_commit(
        partial(
            analytics.track,
            user_id=request.POST["user_id"],
            event="Order Completed",
            properties={"revenue": float(request.POST["total"]), "currency": "USD"},
            context={"ip": request.META["REMOTE_ADDR"]},
        )
    )
    if "fail" in request.POST:
        raise ValueError("the order is rolled back")
    return HttpResponse(status=201)


urlpatterns = [path("orders", create_order)]
application = get_wsgi_application()
