select name, generation from diptych.diptych_model
union
select name, generation from diptych.diptych_view
order by name, generation
