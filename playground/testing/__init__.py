"""For tests: of the playground's servers, of one's own, and of clients that talk to them."""

from playground.testing.served import Served, Talk, serve

__all__ = ["Served", "Talk", "serve"]
