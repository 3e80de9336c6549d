"""Histories out of files, without MLflow: what trainers and people write."""
