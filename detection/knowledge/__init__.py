"""The national rule base and its knowledge points: read from their published files, and the rules that go by them."""
