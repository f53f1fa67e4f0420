select log_id from diptych.log
