select count(*)
from events indexed by events_type
where type = ? and position > ? and position <= ?
