"""Full text over passages: SQLite's FTS5, or tsvector with GIN. Triggers keep it in step with `chunk`."""

import sqlalchemy as sa

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# The index holds no copy of the text (content=''), so what is removed has to be said again by the trigger. Its rows go
# by a key of their own: the rowids of `chunk` change under VACUUM. `scope` is the collection, one word long.
HEAD = "coalesce(json_extract({row}.metadata, '$.title'), '') || ' ' || coalesce(json_extract({row}.metadata, '$.heading'), '')"
KEY = "(select key from chunk_search_key where workspace_id = {row}.workspace_id and chunk_id = {row}.id)"
ADD = f"""
insert into chunk_search_key (workspace_id, chunk_id) values (new.workspace_id, new.id);
insert into chunk_search (rowid, scope, head, body)
  values ({KEY}, replace(new.collection_id, '-', ''), {HEAD}, new.text);
""".format(row="new")
DROP = f"""
insert into chunk_search (chunk_search, rowid, scope, head, body)
  values ('delete', {KEY}, replace(old.collection_id, '-', ''), {HEAD}, old.text);
delete from chunk_search_key where workspace_id = old.workspace_id and chunk_id = old.id;
""".format(row="old")
SQLITE = (
    "create table chunk_search_key (key integer primary key, workspace_id text not null, chunk_id text not null,"
    " unique (workspace_id, chunk_id))",
    "create virtual table chunk_search using fts5"
    " (scope, head, body, content='', tokenize='porter unicode61 remove_diacritics 2')",
    "insert into chunk_search_key (workspace_id, chunk_id) select workspace_id, id from chunk",
    f"insert into chunk_search (rowid, scope, head, body) select {KEY}, replace(collection_id, '-', ''), {HEAD}, text"
    " from chunk".format(row="chunk"),
    f"create trigger chunk_search_add after insert on chunk begin {ADD} end",
    f"create trigger chunk_search_drop after delete on chunk begin {DROP} end",
    f"create trigger chunk_search_change after update on chunk begin {DROP} {ADD} end",
)
SQLITE_DOWN = (
    "drop trigger chunk_search_add",
    "drop trigger chunk_search_drop",
    "drop trigger chunk_search_change",
    "drop table chunk_search",
    "drop table chunk_search_key",
)

# Accents are taken off on both sides, as FTS5 does; `unaccent` is an extension that not everybody may create. Marks
# become spaces: the parser would keep `Report.pdf` and `one/two` whole, as a host and a path.
# (%% and '' stand for one character each.)
MARKS = "!\"#$%%&''()*+,-./:;<=>?@[\\]^_`{|}~“”„‘’‚«»‹›–—…·•¿¡"
POSTGRESQL = (
    "create table chunk_search (workspace_id varchar not null, id varchar not null, collection_id varchar not null,"
    " words tsvector not null, primary key (workspace_id, id))",
    rf"""create function chunk_search_words(text) returns tsvector language sql immutable as $$
    select to_tsvector('english', translate(regexp_replace(normalize($1, NFKD), '[\u0300-\u036f]', '', 'g'),
      '{MARKS}', repeat(' ', {len(MARKS) - 2}))) $$""",
    """create function chunk_search_follow() returns trigger language plpgsql as $$ begin
    if tg_op <> 'INSERT' then
      delete from chunk_search where workspace_id = old.workspace_id and id = old.id;
    end if;
    if tg_op <> 'DELETE' then
      insert into chunk_search values (new.workspace_id, new.id, new.collection_id,
        setweight(chunk_search_words(concat_ws(' ', new.metadata::json ->> 'title', new.metadata::json ->> 'heading')), 'A')
        || chunk_search_words(new.text));
    end if;
    return null;
    end $$""",
    "create trigger chunk_search_follow after insert or update or delete on chunk"
    " for each row execute function chunk_search_follow()",
    "update chunk set n = n",
    "create index ix_chunk_search_words on chunk_search using gin (words)",
    "create index ix_chunk_search_collection on chunk_search (workspace_id, collection_id)",
)
POSTGRESQL_DOWN = (
    "drop trigger chunk_search_follow on chunk",
    "drop function chunk_search_follow",
    "drop function chunk_search_words",
    "drop table chunk_search",
)


def upgrade() -> None:
    _run(op.get_bind(), SQLITE, POSTGRESQL)


def downgrade() -> None:
    _run(op.get_bind(), SQLITE_DOWN, POSTGRESQL_DOWN)


def _run(conn: sa.Connection, sqlite: tuple[str, ...], postgresql: tuple[str, ...]) -> None:
    for statement in sqlite if conn.dialect.name == "sqlite" else postgresql:
        conn.exec_driver_sql(statement)
