"""The HTTP client; only this package imports the HTTP library."""

from activities.http.client import EmbeddersClient, HttpClient, Received, proxy_host

__all__ = ["EmbeddersClient", "HttpClient", "Received", "proxy_host"]
