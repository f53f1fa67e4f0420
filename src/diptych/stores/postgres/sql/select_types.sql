select id, name from diptych.types
