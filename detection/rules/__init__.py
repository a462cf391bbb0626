"""The rules over the store's records: one small module a rule, whose docstring is the explanation that people read."""
