"""Believe what an OpenID provider signed: its keys, its tokens, and a client library that must not block the loop."""
