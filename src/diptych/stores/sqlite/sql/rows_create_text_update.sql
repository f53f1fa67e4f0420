create trigger {trigger} after update on {table}
when {changed}
begin
    insert into {index} ({index}, rowid, {columns})
    values ('delete', old._id, {old});
    insert into {index} (rowid, {columns})
    values (new._id, {new});
end
