"""The codec server, which decodes payloads for the Temporal UI and the `temporal` command line."""
