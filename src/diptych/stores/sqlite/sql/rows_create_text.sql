create virtual table {index} using fts5(
    {columns},
    content={content},
    content_rowid='_id',
    tokenize="unicode61 remove_diacritics 2 categories 'L* M* N* Co'",
    prefix='1 2 3'
)
