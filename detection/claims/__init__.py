"""Hospital claims: one shape of tables from files and store, and the rules over them, for one claim now or for a month at night."""
