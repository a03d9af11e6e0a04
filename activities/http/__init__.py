"""The HTTP client; only this package imports the HTTP library."""

from activities.http.client import EmbeddersClient, HttpClient, Received, proxy_host
from activities.http.pace import Pace

__all__ = ["EmbeddersClient", "HttpClient", "Pace", "Received", "proxy_host"]
