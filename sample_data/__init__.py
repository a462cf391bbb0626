"""A made-up county and made-up captures; no real person, place or face."""
