"""An MLflow server that diagnoses each run when it ends, and shows what was found."""
