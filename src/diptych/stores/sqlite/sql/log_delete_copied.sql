delete from copied
