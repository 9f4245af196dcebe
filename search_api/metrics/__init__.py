"""`GET /metrics`: how the office's work stands, as numbers for Prometheus."""
