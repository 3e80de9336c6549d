"""Many runs at once: which of an experiment's runs need a diagnosis, and who makes it."""
