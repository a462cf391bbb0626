"""Rules H1 to H18: one small module a rule, whose docstring is the explanation that people read."""
