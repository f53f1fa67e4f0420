select diptych.take_position()
