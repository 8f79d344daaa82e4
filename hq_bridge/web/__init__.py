"""HQ's pages and HTTP API. They only look; nothing here changes a book."""
