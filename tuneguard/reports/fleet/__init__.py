"""The runs of an experiment as text, JSON, CSV and HTML, the worst first."""
