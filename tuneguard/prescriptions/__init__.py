"""Changes to try, built from a run's own numbers."""
