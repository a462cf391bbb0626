"""Counting for supervisors: sets of rows into ``oversight_figure``, a few statements a subject. ``models.repositories.oversight`` reads."""
