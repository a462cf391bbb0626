"""Whether the camera check treats groups of people alike. Pure."""
