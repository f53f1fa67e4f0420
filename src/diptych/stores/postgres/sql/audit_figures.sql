select (select count(*) from diptych.attempts), dropped from diptych.trail
