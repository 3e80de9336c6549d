"""What was measured, encoded and kept on the local disk until MLflow has all of it."""
