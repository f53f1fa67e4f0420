select count(*) from diptych.commands
