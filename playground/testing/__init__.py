"""For tests: of the playground's servers, of one's own, and of clients that talk to them.

:func:`run` starts a whole playground in a process of its own; :func:`serve`
starts one server in this process; :func:`check_server` puts a server of
one's own through what all of them have to bear.
"""

from playground.testing.conformance import check_server
from playground.testing.process import Address, Login, Running, run, start
from playground.testing.served import Served, Talk, serve

__all__ = ["Address", "Login", "Running", "Served", "Talk", "check_server", "run", "serve", "start"]
