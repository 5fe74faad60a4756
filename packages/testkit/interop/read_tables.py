"""Reads Iceberg tables with readers written in Python; the rows go to standard output as text values.

Standard input holds a JSON list of requests:
    {"reader": "pyiceberg" | "duckdb" | "spark", "table": directory, "snapshot": id?, "filter": text?, "columns": names?}
With "catalog": url, pyiceberg takes "table" for a name in that catalog; with "tag": name, the snapshot of that name.
Standard output gets a JSON list of answers, in the same order:
    {"rows": [{column: text or null}]} or {"error": text}
"""

import datetime
import decimal
import glob
import json
import os
import struct
import sys
import uuid

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def text(value):
    """One spelling for each value, whatever the reader makes of it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    if isinstance(value, (int, decimal.Decimal, str, uuid.UUID)):
        return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)
    if isinstance(value, datetime.datetime):
        return str((value.replace(tzinfo=None) - EPOCH) // MICROSECOND)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, datetime.time):
        since = datetime.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
        return str(since // MICROSECOND)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if hasattr(value, "asDict"):
        value = value.asDict()
    # Maps are lists of pairs for some readers and dictionaries for others, so empty ones look like empty lists.
    pairs = isinstance(value, dict) or (value and all(isinstance(entry, tuple) for entry in value))
    if pairs and len(value) > 0:
        entries = value.items() if isinstance(value, dict) else value
        return "{" + ",".join(f"{text(key)}:{text(inner)}" for key, inner in entries) + "}"
    if isinstance(value, (list, dict)):
        return "[" + ",".join(str(text(inner)) for inner in value) + "]"
    raise TypeError(f"no text for {type(value)}")


def read_pyiceberg(request):
    from pyiceberg.table import StaticTable

    if "catalog" in request:
        from pyiceberg.catalog.rest import RestCatalog

        table = RestCatalog("meru", uri=request["catalog"]).load_table(request["table"])
    else:
        table = StaticTable.from_metadata(request["table"])
    options = {}
    if "snapshot" in request:
        options["snapshot_id"] = request["snapshot"]
    if "filter" in request:
        options["row_filter"] = request["filter"]
    if "columns" in request:
        options["selected_fields"] = tuple(request["columns"])
    scan = table.scan(**options)
    if "tag" in request:
        scan = scan.use_ref(request["tag"])
    uuids = [field.name for field in scan.projection().fields if str(field.field_type) == "uuid"]
    rows = scan.to_arrow().to_pylist()
    for row in rows:
        for name in uuids:
            if isinstance(row[name], bytes):
                row[name] = uuid.UUID(bytes=row[name])
    # A reader that counts from the metadata must come to the same number.
    assert scan.count() == len(rows), f"count() is {scan.count()}, {len(rows)} rows were read"
    return rows


def connect_duckdb():
    import duckdb
    import duckdb_ext

    folder = os.path.dirname(duckdb_ext.__file__ or list(duckdb_ext.__path__)[0] + "/x")
    connection = duckdb.connect()
    # With more threads 1.4 shows some rows that deletion vectors remove, other ones each time: duckdb-iceberg#1005.
    connection.execute("SET threads = 1")
    for name in ("avro", "iceberg"):
        path = glob.glob(os.path.join(folder, "extensions", "*", "*", f"{name}.duckdb_extension"))[0]
        connection.execute(f"LOAD '{path}'")
    return connection


def read_duckdb(request, connection=[]):
    if not connection:
        connection.append(connect_duckdb())
    con = connection[0]
    options = f", snapshot_from_id={request['snapshot']}" if "snapshot" in request else ""
    source = f"iceberg_scan('{request['table']}'{options})"
    described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    names = [row[0] for row in described if "columns" not in request or row[0] in request["columns"]]
    kinds = {row[0]: row[1] for row in described}
    moments = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "TIME")
    values = [f'epoch_us("{name}")' if kinds[name] in moments else f'"{name}"' for name in names]
    where = f" WHERE {request['filter']}" if "filter" in request else ""
    rows = con.execute(f"SELECT {', '.join(values)} FROM {source}{where}").fetchall()
    count = con.execute(f"SELECT count(*) FROM {source}{where}").fetchone()[0]
    assert count == len(rows), f"count(*) is {count}, {len(rows)} rows were read"
    return [dict(zip(names, row)) for row in rows]


def read_spark(request, session=[]):
    if not session:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]").config("spark.jars", os.environ["MERU_SPARK_JAR"])
        builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        builder = builder.config("spark.driver.memory", "1g").config("spark.sql.shuffle.partitions", "1")
        session.append(builder.getOrCreate())
    reader = session[0].read.format("iceberg")
    if "snapshot" in request:
        reader = reader.option("snapshot-id", request["snapshot"])
    frame = reader.load(request["table"])
    return [row.asDict() for row in frame.collect()]


READERS = {"pyiceberg": read_pyiceberg, "duckdb": read_duckdb, "spark": read_spark}


def answer(request):
    try:
        rows = READERS[request["reader"]](request)
        return {"rows": [{name: text(value) for name, value in row.items()} for row in rows]}
    except Exception as error:  # the test decides which errors are expected
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
