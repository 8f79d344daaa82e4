"""The work of the store's people on orders: tasks, what is reported from the handheld, and the hand-over."""
