"""A comparison as text, Markdown, HTML, JSON and pictures."""
