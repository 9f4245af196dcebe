"""Documents over HTTP: bring them in, list them, read them, decide about them."""
