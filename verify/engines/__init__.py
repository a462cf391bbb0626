"""Face engines behind one protocol."""
