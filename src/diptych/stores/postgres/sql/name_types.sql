select diptych.name_types($1, $2)
