"""Views of the journal: each turns events into something else and knows nothing of who reads it."""
