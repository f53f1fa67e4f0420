select
    owner,
    epoch,
    expires
from diptych_lease
where name = 'projections'
