"""What supervisors are shown: tables of figures in words, the map of tiles, charts, files to take away, and the paper of a month."""
