"""The provider Acme, and its vendor in the stand-in."""
