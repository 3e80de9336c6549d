"""MLflow's side: the sink, the reader, the review."""
