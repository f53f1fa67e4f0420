update diptych.diptych_checkpoint set error = $4 where projection = $1 and position = $2 and epoch = $3 returning 1
