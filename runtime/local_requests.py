"""HTTP requests to this machine."""

import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens URLs without the proxy of the environment, which is for providers."""
