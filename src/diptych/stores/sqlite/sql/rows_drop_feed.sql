delete from diptych_feed
where model = ?
