insert into {index} ({index}, rank)
values ('rank', 'bm25({weights})')
