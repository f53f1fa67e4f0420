delete from diptych_feed
where position <= ?
