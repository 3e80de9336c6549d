"""What recording costs: measured side by side with the bare loop, and with other ways to watch."""
