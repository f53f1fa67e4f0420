select to_regrole(quote_ident($1::text)) is not null
