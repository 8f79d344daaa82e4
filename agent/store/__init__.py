"""The store's books on disk. All SQL of the agent lives in this folder."""
