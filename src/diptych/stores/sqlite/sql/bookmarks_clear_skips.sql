delete from skips
