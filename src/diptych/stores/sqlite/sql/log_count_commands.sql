select count(*) from commands
