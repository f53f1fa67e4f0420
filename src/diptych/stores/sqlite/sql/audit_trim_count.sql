delete from attempts
where number <= (select max(number) from attempts) - ?
