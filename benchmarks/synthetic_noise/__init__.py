"""Healthy runs drawn at random, under noise that remembers, and which rules take exception."""
