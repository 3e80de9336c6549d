"""A treatment as text, JSON, a table, a page and the description of its parent run."""
