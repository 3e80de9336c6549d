"""A run that trains now: on a screen, or as lines of a log."""
