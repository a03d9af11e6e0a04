"""The golden tables of the providers: messages, and the requests that they become."""
