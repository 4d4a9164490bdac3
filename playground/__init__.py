"""Protocol Playground: see where the state of HTTP, FTP and a netcat game lives."""

__version__ = "0.1.0"
