"""A diagnosis as text, Markdown, HTML, JSON and pictures."""
