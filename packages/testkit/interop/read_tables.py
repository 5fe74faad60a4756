"""Reads Iceberg tables with readers written in Python; the rows go to standard output as text values.

Standard input holds a JSON list of requests:
    {"reader": "pyiceberg" | "duckdb" | "spark", "table": directory, "snapshot": id?, "filter": text?, "columns": names?,
     "filters": [{"column", "type", "operator", "values": texts}]?, "aggregate": columns?, "after": id?, "lineage": true?}
With "catalog": url, pyiceberg takes "table" for a name in that catalog; with "tag": name, the snapshot of that name.
Standard output gets a JSON list of answers, in the same order:
    {"rows": [{column: text or null}]} or {"error": text}
With "filters" the answer is {"matches": [ids, or an error]}, with "aggregate" {"aggregate": {"count": n, column:
[least, greatest]}}, with "after" it has the rows that were appended after that snapshot. With "lineage" rows have the
columns of row lineage too; for Spark.
"""

import datetime
import decimal
import functools
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
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{text(inner)}" for name, inner in value.items()) + "}"
    # Maps are lists of pairs, so empty ones look like empty lists. Their entries have no order; here it is that of the
    # code points, which is that of the bytes in UTF-8.
    if value and all(isinstance(entry, tuple) for entry in value):
        return "{" + ",".join(sorted(f"{text(key)}:{text(inner)}" for key, inner in value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(str(text(inner)) for inner in value) + "]"
    raise TypeError(f"no text for {type(value)}")


def moment(micros):
    return EPOCH + datetime.timedelta(microseconds=int(micros))


def iso(kind, value):
    """Times and moments, which requests have in microseconds, as text."""
    if kind == "time":
        return moment(value).time().isoformat(timespec="microseconds")
    return moment(value).isoformat(timespec="microseconds") + ("+00:00" if kind == "timestamptz" else "")


def python_value(kind, value):
    if kind == "boolean":
        return value == "true"
    if kind in ("int", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind.startswith("decimal"):
        return decimal.Decimal(value)
    if kind in ("time", "timestamp", "timestamptz"):
        return iso(kind, value)
    if kind == "uuid":
        return uuid.UUID(value)
    if kind == "binary" or kind.startswith("fixed"):
        return bytes.fromhex(value)
    return value


def pyiceberg_condition(case):
    from pyiceberg import expressions

    name = case["column"]
    values = [python_value(case["type"], value) for value in case["values"]]
    forms = {
        "eq": "EqualTo",
        "ne": "NotEqualTo",
        "lt": "LessThan",
        "lte": "LessThanOrEqual",
        "gt": "GreaterThan",
        "gte": "GreaterThanOrEqual",
        "isNull": "IsNull",
        "notNull": "NotNull",
        "isNan": "IsNaN",
        "prefix": "StartsWith",
    }
    if case["operator"] == "in":
        return expressions.In(name, set(values))
    return getattr(expressions, forms[case["operator"]])(name, *values)


def match(matching, case):
    try:
        return sorted(matching(case))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def filter_pyiceberg(request):
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(request["table"])

    def matching(case):
        scan = table.scan(row_filter=pyiceberg_condition(case), selected_fields=("id",))
        return scan.to_arrow()["id"].to_pylist()

    return [match(matching, case) for case in request["filters"]]


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


def sql_condition(name, operator, values):
    signs = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
    if operator in signs:
        return f"{name} {signs[operator]} {values[0]}"
    if operator == "in":
        return f"{name} IN ({', '.join(values)})"
    if operator == "isNan":
        return f"isnan({name})"
    return f"{name} IS {'' if operator == 'isNull' else 'NOT '}NULL"


def duckdb_literal(kind, value):
    if kind == "binary" or kind.startswith("fixed"):
        return f"from_hex('{value}')"
    types = {"int": "INTEGER", "long": "BIGINT", "string": "VARCHAR", "timestamptz": "TIMESTAMP WITH TIME ZONE"}
    spelled = iso(kind, value) if kind in ("time", "timestamp", "timestamptz") else value
    quoted = spelled.replace("'", "''")
    return f"CAST('{quoted}' AS {types.get(kind, kind)})"


def duckdb_condition(case):
    name, operator = f'"{case["column"]}"', case["operator"]
    values = [duckdb_literal(case["type"], value) for value in case["values"]]
    if operator == "prefix":
        text = case["values"][0].replace("|", "||").replace("%", "|%").replace("_", "|_").replace("'", "''")
        return f"{name} LIKE '{text}%' ESCAPE '|'"
    return sql_condition(name, operator, values)


def filter_duckdb(request):
    source = f"iceberg_scan('{request['table']}')"

    def matching(case):
        found = duckdb_connection().execute(f"SELECT id FROM {source} WHERE {duckdb_condition(case)}")
        return [row[0] for row in found.fetchall()]

    return [match(matching, case) for case in request["filters"]]


def aggregate_of(names, rows):
    """What a query for the count, and for the least and the greatest values, answered: one row."""
    count, *bounds = rows[0]
    pairs = [[text(bounds[2 * i]), text(bounds[2 * i + 1])] for i in range(len(names))]
    return {"count": count, **dict(zip(names, pairs))}


def aggregate_query(names, source):
    bounds = [f"min({name}), max({name})" for name in names]
    return f"SELECT {', '.join(['count(*)', *bounds])} FROM {source}"


def aggregate_duckdb(request):
    names = [f'"{name}"' for name in request["aggregate"]]
    query = aggregate_query(names, f"iceberg_scan('{request['table']}')")
    return aggregate_of(request["aggregate"], duckdb_connection().execute(query).fetchall())


def duckdb_connection(connection=[]):
    if not connection:
        connection.append(connect_duckdb())
    return connection[0]


def duckdb_value(kind, value):
    """Structs and maps are dictionaries; maps become lists of pairs."""
    if value is None or kind.id not in ("list", "struct", "map"):
        return value
    inner = dict(kind.children)
    if kind.id == "list":
        return [duckdb_value(inner["child"], each) for each in value]
    if kind.id == "struct":
        return {name: duckdb_value(inner[name], each) for name, each in value.items()}
    return [(key, duckdb_value(inner["value"], each)) for key, each in value.items()]


def read_duckdb(request):
    con = duckdb_connection()
    options = f", snapshot_from_id={request['snapshot']}" if "snapshot" in request else ""
    source = f"iceberg_scan('{request['table']}'{options})"
    described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    names = [row[0] for row in described if "columns" not in request or row[0] in request["columns"]]
    kinds = {row[0]: row[1] for row in described}
    moments = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "TIME")
    values = [f'epoch_us("{name}")' if kinds[name] in moments else f'"{name}"' for name in names]
    where = f" WHERE {request['filter']}" if "filter" in request else ""
    found = con.sql(f"SELECT {', '.join(values)} FROM {source}{where}")
    rows = [[duckdb_value(*each) for each in zip(found.types, row)] for row in found.fetchall()]
    count = con.execute(f"SELECT count(*) FROM {source}{where}").fetchone()[0]
    assert count == len(rows), f"count(*) is {count}, {len(rows)} rows were read"
    return [dict(zip(names, row)) for row in rows]


def spark_session(session=[]):
    if not session:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.master("local[2]").config("spark.jars", os.environ["MERU_SPARK_JAR"])
        builder = builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
        builder = builder.config("spark.driver.memory", "1g").config("spark.sql.shuffle.partitions", "1")
        session.append(builder.getOrCreate())
    return session[0]


def spark_frame(request):
    reader = spark_session().read.format("iceberg")
    if "snapshot" in request:
        reader = reader.option("snapshot-id", request["snapshot"])
    if "tag" in request:
        reader = reader.option("tag", request["tag"])
    if "after" in request:
        reader = reader.option("start-snapshot-id", request["after"])
    return reader.load(request["table"])


def spark_value(value):
    """Structs are rows, which are tuples too, and maps dictionaries; rows become dictionaries, and maps lists of pairs."""
    if hasattr(value, "asDict"):
        return {name: spark_value(inner) for name, inner in value.asDict().items()}
    if isinstance(value, dict):
        return [(key, spark_value(inner)) for key, inner in value.items()]
    return [spark_value(inner) for inner in value] if isinstance(value, list) else value


def read_spark(request):
    frame = spark_frame(request)
    if request.get("lineage"):
        frame = frame.selectExpr("*", "_row_id", "_last_updated_sequence_number")
    return [spark_value(row) for row in frame.collect()]


def spark_literal(kind, value):
    if kind == "binary" or kind.startswith("fixed"):
        return f"X'{value}'"
    if kind in ("string", "uuid"):
        return f"CAST(X'{value.encode().hex()}' AS STRING)"
    types = {"long": "BIGINT", "timestamptz": "TIMESTAMP", "timestamp": "TIMESTAMP_NTZ"}
    spelled = iso(kind, value) if kind in ("timestamp", "timestamptz") else value
    return f"CAST('{spelled}' AS {types.get(kind, kind)})"


def spark_condition(case):
    name, operator = f"`{case['column']}`", case["operator"]
    values = [spark_literal(case["type"], value) for value in case["values"]]
    if operator == "prefix":
        return f"startswith({name}, {values[0]})"
    return sql_condition(name, operator, values)


# Conditions that Spark is asked at once.
SPARK_BATCH = 40


def filter_spark(request):
    """All of a batch in one query, for Spark takes its time for each."""
    frame = spark_frame(request)
    cases = request["filters"]
    matches = []
    for start in range(0, len(cases), SPARK_BATCH):
        batch = cases[start : start + SPARK_BATCH]
        found = [[] for _ in batch]
        parts = [frame.where(spark_condition(case)).selectExpr(f"{i} AS part", "id") for i, case in enumerate(batch)]
        for row in functools.reduce(lambda a, b: a.union(b), parts).collect():
            found[row.part].append(row.id)
        matches += [sorted(ids) for ids in found]
    return matches


def aggregate_spark(request):
    names = [f"`{name}`" for name in request["aggregate"]]
    spark_frame(request).createOrReplaceTempView("aggregated")
    query = aggregate_query(names, "aggregated")
    return aggregate_of(request["aggregate"], spark_session().sql(query).collect())


READERS = {"pyiceberg": read_pyiceberg, "duckdb": read_duckdb, "spark": read_spark}
FILTERS = {"pyiceberg": filter_pyiceberg, "duckdb": filter_duckdb, "spark": filter_spark}
AGGREGATES = {"duckdb": aggregate_duckdb, "spark": aggregate_spark}


def answer(request):
    try:
        if "filters" in request:
            return {"matches": FILTERS[request["reader"]](request)}
        if "aggregate" in request:
            return {"aggregate": AGGREGATES[request["reader"]](request)}
        rows = READERS[request["reader"]](request)
        return {"rows": [{name: text(value) for name, value in row.items()} for row in rows]}
    except Exception as error:  # the test decides which errors are expected
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([answer(request) for request in json.load(sys.stdin)], sys.stdout)
