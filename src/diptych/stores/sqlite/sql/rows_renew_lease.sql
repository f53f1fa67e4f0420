update diptych_lease
set expires = ?
where
    name = 'projections'
    and owner = ?
    and epoch = ?
