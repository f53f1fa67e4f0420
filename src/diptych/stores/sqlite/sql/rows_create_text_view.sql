create view {view} as
select
    +rowid as _id,
    {index} as needle,
    rank
from {index}
