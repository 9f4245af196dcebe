"""The whole store moved to other places: archive, catalogue and index, each where its URL says, and the old one closed."""
