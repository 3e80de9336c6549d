"""The `tuneguard` command."""
