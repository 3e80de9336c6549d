"""The training loop's side: measures, never judges."""
