set local lock_timeout = '300ms'
