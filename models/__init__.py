"""What the province knows: tables, sessions, queries, migrations, keys."""
