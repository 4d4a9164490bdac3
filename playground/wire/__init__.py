"""The Twisted edge that all servers share: connections are observed here, and only here."""
