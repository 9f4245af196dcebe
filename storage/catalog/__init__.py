"""The catalogue: what Sohoa knows of every document, page and job, in SQL (plain functions over a Connection)."""
