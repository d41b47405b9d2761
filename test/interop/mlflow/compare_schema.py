"""Whether our file, after `mlflow db upgrade`, has the very tables of a file that this MLflow makes: compare_schema.py OURS FRESH."""
import sqlite3
import sys


def tables(path):
    db = sqlite3.connect(path)
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    described = {}
    for name in names:
        columns = sorted(tuple(row[1:]) for row in db.execute(f"PRAGMA table_info({name})"))
        keys = sorted((row[2], row[3], row[4], row[5], row[6]) for row in db.execute(f"PRAGMA foreign_key_list({name})"))
        indexes = sorted((row[1], row[2]) for row in db.execute(f"PRAGMA index_list({name})") if not row[1].startswith(("requeen_", "sqlite_")))
        described[name] = (columns, keys, indexes)
    revision = db.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    return revision, described


ours, fresh = tables(sys.argv[1]), tables(sys.argv[2])
wrong = 0 if ours[0] == fresh[0] else 1
if wrong:
    print("NOT OK revision", ours[0], fresh[0])
for name in sorted(set(ours[1]) | set(fresh[1])):
    if ours[1].get(name) != fresh[1].get(name):
        wrong += 1
        print("NOT OK table", name, ours[1].get(name), fresh[1].get(name))
print(f"{0 if wrong else 1} passed, {wrong} failed")
sys.exit(1 if wrong else 0)
