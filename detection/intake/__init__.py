"""Records from files: reading, headings, rules of data quality, and what each row comes to. Nothing here opens a database session."""
