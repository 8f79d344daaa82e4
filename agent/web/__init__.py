"""The store's pages and HTTP API on the store's own network."""
