select name, generation from diptych.diptych_model where projection = $1
