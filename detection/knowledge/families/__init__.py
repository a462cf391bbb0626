"""Rules of the national rule base by what they ask: one module for all that ask the same of different items."""
