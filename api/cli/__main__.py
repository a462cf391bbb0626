"""``python -m api.cli`` is the ``lifecert`` command."""

from api.cli import main

main()
