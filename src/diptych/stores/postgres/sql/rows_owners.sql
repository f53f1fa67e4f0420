select name, projection, generation from diptych.diptych_model where name = $1
