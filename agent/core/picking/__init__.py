"""How orders are picked: which one next, which ones together, along which way. Values in, values out."""
