"""The HTTP client; only this package imports the HTTP library."""

from activities.http.client import EmbeddersClient, HttpClient, proxy_host
from activities.http.pace import Pace
from activities.http.received import Received

__all__ = ["EmbeddersClient", "HttpClient", "Pace", "Received", "proxy_host"]
