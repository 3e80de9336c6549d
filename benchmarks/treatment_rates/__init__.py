"""How often `treat` brings a faulty training to health, and in how many runs."""
