"""The client that starts deliveries, its handle, and the arguments of its calls."""
