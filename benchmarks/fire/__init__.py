"""Proof under fire: a running service is killed, flooded and lied to, and then compared with what it had said to its callers.

    python -m benchmarks.fire --help

Everything is bounded, stays on the loopback interface and in temporary folders, and ends the processes that it started.
"""
