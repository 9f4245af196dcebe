"""A second and third copy of the archive in other stores, and the way back from them."""
