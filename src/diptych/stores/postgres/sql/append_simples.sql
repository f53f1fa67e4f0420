select head, recorded_at, taken, lost, conflicts from diptych.append_simples($1)
