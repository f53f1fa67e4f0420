create trigger {trigger} after insert on {table}
begin
    insert into {index} (rowid, {columns})
    values (new._id, {new});
end
