-- Shared, so that nobody takes them over before this transaction has ended.
select projection, epoch
from diptych.owners
where worker = $1 and projection = any($2::text[])
for share
