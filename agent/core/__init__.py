"""What the store decides: pure values in, pure values out. Nothing here waits, reads a clock or touches a file."""
