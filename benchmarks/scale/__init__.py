"""How long reading, and a scan of many runs, take."""
