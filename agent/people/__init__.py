"""Who works in the store: a file of workers and sessions beside the books, and the key that makes it useless alone."""
