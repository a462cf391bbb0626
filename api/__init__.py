"""The doors: JSON endpoints, pages, command line, settings, accounts."""
