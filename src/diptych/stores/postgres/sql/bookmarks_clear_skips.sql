delete from diptych.skips
