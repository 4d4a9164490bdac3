"""One record for every protocol: what was said, and what was remembered because of it."""
