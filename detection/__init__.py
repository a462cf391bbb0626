"""Records to signals to alerts. No web framework here, and nothing of proof of life."""
