"""What `diptych doctor` asks a PostgreSQL server, and what it makes of the answers: a file per question."""
