select key from diptych.diptych_feed where position = $1 and model = $2 and not reset order by key limit $3
