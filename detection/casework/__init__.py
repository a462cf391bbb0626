"""How people decide cases: who may do which step when, what a paper is, and what a case looks like to those who work on it. Pure."""
