"""Proof under fire: real processes are killed, flooded and lied to, and then compared with what they had acknowledged."""
