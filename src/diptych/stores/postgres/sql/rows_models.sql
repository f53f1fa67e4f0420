select name, generation, changed from diptych.diptych_model
