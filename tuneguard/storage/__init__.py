"""MLflow's side: what writes to a tracking store, reads runs back and serves that."""
