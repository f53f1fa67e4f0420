update diptych.diptych_checkpoint set epoch = epoch + 1 where projection = $1
