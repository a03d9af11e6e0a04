"""The vendors in the stand-in for the providers of this package, a module for each."""
