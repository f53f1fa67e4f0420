select hash from diptych.events where position = $1
