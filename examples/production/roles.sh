#!/bin/sh
# Makes three roles and a database: who owns the tables, who appends, and who only reads.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 \
    --set owner="$SHOP_OWNER_PASSWORD" --set app="$SHOP_APP_PASSWORD" --set queries="$SHOP_QUERIES_PASSWORD" \
    --username "$POSTGRES_USER" --dbname postgres <<'SQL'
create role shop_owner login password :'owner';
create role shop_app login password :'app';
create role shop_queries login password :'queries';
grant shop_app to shop_owner;  -- read models are the application's own: the owner may say who reads them
create database shop owner shop_owner;
revoke connect, temporary on database shop from public;
grant connect on database shop to shop_app, shop_queries;
SQL
