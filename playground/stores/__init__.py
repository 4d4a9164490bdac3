"""Where state can live outside of a connection."""
