"""How often a diagnosis errs: small trainings, faulty and healthy, and what is said of them."""
