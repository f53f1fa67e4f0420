create trigger {trigger} after delete on {table}
begin
    insert into {index} ({index}, rowid, {columns})
    values ('delete', old._id, {old});
end
